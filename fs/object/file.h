#ifndef KV_FS_OBJECT_FILE_H
#define KV_FS_OBJECT_FILE_H
/*
 * A file of an object: NAME.blob, or a sibling that shows what the blob hides (cache/object.h), NAME.json or NAME.pem.
 * A node stands for one content, because the kernel's page cache belongs to
 * the node and must never mix pages of two backups. When the object's content changes, or its blob was
 * evicted and must be downloaded again (the service encrypts each backup differently), the node becomes
 * *stale*: handles that are open on it keep working and everything else gets ESTALE. The kernel then looks
 * the name up again and gets a new node.
 */
#include "client/base/crypto.h"
#include "cache/object.h"
#include "client/vault/vault.h"
#include "fs/mount/tree.h"
#include "fs/object/told.h"

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
/* The file of that kind beside it. NULL: out of memory. */
struct kv_file *kv_file_of_kind(struct kv_objects *objects, struct kv_object *object, enum kv_kind kind);
/* Whether objects of this type have such a file. A secret has nothing that a PEM file could hold. */
bool kv_file_has_kind(enum kv_type type, enum kv_kind kind);
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
