#ifndef KV_FS_LAYERS_H
#define KV_FS_LAYERS_H
/*
 * Everything that a mount is made of, from the bottom to the top: what volumes share (HTTP and tokens), the volume of
 * the vault, and the branch of the tree that shows it.
 */
#include "fs/mount/branch.h"

struct kv_token_cache;
struct kv_http;

struct kv_layers {
	struct kv_mount *mount;
	struct kv_http *http;
	struct kv_token_cache *auth;
	struct kv_volume *volume;
	struct kv_branch branch;
};

/* mount is initialized. -errno, and a sentence in why but for -ENOMEM; released in any case. */
int kv_layers_make(struct kv_layers *layers, struct kv_mount *mount, struct kv_buf *why) KV_MUST_CHECK;
/* No request waits; the mount is released too. */
void kv_layers_release(struct kv_layers *layers);
#endif
