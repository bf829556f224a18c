#ifndef KV_FS_CONFIG_VALUE_H
#define KV_FS_CONFIG_VALUE_H
/*
 * The value of one option, as text and as a member of struct kv_settings. What is particular to a kind of
 * option (enum kv_option_kind) is here and nowhere else.
 */
#include "client/base/err.h"

struct kv_buf;
struct kv_given;
struct kv_option;
struct kv_settings;

/*
 * Store what text says. -EINVAL if it is no value of that kind or out of bounds, -ENOMEM. A string in settings is text
 * itself, or belongs to keeper.
 */
int kv_value_parse(const struct kv_option *option, const char *text, struct kv_given *keeper,
    struct kv_settings *settings) KV_MUST_CHECK;
/* What a value of option must be: "a whole number from 1 to 1000". */
void kv_value_say_right(const struct kv_option *option, struct kv_buf *why);
/* out becomes the value in effect, as a user could write it, or "(what happens without one)". */
void kv_value_say(const struct kv_option *option, const struct kv_settings *settings, struct kv_buf *out);
#endif
