/* The session with the kernel: how requests are taken from it, and the mount before and the unmount after. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cache/throttle.h"
#include "client/buf.h"
#include "client/clock.h"
#include "client/log.h"
#include "client/vault.h"
#include "fs/session.h"

#define FAST_NS	     100000 /* between an answer and the next request */
#define MAX_TRIES    150    /* to get it: some 50 microseconds */
#define MAX_REQUESTS 16	    /* in one turn */

/* ---- the device ---- */

/* One request. False when there is none now, or there will be none any more. */
static bool
take_request(struct kv_session *s)
{
	struct kv_mount *m = s->mount;
	const int n = fuse_session_receive_buf(m->session, &s->request);

	if (n == -EINTR || n == -EAGAIN)
		return false;
	s->n_received++;
	if (n > 0)
		fuse_session_process_buf(m->session, &s->request);
	if (n > 0 && !fuse_session_exited(m->session))
		return true;
	kv_loop_unwatch(&s->device); /* unmounted from outside */
	kv_loop_stop(m->loop);
	return false;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/*
 * A program that reads one known file after the other asks again within microseconds, and to fall asleep
 * and be woken takes longer than to answer. So while requests come that fast, the next one is waited for
 * awake, for a moment; measured: 1.3 to 1.9 times as many files a second. Not while the vault is asked:
 * its pace is what programs wait for then, and the sum of processor time is less without.
 */
static void
device_ready(void *arg, uint32_t ready)
{
	struct kv_session *s = arg;
	const bool is_fast = now_ns() - s->ns_answered < FAST_NS;
	const int tries = is_fast && kv_throttle_is_idle(s->mount->throttle) ? MAX_TRIES : 1;
	int n_tries = tries;

	(void)ready;
	for (int n = 0; n < MAX_REQUESTS && n_tries > 0 && s->device.fd >= 0; n_tries--)
		if (take_request(s)) {
			n++;
			n_tries = tries;
		} else if (n_tries > 1) {
			sched_yield(); /* to the program, where it shares our processor */
		}
	s->ns_answered = now_ns();
}

/* ---- the mount ---- */

/* What libfuse says while it mounts. It gives no argument to its logging function. */
static struct kv_buf *fuse_words;

static void keep_fuse_words(enum fuse_log_level, const char *, va_list) __attribute__((format(printf, 2, 0)));

static void
keep_fuse_words(enum fuse_log_level level, const char *format, va_list arguments)
{
	char text[512];

	(void)level;
	vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\n")] = '\0';
	if (fuse_words != NULL)
		kv_buf_say(fuse_words, "%s%s", fuse_words->len > 0 ? "; " : "", text);
	else
		kv_log_write(KV_LOG_WARNING, "fuse", "%s", text);
}

/* fusermount3 is a program of its own and writes to stderr. */
static int
mount_quietly(struct kv_mount *m, struct kv_buf *words)
{
	const int saved = dup(STDERR_FILENO), room = memfd_create("fusermount", MFD_CLOEXEC);
	char text[512];
	ssize_t n;
	int err;

	if (saved >= 0 && room >= 0)
		dup2(room, STDERR_FILENO);
	fuse_words = words;
	err = fuse_session_mount(m->session, m->o->mountpoint);
	fuse_words = NULL;
	if (saved >= 0) {
		dup2(saved, STDERR_FILENO);
		close(saved);
	}
	if (room >= 0) {
		n = pread(room, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		if (text[0] != '\0' && words->len == 0)
			kv_buf_say(words, "%s", text);
		close(room);
	}
	return err != 0 ? -EIO : 0;
}

int
kv_session_mount(struct kv_session *s, struct kv_mount *m, struct kv_buf *why)
{
	const struct kv_options *o = m->o;
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct kv_buf text, words;
	int err;

	*s = (struct kv_session){ .mount = m, .device.fd = -1 };
	kv_buf_init(&text, 2048);
	kv_buf_init(&words, 512);
	err = kv_buf_printf(&text, "-ofsname=%s,subtype=kvfs,nosuid,nodev%s%s%s%s%s", kv_vault_name(m->vault),
	    o->is_read_only ? ",ro" : "", o->allow_other ? ",allow_other" : "",
	    o->allow_root ? ",allow_root" : "", o->allow_other || o->allow_root ? ",default_permissions" : "",
	    o->kernel);
	if (err == 0 &&
	    (fuse_opt_add_arg(&args, "kvfs") != 0 || fuse_opt_add_arg(&args, kv_buf_str(&text)) != 0))
		err = -ENOMEM;
	fuse_set_log_func(keep_fuse_words);
	fuse_words = &words;
	if (err == 0 && (m->session = fuse_session_new(&args, &kv_ops, sizeof(kv_ops), m)) == NULL)
		err = -EINVAL;
	fuse_words = NULL;
	if (err == 0)
		err = mount_quietly(m, &words);
	if (err != 0) {
		kv_buf_say(why, "cannot mount on %s: %s", o->mountpoint,
		    words.len > 0 ? kv_buf_str(&words) : strerror(-err));
		if (strstr(kv_buf_str(&words), "fuse device not found") != NULL)
			kv_buf_say(why, " (modprobe fuse)");
	}
	fuse_opt_free_args(&args);
	kv_buf_release(&text);
	kv_buf_release(&words);
	if (err != 0)
		return err;
	s->is_mounted = true;
	m->wall_mounted = kv_clock_wall_s();
	(void)fcntl(fuse_session_fd(m->session), F_SETFL, O_NONBLOCK);
	err = kv_loop_watch(m->loop, &s->device, fuse_session_fd(m->session), EPOLLIN, device_ready, s);
	if (err != 0)
		kv_buf_say(why, "cannot watch the FUSE device: %s", strerror(-err));
	return err;
}

void
kv_session_unmount(struct kv_session *s)
{
	struct fuse_session *session = s->mount != NULL ? s->mount->session : NULL;

	kv_loop_unwatch(&s->device);
	if (s->is_mounted)
		fuse_session_unmount(session);
	if (session != NULL) {
		fuse_session_destroy(session);
		s->mount->session = NULL;
	}
	free(s->request.mem);
	s->request.mem = NULL;
}
