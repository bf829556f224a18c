#ifndef KV_FS_COMMAND_STATUS_CMD_H
#define KV_FS_COMMAND_STATUS_CMD_H
/*
 * kvfs status MOUNTPOINT [--watch]: what .kvfs/status of a mount says, on a screen.
 */
#include <stddef.h>
#include "client/base/err.h"

/* argv[0] is "status". The exit status; what is wrong is on stderr. */
int kv_status_cmd(int argc, char *const argv[]);
/* The content of .kvfs/status, by whatever version of kvfs, on stdout. -EBADMSG (no JSON object), -ENOMEM. */
int kv_status_cmd_print(const char *json, size_t len) KV_MUST_CHECK;
#endif
