#ifndef KV_FS_IMPORT_KEY_IMPORT_H
#define KV_FS_IMPORT_KEY_IMPORT_H
/*
 * The requests that import a package: the functions of struct kv_dropbox_kind for import/.
 */
#include "fs/dropbox/dropbox.h"

struct kv_submit;

bool kv_key_import_may_begin(const unsigned char *data, size_t len, const struct kv_drop *folder);
int kv_key_import_start(struct kv_drop *file, struct kv_drop *folder, const char *name,
    const struct kv_caller *caller, struct kv_buf *why) KV_MUST_CHECK;
void kv_key_import_send(struct kv_submit *submit);
void kv_key_import_release(struct kv_submit *submit);
#endif
