#ifndef KV_FS_MOUNT_MOUNT_H
#define KV_FS_MOUNT_MOUNT_H
/*
 * One FUSE mount: everything that faces the kernel. What belongs to one vault in it is a kv_branch.
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
struct kv_total;

struct kv_mount {
	const struct kv_settings *settings; /* of the whole mount; a branch has its vault's */
	struct kv_loop *loop;
	struct kv_session *session; /* NULL before the mount is in place, and in tests */
	struct kv_tree tree;
	TAILQ_HEAD(, kv_branch) branches; /* of the vaults, as they were given */
	struct kv_total *total;		  /* the common rate of the vaults, or NULL */
	struct kv_process_reader reader;
	LIST_HEAD(, kv_request) requests; /* waiting for an answer */
	LIST_HEAD(, kv_handle) handles;	  /* open files and folders */
	bool is_ending;			  /* new requests get EIO */
	int64_t wall_mounted;
	int large_file;		 /* the kernel's value of O_LARGEFILE, set in ordinary opens */
	int64_t kernel_limit_ms; /* maximum age of a waiting request; 0: no limit */
};

/* loop and settings must outlive the mount. */
void kv_mount_init(struct kv_mount *mount, struct kv_loop *loop, const struct kv_settings *settings);
/* Whether no branch has a call to its vault that has not completed. */
bool kv_mount_is_idle(const struct kv_mount *mount);
/* Close all open handles at the end: an unmount returns before the kernel has sent every RELEASE. */
void kv_mount_close_handles(struct kv_mount *mount);
/* Frees the nodes. No request may be waiting and no handle open. */
void kv_mount_release(struct kv_mount *mount);
/* Assert the invariants that hold between two requests, those of the branches too. */
void kv_mount_check(const struct kv_mount *mount);

/* ---- handles ---- */

/* An open file or folder: the first member of what fi->fh points to. */
struct kv_handle {
	struct kv_node *node;
	void (*close)(struct kv_handle *); /* frees the handle, while node still exists */
	LIST_ENTRY(kv_handle) all;
};
/*
 * Answer req: handle is now open on node, until RELEASE, RELEASEDIR or the end of the mount. If the kernel
 * does not take the reply because the open was interrupted, the handle is closed at once.
 */
void kv_handle_reply_open(struct kv_handle *handle, struct kv_node *node, void (*close)(struct kv_handle *),
    fuse_req_t req, struct fuse_file_info *fi);
/* The same without the reply, for CREATE; and the close. */
void kv_handle_open(struct kv_handle *handle, struct kv_node *node, void (*close)(struct kv_handle *),
    struct fuse_file_info *fi);
void kv_handle_close(struct kv_handle *handle);
/* An open or opendir operation (struct kv_node_ops) for nodes whose handles have no data. */
void kv_handle_open_plain(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
/* The handle that fi->fh points to; NULL if fi is NULL. */
struct kv_handle *kv_handle_of(const struct fuse_file_info *fi);

/* libfuse's table of callbacks (ops.c). */
extern const struct fuse_lowlevel_ops kv_ops;

#endif
