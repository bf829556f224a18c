#ifndef KV_FS_COMMAND_MOUNT_HELPER_H
#define KV_FS_COMMAND_MOUNT_HELPER_H
/*
 * kvfs as mount(8) starts it: under the name mount.kvfs for `mount -t kvfs VAULT DIRECTORY`, or mount.fuse.kvfs for
 * -t fuse.kvfs. Its arguments are those of a mount helper (mount(8), EXTERNAL HELPERS), and become those of kvfs:
 *
 *	mount.kvfs VAULT DIRECTORY [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]
 */
#include <stdbool.h>

#include "client/base/err.h"

struct kv_buf;

#define KV_MOUNT_HELPER_MOST 64

struct kv_mount_helper {
	const char *
	    argv[KV_MOUNT_HELPER_MOST]; /* kvfs's arguments, whose strings are those of main; ended by NULL */
	int argc;
	char user[64];	  /* of setuid=, or "" */
	bool is_question; /* -h or -V */
	bool is_fake;	  /* -f: check everything, and mount nothing */
};

/* Whether the name by which the program was started is that of the helper. */
bool kv_mount_helper_is(const char *program);
/*
 * -EINVAL and a sentence in why. With -N the process is in that mount namespace afterwards; with the option
 * setuid=USER, which mount.fuse3(8) has too, it is that user's.
 */
int kv_mount_helper_read(
    int argc, char *argv[], struct kv_mount_helper *helper, struct kv_buf *why) KV_MUST_CHECK;
#endif
