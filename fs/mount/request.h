#ifndef KV_FS_MOUNT_REQUEST_H
#define KV_FS_MOUNT_REQUEST_H
/*
 * A FUSE request that waits for the vault. It is answered exactly once: by what it waits for, by a
 * fatal signal of its process (-EINTR), at the end of the mount (-EIO), or before the kernel loses patience
 * (-ETIMEDOUT): a request that is held longer than fs.fuse.max_request_timeout ends the whole mount.
 */
#include "client/vault/vault.h"
#include "fs/mount/mount.h"

/* Stop waiting; what it waits for must not be told to the request any more. */
typedef void kv_request_cancel(void *arg);

struct kv_request {
	struct kv_mount *mount;
	fuse_req_t req;
	struct kv_caller caller;
	kv_request_cancel *cancel;
	void *arg;
	bool is_sent;		  /* a restore under way: waited for at the end of the mount */
	struct kv_timer look;	  /* at the signals of its process */
	struct kv_timer patience; /* of the kernel */
	LIST_ENTRY(kv_request) all;
};

/*
 * Begin to wait. Must be called first thing in a FUSE callback that may wait (libfuse 3.14 frees a
 * request under its lock when the interrupt function is set late). NULL: out of memory; req was
 * answered with ENOMEM.
 */
struct kv_request *kv_request_new(struct kv_mount *mount, fuse_req_t req);
/* What it waits for from now on. */
void kv_request_wait(struct kv_request *request, kv_request_cancel *cancel, void *arg);
/* It waits no longer: the caller answers the req that is returned. request is freed. */
fuse_req_t kv_request_end(struct kv_request *request);
/* kv_request_end() and an answer without data: err 0 or negative. */
void kv_request_fail(struct kv_request *request, int err);

/* Answer all that wait, but for those with is_sent, with err. */
void kv_request_fail_all(struct kv_mount *mount, int err);
/* Who asks. */
void kv_request_caller(fuse_req_t req, struct kv_caller *caller);
/* At the end: what kv_request_caller() keeps open. */
void kv_request_forget_asker(struct kv_mount *mount);
/* A process, which its number alone does not name for ever. */
struct kv_process {
	pid_t id;	    /* 0: it cannot be told */
	int64_t mono_begun; /* by kv_clock_mono_ms(); it began then or less than KV_TICK_MS later */
};
#define KV_TICK_MS 10 /* a clock tick of /proc, which rounds the start of a process down */
/* The process of the caller, which may be one of its threads. */
struct kv_process kv_request_process(const struct kv_caller *caller);
#endif
