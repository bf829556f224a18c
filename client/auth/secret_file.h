#ifndef KV_CLIENT_AUTH_SECRET_FILE_H
#define KV_CLIENT_AUTH_SECRET_FILE_H
/*
 * A file that holds a secret. It must be a plain file of mode 0600 that belongs to the mounting user; a link
 * to one is followed at each reading, because those who renew a secret often replace the link.
 */
#include <stddef.h>
#include "client/base/err.h"

#define KV_SECRET_FILE_MAX ((size_t)256 << 10)

struct kv_buf;

/*
 * Its first line, without blanks at the end, in text, which is empty and may hold KV_SECRET_FILE_MAX bytes. -EACCES and a sentence in why
 * that begins with option=path; -ENOMEM.
 */
int kv_secret_file_read(
    const char *option, const char *path, struct kv_buf *text, struct kv_buf *why) KV_MUST_CHECK;
#endif
