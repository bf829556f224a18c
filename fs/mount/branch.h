#ifndef KV_FS_MOUNT_BRANCH_H
#define KV_FS_MOUNT_BRANCH_H
/*
 * One vault in a mount: its volume, the nodes of its tree, and what was counted. The tree is put together
 * from parts (fs/object, fs/restore, fs/control), each of which adds its nodes to the root and keeps
 * a state of its own.
 */
#include <stdint.h>
#include "cache/volume.h"
#include "client/base/err.h"
#include "fs/mount/mount.h"

struct kv_buf;
struct kv_folder;
struct kv_part_row;

#define KV_PARTS_MAX 8

struct kv_branch {
	struct kv_mount *mount;
	struct kv_volume *volume;
	const struct kv_part_row *parts; /* the last one's part is NULL */
	void *states[KV_PARTS_MAX];	 /* of the parts, in their order; NULL: not attached */
	uint64_t n_read;		 /* opens that read a blob */
	uint64_t n_restored;		 /* objects */
	uint64_t n_failed;		 /* opens and restores */
};

/*
 * A part of the tree. Every function but attach is called only if attach has set a state, and may be NULL.
 */
struct kv_part {
	/*
	 * Add the part's nodes to root, with inode numbers from first_ino on. *state stays NULL if the part has no state,
	 * or if the settings leave it out. -ENOMEM: what was set in *state is released all the same.
	 */
	int (*attach)(struct kv_branch *branch, struct kv_folder *root, uint64_t first_ino, void **state);
	/* kv_volume_events: the content of object has changed, or it is gone. */
	void (*changed)(void *state, struct kv_object *object);
	/* kv_volume_events: the names of type are no longer valid. */
	void (*listing_failed)(void *state, enum kv_type type);
	/* How many requests must still be answered before the mount may end. */
	int (*under_way)(const void *state);
	/* The mount ends now: log what is lost by it. */
	void (*log_lost)(void *state);
	/* Cancel what is under way, without its completions. The nodes are still there … */
	void (*stop)(void *state);
	/* … and now they are not. */
	void (*release)(void *state);
	/* Assert what must hold between two requests. */
	void (*check)(const void *state);
};

struct kv_part_row {
	const struct kv_part *part;
	uint64_t first_ino;
};

/* Make the root and attach the parts. -ENOMEM; branch is released in any case. */
int kv_branch_init(struct kv_branch *branch, struct kv_mount *mount, struct kv_volume *volume,
    const struct kv_part_row parts[]) KV_MUST_CHECK;
/* In this order, with the volume freed last: */
void kv_branch_stop(struct kv_branch *branch);
void kv_branch_release(struct kv_branch *branch); /* after kv_mount_release() */

/* The state of part; NULL where it is not attached. */
void *kv_branch_state(const struct kv_branch *branch, const struct kv_part *part);

/* For the volume's events; arg is the branch. */
void kv_branch_changed(void *branch, struct kv_object *object);
void kv_branch_listing_failed(void *branch, enum kv_type type);

int kv_branch_under_way(const struct kv_branch *branch);
void kv_branch_log_lost(struct kv_branch *branch);
void kv_branch_check(const struct kv_branch *branch);
#endif
