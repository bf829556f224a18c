#include "fs/command/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/command/manifests.h"
#include "fs/command/mounted.h"
#include "fs/command/proof.h"

const char *
kv_plan_verdict_name(enum kv_verdict verdict)
{
	static const char *const names[KV_VERDICTS] = { "restore", "present", "differs", "deleted", "older",
		"unproved" };

	return names[verdict];
}

void
kv_plan_say(const struct kv_plan *p, const struct kv_plan_item *i, struct kv_buf *text)
{
	const struct kv_archive_file *f = i->file;
	const char *type = kv_type_name(f->type);

	kv_archive_say(text, f->path);
	if (i->verdict == KV_VERDICT_DIFFERS)
		kv_buf_say(text, ": the vault has a state of %s, the archive one of %s",
		    i->there->updated[0] != '\0' ? i->there->updated : "unknown time",
		    i->updated[0] != '\0' ? i->updated : "unknown time");
	else if (i->verdict == KV_VERDICT_DELETED)
		kv_buf_say(text, ": deleted; to recover it: mv %s/deleted/%s/%s %s/%s/", p->mount, type,
		    f->name, p->mount, type);
	else if (i->verdict == KV_VERDICT_UNPROVED && i->size != 0)
		kv_buf_say(text,
		    ": the vault has one of that name and time, but of %lld bytes, and the file has %lld",
		    (long long)i->there->size, (long long)i->size);
	else if (i->verdict == KV_VERDICT_UNPROVED)
		kv_buf_say(text,
		    ": the vault has one of that name and time, but the archive is of %s and nothing proves that it is the same",
		    p->other);
	else if (i->verdict == KV_VERDICT_PRESENT && i->needs_proof)
		kv_buf_say(text,
		    ": by name and time; because the archive is of %s, a restore asks the vault whether it was restored from this file",
		    p->other);
	else if (i->verdict == KV_VERDICT_OLDER)
		kv_buf_say(text, ": the archive has a newer file of this object");
}

/* ---- what there is ---- */

static int
compare_names(const void *a, const void *b)
{
	return strcasecmp(*(char *const *)a, *(char *const *)b);
}

/* 0 and NULL: the mount has no such list, or it may not be read. */
static int
open_deleted_type(const struct kv_plan *p, const char *path, DIR **folder)
{
	const int fd = openat(p->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd >= 0 ? 0 : -errno;

	*folder = fd >= 0 ? fdopendir(fd) : NULL;
	if (fd >= 0 && *folder == NULL) {
		err = -errno;
		close(fd);
	}
	return err == -ENOENT || err == -EACCES ? 0 : err;
}

static int
add_deleted(struct kv_plan *p, enum kv_type type, const char *name)
{
	const size_t n = p->n_deleted[type];
	char **names = reallocarray(p->deleted[type], n + 1, sizeof(*names));

	if (names == NULL)
		return -ENOMEM;
	p->deleted[type] = names;
	names[n] = strdup(name);
	if (names[n] == NULL)
		return -ENOMEM;
	p->n_deleted[type]++;
	return 0;
}

/* The failure is printed: without the list an object that was deleted meanwhile would be present. */
static int
read_deleted_type(const struct kv_plan_options *o, struct kv_plan *p, enum kv_type type)
{
	const struct dirent *entry = NULL;
	char path[64];
	DIR *folder;
	int err;

	snprintf(path, sizeof(path), "deleted/%s", kv_type_name(type));
	err = open_deleted_type(p, path, &folder);
	while (folder != NULL && err == 0) {
		errno = 0;
		entry = readdir(folder);
		if (entry == NULL) {
			err = -errno;
			break;
		}
		if (entry->d_name[0] != '.')
			err = add_deleted(p, type, entry->d_name);
	}
	if (folder != NULL)
		closedir(folder);
	if (err != 0)
		fprintf(stderr, "kvfs: %s/%s cannot be listed: %s; the reason is in %s/.kvfs/log\n", o->mount,
		    path, strerror(-err), o->mount);
	if (err == 0 && p->n_deleted[type] > 0)
		qsort(p->deleted[type], p->n_deleted[type], sizeof(char *), compare_names);
	return err;
}

static bool
is_deleted(const struct kv_plan *p, const struct kv_archive_file *f)
{
	return p->n_deleted[f->type] > 0 &&
	    bsearch(&f->name, p->deleted[f->type], p->n_deleted[f->type], sizeof(char *), compare_names) !=
	    NULL;
}

/* ---- verdicts ---- */

static int
find_proof(const struct kv_plan *p, const struct kv_archive_file *f, struct kv_proof *proof)
{
	const struct kv_proof_base base = { .archive = &p->archive, .kept = &p->kept, .there = &p->there };

	return kv_proof_find(&base, f, proof, NULL);
}

/*
 * The state of a file is its own time, which rsync -a, cp -a and tar keep, or that of a manifest which has the SHA-256 of
 * these bytes.
 */
static int
find_state(const struct kv_plan *p, struct kv_plan_item *i)
{
	const struct kv_archive_file *f = i->file;
	struct kv_proof proof;
	int err;

	kv_inventory_time(f->wall_modified, i->updated);
	i->there = kv_inventory_find(&p->there, f->type, f->name);
	if (i->there == NULL || strcmp(i->there->updated, i->updated) == 0)
		return 0;
	err = find_proof(p, f, &proof);
	if (err == 0)
		memcpy(i->updated, proof.updated, sizeof(i->updated));
	return err == -ENOMEM ? err : 0; /* a damaged file has its own time */
}

/* Each download has other bytes, but as many. */
static int
judge_size(const struct kv_plan *p, struct kv_plan_item *i)
{
	const struct kv_archive_file *f = i->file;
	struct kv_proof proof;
	int err;

	if (i->there->size < 0 || i->there->size == f->size)
		return 0;
	err = find_proof(p, f, &proof);
	if (err == -ENOMEM || (err == 0 && proof.blob_size == i->there->size))
		return err;
	i->size = f->size;
	i->needs_proof = true;
	i->verdict = KV_VERDICT_UNPROVED;
	return 0;
}

/* The list of the deleted objects was read later than that of the others. */
static int
judge(const struct kv_plan *p, struct kv_plan_item *i)
{
	int err;

	i->verdict = KV_VERDICT_RESTORE;
	if (!i->file->has_type)
		return 0;
	err = find_state(p, i);
	if (err != 0)
		return err;
	if (is_deleted(p, i->file)) {
		i->verdict = KV_VERDICT_DELETED;
		return 0;
	}
	if (i->there == NULL)
		return 0;
	i->verdict = strcmp(i->there->updated, i->updated) == 0 ? KV_VERDICT_PRESENT : KV_VERDICT_DIFFERS;
	if (i->verdict == KV_VERDICT_DIFFERS)
		return 0;
	i->needs_proof = p->other[0] != '\0';
	return i->needs_proof ? 0 : judge_size(p, i);
}

/* The object, and the newest file first. */
static int
compare_objects(const void *a, const void *b)
{
	const struct kv_plan_item *x = a, *y = b;
	int order;

	if (x->file->has_type != y->file->has_type)
		return x->file->has_type ? -1 : 1;
	if (x->file->has_type && x->file->type != y->file->type)
		return x->file->type > y->file->type ? -1 : 1; /* certificates are the last type */
	order = x->file->has_type ? strcasecmp(x->file->name, y->file->name) : 0;
	if (order != 0)
		return order;
	if (x->file->has_type && x->file->wall_modified != y->file->wall_modified)
		return x->file->wall_modified > y->file->wall_modified ? -1 : 1;
	return strcmp(x->file->path, y->file->path);
}

static bool
is_same_object(const struct kv_plan_item *x, const struct kv_plan_item *y)
{
	return x->file->has_type && y->file->has_type && x->file->type == y->file->type &&
	    strcasecmp(x->file->name, y->file->name) == 0;
}

static int
judge_all(struct kv_plan *p)
{
	int err = 0;

	p->items = calloc(p->archive.n + 1, sizeof(*p->items));
	if (p->items == NULL)
		return -ENOMEM;
	p->n = p->archive.n;
	for (size_t i = 0; i < p->n; i++)
		p->items[i].file = &p->archive.files[i];
	qsort(p->items, p->n, sizeof(*p->items), compare_objects);
	for (size_t i = 0; err == 0 && i < p->n; i++) {
		if (i > 0 && is_same_object(&p->items[i - 1], &p->items[i]))
			p->items[i].verdict = KV_VERDICT_OLDER;
		else
			err = judge(p, &p->items[i]);
		p->count[p->items[i].verdict]++;
	}
	if (err == -ENOMEM)
		fprintf(stderr, "kvfs: out of memory\n");
	return err;
}

/* ---- the whole ---- */

static bool
has_type(const struct kv_plan *p, enum kv_type type)
{
	for (size_t i = 0; i < p->archive.n; i++)
		if (p->archive.files[i].has_type && p->archive.files[i].type == type)
			return true;
	return false;
}

/* The names and times of the archive's files; the failure is printed. */
static int
read_archive(const struct kv_plan_options *o, struct kv_plan *p)
{
	struct kv_buf why;
	int err;

	kv_buf_init(&why, 3 * PATH_MAX + 512);
	err = kv_archive_read(o->archive, &p->archive, &why);
	if (err == 0)
		err = kv_archive_select(&p->archive, o->paths, o->n_paths, &why);
	if (err == 0)
		err = kv_archive_check_one(&p->archive, o->archive, &why);
	if (err == 0 && p->archive.n == 0 && p->archive.n_odd == 0) {
		kv_buf_say(&why, "%s has no file NAME.blob", o->archive);
		err = -ENOENT;
	}
	if (err != 0)
		fprintf(stderr, "kvfs: %s\n", why.len > 0 ? kv_buf_str(&why) : strerror(-err));
	kv_buf_release(&why);
	return err;
}

static int
find_mount(const char *given, char path[PATH_MAX])
{
	const int err = kv_mounted_find(given, path);

	if (err != 0)
		fprintf(stderr, "kvfs: %s: %s\n", given, strerror(-err));
	return err;
}

static int
say_errno(const char *given, int number)
{
	fprintf(stderr, "kvfs: %s: %s\n", given, strerror(number));
	return -number;
}

/* What was read by path is of the mount that is open. */
static int
check_same(const char *given, const struct kv_plan *p)
{
	struct stat open_one, now;

	if (fstat(p->fd, &open_one) == 0 && stat(p->mount, &now) == 0 && open_one.st_dev == now.st_dev &&
	    open_one.st_ino == now.st_ino)
		return 0;
	fprintf(stderr, "kvfs: %s was unmounted or mounted meanwhile: run the command again\n", given);
	return -EBUSY;
}

/* The archive's manifest is beside keys/, secrets/ and certificates/, also if only one of them was named. */
static int
read_kept(const struct kv_plan_options *o, struct kv_plan *p)
{
	char folder[PATH_MAX];
	int err = kv_manifests_kept(p->archive.root, o->manifest, &p->kept);

	kv_archive_folder(&p->archive, folder);
	if (err == 0 && p->kept.vault == NULL && strcmp(folder, p->archive.root) != 0)
		err = kv_manifests_kept(folder, NULL, &p->kept);
	return err;
}

/*
 * Whose archive it is. Without a manifest it is that of this vault, unless the mount has several and the archive is called
 * as the folder of another one.
 */
static void
find_other(struct kv_plan *p)
{
	if (p->kept.vault == NULL)
		kv_manifests_find_other(p->mount, &p->archive, p->other, sizeof(p->other));
	else if (strcasecmp(p->kept.vault, p->there.vault) != 0)
		snprintf(p->other, sizeof(p->other), "%s", p->kept.vault);
}

int
kv_plan_make(const struct kv_plan_options *o, struct kv_plan *p)
{
	int err;

	memset(p, 0, sizeof(*p));
	p->fd = -1;
	err = read_archive(o, p);
	if (err == 0)
		err = read_kept(o, p);
	if (err == 0)
		err = find_mount(o->mount, p->mount);
	if (err == 0 && (p->fd = open(p->mount, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		err = say_errno(o->mount, errno);
	if (err == 0)
		err = kv_manifests_now(o->mount, p->mount, &p->there);
	if (err == 0)
		err = check_same(o->mount, p);
	if (err == 0)
		find_other(p);
	for (int t = 0; err == 0 && t < KV_TYPES; t++)
		if (has_type(p, (enum kv_type)t))
			err = read_deleted_type(o, p, (enum kv_type)t);
	return err == 0 ? judge_all(p) : err;
}

int
kv_plan_target(const struct kv_archive_file *f, char *path, size_t size)
{
	char below[PATH_MAX];
	bool has_type_in_path = false;
	char *rest = below, *folder;
	enum kv_type type;
	int n;

	snprintf(below, sizeof(below), "%s", f->path);
	while ((folder = strsep(&rest, "/")) != NULL)
		has_type_in_path = has_type_in_path || (rest != NULL && kv_type_parse(folder, &type) == 0);
	n = snprintf(path, size, "restore/%s%s%s",
	    f->has_type && !has_type_in_path ? kv_type_name(f->type) : "",
	    f->has_type && !has_type_in_path ? "/" : "", f->path);
	return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

size_t
kv_plan_count_left(const struct kv_plan *p)
{
	return p->archive.n_odd + p->count[KV_VERDICT_DIFFERS] + p->count[KV_VERDICT_DELETED];
}

void
kv_plan_prove(struct kv_plan *p)
{
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < p->n; i++) {
		struct kv_plan_item *item = &p->items[i];

		if (!item->needs_proof)
			continue;
		p->count[item->verdict]--;
		item->verdict = kv_plan_target(item->file, path, sizeof(path)) == 0 &&
			fstatat(p->fd, path, &st, 0) == 0 && st.st_size == item->file->size ?
		    KV_VERDICT_PRESENT :
		    KV_VERDICT_UNPROVED;
		p->count[item->verdict]++;
	}
}

void
kv_plan_release(struct kv_plan *p)
{
	for (int t = 0; t < KV_TYPES; t++) {
		for (size_t i = 0; i < p->n_deleted[t]; i++)
			free(p->deleted[t][i]);
		free(p->deleted[t]);
	}
	free(p->items);
	if (p->fd >= 0)
		close(p->fd);
	kv_inventory_release(&p->there);
	kv_inventory_release(&p->kept);
	kv_archive_release(&p->archive);
}
