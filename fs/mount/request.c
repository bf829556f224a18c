/*
 * Waiting requests, and signals to the processes that wait.
 *
 * The kernel sends one INTERRUPT per request, for any signal. If we replied at once, the system call would
 * fail with EINTR even with SA_RESTART, and a SIGALRM or SIGCHLD must not break an innocent tool. So after an
 * INTERRUPT we check every 50 ms whether a fatal signal is pending. Where the process cannot be seen, the request goes on
 * for some seconds, which are enough for most answers; then it ends, because the signal may have been fatal, and the kernel
 * does not let a killed process go before its request is answered.
 */
#include <errno.h>
#include <stdlib.h>

#include "client/base/log.h"
#include "client/vault/audit.h"
#include "fs/mount/process.h"
#include "fs/mount/request.h"

#define SIGNALS_MS 50
#define UNSEEN_MS  5000

static void
check_signals(void *arg)
{
	struct kv_request *r = arg;
	const enum kv_fate fate = kv_process_fate(fuse_req_ctx(r->req)->pid);

	if (fate == KV_IS_KILLED || (fate == KV_UNSEEN && r->was_unseen)) {
		kv_request_finish(r, -EINTR);
		return;
	}
	r->was_unseen = fate == KV_UNSEEN;
	kv_timer_set(&r->signals, r->was_unseen ? UNSEEN_MS : SIGNALS_MS);
}

static void
limit_reached(void *arg)
{
	struct kv_request *r = arg;

	kv_log_event(KV_LOG_NOTICE, "fs", "op=wait errno=ETIMEDOUT uid=%u pid=%d cmd=%s why=%s",
	    r->caller.uid, r->caller.pid, r->caller.command,
	    "the vault did not answer within fs.fuse.max_request_timeout");
	kv_request_finish(r, -ETIMEDOUT);
}

/* Called by libfuse, which holds its lock: must not reply. */
static void
interrupted(fuse_req_t req, void *arg)
{
	struct kv_request *r = arg;

	(void)req;
	kv_timer_set(&r->signals, 0);
}

void *
kv_request_new(struct kv_mount *m, fuse_req_t req, size_t size, kv_request_release *release)
{
	struct kv_request *r = calloc(1, size);

	if (r == NULL) {
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	r->mount = m;
	r->req = req;
	r->release = release;
	kv_timer_init(&r->signals, m->loop, check_signals, r);
	kv_timer_init(&r->limit, m->loop, limit_reached, r);
	if (m->kernel_limit_ms > 0)
		kv_timer_set(&r->limit, m->kernel_limit_ms);
	fuse_req_interrupt_func(req, interrupted, r);
	kv_request_caller(req, &r->caller);
	LIST_INSERT_HEAD(&m->requests, r, all);
	return r;
}

fuse_req_t
kv_request_take(struct kv_request *r)
{
	fuse_req_t req = r->req;

	kv_timer_stop(&r->signals);
	kv_timer_stop(&r->limit);
	fuse_req_interrupt_func(req, NULL, NULL);
	LIST_REMOVE(r, all);
	r->req = NULL;
	return req;
}

void
kv_request_free(struct kv_request *r)
{
	r->release(r);
	free(r);
}

void
kv_request_finish(struct kv_request *r, int err)
{
	r->err = err;
	fuse_reply_err(kv_request_take(r), -err);
	kv_request_free(r);
}

void
kv_request_fail_all(struct kv_mount *m, int err)
{
	struct kv_request *next;

	for (struct kv_request *r = LIST_FIRST(&m->requests); r != NULL; r = next) {
		next = LIST_NEXT(r, all);
		if (!r->is_sent)
			kv_request_finish(r, err);
	}
}

void
kv_request_fail_even_sent(struct kv_mount *m, int err)
{
	while (!LIST_EMPTY(&m->requests))
		kv_request_finish(LIST_FIRST(&m->requests), err);
}

void
kv_request_caller(fuse_req_t req, struct kv_caller *caller)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct kv_mount *m = fuse_req_userdata(req);

	*caller = (struct kv_caller){ .uid = ctx->uid, .pid = ctx->pid };
	kv_process_command(&m->reader, ctx->pid, caller->command, sizeof(caller->command));
}

void
kv_request_reply_slice(fuse_req_t req, const void *data, size_t len, size_t size, off_t offset)
{
	const size_t at = (size_t)offset;

	if (at >= len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, (const char *)data + at, size < len - at ? size : len - at);
}
