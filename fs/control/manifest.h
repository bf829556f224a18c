#ifndef KV_FS_CONTROL_MANIFEST_H
#define KV_FS_CONTROL_MANIFEST_H
/*
 * What an archive of the vault has, and what it has not.
 */
#include "client/base/err.h"
#include "fs/mount/branch.h"

struct kv_buf;

/*
 * Each is appended to text: -ENOMEM, -EFBIG. The manifest: a JSON object a line, the first of the vault, the others
 * of an object each, with the size and SHA-256 of its blob where they are known. It needs complete listings.
 */
int kv_manifest(const struct kv_branch *branch, struct kv_buf *text) KV_MUST_CHECK;
/* "TYPE/NAME<tab>why" for each object that is not shown, or whose last backup failed. */
int kv_manifest_skipped(const struct kv_branch *branch, struct kv_buf *text) KV_MUST_CHECK;
#endif
