#ifndef KV_FS_OBJECT_FILE_H
#define KV_FS_OBJECT_FILE_H
/*
 * The file of an object, NAME.blob. A node stands for one content, because the kernel's page cache belongs to the
 * node and pages of one backup must never be followed by pages of another. So when the object's content
 * changes, or its blob was dropped and must be fetched anew (the service encrypts it freshly), the node is
 * *stale*: what is open on it goes on, everything else gets ESTALE, at which the kernel looks the name up
 * again and is given another node.
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
	struct kv_told *told; /* and by it the object */
	bool is_stale;
	bool is_bound;			     /* the kernel was given content … */
	unsigned char digest[KV_DIGEST_LEN]; /* … of this blob */
	struct kv_blob *blob;		     /* the same, while something is open */
};

/* The one that the name of object stands for now, made where there is none. NULL: out of memory. */
struct kv_file *kv_file_of(struct kv_objects *objects, struct kv_object *object);
/* NULL where node is of another kind. */
struct kv_file *kv_file_of_node(struct kv_node *node);

/* From now on the name stands for another node. */
void kv_file_make_stale(struct kv_file *file);
/* The same, and the kernel must look the name up again for whatever comes by this node. */
void kv_file_take_back(struct kv_file *file);

/*
 * file stands for blob from now on. -ESTALE: it must not, because it stands for another one, or because caller may go by
 * another size than blob's (logged).
 */
int kv_file_bind(struct kv_file *file, struct kv_blob *blob, const struct kv_caller *caller) KV_MUST_CHECK;
#endif
