#include "tests/unit/fake_replies.h"

#include "fs/object/file.h"
#include "fs/object/folder.h"
#include "fs/mount/tree.h"
#include "tests/unit/fake_fuse.h"

void
kv_folder_entry(const struct kv_mount *m, struct kv_node *node, struct fuse_entry_param *entry)
{
	(void)m;
	*entry = (struct fuse_entry_param){ .ino = kv_tree_number(node) };
}

void
kv_folder_reply(const struct kv_mount *m, fuse_req_t req, struct kv_node *node)
{
	(void)m;
	req->node = node;
	kv_tree_looked_up(node);
	fuse_reply_err(req, 0);
}

void
kv_file_reply_attributes(struct kv_mount *m, fuse_req_t req, struct kv_node *node)
{
	(void)m;
	req->node = node;
	fuse_reply_err(req, 0);
}
