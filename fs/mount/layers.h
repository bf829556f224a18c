#ifndef KV_FS_MOUNT_LAYERS_H
#define KV_FS_MOUNT_LAYERS_H
/*
 * Everything below the file system, made from the options: what volumes share, and the volume of the vault.
 */
#include "fs/mount/mount.h"

struct kv_token_cache;
struct kv_http;

struct kv_layers {
	struct kv_mount *mount;
	struct kv_http *http;
	struct kv_token_cache *auth;
};

/* mount's o and loop are set. -errno, and a sentence in why but for -ENOMEM; released in any case. */
int kv_layers_make(struct kv_layers *layers, struct kv_mount *mount, struct kv_buf *why) KV_MUST_CHECK;
void kv_layers_release(struct kv_layers *layers);
#endif
