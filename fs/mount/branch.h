#ifndef KV_FS_MOUNT_BRANCH_H
#define KV_FS_MOUNT_BRANCH_H
/*
 * One vault in a mount: its volume, the nodes of its tree, and counters. The tree consists of parts
 * (fs/object, fs/restore, fs/control); each adds its nodes to the branch's root and keeps its own state.
 *
 * In a mount of one vault, the branch's root is the mount's. In a mount with a folder per vault, the branches'
 * roots are folders of the mount's root, and the inode numbers of a branch carry its number.
 */
#include <stdint.h>
#include "cache/volume.h"
#include "client/base/err.h"
#include "fs/mount/mount.h"

struct kv_buf;
struct kv_folder;
struct kv_tree_part_row;

#define KV_PARTS_MAX	  8
#define KV_CONTROL_FOLDER ".kvfs"

struct kv_branch {
	TAILQ_ENTRY(kv_branch) link; /* in the mount */
	struct kv_mount *mount;
	const struct kv_settings
	    *settings; /* of this vault; folder is its name in the mount's root, or NULL */
	struct kv_volume *volume;
	struct kv_folder *root;
	/*
	 * Why the vault could not be reached at the start, and not since: every name in its folder but .kvfs/ fails
	 * with this errno. 0: it could be.
	 */
	int away;
	const struct kv_tree_part_row *parts; /* ends with a row whose part is NULL */
	void *states[KV_PARTS_MAX];	      /* one per part, in the same order; NULL: not attached */
	uint64_t n_read;		      /* opens that returned a blob */
	uint64_t n_restored;		      /* restored objects */
	uint64_t n_imported;		      /* imported keys */
	uint64_t n_failed;		      /* failed opens and restores */
};

/*
 * A part of the tree. Every function except attach may be NULL, and is called only if attach has set a state.
 */
struct kv_tree_part {
	/*
	 * Add the part's nodes to root, with inode numbers starting at first_ino. *state stays NULL if the
	 * part has no state or the settings disable it. -ENOMEM: a state that was set is still released.
	 */
	int (*attach)(struct kv_branch *branch, struct kv_folder *root, uint64_t first_ino, void **state);
	/* kv_volume_events: the content of object has changed, or object is gone. */
	void (*changed)(void *state, struct kv_object *object);
	/* kv_volume_events: the names of type are no longer valid. */
	void (*listing_failed)(void *state, enum kv_type type);
	/* How many requests must still be answered before the mount may end. */
	int (*under_way)(const void *state);
	/* The mount is ending: log what is lost. */
	void (*log_lost)(void *state);
	/* Cancel requests in flight without calling their completions. The nodes still exist … */
	void (*stop)(void *state);
	/* … and here they no longer do. */
	void (*release)(void *state);
	/* Assert the invariants that hold between two requests. */
	void (*check)(const void *state);
};

struct kv_tree_part_row {
	const struct kv_tree_part *part;
	uint64_t first_ino;
};

/*
 * Create the root and attach the parts. With a folder in settings, the root becomes a folder of the mount's root,
 * which must exist. -ENOMEM; release branch in any case.
 */
int kv_branch_init(struct kv_branch *branch, struct kv_mount *mount, struct kv_volume *volume,
    const struct kv_settings *settings, const struct kv_tree_part_row parts[]) KV_MUST_CHECK;
/* Call them in this order, and free the volume last. */
void kv_branch_stop(struct kv_branch *branch);
void kv_branch_release(struct kv_branch *branch); /* after kv_mount_release() */

/*
 * The inode number that users see: ino with the number of its vault above bit 48. NULL: of a node above the
 * vaults' folders.
 */
uint64_t kv_branch_ino(const struct kv_branch *branch, uint64_t ino);

/* The state of part; NULL if it is not attached. */
void *kv_branch_state(const struct kv_branch *branch, const struct kv_tree_part *part);

/* Handlers for the volume's events; their argument is the branch. */
void kv_branch_changed(void *branch, struct kv_object *object);
void kv_branch_listing_failed(void *branch, enum kv_type type);

int kv_branch_under_way(const struct kv_branch *branch);
void kv_branch_log_lost(struct kv_branch *branch);
void kv_branch_check(const struct kv_branch *branch);
#endif
