#include "fs/mount/text.h"

#include <errno.h>
#include <stdlib.h>

#include "client/base/buf.h"
#include "fs/mount/request.h"

struct handle {
	struct kv_handle handle;
	struct kv_buf text;
};

static void
close_handle(struct kv_handle *handle)
{
	struct handle *h = (struct handle *)handle;

	kv_buf_release(&h->text);
	free(h);
}

void
kv_text_reply_open(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi, struct kv_buf *text)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (h == NULL) {
		kv_buf_release(text);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	h->text = *text;
	kv_buf_init(text, 0);
	fi->direct_io = 1;
	kv_handle_reply_open(&h->handle, node, close_handle, req, fi);
}

void
kv_text_read(struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi)
{
	const struct kv_buf *text = &((const struct handle *)kv_handle_of(fi))->text;

	(void)node;
	kv_request_reply_slice(req, text->data, text->len, size, offset);
}
