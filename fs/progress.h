#ifndef KV_FS_PROGRESS_H
#define KV_FS_PROGRESS_H
/*
 * What the mount is doing, in one sentence, as the status of the service (systemctl status): every five seconds while
 * the mount is used.
 */
#include <stdbool.h>
#include "client/base/loop.h"

struct kv_buf;
struct kv_mount;
struct kv_notify;

struct kv_progress {
	const struct kv_mount *mount;
	const struct kv_notify *notify;
	struct kv_timer timer;
	uint64_t n_received; /* kernel requests received, at the last message */
	bool is_due;	     /* something was downloading then, or the message was not sent */
};

/* Report that the mount is ready, and then its progress. Does nothing if nobody waits for messages. */
void kv_progress_start(
    struct kv_progress *progress, const struct kv_mount *mount, const struct kv_notify *notify);
/* Does nothing if progress is zeroed. */
void kv_progress_stop(struct kv_progress *progress);

/* Append the sentence, as far as it fits. Whether something is being downloaded. */
bool kv_progress_say(const struct kv_mount *mount, struct kv_buf *text);
#endif
