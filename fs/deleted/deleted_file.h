#ifndef KV_FS_DELETED_DELETED_FILE_H
#define KV_FS_DELETED_DELETED_FILE_H
/*
 * A file of deleted/: says, as JSON, when the object was deleted and until when it can be recovered.
 */
#include "client/base/buf.h"
#include "fs/deleted/deletions.h"
#include "fs/mount/tree.h"

struct kv_deleted_file {
	struct kv_node node;
	enum kv_type type;
	struct kv_deleted deleted;
	int64_t mono_seen; /* the request that last returned it was sent no earlier; 0: it was recovered */
	struct kv_buf text;
};

/* The file of deleted, which a request sent at mono_sent or later returned. NULL: out of memory. */
struct kv_deleted_file *kv_deleted_file_of(
    struct kv_deletions *deletions, enum kv_type type, const struct kv_deleted *deleted, int64_t mono_sent);
/* The file of that name, if the kernel refers to one; else NULL. */
struct kv_deleted_file *kv_deleted_file_find(
    const struct kv_deletions *deletions, enum kv_type type, const char *name);
#endif
