#include "fs/command/archive.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/base/buf.h"

#define SUFFIX ".blob"

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct kv_archive_file *)a)->path, ((const struct kv_archive_file *)b)->path);
}

/* The type by the last of the folders in path that is called so. */
static bool
find_type(const char *path, enum kv_type *type)
{
	char folders[PATH_MAX], *rest = folders, *folder;
	bool has_type = false;
	enum kv_type t;

	snprintf(folders, sizeof(folders), "%s", path);
	rest = strrchr(folders, '/');
	if (rest == NULL)
		return false;
	*rest = '\0'; /* the last one is the file */
	rest = folders;
	while ((folder = strsep(&rest, "/")) != NULL)
		if (kv_type_parse(folder, &t) == 0) {
			*type = t;
			has_type = true;
		}
	return has_type;
}

/* "NAME.blob" to a copy of "NAME"; NULL and 0: it is no blob's name. */
static int
object_name(const char *file_name, char **name)
{
	const size_t len = strlen(file_name), suffix = strlen(SUFFIX);

	*name = NULL;
	if (len <= suffix || strcmp(file_name + len - suffix, SUFFIX) != 0)
		return 0;
	*name = strndup(file_name, len - suffix);
	return *name != NULL ? 0 : -ENOMEM;
}

static int
add_file(struct kv_archive *a, const char *path, const char *file_name, const struct stat *st)
{
	struct kv_archive_file f = { .wall_modified = st->st_mtim.tv_sec, .size = st->st_size };
	char absolute[PATH_MAX];
	int err = object_name(file_name, &f.name);

	if (err != 0 || f.name == NULL) {
		a->n_others++;
		return err;
	}
	if ((a->n & (a->n - 1)) == 0) {
		struct kv_archive_file *files =
		    reallocarray(a->files, a->n > 0 ? 2 * a->n : 1, sizeof(*files));

		if (files != NULL)
			a->files = files;
		err = files != NULL ? 0 : -ENOMEM;
	}
	f.path = err == 0 ? strdup(path) : NULL;
	if (f.path == NULL) {
		free(f.name);
		return -ENOMEM;
	}
	if (kv_archive_path(a, &f, absolute, sizeof(absolute)) == 0)
		f.has_type = find_type(absolute, &f.type);
	a->files[a->n++] = f;
	return 0;
}

/* Names that begin with a dot are those of programs, such as the unfinished files of rsync, and .kvfs/. */
static bool
is_hidden(const FTSENT *e)
{
	return e->fts_level > 0 && e->fts_name[0] == '.';
}

static const char *
path_below(const struct kv_archive *a, const FTSENT *e)
{
	const size_t len = strlen(a->root);

	return e->fts_level == 0 ? e->fts_name : e->fts_path + len + (a->root[len - 1] != '/');
}

/* A link to a file is that file, as in an archive of git-annex. Anything else that is called a blob must not be lost unseen. */
static int
add_other(struct kv_archive *a, const FTSENT *e)
{
	struct stat st;
	char *name;
	int err;

	if (stat(e->fts_path, &st) == 0 && S_ISREG(st.st_mode))
		return add_file(a, path_below(a, e), e->fts_name, &st);
	err = object_name(e->fts_name, &name);
	if (err != 0 || name == NULL)
		return err;
	free(name);
	if (a->n_odd++ == 0)
		a->odd = strdup(path_below(a, e));
	return a->odd != NULL ? 0 : -ENOMEM;
}

static int
add_entry(struct kv_archive *a, FTS *fts, FTSENT *e, struct kv_buf *why)
{
	switch (e->fts_info) {
	case FTS_D:
		if (is_hidden(e))
			(void)fts_set(fts, e, FTS_SKIP);
		return 0;
	case FTS_F:
		if (is_hidden(e))
			return 0;
		a->is_file = e->fts_level == 0;
		return add_file(a, path_below(a, e), e->fts_name, e->fts_statp);
	case FTS_SL:
	case FTS_SLNONE:
	case FTS_DEFAULT:
		return is_hidden(e) ? 0 : add_other(a, e);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		kv_buf_say(why, "%s: %s", e->fts_path, strerror(e->fts_errno));
		return -e->fts_errno;
	default:
		return 0;
	}
}

int
kv_archive_read(const char *root, struct kv_archive *a, struct kv_buf *why)
{
	char *roots[2] = { NULL, NULL };
	FTS *fts;
	FTSENT *e;
	int err = 0;

	*a = (struct kv_archive){ .root = realpath(root, NULL) };
	if (a->root == NULL) {
		err = -errno;
		kv_buf_say(why, "%s: %s", root, strerror(errno));
		return err;
	}
	roots[0] = a->root;
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (fts == NULL)
		return -errno;
	while (err == 0 && (errno = 0, e = fts_read(fts)) != NULL)
		err = add_entry(a, fts, e, why);
	if (err == 0 && errno != 0)
		err = -errno;
	(void)fts_close(fts);
	if (a->n > 0)
		qsort(a->files, a->n, sizeof(*a->files), compare);
	return err;
}

static void
free_file(struct kv_archive_file *f)
{
	free(f->path);
	free(f->name);
}

void
kv_archive_release(struct kv_archive *a)
{
	for (size_t i = 0; i < a->n; i++)
		free_file(&a->files[i]);
	free(a->files);
	free(a->odd);
	free(a->root);
	*a = (struct kv_archive){ .root = NULL };
}

/* ---- selecting ---- */

static bool
is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	while (len > 0 && folder[len - 1] == '/')
		len--;
	return len == 0 || (strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/'));
}

/* A path as the user gave it: below the archive, with or without the archive's own path before it. */
static const char *
relative(const struct kv_archive *a, const char *path)
{
	const size_t len = strlen(a->root);

	while (strncmp(path, "./", 2) == 0)
		path += 2;
	if (strncmp(path, a->root, len) == 0 && (path[len] == '/' || path[len] == '\0'))
		path += len;
	return *path == '/' ? path + 1 : path;
}

int
kv_archive_select(struct kv_archive *a, char *const paths[], int n_paths, struct kv_buf *why)
{
	bool *is_used = calloc((size_t)n_paths + 1, sizeof(*is_used));
	size_t n = 0;
	int err = is_used != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; err == 0 && i < a->n; i++) {
		bool is_selected = n_paths == 0;

		for (int k = 0; k < n_paths; k++)
			if (is_below(a->files[i].path, relative(a, paths[k])))
				is_selected = is_used[k] = true;
		if (is_selected)
			a->files[n++] = a->files[i];
		else
			free_file(&a->files[i]);
	}
	if (err == 0)
		a->n = n;
	for (int k = 0; err == 0 && k < n_paths; k++)
		if (!is_used[k]) {
			kv_buf_say(why, "%s has no blob called %s or below it", a->root, paths[k]);
			err = -ENOENT;
		}
	free(is_used);
	return err;
}

int
kv_archive_path(const struct kv_archive *a, const struct kv_archive_file *f, char *path, size_t size)
{
	const int n = a->is_file ? snprintf(path, size, "%s", a->root) :
				   snprintf(path, size, "%s/%s", a->root, f->path);

	return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

void
kv_archive_say(struct kv_buf *text, const char *name)
{
	for (; *name != '\0'; name++)
		kv_buf_say(text, "%c", (unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}
