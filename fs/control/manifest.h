#ifndef KV_FS_CONTROL_MANIFEST_H
#define KV_FS_CONTROL_MANIFEST_H
/*
 * What an archive of the vault contains, and what it lacks.
 */
#include "client/base/err.h"
#include "fs/control/scope.h"

struct kv_buf;

/*
 * Both append to text: -ENOMEM, -EFBIG. The manifest has one JSON object per line: the first describes the
 * vault, each other one an object, with the size and SHA-256 of its blob if known. It needs complete
 * listings. Of several vaults, one manifest follows another, and each line has the vault's folder.
 */
int kv_manifest(const struct kv_scope *scope, struct kv_buf *text) KV_MUST_CHECK;
/* A line "TYPE/NAME<tab>why", of several vaults "FOLDER/TYPE/NAME<tab>why", for each object that is not shown or whose last backup failed. */
int kv_manifest_skipped(const struct kv_scope *scope, struct kv_buf *text) KV_MUST_CHECK;
#endif
