#ifndef KV_FS_RESTORE_SEND_H
#define KV_FS_RESTORE_SEND_H
/*
 * The request that restores a file: the functions of struct kv_dropbox_kind for restore/.
 */
#include "fs/dropbox/dropbox.h"

struct kv_submit;

int kv_send_start(struct kv_drop *file, struct kv_drop *folder, const char *name,
    const struct kv_caller *caller, struct kv_buf *why) KV_MUST_CHECK;
void kv_send_begin(struct kv_submit *submit);
void kv_send_release(struct kv_submit *submit);
#endif
