/* The session with the kernel: mounting, taking requests, unmounting. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/vault/vault.h"
#include "fs/mount/branch.h"
#include "fs/mount/mountinfo.h"
#include "fs/mount/session.h"

#define FAST_NS	     100000	/* poll if a request came this soon after the last answer */
#define MAX_TRIES    150	/* polls for the next request: about 50 microseconds */
#define QUIET_NS     1000000000 /* no polls for this long after a request to a vault was in flight */
#define MAX_REQUESTS 16		/* per turn of the loop */
#define AGAIN_MS     100
#define CHECK_NS     100000000

/* ---- the device ---- */

/*
 * libfuse before 3.17 does not pass FUSE_PARALLEL_DIROPS to the kernel, although conn->want accepts it.
 * Without it one LOOKUP that waits for the vault blocks every other LOOKUP and READDIR of its folder, and
 * signals cannot interrupt them. So we patch libfuse's reply to INIT and set the bit if the kernel offers it.
 */
static ssize_t
read_device(int fd, void *buf, size_t size, void *arg)
{
	struct kv_session *s = ((struct kv_mount *)arg)->session;
	const ssize_t n = read(fd, buf, size);
	struct fuse_in_header header;
	struct fuse_init_in init = { 0 };

	if (s->init_unique != 0 || n < (ssize_t)(sizeof(header) + offsetof(struct fuse_init_in, flags2)))
		return n;
	memcpy(&header, buf, sizeof(header));
	if (header.opcode != FUSE_INIT)
		return n;
	memcpy(&init, (const char *)buf + sizeof(header), offsetof(struct fuse_init_in, flags2));
	s->init_unique = header.unique;
	s->init_flags = init.flags & FUSE_PARALLEL_DIROPS;
	return n;
}

static ssize_t
write_device(int fd, struct iovec *iov, int count, void *arg)
{
	const struct kv_session *s = ((struct kv_mount *)arg)->session;
	const struct fuse_out_header *header = iov[0].iov_base;
	struct fuse_init_out init;
	struct iovec patched[2];

	if (header->unique != s->init_unique || s->init_unique == 0 || header->error != 0 || count != 2 ||
	    iov[1].iov_len < offsetof(struct fuse_init_out, max_background) || iov[1].iov_len > sizeof(init))
		return writev(fd, iov, count);
	memcpy(&init, iov[1].iov_base, iov[1].iov_len);
	init.flags |= s->init_flags;
	patched[0] = iov[0];
	patched[1] = (struct iovec){ .iov_base = &init, .iov_len = iov[1].iov_len };
	return writev(fd, patched, 2);
}

static const struct fuse_custom_io device_io = { .read = read_device, .writev = write_device };

static void
ended(struct kv_session *s)
{
	kv_loop_unwatch(&s->device); /* somebody unmounted it */
	kv_loop_stop(s->mount->loop);
}

/* Reading the device failed temporarily. Pause and try again, so that the mount survives. */
static void
rest(struct kv_session *s, int err)
{
	kv_log_event(KV_LOG_WARNING, "fuse", "errno=%s why=%s", kv_err_name(err),
	    "the FUSE device could not be read; it is tried again");
	if (kv_loop_rewatch(&s->device, 0) == 0)
		kv_timer_set(&s->again, AGAIN_MS);
}

static void
read_again(void *arg)
{
	struct kv_session *s = arg;

	if (kv_loop_rewatch(&s->device, EPOLLIN) != 0)
		kv_timer_set(&s->again, AGAIN_MS);
}

/* Take one request. False if none is waiting, or the session has ended. */
static bool
take_request(struct kv_session *s)
{
	const int n = fuse_session_receive_buf(s->fuse, &s->request);

	if (n == -EINTR || n == -EAGAIN)
		return false;
	if (n < 0 && n != -ENODEV && n != -ECONNABORTED) {
		rest(s, n);
		return false;
	}
	s->n_received++;
	if (n > 0)
		fuse_session_process_buf(s->fuse, &s->request);
	if (n > 0 && !fuse_session_exited(s->fuse))
		return true;
	ended(s);
	return false;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* In sanitized builds: assert the invariants from time to time. */
static void
check_invariants(struct kv_session *s)
{
#ifdef __SANITIZE_ADDRESS__
	if (s->ns_answered - s->ns_checked > CHECK_NS) {
		kv_mount_check(s->mount);
		s->ns_checked = s->ns_answered;
	}
#else
	(void)s;
#endif
}

/*
 * Sleeping in epoll costs more than answering, so after an answer we poll the device for about 50 us
 * (measured: 1.3 to 1.9 times the files per second for a program that reads cached files in sequence). Polling
 * costs CPU time. So we do not poll while requests to a vault are in flight, because programs wait for the vault
 * then, nor shortly after: the last part of a first archive is read from the cache in less than a second, and the
 * polls were 10 % of the CPU time of 2,000 objects.
 */
static int
max_tries(struct kv_session *s)
{
	const int64_t ns = now_ns();

	if (!kv_mount_is_idle(s->mount))
		s->ns_busy = ns;
	return ns - s->ns_answered < FAST_NS && ns - s->ns_busy >= QUIET_NS ? MAX_TRIES : 1;
}

static void
device_ready(void *arg, uint32_t ready)
{
	struct kv_session *s = arg;
	const int tries = max_tries(s);
	int n_tries = tries;

	(void)ready;
	for (int n = 0; n < MAX_REQUESTS && n_tries > 0 && s->device.fd >= 0; n_tries--)
		if (take_request(s)) {
			n++;
			n_tries = tries;
		} else if (n_tries > 1) {
			sched_yield(); /* to the program, if it shares our CPU */
		}
	s->ns_answered = now_ns();
	check_invariants(s);
}

/* ---- the mount ---- */

/*
 * Collects libfuse's messages during the mount. libfuse's logging callback has no argument, hence the global.
 */
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

/* Mount and capture stderr, because fusermount3 is a separate program that writes to it. */
static int
mount_quietly(struct kv_session *s, struct kv_buf *words)
{
	const int saved = dup(STDERR_FILENO), room = memfd_create("fusermount", MFD_CLOEXEC);
	char text[512];
	ssize_t n;
	int err;

	if (saved >= 0 && room >= 0)
		dup2(room, STDERR_FILENO);
	fuse_words = words;
	err = fuse_session_mount(s->fuse, s->mount->settings->mountpoint);
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

/* Create libfuse's session with these mount options, or none if NULL. */
static int
begin(struct kv_session *s, struct kv_mount *m, const char *options, struct kv_buf *words)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int err = 0;

	*s = (struct kv_session){ .mount = m, .device.fd = -1 };
	m->session = s;
	kv_timer_init(&s->again, m->loop, read_again, s);
	if (fuse_opt_add_arg(&args, "kvfs") != 0 ||
	    (options != NULL && fuse_opt_add_arg(&args, options) != 0))
		err = -ENOMEM;
	fuse_set_log_func(keep_fuse_words);
	fuse_words = words;
	if (err == 0 && (s->fuse = fuse_session_new(&args, &kv_ops, sizeof(kv_ops), m)) == NULL)
		err = -EINVAL;
	fuse_words = NULL;
	fuse_opt_free_args(&args);
	return err;
}

static int
watch(struct kv_session *s, int fd)
{
	const int err = fuse_session_custom_io(s->fuse, &device_io, fd);

	if (err != 0)
		return err;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return kv_loop_watch(s->mount->loop, &s->device, fd, EPOLLIN, device_ready, s);
}

static int
mount_options(const struct kv_settings *o, struct kv_buf *text)
{
	int err = kv_buf_puts(text, "-ofsname=");

	for (const char *c = o->source; err == 0 && *c != '\0'; c++)
		err = kv_buf_printf(text, "%s%c", *c == ',' || *c == '\\' ? "\\" : "", *c);
	if (err != 0)
		return err;
	return kv_buf_printf(text, ",subtype=kvfs,nosuid,nodev%s%s%s%s%s", o->is_read_only ? ",ro" : "",
	    o->allow_other ? ",allow_other" : "", o->allow_root ? ",allow_root" : "",
	    o->allow_other || o->allow_root ? ",default_permissions" : "", o->kernel);
}

int
kv_session_mount(struct kv_session *s, struct kv_mount *m, struct kv_buf *why)
{
	const struct kv_settings *o = m->settings;
	struct kv_buf text, words;
	int err;

	kv_buf_init(&text, 2048);
	kv_buf_init(&words, 512);
	err = mount_options(o, &text);
	if (err == 0)
		err = begin(s, m, kv_buf_str(&text), &words);
	kv_mountinfo_top(o->mountpoint, s->below);
	if (err == 0)
		err = mount_quietly(s, &words);
	if (err == 0) {
		s->is_mounted = true;
		kv_mountinfo_top(o->mountpoint, s->mounted_device);
		m->wall_mounted = kv_clock_wall_s();
		err = watch(s, fuse_session_fd(s->fuse));
	}
	if (err != 0) {
		kv_buf_say(why, "cannot mount on %s: %s", o->mountpoint,
		    words.len > 0 ? kv_buf_str(&words) : strerror(-err));
		if (strstr(kv_buf_str(&words), "fuse device not found") != NULL)
			kv_buf_say(why, " (modprobe fuse)");
	}
	kv_buf_release(&text);
	kv_buf_release(&words);
	return err;
}

int
kv_session_attach(struct kv_session *s, struct kv_mount *m, int fd)
{
	const int err = begin(s, m, NULL, NULL);

	return err != 0 ? err : watch(s, fd);
}

/*
 * libfuse unmounts whatever is mounted at the path. After umount -l, or with another mount on top of ours,
 * that would be somebody else's mount. Ours ends when the device is closed, or stays below as a dead mount.
 * An automounter's trap, which was there before, shows that ours is unmounted.
 */
static bool
is_covered(const struct kv_session *s)
{
	const char *mountpoint = s->mount->settings->mountpoint;
	char device[KV_DEVICE_LEN];

	kv_mountinfo_top(mountpoint, device);
	if (device[0] == '\0' || strcmp(device, s->mounted_device) == 0)
		return false;
	if (strcmp(device, s->below) == 0)
		return true;
	kv_log_event(KV_LOG_WARNING, "fuse", "mountpoint=%s why=%s", mountpoint,
	    "something else is mounted there now: it is left alone");
	return true;
}

void
kv_session_unmount(struct kv_session *s)
{
	if (s->mount == NULL)
		return;
	kv_loop_unwatch(&s->device);
	kv_timer_stop(&s->again);
	if (s->is_mounted && !is_covered(s))
		fuse_session_unmount(s->fuse);
	if (s->fuse != NULL)
		fuse_session_destroy(s->fuse);
	s->fuse = NULL;
	s->mount->session = NULL;
	free(s->request.mem);
	s->request.mem = NULL;
}

void
kv_session_invalidate(struct kv_node *node)
{
	const struct kv_session *s = node->tree->mount->session;

	if (s != NULL)
		fuse_lowlevel_notify_inval_inode(s->fuse, kv_tree_number(node), -1, 0);
}
