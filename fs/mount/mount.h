#ifndef KV_FS_MOUNT_MOUNT_H
#define KV_FS_MOUNT_MOUNT_H
/*
 * One FUSE mount: the kernel's side of everything. What belongs to one vault in it is a kv_branch.
 */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <sys/queue.h>
#include "client/base/loop.h"
#include "fs/config/settings.h"
#include "fs/mount/process.h"
#include "fs/mount/tree.h"

struct kv_branch;
struct kv_handle;
struct kv_request;
struct kv_session;

struct kv_mount {
	const struct kv_settings *settings;
	struct kv_loop *loop;
	struct kv_session *session; /* NULL before the mount is in place, and in tests */
	struct kv_tree tree;
	struct kv_branch *branch; /* of the vault */
	struct kv_process_reader reader;
	LIST_HEAD(, kv_request) requests; /* that wait for something */
	LIST_HEAD(, kv_handle) handles;	  /* files and folders that are open */
	bool is_ending;			  /* new requests get EIO */
	int64_t wall_mounted;
	int large_file;		 /* the kernel's O_LARGEFILE, which an ordinary open has */
	int64_t kernel_limit_ms; /* how long the kernel lets a request wait; 0: for ever */
};

/* loop and settings outlive the mount. */
void kv_mount_init(struct kv_mount *mount, struct kv_loop *loop, const struct kv_settings *settings);
/* Whatever is still open, at the end: an unmount comes before the kernel's last releases. */
void kv_mount_close_handles(struct kv_mount *mount);
/* Frees the nodes. No request waits, nothing is open. */
void kv_mount_release(struct kv_mount *mount);
/* Assert what must hold between two requests. */
void kv_mount_check(const struct kv_mount *mount);

/* ---- what is open ---- */

/* An open file or folder: the first member of what fi->fh points to. */
struct kv_handle {
	struct kv_node *node;
	void (*close)(struct kv_handle *); /* frees it; node is still there */
	LIST_ENTRY(kv_handle) all;
};
/*
 * Answer req: handle is open on node from now on, closed by RELEASE, RELEASEDIR or the end of the mount. It
 * is closed at once where the kernel does not take the answer (the open was interrupted).
 */
void kv_handle_reply_open(struct kv_handle *handle, struct kv_node *node, void (*close)(struct kv_handle *),
    fuse_req_t req, struct fuse_file_info *fi);
/* The two halves of it, for CREATE. */
void kv_handle_open(struct kv_handle *handle, struct kv_node *node, void (*close)(struct kv_handle *),
    struct fuse_file_info *fi);
void kv_handle_close(struct kv_handle *handle);
/* An operation of struct kv_node_ops, open or opendir, for nodes whose handles have no data. */
void kv_handle_open_plain(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
/* What fi->fh points to; NULL for NULL. */
struct kv_handle *kv_handle_of(const struct fuse_file_info *fi);

/* libfuse's table of callbacks (ops.c). */
extern const struct fuse_lowlevel_ops kv_ops;

#endif
