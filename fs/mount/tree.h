#ifndef KV_FS_MOUNT_TREE_H
#define KV_FS_MOUNT_TREE_H
/*
 * Names and inodes. The kernel's number of a node is its address; the st_ino that people see is
 * another thing and stays the same for the same name.
 *
 * A blob's node stands for one content: the kernel's page cache belongs to the node, and pages of one
 * backup must never be followed by pages of the next. So when an object's content changes, or its blob
 * was dropped and must be fetched anew (the service encrypts it freshly), the node is stale: what is
 * open on it goes on, everything else gets ESTALE, at which the kernel looks the name up again and is
 * given another node.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "client/vault/blob.h"
#include "client/vault/type.h"

struct kv_object;
struct kv_upload;

enum kv_node_kind {
	KV_NODE_ROOT,
	KV_NODE_TYPE,
	KV_NODE_BLOB,
	KV_NODE_DROP_FOLDER,
	KV_NODE_DROP_FILE,
	KV_NODE_CONTROL_FOLDER,
	KV_NODE_CONTROL,
};

/* The files of .kvfs/ (fs/control/control). */
enum kv_control {
	KV_CONTROL_STATUS,
	KV_CONTROL_METRICS,
	KV_CONTROL_SKIPPED,
	KV_CONTROL_MANIFEST,
	KV_CONTROL_LOG,
};
#define KV_CONTROLS 5

struct kv_tree;

#define KV_ROOT_NUMBER 1 /* FUSE_ROOT_ID */

struct kv_node {
	struct kv_tree *tree;
	LIST_ENTRY(kv_node) all;
	enum kv_node_kind kind;
	enum kv_type type;	 /* TYPE, BLOB */
	enum kv_control control; /* CONTROL */
	uint64_t ino;
	uint64_t n_lookup;		     /* references of the kernel */
	unsigned int n_open;		     /* handles on it */
	bool is_stale;			     /* BLOB */
	bool is_bound;			     /* BLOB: a content was given to the kernel */
	unsigned char digest[KV_DIGEST_LEN]; /* which one */
	struct kv_blob *blob;		     /* the same, while a handle is open */
	struct kv_object *object;	     /* BLOB, a reference */
	/* DROP_FOLDER and DROP_FILE: a name in a folder; parent is NULL once it was removed */
	struct kv_node *parent, *sibling, *children;
	char *name;
	struct kv_upload *upload; /* DROP_FILE; fs/restore */
	bool is_fixed;		  /* DROP_FOLDER: there from the start, and not to be removed */
	int64_t wall_changed;
};

/* All nodes of a mount. A folder that is not mounted (types=, ro) is NULL. */
struct kv_tree {
	LIST_HEAD(, kv_node) all;
	struct kv_node *root, *types[KV_TYPES], *drop, *control, *controls[KV_CONTROLS];
};
/* has_type: which of the folders keys, secrets, certificates there are. */
int kv_tree_init(struct kv_tree *tree, const bool has_type[KV_TYPES], bool has_drop) KV_MUST_CHECK;
/* Every node, whoever refers to it. */
void kv_tree_release(struct kv_tree *tree);

/* What the kernel calls it, and back. The root's number is FUSE's own. */
uint64_t kv_tree_number(const struct kv_node *node);
struct kv_node *kv_tree_node(const struct kv_tree *tree, uint64_t number);

/* The node that object's name stands for now, made where there is none. NULL: out of memory. */
struct kv_node *kv_tree_blob(struct kv_tree *tree, struct kv_object *object);
/* The name stands for another node from now on. */
void kv_tree_make_stale(struct kv_node *node);

/* A new file or folder in a drop folder. -EEXIST, -ENOMEM. */
int kv_tree_make(
    struct kv_node *folder, enum kv_node_kind kind, const char *name, struct kv_node **node) KV_MUST_CHECK;
/* NULL where there is none. */
struct kv_node *kv_tree_child(struct kv_node *folder, const char *name);
/* Its name is gone, and those below it; a node lives while the kernel or a handle refers to it. */
void kv_tree_remove(struct kv_node *node);
/* Give it another name, in the place of what had that. */
int kv_tree_move(struct kv_node *node, struct kv_node *folder, const char *name) KV_MUST_CHECK;
/* The type that folder or the nearest one above says, by the name keys, secrets or certificates. -ENOENT: none does. */
int kv_tree_type_of(const struct kv_node *folder, enum kv_type *type) KV_MUST_CHECK;

/* References of the kernel and of handles; the last one gone, what has no name is freed. */
void kv_tree_looked_up(struct kv_node *node);
void kv_tree_forget(struct kv_node *node, uint64_t n);
void kv_tree_opened(struct kv_node *node);
void kv_tree_closed(struct kv_node *node);
#endif
