#ifndef KV_TESTS_UNIT_FAKE_FUSE_H
#define KV_TESTS_UNIT_FAKE_FUSE_H
/*
 * FUSE requests without a kernel: the linker replaces every fuse_reply_*() and fuse_req_*() of libfuse. A
 * request that is answered twice, or used after its answer, fails the test; fake_fuse_open() finds one that
 * was not answered.
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
	int err;		       /* positive, as in fuse_reply_err() */
	struct kv_node *node;	       /* from a reply with an entry */
	struct fuse_entry_param entry; /* from the same; only attr from a reply with attributes */
	struct fuse_file_info fi;      /* from a reply with a handle */
	size_t written;		       /* from a WRITE's reply; or the length of data */
	char data[1 << 17];	       /* from a reply with data */
	fuse_interrupt_func_t interrupt;
	void *interrupt_data;
};

/* A request from process pid, to be freed with fake_fuse_done(). */
struct fuse_req *fake_fuse_request(struct kv_mount *mount, pid_t pid);
/* Send the kernel's INTERRUPT for an unanswered request. */
void fake_fuse_interrupt(struct fuse_req *req);
/* Free req, which must have been answered, and return its errno, negative. */
int fake_fuse_done(struct fuse_req *req);
/* From now on the kernel refuses every reply, as for an interrupted request. */
void fake_fuse_refuse(bool refuses);
/* The number of unanswered requests. */
int fake_fuse_open(void);
#endif
