#ifndef KV_FS_OBJECT_FILE_H
#define KV_FS_OBJECT_FILE_H
/*
 * The file of an object, NAME.blob. A node stands for one content, because the kernel's page cache belongs to
 * the node and must never mix pages of two backups. When the object's content changes, or its blob was
 * evicted and must be downloaded again (the service encrypts each backup differently), the node becomes
 * *stale*: handles that are open on it keep working and everything else gets ESTALE. The kernel then looks
 * the name up again and gets a new node.
 */
#include "client/base/crypto.h"
#include "client/vault/vault.h"
#include "fs/mount/tree.h"
#include "fs/object/told.h"

#define KV_FILE_SUFFIX ".blob"

struct kv_blob;
struct kv_objects;

struct kv_file {
	struct kv_node node;
	struct kv_told *told; /* refers to the object */
	bool is_stale;
	bool is_bound;			     /* the kernel may have pages … */
	unsigned char digest[KV_DIGEST_LEN]; /* … of this blob */
	struct kv_blob *blob;		     /* the same blob, while the node is open */
};

/* The file that the object's name currently stands for, created if needed. NULL: out of memory. */
struct kv_file *kv_file_of(struct kv_objects *objects, struct kv_object *object);
/* NULL if node is not an object's file. */
struct kv_file *kv_file_of_node(struct kv_node *node);

/* Make it stale: the next LOOKUP of its name returns another node. */
void kv_file_make_stale(struct kv_file *file);
/*
 * The same, and invalidate its attributes and pages in the kernel, so that the next access looks the name up
 * again.
 */
void kv_file_take_back(struct kv_file *file);

/*
 * Bind file to blob. -ESTALE if file is stale or bound to another blob, or if caller may still rely on a size
 * other than blob's (this is logged).
 */
int kv_file_bind(struct kv_file *file, struct kv_blob *blob, const struct kv_caller *caller) KV_MUST_CHECK;
#endif
