#ifndef KV_TESTS_UNIT_FAKE_FUSE_H
#define KV_TESTS_UNIT_FAKE_FUSE_H
/*
 * FUSE requests without a kernel: every fuse_reply_*() and fuse_req_*() of libfuse is replaced by link. A request
 * that is answered twice, or used after its answer, fails the test; one that was not answered is found by
 * fake_fuse_open().
 */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <stdbool.h>

struct kv_mount;
struct kv_node;

struct fuse_req {
	struct fuse_ctx ctx;
	struct kv_mount *mount; /* NULL: not in use */
	bool is_answered;
	int err;		       /* positive, as fuse_reply_err() has it */
	struct kv_node *node;	       /* of an answer with an entry */
	struct fuse_entry_param entry; /* of the same, or with attr alone of one with attributes */
	struct fuse_file_info fi;      /* of an answer with a handle */
	size_t written;		       /* bytes of a WRITE, or of data */
	char data[1 << 17];	       /* of an answer with data */
	fuse_interrupt_func_t interrupt;
	void *interrupt_data;
};

/* A request of the process pid, to be freed with fake_fuse_done(). */
struct fuse_req *fake_fuse_request(struct kv_mount *mount, pid_t pid);
/* The kernel's INTERRUPT for a request that is open. */
void fake_fuse_interrupt(struct fuse_req *req);
/* It must have been answered. Its errno, negative. */
int fake_fuse_done(struct fuse_req *req);
/* From now on the kernel takes no reply, as when its request was interrupted. */
void fake_fuse_refuse(bool refuses);
/* Requests that have no answer yet. */
int fake_fuse_open(void);
#endif
