/*
 * Blobs on disk: FOLDER/VAULT.blobs/TYPE/UPPER-CASED-NAME.
 *
 * A blob is written to a file of another name, which is then renamed. This needs no fsync: a file that a
 * crash has truncated has another digest, and the blob is fetched again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/blob/disk.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"

#define MODULE	   "disk"
#define MAX_NEWEST 16  /* objects updated in the same second */
#define WRITING_S  600 /* an older file that still has its temporary name was left by a crash */

struct kv_disk {
	int folders[KV_TYPES]; /* descriptors */
	bool keeps_all;
	int64_t wall_newest[KV_TYPES]; /* when the newest were updated; INT64_MAX: unknown, or too many */
	bool has_logged;
};

/* ---- files ---- */

static void
log_failure(struct kv_disk *d, const struct kv_object *object, int err)
{
	if (d->has_logged)
		return;
	d->has_logged = true;
	kv_log_event(KV_LOG_WARNING, MODULE, "object=%s/%s errno=%s why=%s", kv_type_name(object->type),
	    object->name, kv_err_name(err), "its blob cannot be kept on disk (logged once)");
}

static int
write_file(int folder, const char *name, const struct kv_blob *blob)
{
	const int fd =
	    openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	size_t done = 0;
	int err = fd >= 0 ? 0 : -errno;

	while (err == 0 && done < blob->len) {
		const ssize_t n = write(fd, blob->data + done, blob->len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			err = -errno;
	}
	if (fd >= 0 && close(fd) != 0 && err == 0)
		err = -errno;
	return err;
}

void
kv_disk_put(struct kv_disk *d, const struct kv_object *object, const struct kv_blob *blob)
{
	const int folder = d->folders[object->type];
	char name[KV_NAME_MAX + 32];
	int err;

	snprintf(name, sizeof(name), "%s.%ld", object->key, (long)getpid());
	err = write_file(folder, name, blob);
	if (err == 0 && renameat(folder, name, folder, object->key) != 0)
		err = -errno;
	if (err != 0) {
		(void)unlinkat(folder, name, 0);
		log_failure(d, object, err);
	}
}

struct kv_blob *
kv_disk_get(struct kv_disk *d, const struct kv_object *object)
{
	/* O_NONBLOCK: a FIFO that somebody else put there must not block the loop */
	const int fd =
	    openat(d->folders[object->type], object->key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct kv_blob *blob = NULL;
	struct kv_buf data;
	struct stat st;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	kv_buf_init(&data, KV_BLOB_MAX);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == object->size &&
	    kv_buf_reserve(&data, (size_t)st.st_size) == 0) {
		while (n > 0 && data.len < (size_t)st.st_size) {
			n = read(fd, data.data + data.len, (size_t)st.st_size - data.len);
			data.len += n > 0 ? (size_t)n : 0;
		}
		if (data.len == (size_t)st.st_size && kv_blob_new(&data, &blob) == 0 &&
		    memcmp(blob->digest, object->digest, KV_DIGEST_LEN) != 0) {
			kv_blob_unref(blob);
			blob = NULL;
		}
	}
	kv_buf_release(&data);
	close(fd);
	return blob;
}

bool
kv_disk_has(const struct kv_disk *d, const struct kv_object *object)
{
	struct stat st;

	return fstatat(d->folders[object->type], object->key, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size == object->size;
}

void
kv_disk_drop(struct kv_disk *d, const struct kv_object *object)
{
	(void)unlinkat(d->folders[object->type], object->key, 0);
}

/*
 * Whether file is a NAME.PID that neither this mount nor another one of the vault has written to for a
 * while.
 */
static bool
is_left_behind(int folder, const char *file)
{
	char name[KV_NAME_MAX + 1];
	const size_t n = strcspn(file, ".");
	struct stat st;

	if (n >= sizeof(name) || file[n] == '\0' || file[n + 1 + strspn(file + n + 1, "0123456789")] != '\0')
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)n, file);
	return kv_type_is_name(name) && fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    kv_clock_wall_s() - st.st_mtim.tv_sec > WRITING_S;
}

void
kv_disk_prune(struct kv_disk *d, enum kv_type type, bool (*is_listed)(const void *arg, const char *key),
    const void *arg)
{
	const int copy = openat(d->folders[type], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if ((kv_type_is_name(entry->d_name) && !is_listed(arg, entry->d_name)) ||
		    is_left_behind(d->folders[type], entry->d_name))
			(void)unlinkat(d->folders[type], entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	else if (copy >= 0)
		close(copy);
}

/* ---- which blobs are kept ---- */

bool
kv_disk_keeps(const struct kv_disk *d, const struct kv_object *object)
{
	return d != NULL && object->has_digest && object->kind == KV_KIND_BLOB &&
	    (d->keeps_all || object->wall_updated >= d->wall_newest[object->type]);
}

struct newest {
	size_t n;
	const char *keys[MAX_NEWEST];
};

static bool
is_newest(const void *arg, const char *key)
{
	const struct newest *newest = arg;

	for (size_t i = 0; i < newest->n; i++)
		if (strcmp(newest->keys[i], key) == 0)
			return true;
	return false;
}

static int64_t
newest_updated(struct kv_object *const *objects, size_t n)
{
	int64_t wall = 0;

	for (size_t i = 0; i < n; i++)
		wall = objects[i]->wall_updated > wall ? objects[i]->wall_updated : wall;
	return wall;
}

void
kv_disk_keep_newest(struct kv_disk *d, enum kv_type type, struct kv_object *const *objects, size_t n)
{
	const int64_t wall = newest_updated(objects, n);
	struct newest newest = { .n = 0 };

	if (d->keeps_all)
		return;
	d->wall_newest[type] = wall;
	for (size_t i = 0; i < n; i++) {
		if (objects[i]->wall_updated < wall)
			continue;
		if (newest.n == MAX_NEWEST) {
			d->wall_newest[type] = INT64_MAX;
			newest.n = 0;
			break;
		}
		newest.keys[newest.n++] = objects[i]->key;
	}
	kv_disk_prune(d, type, is_newest, &newest);
}

/* ---- creating, freeing ---- */

static int
open_folder(const char *path)
{
	const int made = mkdir(path, 0700), err = errno;
	int fd;

	if (made != 0 && err != EEXIST)
		return -err;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int
kv_disk_new(const char *folder, const char *vault, bool keeps_all, struct kv_disk **disk, struct kv_buf *why)
{
	struct kv_disk *d = calloc(1, sizeof(*d));
	char path[4096] = "";
	int err = d != NULL ? 0 : -ENOMEM, fd;

	*disk = NULL;
	if (err != 0)
		return err;
	d->keeps_all = keeps_all;
	for (int t = 0; t < KV_TYPES; t++) {
		d->folders[t] = -1;
		d->wall_newest[t] = INT64_MAX;
	}
	for (int t = -1; err == 0 && t < KV_TYPES; t++) {
		snprintf(path, sizeof(path), "%s/%s.blobs%s%s", folder, vault, t >= 0 ? "/" : "",
		    t >= 0 ? kv_type_name((enum kv_type)t) : "");
		fd = open_folder(path);
		if (fd < 0)
			err = fd;
		else if (t >= 0)
			d->folders[t] = fd;
		else
			close(fd);
	}
	if (err != 0) {
		kv_buf_say(why, "%s: %s", path, strerror(-err));
		kv_disk_free(d);
		return err;
	}
	*disk = d;
	return 0;
}

void
kv_disk_free(struct kv_disk *d)
{
	if (d == NULL)
		return;
	for (int t = 0; t < KV_TYPES; t++)
		if (d->folders[t] >= 0)
			close(d->folders[t]);
	free(d);
}
