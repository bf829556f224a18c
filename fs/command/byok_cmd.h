#ifndef KV_FS_COMMAND_BYOK_CMD_H
#define KV_FS_COMMAND_BYOK_CMD_H
/*
 * kvfs byok kek|wrap|show: a key exchange key in a vault, a package with a key for it, and what a package contains. The
 * steps are separate programs, because the key to be transferred may be on a machine without a network.
 */
#include <stddef.h>
#include "client/base/err.h"

struct kv_buf;

/* As in fs/command/commands.h. */
int kv_byok_cmd(int argc, char *const argv[]);

/* ---- for fs/command/byok_* ---- */

/* Print "kvfs: sentence" to stderr; returns 1, for an exit status. */
int kv_byok_cmd_fail(const char *format, ...) KV_PRINTF(1, 2);
/*
 * Read a file, "-" for the standard input, into content, in memory that is wiped. 0, or -1 after a failure that was
 * printed; a file that is larger than content's maximum is one.
 */
int kv_byok_cmd_read(const char *path, struct kv_buf *content) KV_MUST_CHECK;
#endif
