/*
 * The status of a mount on a screen. It is read as any program reads it, from MOUNTPOINT/.kvfs/status,
 * so it runs as a process of its own and the mount does not know it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "fs/command/status_cmd.h"

#define FILE_NAME   "/.kvfs/status"
#define MOST_BYTES  ((size_t)1 << 20)
#define MOST_NUMBER 9007199254740992.0 /* 2^53 */

/* ---- members ---- */

/* What is missing or something else is nothing: another version of kvfs may say it in another way, or not at all. */
static double
number(const struct kv_json *object, const char *name)
{
	double value;

	return kv_json_number(object, name, &value) == 0 && fabs(value) < MOST_NUMBER ? value : 0;
}

static const struct kv_json *
first(const struct kv_json *array)
{
	return array != NULL ? kv_json_first(array) : NULL;
}

static const char *
string(const struct kv_json *object, const char *name)
{
	const char *value;

	return kv_json_string(object, name, &value) == 0 && value != NULL ? value : "";
}

static bool
is_true(const struct kv_json *object, const char *name)
{
	bool value = false;

	return kv_json_bool(object, name, &value) == 0 && value;
}

static const struct kv_json *
member(const struct kv_json *object, const char *name)
{
	const struct kv_json *value;

	return kv_json_member(object, name, &value) == 0 ? value : NULL;
}

/* ---- lines ---- */

static void
print_duration(double s)
{
	const int64_t n = (int64_t)s;

	if (n >= 86400)
		printf("%" PRId64 " d ", n / 86400);
	printf("%" PRId64 ":%02" PRId64 ":%02" PRId64, n / 3600 % 24, n / 60 % 60, n % 60);
}

static void
print_bytes(double n)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
	size_t i = 0;

	for (; n >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		n /= 1000;
	printf(i == 0 ? "%.0f %s" : "%.1f %s", n, units[i]);
}

static void
print_mount(const struct kv_json *root)
{
	printf("%s", string(root, "vault"));
	if (string(root, "region")[0] != '\0')
		printf(" (%s)", string(root, "region"));
	printf(", mounted for ");
	print_duration(number(root, "seconds"));
	printf("%s\n", is_true(root, "paused") ? "; the vault fails: only probes are sent" : "");
}

static void
print_objects(const struct kv_json *objects)
{
	static const char *const types[] = { "keys", "secrets", "certificates" };
	double hidden = 0;
	const char *comma = "";

	printf("objects     ");
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		const struct kv_json *type = member(objects, types[t]);

		if (type == NULL)
			continue;
		printf("%s%.0f %s", comma, number(type, "shown"), types[t]);
		if (string(type, "failure")[0] != '\0')
			printf(" (the list fails: %s)", string(type, "failure"));
		hidden += number(type, "not_shown");
		comma = ", ";
	}
	if (hidden > 0)
		printf("; %.0f not shown (.kvfs/skipped)", hidden);
	printf("\n");
}

static void
print_archive(const struct kv_json *archive)
{
	if (archive == NULL)
		return;
	printf("archive     %.0f of %.0f%s fetched, %.0f left, %.1f a second, ", number(archive, "fetched"),
	    number(archive, "known"), is_true(archive, "complete") ? "" : " or more", number(archive, "left"),
	    number(archive, "rate"));
	if (member(archive, "seconds_left") == NULL) {
		printf("time left unknown\n");
		return;
	}
	print_duration(number(archive, "seconds_left"));
	printf(" left\n");
}

static void
print_pace(const struct kv_json *pace)
{
	for (const struct kv_json *c = first(pace); c != NULL; c = kv_json_next(c)) {
		printf("pace        %-8s %.1f a second of %.1f", string(c, "class"), number(c, "served"),
		    number(c, "rate"));
		if (number(c, "limit") > 0)
			printf(" (the vault's limit: %.1f)", number(c, "limit"));
		printf(", %.0f under way of %.0f", number(c, "in_flight"), number(c, "window"));
		if (number(c, "hanging") > 0)
			printf(" (%.0f hang)", number(c, "hanging"));
		printf(", %.0f waiting", number(c, "queued"));
		if (number(c, "latency_ms") > 0)
			printf(", %.0f ms", number(c, "latency_ms"));
		printf("%s\n", is_true(c, "closed") ? "; stopped: only probes are sent" : "");
	}
}

static void
print_requests(const struct kv_json *requests)
{
	const char *comma = "";

	printf("requests    ");
	for (const struct kv_json *r = first(requests); r != NULL; r = kv_json_next(r)) {
		if (number(r, "count") == 0)
			continue;
		printf("%s%.0f %s", comma, number(r, "count"), string(r, "operation"));
		if (number(r, "status") == 0)
			printf(" without an answer");
		else if (number(r, "status") != 200)
			printf(" (%.0f)", number(r, "status"));
		comma = ", ";
	}
	printf("\n");
}

static void
print_cache(const struct kv_json *root)
{
	const struct kv_json *cache = member(root, "cache"), *ahead = member(root, "read_ahead"),
			     *files = member(root, "files");

	printf("cache       %.0f hits, %.0f misses, %.0f from disk; fetched %.0f, ", number(cache, "hits"),
	    number(cache, "misses"), number(cache, "from_disk"), number(cache, "fetched"));
	print_bytes(number(cache, "bytes_fetched"));
	printf("; kept ");
	print_bytes(number(cache, "bytes_in_memory"));
	printf(" in memory, ");
	print_bytes(number(cache, "bytes_spilled"));
	printf(" on disk\n");
	printf("read-ahead  %.0f streams, %.0f ahead; fetched %.0f, used %.0f\n", number(ahead, "streams"),
	    number(ahead, "window"), number(ahead, "fetched"), number(ahead, "used"));
	printf("files       %.0f read, %.0f restored, %.0f failed\n", number(files, "read"),
	    number(files, "restored"), number(files, "failed"));
}

static void
print_failures(const struct kv_json *failures)
{
	for (const struct kv_json *f = first(failures); f != NULL; f = kv_json_next(f))
		printf("%s\n", kv_json_as_string(f) != NULL ? kv_json_as_string(f) : "");
}

int
kv_status_cmd_print(const char *json, size_t len)
{
	struct kv_json *root;
	int err = kv_json_parse(json, len, &root);

	if (err != 0)
		return err;
	print_mount(root);
	print_objects(member(root, "objects"));
	print_archive(member(root, "archive"));
	print_pace(member(root, "pace"));
	print_requests(member(root, "requests"));
	print_cache(root);
	print_failures(member(root, "failures"));
	fflush(stdout);
	kv_json_free(root);
	return 0;
}

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

/* What is mounted on path, which is absolute: "fuse.kvfs", or "" for nothing. The topmost counts. */
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
 * Absolute, without links. Of a mount of another user nothing can be looked at: then only what leads
 * there is followed.
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

	mounted_type(path, type, sizeof(type));
	if (type[0] == '\0')
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

/* 0, or -errno and a sentence on stderr, but not with is_quiet. */
static int
show(const char *given, const char *path, bool is_watched, bool is_quiet)
{
	char file[PATH_MAX + sizeof(FILE_NAME)], type[80];
	struct kv_buf text;
	int err;

	kv_buf_init(&text, MOST_BYTES);
	mounted_type(path, type, sizeof(type));
	snprintf(file, sizeof(file), "%s" FILE_NAME, path);
	err = strcmp(type, "fuse.kvfs") == 0 ? read_all(file, &text) : -ENOENT;
	if (err == 0 && is_watched && isatty(STDOUT_FILENO))
		printf("\033[H\033[2J"); /* to the upper left corner, and clear */
	if (err == 0)
		err = kv_status_cmd_print(kv_buf_str(&text), text.len);
	if (err != 0 && !is_quiet)
		say_why(given, path, err);
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
		fprintf(stderr, "usage: kvfs status MOUNTPOINT [--watch]\n");
		return 1;
	}
	err = find_path(given, path);
	if (err != 0) {
		fprintf(stderr, "kvfs: %s: %s\n", given, strerror(-err));
		return 1;
	}
	err = show(given, path, is_watched, false);
	while (err == 0 && is_watched && !ferror(stdout)) {
		(void)sleep(1);
		if (show(given, path, true, true) != 0)
			break; /* it was unmounted */
	}
	return err == 0 ? 0 : 1;
}
