#ifndef KV_FS_MOUNT_TREE_H
#define KV_FS_MOUNT_TREE_H
/*
 * Nodes: what the kernel refers to by a number. A node carries the table of the FUSE operations that its kind
 * supports; a kind embeds struct kv_node as its first member and is defined in the folder of its part of
 * the tree (fs/object, fs/restore, fs/control).
 *
 * The kernel's number of a node is its address. The st_ino that people see is another number, which stays the
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
struct kv_node;
struct kv_tree;

struct kv_attributes {
	struct stat stat;
	double entry_valid_s; /* how long the kernel may cache the node's name … */
	double attr_valid_s;  /* … and its attributes */
};

/*
 * The operations of a kind of node. Each answers req exactly once, now or later, unless it says otherwise. A
 * NULL is an operation that the kind lacks; fs/mount/ops answers it. fi->fh is a struct kv_handle.
 */
struct kv_node_ops {
	/* Frees node and what embeds it. */
	void (*release)(struct kv_node *node);
	/* The last handle on it was closed. */
	void (*closed)(struct kv_node *node);
	/* Append its path as people see it, "keys/db", to path. Of the root: nothing. */
	void (*describe)(const struct kv_node *node, struct kv_buf *path);
	/*
	 * Fill in what differs from: a file of the mounting user with one link, st_ino, and no caching. It is
	 * called for the kernel: what is filled in is sent to it.
	 */
	void (*attributes)(struct kv_node *node, struct kv_attributes *attributes);

	/* Folders. */
	void (*lookup)(struct kv_node *node, fuse_req_t req, const char *name);
	void (*opendir)(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
	/* plus: READDIRPLUS. */
	void (*readdir)(struct kv_node *node, fuse_req_t req, size_t size, off_t offset,
	    struct fuse_file_info *fi, bool plus);
	/* Folders that can be written to have all of these. */
	void (*create)(
	    struct kv_node *node, fuse_req_t req, const char *name, mode_t mode, struct fuse_file_info *fi);
	void (*mkdir)(struct kv_node *node, fuse_req_t req, const char *name);
	void (*unlink)(struct kv_node *node, fuse_req_t req, const char *name);
	void (*rmdir)(struct kv_node *node, fuse_req_t req, const char *name);
	/* to has the same table. */
	void (*rename)(struct kv_node *node, fuse_req_t req, const char *name, struct kv_node *to,
	    const char *to_name, unsigned int flags);

	/* Files. NULL getattr: attributes() is the answer. fi may be NULL. */
	void (*getattr)(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
	void (*open)(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
	void (*read)(
	    struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
	/* Files that can be written to have all of these. */
	void (*write)(struct kv_node *node, fuse_req_t req, const char *data, size_t size, off_t offset,
	    struct fuse_file_info *fi);
	void (*flush)(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
	void (*fsync)(struct kv_node *node, fuse_req_t req);
	/* Files and folders that can be written to. fi may be NULL. */
	void (*setattr)(struct kv_node *node, fuse_req_t req, const struct stat *attr, int what,
	    struct fuse_file_info *fi);
};

struct kv_node {
	const struct kv_node_ops *ops;
	struct kv_tree *tree;
	struct kv_branch *branch;
	LIST_ENTRY(kv_node) all;
	uint64_t ino;
	uint64_t n_lookup;   /* references of the kernel */
	unsigned int n_open; /* handles on it, and waiting requests */
	bool is_kept;	     /* it has a name that must be found again: it lives without references too */
	int64_t wall_changed;
};

/* All nodes of a mount. */
struct kv_tree {
	LIST_HEAD(, kv_node) all;
	struct kv_node *root;
};
void kv_tree_init(struct kv_tree *tree);
/* Frees every node, whoever refers to it. */
void kv_tree_release(struct kv_tree *tree);
/* Assert what must hold between two requests. */
void kv_tree_check(const struct kv_tree *tree);

/* The rest of node is zeros. wall_changed is now. The first one is the root. */
void kv_tree_add(struct kv_tree *tree, struct kv_node *node, const struct kv_node_ops *ops,
    struct kv_branch *branch, uint64_t ino);

/* What the kernel calls node, and back. The root's number is FUSE's own, 1. */
uint64_t kv_tree_number(const struct kv_node *node);
struct kv_node *kv_tree_node(const struct kv_tree *tree, uint64_t number);

/* References of the kernel, and of handles and waiting requests. With the last one node may be freed. */
void kv_tree_looked_up(struct kv_node *node);
void kv_tree_forget(struct kv_node *node, uint64_t n);
void kv_tree_opened(struct kv_node *node);
void kv_tree_closed(struct kv_node *node);
/* is_kept is false from now on: node lives as long as somebody refers to it. */
void kv_tree_drop(struct kv_node *node);
#endif
