#ifndef KV_FS_MOUNT_MOUNT_H
#define KV_FS_MOUNT_MOUNT_H
/*
 * What all parts of the file system share: one mount.
 */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <sys/queue.h>
#include "cache/volume.h"
#include "client/vault/type.h"
#include "client/base/loop.h"
#include "fs/object/stat_only.h"
#include "fs/config/settings.h"
#include "fs/mount/tree.h"

struct kv_dropbox;
struct kv_object;
struct kv_request;

/* Who asked last (fs/mount/request). */
struct kv_asker {
	pid_t tid; /* 0: nobody */
	int comm;  /* its /proc/TID/comm, open */
};

struct kv_mount {
	const struct kv_settings *o;
	struct kv_loop *loop;
	struct kv_volume *volume;
	struct kv_dropbox *dropbox; /* NULL with -o ro */
	struct fuse_session *session;
	uint64_t init_unique; /* of the kernel's INIT, and what fs/mount/session adds to libfuse's reply */
	uint32_t init_flags;
	struct kv_tree tree;
	struct kv_stat_only lookers;
	struct kv_asker asker;
	LIST_HEAD(, kv_request) requests;  /* that wait for something */
	LIST_HEAD(, kv_file_handle) files; /* that are open */
	LIST_HEAD(, kv_folder_handle) folders;
	LIST_HEAD(, kv_control_handle) controls;
	bool is_ending; /* new requests get EIO */
	int64_t wall_mounted;
	int large_file;				/* the kernel's O_LARGEFILE, which an ordinary open has */
	int64_t patience_ms;			/* how long the kernel lets a request wait; 0: for ever */
	uint64_t n_reads, n_restored, n_failed; /* for the sum at the end */
};

/* libfuse's table of callbacks (ops.c). */
extern const struct fuse_lowlevel_ops kv_ops;

#endif
