#include "fs/command/plan.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"
#include "fs/command/mounted.h"

#define MOST_MANIFEST ((size_t)256 << 20)

const char *
kv_plan_verdict_name(enum kv_verdict verdict)
{
	static const char *const names[KV_VERDICTS] = { "restore", "present", "differs", "deleted", "older" };

	return names[verdict];
}

void
kv_plan_say(const struct kv_plan *p, const struct kv_plan_item *i, struct kv_buf *text)
{
	const struct kv_archive_file *f = i->file;
	const char *type = kv_type_name(f->type);

	kv_buf_say(text, "%s", f->path);
	if (i->verdict == KV_VERDICT_DIFFERS)
		kv_buf_say(text, ": the vault has a state of %s, the archive one of %s",
		    i->there->updated[0] != '\0' ? i->there->updated : "unknown time",
		    i->updated[0] != '\0' ? i->updated : "unknown time");
	else if (i->verdict == KV_VERDICT_DELETED)
		kv_buf_say(text, ": deleted; to recover it: mv %s/deleted/%s/%s %s/%s/", p->mount, type,
		    f->name, p->mount, type);
	else if (i->verdict == KV_VERDICT_OLDER)
		kv_buf_say(text, ": the archive has a newer file of %s/%s", type, f->name);
}

/* ---- what there is ---- */

static int
say_error(const char *what, int err, const struct kv_buf *why)
{
	if (why->len > 0)
		fprintf(stderr, "kvfs: %s\n", kv_buf_str(why));
	else
		fprintf(stderr, "kvfs: %s: %s\n", what, strerror(-err));
	return err;
}

/* The manifest beside the archive; *is_there is false without one. */
static int
read_kept(const struct kv_plan_options *o, struct kv_plan *p, bool *is_there, struct kv_buf *why)
{
	char path[2][PATH_MAX];
	struct kv_buf text;
	int err = -ENOENT;

	kv_buf_init(&text, MOST_MANIFEST);
	snprintf(path[0], sizeof(path[0]), "%s%s", o->manifest != NULL ? o->manifest : p->archive.root,
	    o->manifest != NULL ? "" : "/manifest");
	snprintf(path[1], sizeof(path[1]), "%s.manifest", p->archive.root);
	for (int i = 0; (err == -ENOENT || err == -ENOTDIR) && i < (o->manifest != NULL ? 1 : 2); i++) {
		err = kv_mounted_read_file(path[i], &text);
		if (err != 0 && err != -ENOENT && err != -ENOTDIR)
			kv_buf_say(why, "%s: %s", path[i], strerror(-err));
		if (err == 0) {
			kv_buf_say(why, "%s ", path[i]);
			err = kv_inventory_parse(kv_buf_str(&text), text.len, &p->kept, why);
		}
	}
	kv_buf_release(&text);
	*is_there = err == 0;
	if (err == 0)
		kv_buf_clear(why);
	return (err == -ENOENT || err == -ENOTDIR) && o->manifest == NULL ? 0 : err;
}

static int
read_there(struct kv_plan *p, const char *given, struct kv_buf *why)
{
	struct kv_buf text;
	int err;

	kv_buf_init(&text, MOST_MANIFEST);
	err = kv_mounted_read(p->mount, "manifest-now", &text);
	if (err == 0) {
		kv_buf_say(why, "%s/.kvfs/manifest-now ", given);
		err = kv_inventory_parse(kv_buf_str(&text), text.len, &p->there, why);
		if (err == -EBADMSG)
			(void)say_error(given, err, why);
	} else {
		kv_mounted_say_why(given, p->mount, err);
	}
	kv_buf_release(&text);
	return err;
}

static int
compare_names(const void *a, const void *b)
{
	return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static int
read_deleted_type(struct kv_plan *p, enum kv_type type)
{
	char path[PATH_MAX + 32];
	const struct dirent *entry;
	size_t n = 0;
	DIR *folder;
	int err = 0;

	snprintf(path, sizeof(path), "%s/deleted/%s", p->mount, kv_type_name(type));
	folder = opendir(path);
	if (folder == NULL)
		return 0;
	while (err == 0 && (errno = 0, entry = readdir(folder)) != NULL) {
		char **names;

		if (entry->d_name[0] == '.')
			continue;
		names = reallocarray(p->deleted[type], n + 1, sizeof(*names));
		if (names != NULL) {
			p->deleted[type] = names;
			names[n] = strdup(entry->d_name);
		}
		err = names != NULL && names[n] != NULL ? 0 : -ENOMEM;
		p->n_deleted[type] = n += err == 0;
	}
	if (err == 0 && errno != 0)
		err = -errno;
	closedir(folder);
	if (err == 0 && n > 0)
		qsort(p->deleted[type], n, sizeof(char *), compare_names);
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

/* The state of the file is that of its manifest, or its own time, which rsync -a, cp -a and tar keep. */
static void
find_state(const struct kv_plan *p, struct kv_plan_item *i)
{
	const struct kv_archive_file *f = i->file;
	const struct kv_inventory_entry *kept = kv_inventory_find(&p->kept, f->type, f->name);

	kv_inventory_time(f->wall_modified, i->updated);
	i->there = kv_inventory_find(&p->there, f->type, f->name);
	if (i->there != NULL && strcmp(i->there->updated, i->updated) == 0)
		return;
	if (kept != NULL)
		memcpy(i->updated, kept->updated, sizeof(i->updated));
}

static void
judge(struct kv_plan *p, struct kv_plan_item *i)
{
	i->verdict = KV_VERDICT_RESTORE;
	if (!i->file->has_type)
		return;
	find_state(p, i);
	if (i->there != NULL)
		i->verdict =
		    strcmp(i->there->updated, i->updated) == 0 ? KV_VERDICT_PRESENT : KV_VERDICT_DIFFERS;
	else if (is_deleted(p, i->file))
		i->verdict = KV_VERDICT_DELETED;
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
	p->items = calloc(p->archive.n + 1, sizeof(*p->items));
	if (p->items == NULL)
		return -ENOMEM;
	p->n = p->archive.n;
	for (size_t i = 0; i < p->n; i++)
		p->items[i].file = &p->archive.files[i];
	qsort(p->items, p->n, sizeof(*p->items), compare_objects);
	for (size_t i = 0; i < p->n; i++) {
		if (i > 0 && is_same_object(&p->items[i - 1], &p->items[i]))
			p->items[i].verdict = KV_VERDICT_OLDER;
		else
			judge(p, &p->items[i]);
		p->count[p->items[i].verdict]++;
	}
	return 0;
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

static int
read_all(const struct kv_plan_options *o, struct kv_plan *p, struct kv_buf *why)
{
	bool is_there;
	int err = kv_archive_read(o->archive, &p->archive, why);

	if (err == 0)
		err = kv_archive_select(&p->archive, o->paths, o->n_paths, why);
	if (err == 0 && p->archive.n == 0) {
		kv_buf_say(why, "%s has no file NAME.blob", o->archive);
		err = -ENOENT;
	}
	if (err == 0)
		err = read_kept(o, p, &is_there, why);
	if (err == 0)
		err = kv_mounted_find(o->mount, p->mount);
	if (err != 0)
		return say_error(o->mount, err, why);
	err = read_there(p, o->mount, why);
	for (int t = 0; err == 0 && t < KV_TYPES; t++)
		if (has_type(p, (enum kv_type)t))
			err = read_deleted_type(p, (enum kv_type)t);
	return err;
}

int
kv_plan_make(const struct kv_plan_options *o, struct kv_plan *p)
{
	struct kv_buf why;
	int err;

	memset(p, 0, sizeof(*p));
	kv_buf_init(&why, PATH_MAX + 512);
	err = read_all(o, p, &why);
	if (err == 0)
		err = judge_all(p);
	if (err == -ENOMEM)
		fprintf(stderr, "kvfs: out of memory\n");
	kv_buf_release(&why);
	return err;
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
	kv_inventory_release(&p->there);
	kv_inventory_release(&p->kept);
	kv_archive_release(&p->archive);
}
