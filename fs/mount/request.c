/*
 * Waiting requests and the signals of those who wait.
 *
 * The kernel sends one INTERRUPT a request, for any signal, and the system call fails with EINTR if we
 * say so, even where SA_RESTART was asked for: a SIGALRM or SIGCHLD must not break an innocent tool.
 * So an INTERRUPT only makes us look, every 50 ms, whether a signal is pending that ends the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/vault/audit.h"
#include "client/base/log.h"
#include "fs/mount/request.h"

#define LOOK_MS 50

static const int fatal_signals[] = { SIGKILL, SIGINT, SIGTERM, SIGHUP, SIGQUIT };

/* The value of "NAME:\thex" in /proc/TID/status; all ones where it cannot be read. */
static unsigned long long
pending_in(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, 16) : ~0ULL;
}

static int
open_proc(pid_t tid, const char *name)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* /proc/TID/NAME as text; false where there is nothing to read. */
static bool
read_proc(pid_t tid, const char *name, char *text, size_t size)
{
	const int fd = open_proc(tid, name);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool
is_being_killed(pid_t tid)
{
	char status[4096];
	unsigned long long pending;

	if (!read_proc(tid, "status", status, sizeof(status)))
		return true;
	pending = pending_in(status, "\nSigPnd:") | pending_in(status, "\nShdPnd:");
	for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++)
		if (pending & 1ULL << (fatal_signals[i] - 1))
			return true;
	return false;
}

static void
give_up(struct kv_request *r, int err)
{
	if (r->cancel != NULL)
		r->cancel(r->arg);
	kv_request_fail(r, err);
}

static void
look(void *arg)
{
	struct kv_request *r = arg;

	if (is_being_killed(fuse_req_ctx(r->req)->pid))
		give_up(r, -EINTR);
	else
		kv_timer_set(&r->look, LOOK_MS);
}

static void
patience_over(void *arg)
{
	const struct kv_request *r = arg;

	kv_log_event(KV_LOG_NOTICE, "fs", "op=wait errno=ETIMEDOUT uid=%u pid=%d cmd=%s why=%s",
	    r->caller.uid, r->caller.pid, r->caller.command,
	    "the vault did not answer within fs.fuse.max_request_timeout");
	give_up(arg, -ETIMEDOUT);
}

/* From libfuse, under its lock: nothing may be answered here. */
static void
interrupted(fuse_req_t req, void *arg)
{
	struct kv_request *r = arg;

	(void)req;
	kv_timer_set(&r->look, 0);
}

/*
 * One program asks for many files: what names the last asker stays open. Once that one has ended it
 * cannot be read any more, whoever has its number then.
 */
static void
read_command(struct kv_mount *m, pid_t tid, char *text, size_t size)
{
	const bool is_last = m->asker.tid > 0 && m->asker.tid == tid;
	ssize_t n = is_last ? pread(m->asker.comm, text, size - 1, 0) : -1;

	if (n <= 0) {
		const int fd = open_proc(tid, "comm");

		kv_request_forget_asker(m);
		if (fd >= 0) {
			m->asker = (struct kv_asker){ .tid = tid, .comm = fd };
			n = pread(fd, text, size - 1, 0);
		}
	}
	text[n > 0 ? n : 0] = '\0';
}

void
kv_request_forget_asker(struct kv_mount *m)
{
	if (m->asker.tid > 0)
		close(m->asker.comm);
	m->asker.tid = 0;
}

void
kv_request_caller(fuse_req_t req, struct kv_caller *caller)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	*caller = (struct kv_caller){ .uid = ctx->uid, .pid = ctx->pid };
	read_command(fuse_req_userdata(req), ctx->pid, caller->command, sizeof(caller->command));
	caller->command[strcspn(caller->command, "\n")] = '\0';
}

struct kv_process
kv_request_process(const struct kv_caller *caller)
{
	struct kv_process process = { 0 };
	char status[4096], text[1024];
	const char *tgid, *at;
	unsigned long long ticks;

	if (!read_proc(caller->pid, "status", status, sizeof(status)) ||
	    (tgid = strstr(status, "\nTgid:")) == NULL ||
	    !read_proc((pid_t)strtol(tgid + 6, NULL, 10), "stat", text, sizeof(text)) ||
	    (at = strrchr(text, ')')) == NULL)
		return process;
	for (int field = 2; *at != '\0' && field < 22; at++) /* "(comm)" is the second */
		field += *at == ' ';
	ticks = strtoull(at, NULL, 10); /* field 22, in clock ticks of CLOCK_BOOTTIME */
	process.id = (pid_t)strtol(tgid + 6, NULL, 10);
	process.mono_begun = (int64_t)(ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
	return process;
}

struct kv_request *
kv_request_new(struct kv_mount *m, fuse_req_t req)
{
	struct kv_request *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	r->mount = m;
	r->req = req;
	kv_timer_init(&r->look, m->loop, look, r);
	kv_timer_init(&r->patience, m->loop, patience_over, r);
	if (m->patience_ms > 0)
		kv_timer_set(&r->patience, m->patience_ms);
	fuse_req_interrupt_func(req, interrupted, r);
	kv_request_caller(req, &r->caller);
	LIST_INSERT_HEAD(&m->requests, r, all);
	return r;
}

void
kv_request_wait(struct kv_request *r, kv_request_cancel *cancel, void *arg)
{
	r->cancel = cancel;
	r->arg = arg;
}

fuse_req_t
kv_request_end(struct kv_request *r)
{
	fuse_req_t req = r->req;

	kv_timer_stop(&r->look);
	kv_timer_stop(&r->patience);
	fuse_req_interrupt_func(req, NULL, NULL);
	LIST_REMOVE(r, all);
	free(r);
	return req;
}

void
kv_request_fail(struct kv_request *r, int err)
{
	fuse_reply_err(kv_request_end(r), -err);
}

void
kv_request_fail_all(struct kv_mount *m, int err)
{
	struct kv_request *next;

	for (struct kv_request *r = LIST_FIRST(&m->requests); r != NULL; r = next) {
		next = LIST_NEXT(r, all);
		if (!r->is_sent)
			give_up(r, err);
	}
}
