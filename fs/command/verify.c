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
#include "fs/command/manifests.h"
#include "fs/command/mounted.h"
#include "fs/command/proof.h"

#define UNPROVED                                                                                  \
	"its SHA-256 is not that of the manifest, which may be of a later download: to be sure, " \
	"remove the file and archive again"
#define UNPROVED_FILE                                                                           \
	"neither its time nor its SHA-256 is that of the manifest, which describes the files: " \
	"look for another copy, or archive again"
#define UNPROVED_GONE                                                                                 \
	"its SHA-256 is not that of the manifest, and the vault does not have it any more: keep it, " \
	"and look for another copy"
#define UNKNOWN_FORM                                                                                   \
	"no form of blob that kvfs recognises, and no manifest has its SHA-256: only a restore shows " \
	"whether it is one"

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
check_file(struct kv_verify *v, const struct kv_archive_file *f, struct kv_proof *proof, bool *is_damaged)
{
	const struct kv_proof_base base = { .archive = &v->archive,
		.kept = &v->kept,
		.there = &v->there,
		.has_known_forms = v->has_known_forms };
	struct kv_buf why;
	int err;

	kv_buf_init(&why, sizeof(v->items->why));
	err = kv_proof_find(&base, f, proof, &why);
	*is_damaged = err != 0 && err != -ENOMEM;
	if (*is_damaged)
		err = add(v, KV_FINDING_DAMAGED, f->type, f->name, f, kv_buf_str(&why));
	kv_buf_release(&why);
	return err;
}

/* ---- objects and their newest files ---- */

static int
compare_objects(const void *a, const void *b)
{
	const struct kv_archive_file *const *x = a, *const *y = b;

	if ((*x)->type != (*y)->type)
		return (*x)->type < (*y)->type ? -1 : 1;
	return strcasecmp((*x)->name, (*y)->name);
}

/* By type and name, the newest first. */
static int
compare_files(const void *a, const void *b)
{
	const struct kv_archive_file *const *x = a, *const *y = b;
	const int order = compare_objects(a, b);

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
    const struct kv_archive_file **whole, struct kv_proof *proof)
{
	bool is_damaged = true;
	int err = 0;

	*whole = NULL;
	for (size_t i = 0; err == 0 && i < n && *whole == NULL; i++) {
		err = check_file(v, files[i], proof, &is_damaged);
		if (err == 0 && !is_damaged)
			*whole = files[i];
	}
	return err;
}

/* What speaks against a file of the state that the vault has; NULL: nothing. */
static const char *
doubt(const struct kv_verify *v, const struct kv_proof *proof)
{
	if (proof->kind == KV_PROOF_THERE)
		return NULL;
	if (proof->kind == KV_PROOF_NONE)
		return UNKNOWN_FORM;
	if (v->is_other_vault)
		return v->other[0] != '\0' ?
		    "the archive is called as another vault, and nothing proves that this is the same object" :
		    "the manifest of the archive is of another vault, and nothing proves that this is the same object";
	return proof->kind == KV_PROOF_DOWNLOAD ? UNPROVED : NULL;
}

/*
 * Each download has other bytes, but as many, unless two changes have the same second or the service has changed its
 * key. A manifest of the files proves that the file was downloaded so; else it can be that of another object.
 */
static int
judge_size(struct kv_verify *v, const struct kv_inventory_entry *object, const struct kv_archive_file *whole,
    const struct kv_proof *proof)
{
	char why[KV_VERIFY_WHY];

	if (object->size < 0 || object->size == proof->size) {
		v->n_whole++;
		v->n_by_form += proof->kind != KV_PROOF_THERE && proof->kind != KV_PROOF_KEPT;
		return 0;
	}
	snprintf(why, sizeof(why), "%lld bytes, %lld in the vault at the same time, %s: archive it again",
	    (long long)proof->size, (long long)object->size, object->updated);
	return add(v, proof->kind == KV_PROOF_KEPT ? KV_FINDING_CHANGED : KV_FINDING_UNPROVED, object->type,
	    object->name, whole, why);
}

/* A file is in another state than the object. A file that is newer than the object was copied without its time. */
static int
judge_other(struct kv_verify *v, const struct kv_inventory_entry *object, const struct kv_archive_file *whole,
    const struct kv_proof *proof)
{
	const bool is_newer = proof->kind != KV_PROOF_KEPT && object->updated[0] != '\0' &&
	    strcmp(proof->updated, object->updated) > 0;
	char why[KV_VERIFY_WHY];
	int err;

	if (proof->kind == KV_PROOF_NONE)
		return add(v, KV_FINDING_UNPROVED, object->type, object->name, whole, UNKNOWN_FORM);
	if (proof->kind == KV_PROOF_FILE && !is_newer)
		return add(v, KV_FINDING_UNPROVED, object->type, object->name, whole, UNPROVED_FILE);
	if (is_newer)
		snprintf(why, sizeof(why), "changed at %s, its file has a later time, %s", object->updated,
		    proof->updated);
	else
		snprintf(why, sizeof(why), "changed at %s, archived as of %s",
		    object->updated[0] != '\0' ? object->updated : "an unknown time", proof->updated);
	err = add(
	    v, is_newer ? KV_FINDING_UNPROVED : KV_FINDING_CHANGED, object->type, object->name, whole, why);
	if (err == 0 && is_newer) {
		v->items[v->n - 1].is_newer = true;
		v->n_newer++;
	}
	return err;
}

static int
judge(struct kv_verify *v, const struct kv_inventory_entry *object, const struct kv_archive_file *whole,
    const struct kv_proof *proof)
{
	const char *why;

	if (whole == NULL)
		return add(v, KV_FINDING_MISSING, object->type, object->name, NULL, "no file of it is whole");
	if (strcmp(proof->updated, object->updated) != 0)
		return judge_other(v, object, whole, proof);
	why = doubt(v, proof);
	return why != NULL ? add(v, KV_FINDING_UNPROVED, object->type, object->name, whole, why) :
			     judge_size(v, object, whole, proof);
}

/* The vault does not have the object. What cannot be archived again must be what the manifest describes. */
static int
judge_gone(
    struct kv_verify *v, const struct kv_archive_file *whole, const struct kv_proof *proof, bool has_mount)
{
	const bool is_doubted = proof->kind >= KV_PROOF_DOWNLOAD;

	return add(v, is_doubted ? KV_FINDING_UNPROVED : KV_FINDING_GONE, whole->type, whole->name, whole,
	    proof->kind == KV_PROOF_NONE ? UNKNOWN_FORM :
		is_doubted		 ? UNPROVED_GONE :
		has_mount		 ? "the vault does not have it any more" :
					   "it is not in the manifest");
}

/* What the archive had, by the manifest of its files, and neither it nor the vault has now. */
static int
find_lost(struct kv_verify *v, struct kv_archive_file *const *files, size_t n)
{
	int err = 0;

	for (size_t i = 0; err == 0 && v->kept.is_of_files && i < v->kept.n; i++) {
		const struct kv_inventory_entry *e = &v->kept.entries[i];
		struct kv_archive_file probe = { .type = e->type, .name = e->name };
		const struct kv_archive_file *key = &probe;

		if (e->sha256[0] == '\0' || !v->is_compared[e->type] ||
		    kv_inventory_find(&v->there, e->type, e->name) != NULL ||
		    (n > 0 && bsearch(&key, files, n, sizeof(*files), compare_objects) != NULL))
			continue;
		err = add(v, KV_FINDING_MISSING, e->type, e->name, NULL,
		    "the archive has no file of it any more, and neither has the vault");
	}
	return err;
}

/*
 * What a file is compared with: the vault, as far as the mount shows it, or else the manifest of the archive, which tells
 * damage and loss also of the types that the mount leaves out.
 */
static const struct kv_inventory *
base_of(const struct kv_verify *v, enum kv_type type, bool has_mount)
{
	return has_mount && v->is_compared[type] ? &v->there : &v->kept;
}

/* The object is in no list. Of a type that the mount does not show, it may well be in the vault. */
static int
judge_unlisted(
    struct kv_verify *v, const struct kv_archive_file *whole, const struct kv_proof *proof, bool has_mount)
{
	if (v->is_compared[whole->type])
		return judge_gone(v, whole, proof, has_mount);
	v->n_unchecked++;
	return 0;
}

/* The objects of the inventory, of the types for which it counts, that have no file. */
static int
find_missing(struct kv_verify *v, const struct kv_inventory *should, const bool *has_file, bool has_mount)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < should->n; i++) {
		const struct kv_inventory_entry *e = &should->entries[i];

		if (!has_file[i] && base_of(v, e->type, has_mount) == should)
			err = add(
			    v, KV_FINDING_MISSING, e->type, e->name, NULL, "the archive has no file of it");
	}
	return err;
}

/* The files of each object, sorted so that they follow each other, and then the objects without a file. */
static int
compare_all(struct kv_verify *v, struct kv_archive_file *const *files, size_t n_files, bool has_mount)
{
	bool *is_there = calloc(v->there.n + 1, sizeof(*is_there));
	bool *is_kept = calloc(v->kept.n + 1, sizeof(*is_kept));
	const struct kv_archive_file *whole;
	struct kv_proof proof;
	size_t n;
	int err = is_there != NULL && is_kept != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; err == 0 && i < n_files; i += n) {
		const struct kv_inventory *should = base_of(v, files[i]->type, has_mount);
		const struct kv_inventory_entry *object =
		    kv_inventory_find(should, files[i]->type, files[i]->name);

		for (n = 1; i + n < n_files && is_same_object(files[i], files[i + n]); n++)
			continue;
		if (object != NULL)
			(should == &v->there ? is_there : is_kept)[object - should->entries] = true;
		err = find_whole(v, files + i, n, &whole, &proof);
		if (err == 0 && object != NULL)
			err = judge(v, object, whole, &proof);
		else if (err == 0 && whole != NULL)
			err = judge_unlisted(v, whole, &proof, has_mount);
	}
	if (err == 0)
		err = find_missing(v, &v->there, is_there, has_mount);
	if (err == 0)
		err = find_missing(v, &v->kept, is_kept, has_mount);
	free(is_there);
	free(is_kept);
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
		if (v->archive.files[i].has_type)
			files[n++] = &v->archive.files[i];
		else
			v->archive.n_others++;
	if (n > 0)
		qsort(files, n, sizeof(*files), compare_files);
	err = kv_proof_has_known_forms(&v->archive, &v->has_known_forms);
	if (err == 0)
		err = compare_all(v, files, n, has_mount);
	if (err == 0 && has_mount)
		err = find_lost(v, files, n);
	free(files);
	return err;
}

/* ---- the whole ---- */

static int
read_archive(const char *given, struct kv_archive *archive)
{
	struct kv_buf why;
	int err;

	kv_buf_init(&why, 3 * PATH_MAX + 512);
	err = kv_archive_read(given, archive, &why);
	if (err != 0)
		fprintf(stderr, "kvfs: %s\n", why.len > 0 ? kv_buf_str(&why) : strerror(-err));
	kv_buf_release(&why);
	return err;
}

static int
check_one(const char *given, const struct kv_archive *archive)
{
	struct kv_buf why;
	int err;

	kv_buf_init(&why, 3 * PATH_MAX + 512);
	err = kv_archive_check_one(archive, given, &why);
	if (err != 0 && err != -ENOMEM)
		fprintf(stderr, "kvfs: %s\n", kv_buf_str(&why));
	kv_buf_release(&why);
	return err;
}

static void
find_other(struct kv_verify *v, const char *mount)
{
	if (v->kept.vault == NULL)
		kv_manifests_find_other(mount, &v->archive, v->other, sizeof(v->other));
	v->is_other_vault =
	    v->other[0] != '\0' || (v->kept.vault != NULL && strcasecmp(v->kept.vault, v->there.vault) != 0);
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
	if (err == 0)
		find_other(v, path);
	return err;
}

/* Of all states in an archive of kvfs-archive(8), older ones would hide what the newest lacks. */
static int
check_states(const struct kv_verify_options *o, const struct kv_verify *v)
{
	size_t len = strlen(o->archive);
	char path[PATH_MAX + 32];

	if (v->kept.vault != NULL || o->manifest != NULL)
		return 0;
	snprintf(path, sizeof(path), "%s/latest/manifest", v->archive.root);
	if (access(path, F_OK) != 0)
		return 0;
	while (len > 1 && o->archive[len - 1] == '/')
		len--;
	fprintf(stderr, "kvfs: %s has several states of a vault: did you mean %.*s/latest?\n", o->archive,
	    (int)len, o->archive);
	return -ENOENT;
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
	if (err == 0)
		err = check_states(o, v);
	if (err == 0 && o->manifest == NULL)
		err = check_one(o->archive, &v->archive);
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
	/* without a manifest of this vault nothing proves that it is the one that was archived */
	v->is_all_gone = err == 0 && o->mount != NULL && v->kept.vault == NULL && v->n_whole == 0 &&
	    v->count[KV_FINDING_GONE] > 0 && v->count[KV_FINDING_CHANGED] == 0 &&
	    v->count[KV_FINDING_UNPROVED] == 0;
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
