/*
 * Reads MOUNTPOINT/.kvfs/status, or that of a vault's folder, as any program can: it is a separate process, unknown to
 * the mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "fs/command/status_cmd.h"
#include "fs/command/status_text.h"

#define FILE_NAME   "/.kvfs/status"
#define MOST_BYTES  ((size_t)1 << 20)
#define INTERVAL_MS 1000

/* ---- the mount ---- */

static int
read_all(const char *path, struct kv_buf *text)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char block[16384];
	ssize_t n = 0;
	int err = fd >= 0 ? 0 : -errno;

	while (err == 0 && (n = read(fd, block, sizeof(block))) > 0)
		err = kv_buf_append(text, block, (size_t)n);
	if (err == 0 && n < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/*
 * The type of the topmost file system mounted on path, which is absolute: "fuse.kvfs"; "" if nothing is
 * mounted.
 */
static void
mounted_type(const char *path, char *type, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *entry;

	type[0] = '\0';
	while (mounts != NULL && (entry = getmntent(mounts)) != NULL)
		if (strcmp(entry->mnt_dir, path) == 0)
			snprintf(type, size, "%s", entry->mnt_type);
	if (mounts != NULL)
		endmntent(mounts);
}

/*
 * The same for path, or for its parent: of several vaults in one mount, each has a folder in the mount point. Whether it
 * is the parent that is a mount of kvfs.
 */
static bool
find_type(const char *path, char *type, size_t size)
{
	char parent[PATH_MAX], *slash;

	mounted_type(path, type, size);
	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (type[0] != '\0' || slash == NULL || slash == parent)
		return false;
	*slash = '\0';
	mounted_type(parent, type, size);
	if (strcmp(type, "fuse.kvfs") != 0)
		type[0] = '\0';
	return type[0] != '\0';
}

/*
 * Make the path absolute and resolve links. If the mount is another user's or its kvfs has exited, realpath()
 * of the mount point fails; then only its parent is resolved.
 */
static int
find_path(const char *given, char path[PATH_MAX])
{
	char parent[PATH_MAX], *name, *found;
	size_t n;
	int err;

	if (realpath(given, path) != NULL)
		return 0;
	err = -errno;
	n = (size_t)snprintf(parent, sizeof(parent), "%s", given);
	if (n >= sizeof(parent))
		return -ENAMETOOLONG;
	while (n > 1 && parent[n - 1] == '/')
		parent[--n] = '\0';
	name = strrchr(parent, '/');
	if (name != NULL)
		*name++ = '\0';
	found = realpath(name == NULL ? "." : parent[0] == '\0' ? "/" : parent, path);
	n = found != NULL ? strlen(path) : 0;
	if (found == NULL ||
	    snprintf(path + n, PATH_MAX - n, "%s%s", path[n - 1] == '/' ? "" : "/",
		name != NULL ? name : parent) >= (int)(PATH_MAX - n))
		return err;
	return err == -EACCES || err == -ENOTCONN ? 0 : err;
}

static void
say_why(const char *given, const char *path, int err)
{
	char type[80];
	const bool is_inside = find_type(path, type, sizeof(type));

	if (is_inside && err == -ENOENT)
		fprintf(
		    stderr, "kvfs: %s is neither a mount point of kvfs nor a vault's folder in one\n", given);
	else if (type[0] == '\0')
		fprintf(stderr, "kvfs: nothing is mounted on %s\n", given);
	else if (strcmp(type, "fuse.kvfs") != 0)
		fprintf(stderr, "kvfs: %s is a mount of %s, not of kvfs\n", given, type);
	else if (err == -EACCES)
		fprintf(
		    stderr, "kvfs: the mount on %s is another user's: only who mounted it can ask\n", given);
	else if (err == -ENOTCONN)
		fprintf(stderr, "kvfs: the kvfs of %s has ended: fusermount3 -u it\n", given);
	else
		fprintf(stderr, "kvfs: the status of %s cannot be read: %s\n", given, strerror(-err));
}

/* Append the lines of one status to text. */
static int
read_status(const char *path, struct kv_status_watch *watch, struct kv_buf *text)
{
	char file[PATH_MAX + sizeof(FILE_NAME)], type[80];
	struct kv_buf json;
	int err;

	kv_buf_init(&json, MOST_BYTES);
	find_type(path, type, sizeof(type));
	snprintf(file, sizeof(file), "%s" FILE_NAME, path);
	err = strcmp(type, "fuse.kvfs") == 0 ? read_all(file, &json) : -ENOENT;
	if (err == 0)
		err = kv_status_text(kv_buf_str(&json), json.len, watch, kv_clock_mono_ms(), text);
	kv_buf_release(&json);
	return err;
}

/* ---- the screen ---- */

static volatile sig_atomic_t is_interrupted;

static void
interrupted(int number)
{
	(void)number;
	is_interrupted = 1;
}

/* No SA_RESTART, so that a signal ends the pause. */
static void
catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = interrupted };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)sigaction(numbers[i], &action, NULL);
}

/*
 * Write each line over the previous one and erase only the rest of it, to avoid flicker. Lines do not wrap,
 * and what does not fit on the screen is cut, because a screen that scrolls would show everything twice.
 */
static void
draw(char *lines)
{
	struct winsize size = { .ws_row = 0 };
	int n = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2)
		size.ws_row = 24;
	fputs("\033[H", stdout);
	for (char *line; (line = strsep(&lines, "\n")) != NULL && *line != '\0' && n < size.ws_row - 1; n++)
		printf("%s\033[K\n", line);
	fputs("\033[J", stdout);
	fflush(stdout);
}

/* Print once a second until a signal or the unmount. */
static int
watch(const char *path)
{
	const bool is_screen = isatty(STDOUT_FILENO);
	struct kv_status_watch seen = { .has_seen = false };
	struct kv_buf text;
	int err = 0;

	kv_buf_init(&text, MOST_BYTES);
	catch_signals();
	if (is_screen)
		fputs("\033[?25l\033[?7l", stdout); /* hide the cursor, do not wrap lines */
	while (err == 0 && !is_interrupted && !ferror(stdout)) {
		kv_buf_clear(&text);
		err = read_status(path, &seen, &text);
		if (err == 0 && is_screen)
			draw((char *)text.data);
		else if (err == 0)
			printf("%s\n", kv_buf_str(&text));
		fflush(stdout);
		if (err == 0 && !is_interrupted)
			(void)nanosleep(&(struct timespec){ .tv_sec = INTERVAL_MS / 1000 }, NULL);
	}
	if (is_screen)
		fputs("\033[?25h\033[?7h", stdout);
	fflush(stdout);
	kv_buf_release(&text);
	return seen.has_seen ? 0 : err;
}

static int
show(const char *path)
{
	struct kv_buf text;
	int err;

	kv_buf_init(&text, MOST_BYTES);
	err = read_status(path, NULL, &text);
	if (err == 0)
		fputs(kv_buf_str(&text), stdout);
	kv_buf_release(&text);
	return err;
}

int
kv_status_cmd(int argc, char *const argv[])
{
	const char *given = NULL;
	char path[PATH_MAX];
	bool is_watched = false, is_wrong = false;
	int err;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--watch") == 0)
			is_watched = true;
		else if (given == NULL && argv[i][0] != '-')
			given = argv[i];
		else
			is_wrong = true;
	}
	if (given == NULL || is_wrong) {
		fprintf(stderr, "usage: kvfs status MOUNTPOINT[/VAULT] [--watch]\n");
		return 1;
	}
	err = find_path(given, path);
	if (err != 0) {
		fprintf(stderr, "kvfs: %s: %s\n", given, strerror(-err));
		return 1;
	}
	err = is_watched ? watch(path) : show(path);
	if (err != 0)
		say_why(given, path, err);
	return err == 0 ? 0 : 1;
}
