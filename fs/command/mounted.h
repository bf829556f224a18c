#ifndef KV_FS_COMMAND_MOUNTED_H
#define KV_FS_COMMAND_MOUNTED_H
/*
 * A mount as its user's programs see it: a subcommand reads the files of .kvfs/ in a process of its own, unknown to the
 * mount. A mount point is also the folder of one vault in a mount of several.
 */
#include <limits.h>
#include <stdbool.h>
#include "client/base/err.h"

struct kv_buf;

/*
 * Make the path absolute and resolve links. If the mount is another user's or its kvfs has exited, realpath() of the
 * mount point fails; then only its parent is resolved. -errno if there is no such path.
 */
int kv_mounted_find(const char *given, char path[PATH_MAX]) KV_MUST_CHECK;
/* Append the file .kvfs/NAME of the mount. -ENOENT: path is no mount of kvfs; -EFBIG; or the file's errno. */
int kv_mounted_read(const char *path, const char *name, struct kv_buf *text) KV_MUST_CHECK;
/* Whether path, as kv_mounted_find() has it, is a vault's folder in a mount of several, and name that of another one. */
bool kv_mounted_has_other(const char *path, const char *name);
/* Append a whole file. */
int kv_mounted_read_file(const char *path, struct kv_buf *text) KV_MUST_CHECK;
/* Print why kv_mounted_read() failed, in one line on stderr. given: the path as the user gave it. */
void kv_mounted_say_why(const char *given, const char *path, int err);
#endif
