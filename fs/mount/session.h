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
	struct kv_watch device;
	struct kv_timer again; /* after a failed read of the device */
	struct fuse_buf request;
	bool is_mounted;
	char mounted_device[KV_DEVICE_LEN]; /* of the mount, as in mountinfo */
	uint64_t n_received;		    /* requests so far */
	int64_t ns_answered;		    /* the end of the last turn */
	int64_t ns_checked;		    /* the last check of the invariants, in sanitized builds */
};

/*
 * Mount at mount->o's mountpoint and take requests in mount->loop; where the mount is ended from
 * outside, the loop is stopped. -errno and a sentence in why; then kv_session_unmount() all the same.
 */
int kv_session_mount(struct kv_session *session, struct kv_mount *mount, struct kv_buf *why) KV_MUST_CHECK;
/* No request is taken any more; each that was must have been answered. One of zeros does nothing. */
void kv_session_unmount(struct kv_session *session);
#endif
