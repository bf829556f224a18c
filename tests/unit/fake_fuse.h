#ifndef KV_TESTS_UNIT_FAKE_FUSE_H
#define KV_TESTS_UNIT_FAKE_FUSE_H
/*
 * FUSE requests without a kernel: libfuse's fuse_reply_*() and fuse_req_*() are replaced by link. A request that is answered twice fails the test; one that is not answered is found
 * by fake_fuse_open().
 */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <stdbool.h>

struct kv_mount;
struct kv_node;

struct fuse_req {
	struct fuse_ctx ctx;
	struct kv_mount *mount;
	bool is_answered;
	int err;		  /* positive, as fuse_reply_err() has it */
	struct kv_node *node;	  /* of a reply with an entry or attributes */
	struct fuse_file_info fi; /* of a reply with a handle */
	size_t written;
};

/* A request of the process pid, to be freed with fake_fuse_done(). */
struct fuse_req *fake_fuse_request(struct kv_mount *mount, pid_t pid);
/* It must have been answered. Its errno, negative. */
int fake_fuse_done(struct fuse_req *req);
/* From now on the kernel takes no reply, as when its request was interrupted. */
void fake_fuse_refuse(bool refuses);
/* Requests that have no answer yet. */
int fake_fuse_open(void);
#endif
