#ifndef KV_FS_COMMAND_PASSPHRASE_H
#define KV_FS_COMMAND_PASSPHRASE_H
#include "client/base/err.h"

struct kv_buf;

/*
 * Read a line from the terminal of this process into text, without its line end, while the terminal does not show what
 * is typed. -ENXIO: there is no terminal. -EINTR: a signal arrived, which has been left pending. -EIO.
 */
int kv_passphrase_ask(const char *prompt, struct kv_buf *text) KV_MUST_CHECK;
#endif
