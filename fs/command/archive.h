#ifndef KV_FS_COMMAND_ARCHIVE_H
#define KV_FS_COMMAND_ARCHIVE_H
/*
 * An archive: a tree of files NAME.blob, as cp, rsync or tar make it of a mount. The type of an object is the nearest
 * folder called keys, secrets or certificates, as in restore/; the archive's own folder and those above it count too.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/base/err.h"
#include "client/vault/type.h"

struct kv_buf;

struct kv_archive_file {
	char *path; /* below the archive; the name alone if the archive is a file */
	char *name; /* of the object, by the name of the file */
	bool has_type;
	enum kv_type type;
	int64_t wall_modified; /* Unix seconds: of the object's newest change, if the tool kept it */
	int64_t size;
};

struct kv_archive {
	char *root; /* absolute */
	bool is_file;
	struct kv_archive_file *files; /* by path */
	size_t n;
	size_t n_others; /* files that are no NAME.blob; hidden ones are not counted */
	size_t n_odd;	 /* what is called NAME.blob and is no file, or a link to none */
	char *odd;	 /* the first of these */
};

/*
 * Reads the names and attributes of all files, and of those that links lead to; links to folders are not followed. -errno and a sentence in why. Release archive in
 * any case.
 */
int kv_archive_read(const char *root, struct kv_archive *archive, struct kv_buf *why) KV_MUST_CHECK;
/*
 * Keep only the files that a path names, or that are below one. -ENOENT and a sentence in why: a path names nothing.
 */
int kv_archive_select(
    struct kv_archive *archive, char *const paths[], int n_paths, struct kv_buf *why) KV_MUST_CHECK;
void kv_archive_release(struct kv_archive *archive);
/* Store the absolute path of file in path. -ENAMETOOLONG. */
int kv_archive_path(const struct kv_archive *archive, const struct kv_archive_file *file, char *path,
    size_t size) KV_MUST_CHECK;
/* Append a name or path for a terminal: control characters, which could imitate other lines, become '?'. */
void kv_archive_say(struct kv_buf *text, const char *name);
#endif
