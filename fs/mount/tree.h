#ifndef KV_FS_MOUNT_TREE_H
#define KV_FS_MOUNT_TREE_H
/*
 * Nodes: the kernel's inodes. A node has a table of the FUSE operations that its kind supports. A kind embeds
 * struct kv_node as its first member and is defined in the folder of its part of the tree (fs/object,
 * fs/restore, fs/control).
 *
 * The kernel identifies a node by its address. The st_ino that users see is another number, which stays the
 * same for the same name.
 */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>

struct kv_branch;
struct kv_buf;
struct kv_mount;
struct kv_node;
struct kv_tree;

struct kv_attributes {
	struct stat stat;
	double entry_valid_s; /* how long the kernel may cache the name … */
	double attr_valid_s;  /* … and its attributes */
};

/*
 * The operations of a kind of node. Each answers req exactly once, now or later, unless stated otherwise.
 * NULL: the kind does not support it, and fs/mount/ops replies. fi->fh is a struct kv_handle.
 */
struct kv_node_ops {
	/* Frees node and the struct that embeds it. */
	void (*release)(struct kv_node *node);
	/* The last handle was closed, and no request waits on the node. */
	void (*closed)(struct kv_node *node);
	/* Append its path as users see it, "keys/db"; nothing for the root. */
	void (*describe)(const struct kv_node *node, struct kv_buf *path);
	/*
	 * Set what differs from the defaults: a file of the mounting user with one link, st_ino, and no
	 * caching. Called only for replies: whatever is set is sent to the kernel.
	 */
	void (*attributes)(struct kv_node *node, struct kv_attributes *attributes);

	/* Folders. */
	void (*lookup)(struct kv_node *node, fuse_req_t req, const char *name);
	void (*opendir)(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
	/* plus: READDIRPLUS. */
	void (*readdir)(struct kv_node *node, fuse_req_t req, size_t size, off_t offset,
	    struct fuse_file_info *fi, bool plus);
	/* Writable folders have all of these. */
	void (*create)(
	    struct kv_node *node, fuse_req_t req, const char *name, mode_t mode, struct fuse_file_info *fi);
	void (*mkdir)(struct kv_node *node, fuse_req_t req, const char *name);
	void (*unlink)(struct kv_node *node, fuse_req_t req, const char *name);
	void (*rmdir)(struct kv_node *node, fuse_req_t req, const char *name);
	/* to has the same operations table. */
	void (*rename)(struct kv_node *node, fuse_req_t req, const char *name, struct kv_node *to,
	    const char *to_name, unsigned int flags);
	/* Instead of rename, and without the others: a rename of what is in the folder to any folder, which it may refuse. */
	void (*move_out)(struct kv_node *node, fuse_req_t req, const char *name, struct kv_node *to,
	    const char *to_name, unsigned int flags);

	/* Files. getattr NULL: attributes() is the reply. fi may be NULL. */
	void (*getattr)(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
	void (*open)(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
	void (*read)(
	    struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
	/* Writable files have all of these. */
	void (*write)(struct kv_node *node, fuse_req_t req, const char *data, size_t size, off_t offset,
	    struct fuse_file_info *fi);
	void (*flush)(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
	void (*fsync)(struct kv_node *node, fuse_req_t req);
	/* Writable files and folders. fi may be NULL. */
	void (*setattr)(struct kv_node *node, fuse_req_t req, const struct stat *attr, int what,
	    struct fuse_file_info *fi);
};

struct kv_node {
	const struct kv_node_ops *ops;
	struct kv_tree *tree;
	struct kv_branch *branch; /* NULL: of the whole mount, above the vaults' folders */
	LIST_ENTRY(kv_node) all;
	uint64_t ino;
	uint64_t n_lookup;   /* references held by the kernel */
	unsigned int n_open; /* open handles and waiting requests */
	bool is_kept;	     /* lives without references, because its name must be found again */
	int64_t wall_changed;
};

/* All nodes of a mount. */
struct kv_tree {
	LIST_HEAD(, kv_node) all;
	struct kv_node *root;
	struct kv_mount *mount; /* that it belongs to */
};
void kv_tree_init(struct kv_tree *tree);
/* Frees every node, even if it is referenced. */
void kv_tree_release(struct kv_tree *tree);
/* Assert the invariants that hold between two requests. */
void kv_tree_check(const struct kv_tree *tree);

/* Add node, which must be zeroed otherwise. Sets wall_changed to now. The first node added is the root. */
void kv_tree_add(struct kv_tree *tree, struct kv_node *node, const struct kv_node_ops *ops,
    struct kv_branch *branch, uint64_t ino);

/* The kernel's number for node, and back. The root's is FUSE's own, 1. */
uint64_t kv_tree_number(const struct kv_node *node);
struct kv_node *kv_tree_node(const struct kv_tree *tree, uint64_t number);

/*
 * Count the kernel's references, and those of handles and waiting requests. Dropping the last may free node.
 */
void kv_tree_looked_up(struct kv_node *node);
void kv_tree_forget(struct kv_node *node, uint64_t n);
void kv_tree_opened(struct kv_node *node);
void kv_tree_closed(struct kv_node *node);
/* Clear is_kept: node lives only as long as it is referenced. */
void kv_tree_drop(struct kv_node *node);
#endif
