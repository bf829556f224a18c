#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/mount/mount.h"
#include "tests/unit/fake_fuse.h"

static int n_open;
static bool is_refusing;

struct fuse_req *
fake_fuse_request(struct kv_mount *mount, pid_t pid)
{
	struct fuse_req *req = calloc(1, sizeof(*req));

	assert_non_null(req);
	req->ctx = (struct fuse_ctx){ .uid = 1000, .gid = 1000, .pid = pid };
	req->mount = mount;
	n_open++;
	return req;
}

int
fake_fuse_done(struct fuse_req *req)
{
	const int err = -req->err;

	assert_true(req->is_answered);
	free(req);
	return err;
}

void
fake_fuse_refuse(bool refuses)
{
	is_refusing = refuses;
}

int
fake_fuse_open(void)
{
	return n_open;
}

static int
answer(struct fuse_req *req, int err)
{
	assert_false(req->is_answered);
	req->is_answered = true;
	req->err = err;
	n_open--;
	return is_refusing ? -ENOENT : 0;
}

/* ---- libfuse ---- */

int
fuse_reply_err(fuse_req_t req, int err)
{
	return answer(req, err);
}

int
fuse_reply_open(fuse_req_t req, const struct fuse_file_info *fi)
{
	req->fi = *fi;
	return answer(req, 0);
}

int
fuse_reply_create(fuse_req_t req, const struct fuse_entry_param *entry, const struct fuse_file_info *fi)
{
	req->fi = *fi;
	req->node = kv_tree_node(&req->mount->tree, entry->ino);
	return answer(req, 0);
}

int
fuse_reply_write(fuse_req_t req, size_t count)
{
	req->written = count;
	return answer(req, 0);
}

int
fuse_reply_buf(fuse_req_t req, const char *buf, size_t size)
{
	(void)buf;
	req->written = size;
	return answer(req, 0);
}

const struct fuse_ctx *
fuse_req_ctx(fuse_req_t req)
{
	return &req->ctx;
}

void *
fuse_req_userdata(fuse_req_t req)
{
	return req->mount;
}

void
fuse_req_interrupt_func(fuse_req_t req, fuse_interrupt_func_t func, void *data)
{
	(void)req;
	(void)func;
	(void)data;
}
