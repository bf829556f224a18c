#include "fs/command/archive.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/command/misnamed.h"

#define SUFFIX	 ".blob"
#define MOST_WHY (PATH_MAX + 200)

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

/* Room for one more in an array of n elements. */
static void *
grow(void *array, size_t n, size_t size)
{
	return (n & (n - 1)) == 0 ? reallocarray(array, n > 0 ? 2 * n : 1, size) : array;
}

static int
add_odd(struct kv_archive *a, const char *path, const char *why)
{
	struct kv_archive_odd *odd = grow(a->odd, a->n_odd, sizeof(*odd));

	if (odd == NULL)
		return -ENOMEM;
	a->odd = odd;
	odd = &a->odd[a->n_odd++];
	*odd = (struct kv_archive_odd){ .path = strdup(path), .why = strdup(why) };
	return odd->path != NULL && odd->why != NULL ? 0 : -ENOMEM;
}

/* A file that is no NAME.blob: such as a README, or a blob that must not be lost unseen. */
static int
add_misnamed(struct kv_archive *a, const char *path, const char *absolute, const struct stat *st)
{
	const size_t len = strlen(path), suffix = strlen(SUFFIX);
	bool is_blob = len > suffix && strcasecmp(path + len - suffix, SUFFIX) == 0;
	int err = is_blob ? 0 : kv_misnamed_look(absolute, st->st_size, &is_blob);

	if (err == 0 && is_blob)
		return add_odd(a, path,
		    "a blob, and its name does not end in .blob: rename it, or copy it into restore/");
	a->n_others++;
	return err;
}

static int
add_file(struct kv_archive *a, const char *path, const char *file_name, const char *absolute,
    const struct stat *st)
{
	struct kv_archive_file f = { .wall_modified = st->st_mtim.tv_sec, .size = st->st_size };
	struct kv_archive_file *files;
	int err = object_name(file_name, &f.name);

	if (err == 0 && f.name == NULL)
		return add_misnamed(a, path, absolute, st);
	files = err == 0 ? grow(a->files, a->n, sizeof(*files)) : NULL;
	if (files != NULL)
		a->files = files;
	f.path = files != NULL ? strdup(path) : NULL;
	if (f.path == NULL) {
		free(f.name);
		return -ENOMEM;
	}
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

/* Whether what is at path, absolute and without links, was read where it is. */
static bool
is_read(const struct kv_archive *a, const char *path)
{
	const size_t len = strlen(a->root);

	if (strncmp(path, a->root, len) != 0)
		return false;
	path += len > 1 ? len : 0;
	return *path == '\0' || (*path == '/' && strstr(path, "/.") == NULL);
}

/* It is not followed: it can lead anywhere, also to one above it. */
static int
add_folder_link(struct kv_archive *a, const FTSENT *e)
{
	char *target = realpath(e->fts_path, NULL);
	struct kv_buf why;
	int err = 0;

	kv_buf_init(&why, MOST_WHY);
	if (target == NULL || !is_read(a, target)) {
		kv_buf_say(&why, "a link to a directory, which is not followed: run the command for ");
		kv_archive_say(&why, target != NULL ? target : "its target");
		kv_buf_say(&why, ", too");
		err = add_odd(a, path_below(a, e), kv_buf_str(&why));
	}
	kv_buf_release(&why);
	free(target);
	return err;
}

/* A link to a file is that file, as in an archive of git-annex. Anything else that is called a blob must not be lost unseen. */
static int
add_other(struct kv_archive *a, const FTSENT *e)
{
	struct stat st;
	char *name;
	int err;

	if (stat(e->fts_path, &st) == 0 && S_ISREG(st.st_mode))
		return add_file(a, path_below(a, e), e->fts_name, e->fts_path, &st);
	if (e->fts_info == FTS_SL && stat(e->fts_path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder_link(a, e);
	err = object_name(e->fts_name, &name);
	if (err != 0 || name == NULL)
		return err;
	free(name);
	return add_odd(a, path_below(a, e), "not a file, or a link to none");
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
		return add_file(a, path_below(a, e), e->fts_name, e->fts_path, e->fts_statp);
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

static void
free_odd(struct kv_archive_odd *odd)
{
	free(odd->path);
	free(odd->why);
}

void
kv_archive_release(struct kv_archive *a)
{
	for (size_t i = 0; i < a->n; i++)
		free_file(&a->files[i]);
	for (size_t i = 0; i < a->n_odd; i++)
		free_odd(&a->odd[i]);
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

struct selection {
	const struct kv_archive *archive;
	char *const *paths;
	int n;
	bool *is_used; /* of each path */
};

static bool
is_selected(struct selection *s, const char *path)
{
	bool is_below_one = s->n == 0;

	for (int k = 0; k < s->n; k++)
		if (is_below(path, relative(s->archive, s->paths[k])))
			is_below_one = s->is_used[k] = true;
	return is_below_one;
}

static void
keep_selected(struct kv_archive *a, struct selection *s)
{
	size_t n = 0, n_odd = 0;

	for (size_t i = 0; i < a->n; i++)
		if (is_selected(s, a->files[i].path))
			a->files[n++] = a->files[i];
		else
			free_file(&a->files[i]);
	a->n = n;
	for (size_t i = 0; i < a->n_odd; i++)
		if (is_selected(s, a->odd[i].path))
			a->odd[n_odd++] = a->odd[i];
		else
			free_odd(&a->odd[i]);
	a->n_odd = n_odd;
}

int
kv_archive_select(struct kv_archive *a, char *const paths[], int n_paths, struct kv_buf *why)
{
	struct selection s = { .archive = a,
		.paths = paths,
		.n = n_paths,
		.is_used = calloc((size_t)n_paths + 1, sizeof(bool)) };
	int err = 0;

	if (s.is_used == NULL)
		return -ENOMEM;
	keep_selected(a, &s);
	for (int k = 0; err == 0 && k < n_paths; k++)
		if (!s.is_used[k]) {
			kv_buf_say(why, "%s has no blob called %s or below it", a->root, paths[k]);
			err = -ENOENT;
		}
	free(s.is_used);
	return err;
}

/* ---- one vault at one time ---- */

/* The length of the path of the folder that has the nearest one of keys, secrets and certificates; -1: there is none. */
static int
base_length(const char *path)
{
	const char *folder = path, *slash;
	int len = -1;

	for (; (slash = strchr(folder, '/')) != NULL; folder = slash + 1) {
		char name[16];
		enum kv_type type;

		if ((size_t)(slash - folder) >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(slash - folder), folder);
		if (kv_type_parse(name, &type) == 0)
			len = folder > path ? (int)(folder - path) - 1 : 0;
	}
	return len;
}

/* Whether both are below one folder. One that is below none in the archive is below the archive, or above. */
static bool
has_same_base(const struct kv_archive_file *x, const struct kv_archive_file *y)
{
	const int n = base_length(x->path), m = base_length(y->path);

	return (n > 0 ? n : 0) == (m > 0 ? m : 0) && (n <= 0 || strncmp(x->path, y->path, (size_t)n) == 0);
}

static int
compare_by_object(const void *a, const void *b)
{
	const struct kv_archive_file *x = *(struct kv_archive_file *const *)a,
				     *y = *(struct kv_archive_file *const *)b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return strcasecmp(x->name, y->name);
}

static void
say_several(const struct kv_archive *a, const char *given, const struct kv_archive_file *x,
    const struct kv_archive_file *y, struct kv_buf *why)
{
	const struct kv_archive_file *deeper = base_length(x->path) > 0 ? x : y;
	char folder[PATH_MAX], latest[PATH_MAX + 32];
	size_t len = strlen(given);

	while (len > 1 && given[len - 1] == '/')
		len--;
	snprintf(folder, sizeof(folder), "%.*s", base_length(deeper->path), deeper->path);
	snprintf(latest, sizeof(latest), "%s/latest/manifest", a->root);
	kv_buf_say(why, "%s has several files of %s/", given, kv_type_name(x->type));
	kv_archive_say(why, x->name);
	kv_buf_say(why, ", ");
	kv_archive_say(why, x->path);
	kv_buf_say(why, " and ");
	kv_archive_say(why, y->path);
	kv_buf_say(why, ": name the directory of one vault and one state, as in %.*s/", (int)len, given);
	kv_archive_say(why, access(latest, F_OK) == 0 ? "latest" : folder);
}

int
kv_archive_check_one(const struct kv_archive *a, const char *given, struct kv_buf *why)
{
	const struct kv_archive_file **files = calloc(a->n + 1, sizeof(*files));
	size_t n = 0;
	int err = 0;

	if (files == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < a->n; i++)
		if (a->files[i].has_type)
			files[n++] = &a->files[i];
	qsort(files, n, sizeof(*files), compare_by_object);
	for (size_t i = 1; err == 0 && i < n; i++) {
		if (compare_by_object(&files[i - 1], &files[i]) == 0 &&
		    !has_same_base(files[i - 1], files[i])) {
			say_several(a, given, files[i - 1], files[i], why);
			err = -ENOTUNIQ;
		}
	}
	free(files);
	return err;
}

void
kv_archive_folder(const struct kv_archive *a, char path[PATH_MAX])
{
	const struct kv_archive_file *first = NULL;
	char file[PATH_MAX];

	snprintf(path, PATH_MAX, "%s", a->root);
	for (size_t i = 0; i < a->n; i++) {
		if (!a->files[i].has_type)
			continue;
		if (first != NULL && !has_same_base(first, &a->files[i]))
			return;
		first = &a->files[i];
	}
	if (first != NULL && kv_archive_path(a, first, file, sizeof(file)) == 0)
		snprintf(path, PATH_MAX, "%.*s", base_length(file), file);
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
