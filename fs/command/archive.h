#ifndef KV_FS_COMMAND_ARCHIVE_H
#define KV_FS_COMMAND_ARCHIVE_H
/*
 * An archive: a tree of files NAME.blob, as cp, rsync or tar make it of a mount. The type of an object is the nearest
 * folder called keys, secrets or certificates, as in restore/; the archive's own folder and those above it count too.
 */
#include <limits.h>
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

/* What cannot be used and is probably an object, or has some. */
struct kv_archive_odd {
	char *path; /* below the archive */
	char *why;
};

struct kv_archive {
	char *root; /* absolute */
	bool is_file;
	struct kv_archive_file *files; /* by path */
	size_t n;
	size_t n_others; /* files that are no NAME.blob and no blobs; hidden ones are not counted */
	struct kv_archive_odd *odd;
	size_t n_odd;
};

/*
 * Reads the names and attributes of all files, and of those that links lead to, and the bytes of files that are called
 * otherwise than NAME.blob. A link to a folder is not followed: if that is outside the archive, the link is odd. -errno
 * and a sentence in why. Release archive in any case.
 */
int kv_archive_read(const char *root, struct kv_archive *archive, struct kv_buf *why) KV_MUST_CHECK;
/*
 * Keep only the files and odd ones that a path names, or that are below one. -ENOENT and a sentence in why: a path names
 * nothing.
 */
int kv_archive_select(
    struct kv_archive *archive, char *const paths[], int n_paths, struct kv_buf *why) KV_MUST_CHECK;
/*
 * -ENOTUNIQ and a sentence in why: files of one object are below several folders keys, secrets or certificates, as in the
 * archive of several vaults or of several days, so which one is meant is unknown. -ENOMEM. given: the archive, as the
 * user gave it.
 */
int kv_archive_check_one(
    const struct kv_archive *archive, const char *given, struct kv_buf *why) KV_MUST_CHECK;
void kv_archive_release(struct kv_archive *archive);
/*
 * Store in path the folder that has the folders keys, secrets and certificates, if it is the same for all files that have
 * a type: the archive, a folder in it, or one above it. Else the archive.
 */
void kv_archive_folder(const struct kv_archive *archive, char path[PATH_MAX]);
/* Store the absolute path of file in path. -ENAMETOOLONG. */
int kv_archive_path(const struct kv_archive *archive, const struct kv_archive_file *file, char *path,
    size_t size) KV_MUST_CHECK;
/* Append a name or path for a terminal: control characters, which could imitate other lines, become '?'. */
void kv_archive_say(struct kv_buf *text, const char *name);
#endif
