#ifndef KV_FS_MOUNT_SESSION_H
#define KV_FS_MOUNT_SESSION_H
/*
 * The session with the kernel: kvfs mounted, its requests taken from the device and handed to libfuse's
 * table (fs/mount/ops), and unmounted again.
 */
#include "fs/mount/mount.h"
#include "fs/mount/mountinfo.h"

struct kv_buf;

struct kv_session {
	struct kv_mount *mount;
	struct fuse_session *fuse;
	struct kv_watch device;
	struct kv_timer again; /* after a failed read of the device */
	struct fuse_buf request;
	bool is_mounted;
	char mounted_device[KV_DEVICE_LEN]; /* of the mount, as in mountinfo */
	uint64_t init_unique;		    /* of the kernel's INIT; 0: it has not come */
	uint32_t init_flags;		    /* that are added to libfuse's reply to it */
	uint64_t n_received;		    /* requests so far */
	int64_t ns_answered;		    /* the end of the last turn */
	int64_t ns_checked;		    /* the last check of the invariants, in sanitized builds */
};

/*
 * Mount at the settings' mountpoint and take requests in mount->loop; where the mount is ended from
 * outside, the loop is stopped. -errno and a sentence in why; then kv_session_unmount() all the same.
 */
int kv_session_mount(struct kv_session *session, struct kv_mount *mount, struct kv_buf *why) KV_MUST_CHECK;
/* The same with the device fd, which is mounted already, or is the end of a socket. */
int kv_session_attach(struct kv_session *session, struct kv_mount *mount, int fd) KV_MUST_CHECK;
/* No request is taken any more; each that was must have been answered. One of zeros does nothing. */
void kv_session_unmount(struct kv_session *session);

/* The kernel drops node's attributes and pages. Nothing in tests without a session. */
void kv_session_invalidate(struct kv_node *node);
#endif
