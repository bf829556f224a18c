#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "fs/config/mountpoint.h"
#include "fs/mount/fusermount.h"
#include "fs/mount/mountinfo.h"

#define ANSWER_MS 3000 /* a kvfs that answers no statfs for so long is stopped or hangs, and is not dead */
#define LOCK_MS	  3000
#define LOCK_STEP 20

enum state { FREE, LIVE, DEAD };

/* A directory that is held by a descriptor (O_PATH): what is found out about it stays true of it. */
struct place {
	int fd;
	char path[PATH_MAX]; /* absolute, without links */
	struct kv_mountinfo info;
	enum state state;
};

/* ---- live or dead ---- */

/* In a process of its own: statfs waits for the kvfs of that mount, which may be stopped. */
static void
ask(int fd, int answer)
{
	struct statfs fs;
	char word;

	/* not the lock, nor anything else that would outlive its owner here */
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(answer, STDOUT_FILENO) < 0 || close_range(3, ~0U, 0) != 0)
		_exit(1);
	word = fstatfs(STDIN_FILENO, &fs) != 0 && errno == ENOTCONN ? 'd' : 'l';
	_exit(write(STDOUT_FILENO, &word, 1) == 1 ? 0 : 1);
}

/* Any doubt is LIVE, because nobody's work must be cut off. */
static enum state
find_state(int fd)
{
	struct pollfd p = { .events = POLLIN };
	enum state state = LIVE;
	int ends[2];
	pid_t child;
	char word;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return LIVE;
	child = fork();
	if (child == 0)
		ask(fd, ends[1]);
	close(ends[1]);
	p.fd = ends[0];
	if (child > 0 && poll(&p, 1, ANSWER_MS) == 1 && read(ends[0], &word, 1) == 1 && word == 'd')
		state = DEAD;
	close(ends[0]);
	if (child > 0) {
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, p.revents != 0 ? 0 : WNOHANG);
	}
	return state;
}

/* ---- looking ---- */

static int
say_unusable(const char *given, int err, struct kv_buf *why)
{
	if (err == ENOENT)
		kv_buf_say(why, "the mount point %s does not exist: create it with mkdir", given);
	else if (err == ENOTCONN)
		kv_buf_say(why,
		    "the mount point %s is inside of a dead mount (its kvfs was killed): unmount that with "
		    "fusermount3 -uz first",
		    given);
	else
		kv_buf_say(why, "the mount point %s cannot be used: %s", given, strerror(err));
	return -EINVAL;
}

/* Without asking the file system that is mounted there, because that may be a kvfs which does not answer. */
static int
look(const char *given, struct place *p, struct kv_buf *why)
{
	char link[64];
	ssize_t n;
	int err;

	*p = (struct place){ .state = FREE, .info.user = -1 };
	p->fd = open(given, O_PATH | O_CLOEXEC);
	if (p->fd < 0)
		return say_unusable(given, errno, why);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", p->fd);
	n = readlink(link, p->path, sizeof(p->path) - 1);
	p->path[n > 0 ? n : 0] = '\0';
	err = n > 0 ? kv_mountinfo_of(p->fd, &p->info) : -errno;
	if (err == -ENOMEM)
		return err;
	if (n <= 0 || (err != 0 && err != -ENOENT)) {
		kv_buf_say(why, "what is mounted on %s cannot be found out, because /proc cannot be read: %s",
		    given, strerror(-err));
		return -EINVAL;
	}
	if (err == 0 && strcmp(p->info.type, KV_KVFS_TYPE) == 0)
		p->state = p->info.user == (long)geteuid() ? find_state(p->fd) : LIVE;
	return 0;
}

static int
refuse_live(const struct place *p, const char *given, struct kv_buf *why)
{
	const struct passwd *owner = getpwuid((uid_t)p->info.user);

	if (strcmp(p->path, p->info.folder) != 0)
		kv_buf_say(why,
		    "the mount point %s is inside of a mount of kvfs, on %s: choose another directory", given,
		    p->info.folder);
	else if (p->info.user == (long)geteuid())
		kv_buf_say(why, "the mount point %s is in use by another kvfs: kvfs umount %s", given, given);
	else if (owner != NULL)
		kv_buf_say(why,
		    "the mount point %s is in use by a kvfs of the user %s: only that user or root can unmount it",
		    given, owner->pw_name);
	else
		kv_buf_say(why, "the mount point %s is in use by a kvfs of another user", given);
	return -EINVAL;
}

/* A directory that may not be listed counts as empty. */
static bool
is_empty(int at)
{
	const int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry = NULL;

	if (folder == NULL && fd >= 0)
		close(fd);
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			break;
	if (folder != NULL)
		closedir(folder);
	return entry == NULL;
}

static int
check(const struct place *p, const char *given, bool may_hide, struct kv_buf *why)
{
	struct stat st;

	if (p->state == LIVE)
		return refuse_live(p, given, why);
	if (p->state == DEAD)
		return strcmp(p->path, p->info.folder) == 0 ? 0 : say_unusable(given, ENOTCONN, why);
	if (fstat(p->fd, &st) != 0 && errno == ENOTCONN) {
		kv_buf_say(
		    why, "the mount point %s is a dead mount of %s: unmount that first", given, p->info.type);
		return -EINVAL;
	}
	if (fstat(p->fd, &st) != 0)
		return say_unusable(given, errno, why);
	if (!S_ISDIR(st.st_mode)) {
		kv_buf_say(why, "the mount point %s is not a directory", given);
		return -EINVAL;
	}
	if (may_hide || is_empty(p->fd))
		return 0;
	kv_buf_say(why,
	    "the mount point %s is not empty, and the mount would hide what is in it: take an empty directory, or "
	    "-o nonempty",
	    given);
	return -EINVAL;
}

int
kv_mountpoint_find(const char *given, bool may_hide, char **absolute, struct kv_buf *why)
{
	struct place p;
	int err = look(given, &p, why);

	*absolute = NULL;
	if (err == 0)
		err = check(&p, given, may_hide, why);
	if (err == 0 && (*absolute = strdup(p.path)) == NULL)
		err = -ENOMEM;
	if (p.fd >= 0)
		close(p.fd);
	return err;
}

/* ---- taking ---- */

/*
 * Two starts at once must not both see the dead mount: the second would unmount the first one's new mount. They lock
 * the directory above. Who else locks it can only delay a start.
 */
static int
lock_parent(const char *absolute)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP * 1000000L };
	const int64_t mono_end = kv_clock_mono_ms() + LOCK_MS;
	char parent[PATH_MAX], *slash;
	int fd;

	snprintf(parent, sizeof(parent), "%s", absolute);
	slash = strrchr(parent, '/');
	if (slash == NULL)
		return -1;
	slash[slash == parent] = '\0';
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && kv_clock_mono_ms() < mono_end)
		(void)nanosleep(&step, NULL);
	return fd;
}

/* Exactly the mount that was found dead: by its descriptor; or if we may not, by fusermount3 under the lock. */
static int
unmount_dead(const struct place *p, struct kv_buf *notes, struct kv_buf *why)
{
	char link[64];
	int err;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", p->fd);
	err = umount2(link, MNT_DETACH) == 0 ? 0 : kv_fusermount_unmount(p->path, true);
	if (err == 0)
		kv_buf_say(notes, "%s%s was a dead mount, whose kvfs was killed: it is unmounted",
		    notes->len > 0 ? "; " : "", p->path);
	else
		kv_buf_say(why,
		    "the mount point %s is a dead mount (its kvfs was killed), and cannot be unmounted: "
		    "fusermount3 -uz %s",
		    p->path, p->path);
	return err == 0 ? 0 : -EINVAL;
}

int
kv_mountpoint_take(const char *absolute, bool may_hide, int *lock, struct kv_buf *notes, struct kv_buf *why)
{
	struct place p;
	int err;

	*lock = lock_parent(absolute);
	err = look(absolute, &p, why);
	while (
	    err == 0 && p.state == DEAD && strcmp(p.path, p.info.folder) == 0) { /* one may cover another */
		err = unmount_dead(&p, notes, why);
		close(p.fd);
		p.fd = -1;
		if (err == 0)
			err = look(absolute, &p, why);
	}
	if (err == 0)
		err = check(&p, absolute, may_hide, why);
	if (p.fd >= 0)
		close(p.fd);
	return err;
}
