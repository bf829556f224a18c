#ifndef KV_FS_MOUNT_ENTRY_H
#define KV_FS_MOUNT_ENTRY_H
/*
 * Answers with a node in them: a name (LOOKUP, CREATE, MKDIR), attributes (GETATTR, SETATTR), a folder's
 * names (READDIR, READDIRPLUS).
 */
#include "fs/mount/tree.h"

/* What the kernel is sent about node. */
void kv_entry_attributes(struct kv_node *node, struct kv_attributes *attributes);
void kv_entry_fill(struct kv_node *node, struct fuse_entry_param *entry);

/* The answer to what finds or makes a name; the kernel refers to node once more if it takes it. */
void kv_entry_reply(struct kv_node *node, fuse_req_t req);
void kv_entry_reply_attributes(struct kv_node *node, fuse_req_t req);

/* ---- a folder's names ---- */

/* The answer to a READDIR while it is filled in. */
struct kv_entries {
	fuse_req_t req;
	struct kv_tree *tree;
	bool plus;    /* READDIRPLUS: each name is looked up by it, but for "." and ".." */
	off_t offset; /* of the next name; the first one behind "." and ".." has KV_ENTRIES_FIRST */
	char *room;
	size_t size, used;
};
#define KV_ENTRIES_FIRST 2

/* -ENOMEM. Ends with kv_entries_reply(), or with kv_entries_release(). */
int kv_entries_init(
    struct kv_entries *entries, struct kv_node *folder, fuse_req_t req, size_t size, off_t offset, bool plus);
/* "." and ".." where they are still to come. False: they did not fit. */
bool kv_entries_add_dots(struct kv_entries *entries, struct kv_node *folder);
/* The name at offset, which goes on by one. False: it did not fit. */
bool kv_entries_add(struct kv_entries *entries, const char *name, struct kv_node *node);
/*
 * err 0: the names are the answer. Names of a listing that has failed are never returned: the answer is err
 * alone. Released in any case.
 */
void kv_entries_reply(struct kv_entries *entries, fuse_req_t req, int err);
/* Without an answer. One of zeros does nothing. */
void kv_entries_release(struct kv_entries *entries);
#endif
