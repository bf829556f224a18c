#ifndef KV_FS_MOUNT_ENTRY_H
#define KV_FS_MOUNT_ENTRY_H
/*
 * Replies that describe a node: a name (LOOKUP, CREATE, MKDIR), attributes (GETATTR, SETATTR), or a folder's
 * entries (READDIR, READDIRPLUS).
 */
#include "fs/mount/tree.h"

/* The attributes of node that are sent to the kernel. */
void kv_entry_attributes(struct kv_node *node, struct kv_attributes *attributes);
void kv_entry_fill(struct kv_node *node, struct fuse_entry_param *entry);

/*
 * Answer a request that looks up or creates a name. Counts one more kernel reference to node if the kernel
 * takes it.
 */
void kv_entry_reply(struct kv_node *node, fuse_req_t req);
void kv_entry_reply_attributes(struct kv_node *node, fuse_req_t req);

/* ---- a folder's entries ---- */

/* The reply to a READDIR while it is being filled. */
struct kv_entries {
	fuse_req_t req;
	struct kv_tree *tree;
	bool plus;    /* READDIRPLUS: looks up each name, except "." and ".." */
	off_t offset; /* of the next name; KV_ENTRIES_FIRST is the first after "." and ".." */
	char *room;
	size_t size, used;
};
#define KV_ENTRIES_FIRST 2

/* -ENOMEM. End with kv_entries_reply() or kv_entries_release(). */
int kv_entries_init(
    struct kv_entries *entries, struct kv_node *folder, fuse_req_t req, size_t size, off_t offset, bool plus);
/* Add "." and ".." unless offset is already past them. False: they did not fit. */
bool kv_entries_add_dots(struct kv_entries *entries, struct kv_node *folder);
/* Add name at offset, and advance offset by one. False: it did not fit. */
bool kv_entries_add(struct kv_entries *entries, const char *name, struct kv_node *node);
/*
 * err 0: reply with the names. Otherwise reply with err alone, so that no names of a failed listing are
 * returned. Releases entries.
 */
void kv_entries_reply(struct kv_entries *entries, fuse_req_t req, int err);
/* Releases entries without a reply. Does nothing if entries is zeroed. */
void kv_entries_release(struct kv_entries *entries);
#endif
