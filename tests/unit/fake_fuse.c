#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "fs/mount/mount.h"
#include "tests/unit/fake_fuse.h"

#define MOST_REQUESTS 64

/* No allocation, so that those of kvfs alone can be made to fail. */
static struct fuse_req requests[MOST_REQUESTS];
static int n_open;
static bool is_refusing;

struct fuse_req *
fake_fuse_request(struct kv_mount *mount, pid_t pid)
{
	struct fuse_req *req = requests;

	while (req < requests + MOST_REQUESTS && req->mount != NULL)
		req++;
	assert_true(req < requests + MOST_REQUESTS);
	memset(req, 0, sizeof(*req));
	req->ctx = (struct fuse_ctx){ .uid = 1000, .gid = 1000, .pid = pid };
	req->mount = mount;
	n_open++;
	return req;
}

void
fake_fuse_interrupt(struct fuse_req *req)
{
	assert_false(req->is_answered);
	assert_non_null(req->interrupt);
	req->interrupt(req, req->interrupt_data);
}

int
fake_fuse_done(struct fuse_req *req)
{
	const int err = -req->err;

	assert_true(req->is_answered);
	req->mount = NULL;
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
	assert_null(req->interrupt); /* libfuse frees the request with its answer */
	req->is_answered = true;
	req->err = err;
	n_open--;
	return is_refusing ? -ENOENT : 0;
}

/* ---- the answers that kvfs gives ---- */

int
fuse_reply_err(fuse_req_t req, int err)
{
	assert_true(err >= 0);
	return answer(req, err);
}

void
fuse_reply_none(fuse_req_t req)
{
	(void)answer(req, 0);
}

int
fuse_reply_entry(fuse_req_t req, const struct fuse_entry_param *entry)
{
	req->entry = *entry;
	req->node = kv_tree_node(&req->mount->tree, entry->ino);
	return answer(req, 0);
}

int
fuse_reply_attr(fuse_req_t req, const struct stat *attr, double valid_s)
{
	req->entry.attr = *attr;
	req->entry.attr_timeout = valid_s;
	return answer(req, 0);
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
	req->entry = *entry;
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
	assert_true(size <= sizeof(req->data));
	if (size > 0)
		memcpy(req->data, buf, size);
	req->written = size;
	return answer(req, 0);
}

int
fuse_reply_statfs(fuse_req_t req, const struct statvfs *stbuf)
{
	assert_non_null(stbuf);
	return answer(req, 0);
}

/* ---- those that it never gives ---- */

static int
unexpected(fuse_req_t req)
{
	(void)req;
	fail_msg("%s", "kvfs has no such answer");
	return -EINVAL;
}

int
fuse_reply_readlink(fuse_req_t req, const char *link)
{
	(void)link;
	return unexpected(req);
}

int
fuse_reply_data(fuse_req_t req, struct fuse_bufvec *bufv, enum fuse_buf_copy_flags flags)
{
	(void)bufv;
	(void)flags;
	return unexpected(req);
}

int
fuse_reply_iov(fuse_req_t req, const struct iovec *iov, int count)
{
	(void)iov;
	(void)count;
	return unexpected(req);
}

int
fuse_reply_xattr(fuse_req_t req, size_t count)
{
	(void)count;
	return unexpected(req);
}

int
fuse_reply_lock(fuse_req_t req, const struct flock *lock)
{
	(void)lock;
	return unexpected(req);
}

int
fuse_reply_bmap(fuse_req_t req, uint64_t idx)
{
	(void)idx;
	return unexpected(req);
}

int
fuse_reply_ioctl(fuse_req_t req, int result, const void *buf, size_t size)
{
	(void)result;
	(void)buf;
	(void)size;
	return unexpected(req);
}

int
fuse_reply_ioctl_iov(fuse_req_t req, int result, const struct iovec *iov, int count)
{
	(void)result;
	(void)iov;
	(void)count;
	return unexpected(req);
}

int
fuse_reply_ioctl_retry(fuse_req_t req, const struct iovec *in_iov, size_t in_count,
    const struct iovec *out_iov, size_t out_count)
{
	(void)in_iov;
	(void)in_count;
	(void)out_iov;
	(void)out_count;
	return unexpected(req);
}

int
fuse_reply_poll(fuse_req_t req, unsigned revents)
{
	(void)revents;
	return unexpected(req);
}

int
fuse_reply_lseek(fuse_req_t req, off_t off)
{
	(void)off;
	return unexpected(req);
}

/* ---- the request ---- */

const struct fuse_ctx *
fuse_req_ctx(fuse_req_t req)
{
	assert_false(req->is_answered);
	return &req->ctx;
}

void *
fuse_req_userdata(fuse_req_t req)
{
	assert_false(req->is_answered);
	return req->mount;
}

void
fuse_req_interrupt_func(fuse_req_t req, fuse_interrupt_func_t func, void *data)
{
	assert_false(req->is_answered);
	req->interrupt = func;
	req->interrupt_data = data;
}

int
fuse_req_interrupted(fuse_req_t req)
{
	return unexpected(req);
}

int
fuse_req_getgroups(fuse_req_t req, int size, gid_t list[])
{
	(void)size;
	(void)list;
	return unexpected(req);
}
