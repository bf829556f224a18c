#ifndef KV_FS_OBJECT_TAKES_ALL_H
#define KV_FS_OBJECT_TAKES_ALL_H
/*
 * Whether a program reads each file that it lists, from its command line. Known are cp and tar, which read all names
 * of a folder before they open the first file: until then nothing else tells a copy of all from a selection.
 *
 * An option that may leave files out, or that is not known here, makes it a selection. So does an environment that
 * cannot be read, because TAR_OPTIONS may be in it: that of another user's process is only open to root.
 */
#include <stdbool.h>
#include <stddef.h>

struct kv_caller;

bool kv_takes_all(const struct kv_caller *caller);
/* The same, from words that each have a NUL after them, len bytes in all; the first is the program. For the tests. */
bool kv_takes_all_words(const char *command, const char *words, size_t len);
#endif
