#ifndef KV_FS_LAYERS_H
#define KV_FS_LAYERS_H
/*
 * The layers of a mount, from bottom to top: what its vaults share (HTTP, memory, the limit of a subscription); for each vault its tokens, its volume,
 * and the branch of the tree that shows it.
 */
#include "fs/mount/branch.h"

struct kv_budget;
struct kv_token_cache;
struct kv_http;

struct kv_layers {
	struct kv_mount *mount;
	struct kv_http *http;
	struct kv_budget *budget; /* for the blobs of all vaults */
	struct kv_total *total;	  /* their common rate; NULL: there is only one */
	size_t n;
	struct kv_layers_vault *vaults; /* as given by the user */
};

struct kv_layers_vault {
	struct kv_token_cache *auth;
	struct kv_volume *volume;
	struct kv_branch branch;
};

/*
 * mount must be initialized. -errno, with a sentence in why except for -ENOMEM. Release layers in any case.
 */
int kv_layers_make(struct kv_layers *layers, struct kv_mount *mount, struct kv_buf *why) KV_MUST_CHECK;
/* No request may be waiting. Releases the mount too. */
void kv_layers_release(struct kv_layers *layers);
#endif
