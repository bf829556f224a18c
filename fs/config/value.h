#ifndef KV_FS_CONFIG_VALUE_H
#define KV_FS_CONFIG_VALUE_H
/*
 * The value of one option, as text and as a member of struct kv_settings. Everything specific to a kind of
 * option (enum kv_option_kind) is in this module.
 */
#include "client/base/err.h"

struct kv_buf;
struct kv_given;
struct kv_option;
struct kv_settings;

/*
 * Parse text and store it in settings. -EINVAL if it is not a value of that kind or is out of range, -ENOMEM.
 * A string in settings points to text or is owned by keeper.
 */
int kv_value_parse(const struct kv_option *option, const char *text, struct kv_given *keeper,
    struct kv_settings *settings) KV_MUST_CHECK;
/* Path if it is absolute, otherwise a string owned by keeper. NULL: out of memory. */
const char *kv_value_absolute(const char *path, struct kv_given *keeper);
/* Append what a value of option must be: "a whole number from 1 to 1000". */
void kv_value_say_right(const struct kv_option *option, struct kv_buf *why);
/* Set out to the value in effect as a user would write it, or to "(what happens without one)". */
void kv_value_say(const struct kv_option *option, const struct kv_settings *settings, struct kv_buf *out);
/*
 * Append to a sentence about path, a KV_OPTION_SECRET given as name: where it was looked for, if name is bare and no such
 * file exists.
 */
void kv_value_say_bare(const char *name, const char *path, struct kv_buf *why);
#endif
