#include "fs/command/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/crypto.h"
#include "client/vault/backup.h"
#include "client/vault/blob.h"
#include "fs/command/manifests.h"
#include "fs/command/mounted.h"

#define UNPROVED                                                                                  \
	"its SHA-256 is not that of the manifest, which may be of a later download: to be sure, " \
	"remove the file and archive again"

const char *
kv_verify_name(enum kv_finding finding)
{
	static const char *const names[KV_FINDINGS] = { "missing", "damaged", "changed", "gone", "unproved" };

	return names[finding];
}

/* ---- findings ---- */

/* f NULL: there is no file. */
static int
add(struct kv_verify *v, enum kv_finding finding, enum kv_type type, const char *name,
    const struct kv_archive_file *f, const char *why)
{
	const size_t size = strlen(name) + 16;
	struct kv_verify_item *i;

	if ((v->n & (v->n - 1)) == 0) {
		struct kv_verify_item *items =
		    reallocarray(v->items, v->n > 0 ? 2 * v->n : 1, sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		v->items = items;
	}
	i = &v->items[v->n++];
	*i = (struct kv_verify_item){ .finding = finding, .object = malloc(size) };
	snprintf(i->why, sizeof(i->why), "%s", why);
	if (i->object != NULL)
		snprintf(i->object, size, "%s/%s", kv_type_name(type), name);
	if (f != NULL)
		i->path = strdup(f->path);
	v->count[finding]++;
	return i->object != NULL && (f == NULL || i->path != NULL) ? 0 : -ENOMEM;
}

/* ---- the content of a file ---- */

static int
read_blob(const struct kv_archive *a, const struct kv_archive_file *f, struct kv_blob **blob)
{
	char path[PATH_MAX];
	struct kv_buf data;
	int err = kv_archive_path(a, f, path, sizeof(path));

	*blob = NULL;
	kv_buf_init(&data, KV_BLOB_MAX);
	if (err == 0 && f->size > 0 && f->size <= (int64_t)KV_BLOB_MAX)
		err = kv_buf_reserve(&data, (size_t)f->size);
	if (err == 0)
		err = kv_mounted_read_file(path, &data);
	if (err == 0)
		err = kv_blob_new(&data, blob);
	kv_buf_release(&data);
	return err;
}

static void
write_hex(const unsigned char digest[KV_DIGEST_LEN], char text[2 * KV_DIGEST_LEN + 1])
{
	for (int i = 0; i < KV_DIGEST_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

/* What was found out about a file. */
struct checked {
	bool is_damaged;
	bool is_unproved;
	char updated[KV_INVENTORY_TIME]; /* of its state */
};

/* As kv_backup_check(), whose sentences are about an answer. */
static bool
check_form(const struct kv_archive_file *f, const struct kv_blob *blob, struct kv_buf *why)
{
	bool is_complete;
	const enum kv_blob_format format = kv_blob_look(blob->data, blob->len, &is_complete);

	if (kv_backup_check(blob, f->type, NULL) == 0)
		return true;
	if (!is_complete || (format != KV_BLOB_SECRET && format != KV_BLOB_KEY_OR_CERT))
		kv_buf_say(why, "a blob that is truncated or damaged, %zu bytes", blob->len);
	else
		kv_buf_say(why, "a blob of another type");
	return false;
}

/*
 * Append why the blob is not what the archive should have of this state; nothing if it is. The state is that of the
 * file's time, which tools keep; or that of the manifest, if the content is the manifest's.
 *
 * Each download of an object has other bytes. The manifest of a mount has the last one, which need not be the one that
 * was copied: only a manifest of the files themselves proves damage.
 */
static void
check_blob(const struct kv_verify *v, const struct kv_archive_file *f, const struct kv_blob *blob,
    struct checked *checked, struct kv_buf *why)
{
	const struct kv_inventory_entry *kept = kv_inventory_find(&v->kept, f->type, f->name);
	char sha256[2 * KV_DIGEST_LEN + 1];

	kv_inventory_time(f->wall_modified, checked->updated);
	if (!check_form(f, blob, why) || kept == NULL || kept->sha256[0] == '\0')
		return;
	write_hex(blob->digest, sha256);
	if ((int64_t)blob->len == kept->size && strcmp(sha256, kept->sha256) == 0)
		memcpy(checked->updated, kept->updated, sizeof(checked->updated));
	else if (strcmp(checked->updated, kept->updated) != 0)
		return; /* the manifest is about another state */
	else if (!v->kept.is_of_files)
		checked->is_unproved = true;
	else if ((int64_t)blob->len != kept->size)
		kv_buf_say(why, "%zu bytes, %lld in the manifest", blob->len, (long long)kept->size);
	else
		kv_buf_say(why, "its SHA-256 is not that of the manifest");
}

static int
check_file(struct kv_verify *v, const struct kv_archive_file *f, struct checked *checked)
{
	struct kv_blob *blob;
	struct kv_buf why;
	int err = read_blob(&v->archive, f, &blob);

	kv_buf_init(&why, sizeof(v->items->why));
	checked->is_unproved = false;
	if (err == 0)
		check_blob(v, f, blob, checked, &why);
	else if (err != -ENOMEM)
		kv_buf_say(&why, "%s", strerror(-err));
	checked->is_damaged = why.len > 0;
	if (checked->is_damaged)
		err = add(v, KV_FINDING_DAMAGED, f->type, f->name, f, kv_buf_str(&why));
	kv_buf_release(&why);
	kv_blob_unref(blob);
	return err;
}

/* ---- objects and their newest files ---- */

/* By type and name, the newest first. */
static int
compare_files(const void *a, const void *b)
{
	const struct kv_archive_file *const *x = a, *const *y = b;
	int order;

	if ((*x)->type != (*y)->type)
		return (*x)->type < (*y)->type ? -1 : 1;
	order = strcasecmp((*x)->name, (*y)->name);
	if (order != 0)
		return order;
	return (*x)->wall_modified != (*y)->wall_modified ?
	    ((*x)->wall_modified > (*y)->wall_modified ? -1 : 1) :
	    strcmp((*y)->path, (*x)->path);
}

static bool
is_same_object(const struct kv_archive_file *x, const struct kv_archive_file *y)
{
	return x->type == y->type && strcasecmp(x->name, y->name) == 0;
}

/*
 * The newest whole file of the object, among files[0 .. n); NULL: none is whole. A damaged one is a finding, and does
 * not hide an older one.
 */
static int
find_whole(struct kv_verify *v, struct kv_archive_file *const *files, size_t n,
    const struct kv_archive_file **whole, struct checked *checked)
{
	int err = 0;

	*whole = NULL;
	for (size_t i = 0; err == 0 && i < n && *whole == NULL; i++) {
		err = check_file(v, files[i], checked);
		if (err == 0 && !checked->is_damaged)
			*whole = files[i];
	}
	return err;
}

static int
judge(struct kv_verify *v, const struct kv_inventory_entry *object, const struct kv_archive_file *whole,
    const struct checked *checked)
{
	char why[160];

	if (whole == NULL)
		return add(v, KV_FINDING_MISSING, object->type, object->name, NULL, "no file of it is whole");
	if (strcmp(checked->updated, object->updated) == 0 && checked->is_unproved)
		return add(v, KV_FINDING_UNPROVED, object->type, object->name, whole, UNPROVED);
	if (strcmp(checked->updated, object->updated) == 0) {
		v->n_whole++;
		return 0;
	}
	snprintf(why, sizeof(why), "changed at %s, archived as of %s",
	    object->updated[0] != '\0' ? object->updated : "an unknown time", checked->updated);
	return add(v, KV_FINDING_CHANGED, object->type, object->name, whole, why);
}

/* The files of each object, sorted so that they follow each other, and then the objects without a file. */
static int
compare_all(struct kv_verify *v, struct kv_archive_file *const *files, size_t n_files,
    const struct kv_inventory *should, const char *gone)
{
	bool *has_file = calloc(should->n + 1, sizeof(*has_file));
	const struct kv_archive_file *whole;
	struct checked checked;
	size_t n;
	int err = has_file != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; err == 0 && i < n_files; i += n) {
		const struct kv_inventory_entry *object =
		    kv_inventory_find(should, files[i]->type, files[i]->name);

		for (n = 1; i + n < n_files && is_same_object(files[i], files[i + n]); n++)
			continue;
		if (object != NULL)
			has_file[object - should->entries] = true;
		err = find_whole(v, files + i, n, &whole, &checked);
		if (err == 0 && object != NULL)
			err = judge(v, object, whole, &checked);
		else if (err == 0 && whole != NULL && should->vault != NULL)
			err = add(v, KV_FINDING_GONE, whole->type, whole->name, whole, gone);
		else if (err == 0 && whole != NULL)
			v->n_whole++;
	}
	for (size_t i = 0; err == 0 && i < should->n; i++)
		if (!has_file[i])
			err = add(v, KV_FINDING_MISSING, should->entries[i].type, should->entries[i].name,
			    NULL, "the archive has no file of it");
	free(has_file);
	return err;
}

/* A file outside of keys/, secrets/ and certificates/ is of no object that could be named. */
static int
verify_all(struct kv_verify *v, bool has_mount)
{
	struct kv_archive_file **files = calloc(v->archive.n + 1, sizeof(*files));
	size_t n = 0;
	int err;

	if (files == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < v->archive.n; i++)
		if (v->archive.files[i].has_type && v->is_compared[v->archive.files[i].type])
			files[n++] = &v->archive.files[i];
		else
			v->archive.n_others++;
	if (n > 0)
		qsort(files, n, sizeof(*files), compare_files);
	err = compare_all(v, files, n, has_mount ? &v->there : &v->kept,
	    has_mount ? "the vault does not have it any more" : "it is not in the manifest");
	free(files);
	return err;
}

/* ---- the whole ---- */

static int
read_archive(const char *given, struct kv_archive *archive)
{
	struct kv_buf why;
	int err;

	kv_buf_init(&why, PATH_MAX + 512);
	err = kv_archive_read(given, archive, &why);
	if (err != 0)
		fprintf(stderr, "kvfs: %s\n", why.len > 0 ? kv_buf_str(&why) : strerror(-err));
	kv_buf_release(&why);
	return err;
}

static int
read_now(const char *given, struct kv_verify *v)
{
	char path[PATH_MAX], folder[PATH_MAX + 16];
	int err = kv_mounted_find(given, path);

	if (err != 0) {
		fprintf(stderr, "kvfs: %s: %s\n", given, strerror(-err));
		return err;
	}
	err = kv_manifests_now(given, path, &v->there);
	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		snprintf(folder, sizeof(folder), "%s/%s", path, kv_type_name((enum kv_type)t));
		v->is_compared[t] = access(folder, F_OK) == 0;
	}
	if (err == 0 && v->kept.vault != NULL && strcmp(v->kept.vault, v->there.vault) != 0)
		fprintf(stderr,
		    "kvfs: warning: the manifest of the archive is of %s, %s is %s: objects of the same name and time count as the same\n",
		    v->kept.vault, given, v->there.vault);
	return err;
}

int
kv_verify_make(const struct kv_verify_options *o, struct kv_verify *v)
{
	int err;

	memset(v, 0, sizeof(*v));
	for (int t = 0; t < KV_TYPES; t++)
		v->is_compared[t] = true;
	err = read_archive(o->archive, &v->archive);
	if (err == 0)
		err = kv_manifests_kept(v->archive.root, o->manifest, &v->kept);
	if (err == 0 && o->mount != NULL)
		err = read_now(o->mount, v);
	if (err == 0 && o->mount == NULL && v->kept.vault == NULL) {
		fprintf(stderr,
		    "kvfs: %s has no manifest, so what should be there is unknown: name a mount of the vault, or a manifest by -m\n",
		    o->archive);
		err = -ENOENT;
	}
	if (err == 0)
		err = verify_all(v, o->mount != NULL);
	if (err == -ENOMEM)
		fprintf(stderr, "kvfs: out of memory\n");
	return err;
}

void
kv_verify_release(struct kv_verify *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->items[i].object);
		free(v->items[i].path);
	}
	free(v->items);
	kv_inventory_release(&v->there);
	kv_inventory_release(&v->kept);
	kv_archive_release(&v->archive);
}
