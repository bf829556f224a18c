#ifndef KV_FS_MOUNT_REQUEST_H
#define KV_FS_MOUNT_REQUEST_H
/*
 * A FUSE request that waits for the vault. It is answered exactly once: by the completion it waits for; by a
 * fatal signal to its process, or, five seconds after any signal, to one that cannot be seen (-EINTR); at the end
 * of the mount (-EIO); or before the kernel's own time-out (-ETIMEDOUT): the kernel ends the whole mount if a
 * request stays unanswered longer than fs.fuse.max_request_timeout.
 *
 * A waiting operation embeds a kv_request as its first member, so that there is one allocation, one failure
 * path and one place that frees.
 */
#include "client/vault/vault.h"
#include "fs/mount/mount.h"

struct kv_request;

/* Frees what the embedding struct holds, and cancels what it waits for; does not free the struct itself. */
typedef void kv_request_release(struct kv_request *request);

struct kv_request {
	struct kv_mount *mount;
	fuse_req_t req;
	struct kv_caller caller;
	kv_request_release *release;
	int err;		 /* what kv_request_finish() answered, for release */
	bool was_unseen;	 /* a signal came, and who got it cannot be seen */
	bool is_sent;		 /* a restore in flight: the end of the mount waits for it */
	struct kv_timer signals; /* when to check for signals to its process */
	struct kv_timer limit;	 /* the kernel's time-out */
	LIST_ENTRY(kv_request) all;
};

/*
 * Start to wait. Allocates size zeroed bytes that begin with a kv_request. A FUSE callback that may wait must
 * call this first (libfuse 3.14 frees a request under its lock if the interrupt function is set late). NULL:
 * out of memory, and req was answered with ENOMEM.
 */
void *kv_request_new(
    struct kv_mount *mount, fuse_req_t req, size_t size, kv_request_release *release) KV_MUST_CHECK;
/* Stop waiting. The caller answers the returned req and then frees request. */
fuse_req_t kv_request_take(struct kv_request *request) KV_MUST_CHECK;
/*
 * Free request, which must have been taken, with the struct that embeds it. Must be the last act of a
 * completion.
 */
void kv_request_free(struct kv_request *request);
/* Take it, answer with err (0 or negative) and no data, and free it. */
void kv_request_finish(struct kv_request *request, int err);

/* Answer all waiting requests with err, except those with is_sent. */
void kv_request_fail_all(struct kv_mount *mount, int err);
/* Answer all waiting requests with err, those with is_sent too. */
void kv_request_fail_even_sent(struct kv_mount *mount, int err);

/* The process that sent req. */
void kv_request_caller(fuse_req_t req, struct kv_caller *caller);
/* Answer a READ of size bytes at offset from data, which is len bytes long. */
void kv_request_reply_slice(fuse_req_t req, const void *data, size_t len, size_t size, off_t offset);
#endif
