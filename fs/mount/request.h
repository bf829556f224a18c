#ifndef KV_FS_MOUNT_REQUEST_H
#define KV_FS_MOUNT_REQUEST_H
/*
 * A FUSE request that waits for the vault. It is answered exactly once: by what it waits for, by a fatal
 * signal of its process (-EINTR), at the end of the mount (-EIO), or before the kernel's own time-out
 * (-ETIMEDOUT): a request that is open longer than fs.fuse.max_request_timeout ends the whole mount.
 *
 * Whoever waits embeds a kv_request as its first member, so that there is one allocation, one failure path,
 * and one place that frees.
 */
#include "client/vault/vault.h"
#include "fs/mount/mount.h"

struct kv_request;

/* Frees what the embedding struct holds, the waits for it too; not the struct itself. */
typedef void kv_request_release(struct kv_request *request);

struct kv_request {
	struct kv_mount *mount;
	fuse_req_t req;
	struct kv_caller caller;
	kv_request_release *release;
	bool is_sent;		 /* a restore that was sent: the end of the mount waits for it */
	struct kv_timer signals; /* when to check the signals of its process */
	struct kv_timer limit;	 /* of the kernel */
	LIST_ENTRY(kv_request) all;
};

/*
 * Begin to wait: size zeroed bytes that begin with a kv_request. Must be the first thing in a FUSE callback
 * that may wait (libfuse 3.14 frees a request under its lock when the interrupt function is set late).
 * NULL: out of memory; req was answered with ENOMEM.
 */
void *kv_request_new(
    struct kv_mount *mount, fuse_req_t req, size_t size, kv_request_release *release) KV_MUST_CHECK;
/* It waits no longer: the caller answers the req that is returned, and then frees request. */
fuse_req_t kv_request_take(struct kv_request *request) KV_MUST_CHECK;
/* request was taken. Whatever embeds it is gone: the last thing that a completion does. */
void kv_request_free(struct kv_request *request);
/* Take it, answer without data (err: 0 or negative), and free it. */
void kv_request_finish(struct kv_request *request, int err);

/* Answer all that wait, but for those with is_sent, with err. */
void kv_request_fail_all(struct kv_mount *mount, int err);
/* Answer all that wait with err: nobody waits for a restore any more. */
void kv_request_fail_even_sent(struct kv_mount *mount, int err);

/* Who sent req. */
void kv_request_caller(fuse_req_t req, struct kv_caller *caller);
/* The answer to a READ of size bytes at offset of data. */
void kv_request_reply_slice(fuse_req_t req, const void *data, size_t len, size_t size, off_t offset);
#endif
