#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "cache/pace/throttle.h"
#include "fs/mount/branch.h"
#include "fs/mount/mount.h"

void
kv_mount_init(struct kv_mount *m, struct kv_loop *loop, const struct kv_settings *settings)
{
	*m = (struct kv_mount){ .settings = settings, .loop = loop };
	LIST_INIT(&m->requests);
	LIST_INIT(&m->handles);
	TAILQ_INIT(&m->branches);
	kv_tree_init(&m->tree);
	m->tree.mount = m;
}

bool
kv_mount_is_idle(const struct kv_mount *m)
{
	const struct kv_branch *b;

	TAILQ_FOREACH(b, &m->branches, link)
		if (!kv_throttle_is_idle(b->volume->throttle))
			return false;
	return true;
}

void
kv_mount_close_handles(struct kv_mount *m)
{
	while (!LIST_EMPTY(&m->handles))
		kv_handle_close(LIST_FIRST(&m->handles));
}

void
kv_mount_release(struct kv_mount *m)
{
	assert(LIST_EMPTY(&m->requests) && LIST_EMPTY(&m->handles));
	kv_tree_release(&m->tree);
	kv_process_release(&m->reader);
}

void
kv_mount_check(const struct kv_mount *m)
{
	const struct kv_branch *b;
	const struct kv_handle *h;
	const struct kv_node *node;
	uint64_t n_open = 0;

	kv_tree_check(&m->tree);
	LIST_FOREACH(node, &m->tree.all, all)
		n_open += node->n_open;
	LIST_FOREACH(h, &m->handles, all) {
		assert(h->node->tree == &m->tree && h->node->n_open > 0);
		assert(n_open > 0);
		n_open--;
	}
	TAILQ_FOREACH(b, &m->branches, link)
		kv_branch_check(b);
}

/* ---- handles ---- */

struct kv_handle *
kv_handle_of(const struct fuse_file_info *fi)
{
	return fi != NULL ? (struct kv_handle *)(uintptr_t)fi->fh : NULL;
}

void
kv_handle_open(
    struct kv_handle *h, struct kv_node *node, void (*close)(struct kv_handle *), struct fuse_file_info *fi)
{
	struct kv_mount *m = node->tree->mount;

	h->node = node;
	h->close = close;
	LIST_INSERT_HEAD(&m->handles, h, all);
	kv_tree_opened(node);
	fi->fh = (uint64_t)(uintptr_t)h;
}

void
kv_handle_reply_open(struct kv_handle *h, struct kv_node *node, void (*close)(struct kv_handle *),
    fuse_req_t req, struct fuse_file_info *fi)
{
	kv_handle_open(h, node, close, fi);
	if (fuse_reply_open(req, fi) != 0) /* the open was interrupted: no RELEASE will follow */
		kv_handle_close(h);
}

static void
close_plain(struct kv_handle *h)
{
	free(h);
}

void
kv_handle_open_plain(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi)
{
	struct kv_handle *h = calloc(1, sizeof(*h));

	if (h == NULL)
		fuse_reply_err(req, ENOMEM);
	else
		kv_handle_reply_open(h, node, close_plain, req, fi);
}

void
kv_handle_close(struct kv_handle *h)
{
	struct kv_node *node = h->node;

	LIST_REMOVE(h, all);
	h->close(h);
	kv_tree_closed(node);
}
