#ifndef KV_FS_CONFIG_COMMAND_LINE_H
#define KV_FS_CONFIG_COMMAND_LINE_H
/*
 * The command line: letters, long options, the list after -o, and arguments. "--" ends the options.
 */
#include "client/base/buf.h"

struct kv_given;

/*
 * Takes all of it into given; the arguments are only kept, in their order. -EINVAL with a sentence in why that repeats
 * no value, which may be a secret; -ENOMEM.
 */
int kv_command_line_read(
    struct kv_given *given, int argc, char *const argv[], struct kv_buf *why) KV_MUST_CHECK;
#endif
