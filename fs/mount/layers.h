#ifndef KV_FS_MOUNT_LAYERS_H
#define KV_FS_MOUNT_LAYERS_H
/*
 * Everything below the file system, made from the options and wired together: the vault, the pace, the
 * listings, the blobs, and what is kept of them from one mount to the next.
 */
#include "fs/mount/mount.h"

struct kv_auth;
struct kv_disk;
struct kv_revalidate;
struct kv_http;

struct kv_layers {
	struct kv_mount *mount;
	struct kv_http *http;
	struct kv_auth *auth;
	struct kv_revalidate *revalidate;
	struct kv_disk *disk; /* NULL where nothing is kept */
	struct kv_timer paces;
};

/* mount's o and loop are set. -errno, and a sentence in why but for -ENOMEM; released in any case. */
int kv_layers_make(struct kv_layers *layers, struct kv_mount *mount, struct kv_buf *why) KV_MUST_CHECK;
/* Write what was learnt, before a further mount can ask for it. */
void kv_layers_keep(struct kv_layers *layers);
void kv_layers_release(struct kv_layers *layers);
#endif
