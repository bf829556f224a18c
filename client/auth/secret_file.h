#ifndef KV_CLIENT_AUTH_SECRET_FILE_H
#define KV_CLIENT_AUTH_SECRET_FILE_H
/*
 * Files that contain secrets. Symbolic links are followed at each read, because tools that renew a secret often
 * replace the link.
 *
 * A file that one of kvfs's own options names must be a regular file that belongs to the mounting user or to
 * root, that nobody else can write, and that at most its group can read; the group only if it is root's file
 * or below $CREDENTIALS_DIRECTORY. (systemd before 254 gives a service credentials of mode 0400, later versions
 * root's with mode 0440 and an ACL for the service's user: systemd.exec(5), "Credentials".) A file that a
 * variable of the Azure SDKs names is read whatever its owner and mode are, as the SDKs do: Kubernetes projects
 * tokens with mode 0644.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

#define KV_SECRET_FILE_MAX ((size_t)256 << 10) /* a larger file is refused */

struct kv_buf;

struct kv_secret_file {
	const char *name; /* of the option or the variable, for messages: "client_secret_file" */
	const char *path;
	bool is_of_sdk; /* an SDK's variable names it */
};

/*
 * Reads the whole file into content, which must be empty and have a maximum of KV_SECRET_FILE_MAX. -EACCES and
 * a sentence in why that begins with NAME=PATH, also for an empty file; -ENOMEM.
 */
int kv_secret_file_read(
    const struct kv_secret_file *file, struct kv_buf *content, struct kv_buf *why) KV_MUST_CHECK;
/* The same for its first line, without trailing blanks; an empty line counts as an empty file. */
int kv_secret_file_read_line(
    const struct kv_secret_file *file, struct kv_buf *text, struct kv_buf *why) KV_MUST_CHECK;
/*
 * Why an open file must not contain a secret, by the rule above, as the end of a sentence ("can be read by others:
 * give it mode 0600"); NULL if it may.
 */
const char *kv_secret_file_fault(int fd);
/* Whether users other than its owner and group can read the file. */
bool kv_secret_file_is_exposed(const char *path);
#endif
