#ifndef KV_CLIENT_AUTH_SECRET_FILE_H
#define KV_CLIENT_AUTH_SECRET_FILE_H
/*
 * A file that contains a secret. It must be a regular file of mode 0600 that belongs to the mounting
 * user. A symbolic link is followed at each read, because tools that renew a secret often replace the
 * link.
 */
#include <stddef.h>
#include "client/base/err.h"

#define KV_SECRET_FILE_MAX ((size_t)256 << 10)

struct kv_buf;

/*
 * Reads its first line, without trailing blanks, into text, which must be empty and have a maximum of
 * KV_SECRET_FILE_MAX. -EACCES and a sentence in why that begins with option=path; -ENOMEM.
 */
int kv_secret_file_read(
    const char *option, const char *path, struct kv_buf *text, struct kv_buf *why) KV_MUST_CHECK;
#endif
