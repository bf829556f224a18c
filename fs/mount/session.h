#ifndef KV_FS_MOUNT_SESSION_H
#define KV_FS_MOUNT_SESSION_H
/*
 * The session with the kernel: mounts, reads requests from the device, passes them to libfuse's table
 * (fs/mount/ops), and unmounts.
 */
#include "fs/mount/mount.h"
#include "fs/mount/mountinfo.h"

struct kv_buf;

struct kv_session {
	struct kv_mount *mount;
	struct fuse_session *fuse;
	struct kv_watch device;
	struct kv_timer again; /* retries after a failed read of the device */
	struct fuse_buf request;
	bool is_mounted;
	char below[KV_DEVICE_LEN];	    /* what was at the mount point before, as in mountinfo */
	char mounted_device[KV_DEVICE_LEN]; /* the mount's device */
	uint64_t init_unique;		    /* of the kernel's INIT request; 0: not received yet */
	uint32_t init_flags;		    /* flags to add to libfuse's reply to INIT */
	uint64_t n_received;		    /* requests received so far */
	int64_t ns_answered;		    /* when the last batch of requests was answered */
	int64_t ns_busy;		    /* when a request to a vault was last seen in flight */
	int64_t ns_checked;		    /* when invariants were last checked (sanitized builds) */
};

/*
 * Mount on the settings' mountpoint and serve requests in mount->loop. If somebody else unmounts it, the loop
 * is stopped. -errno and a sentence in why; call kv_session_unmount() in any case.
 */
int kv_session_mount(struct kv_session *session, struct kv_mount *mount, struct kv_buf *why) KV_MUST_CHECK;
/* The same with fd, a device that is already mounted or one end of a socket. */
int kv_session_attach(struct kv_session *session, struct kv_mount *mount, int fd) KV_MUST_CHECK;
/*
 * Stop taking requests and unmount. Every request taken must have been answered. Does nothing if session is
 * zeroed.
 */
void kv_session_unmount(struct kv_session *session);

/* Make the kernel drop node's attributes and pages. Does nothing without a session (in tests). */
void kv_session_invalidate(struct kv_node *node);
#endif
