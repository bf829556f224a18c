#ifndef KV_FS_RESTORE_UPLOAD_H
#define KV_FS_RESTORE_UPLOAD_H
/*
 * A file of the drop box: the bytes that are being written, then the receipt of what was restored.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "cache/index.h"
#include "client/blob.h"
#include "client/buf.h"
#include "client/json.h"
#include "client/loop.h"
#include "client/vault.h"

struct kv_restore; /* fs/restore: the request under way */

enum kv_drop_state {
	KV_DROP_WRITING, /* nothing was sent of what it holds */
	KV_DROP_SENDING,
	KV_DROP_DONE,	/* a receipt: the content is gone, its size and digest are kept */
	KV_DROP_FAILED, /* err is what every further close answers */
};

struct kv_drop {
	enum kv_drop_state state;
	int err;
	struct kv_buf data;	 /* WRITING */
	size_t *staged;		 /* the sum of all data.len, to which this one counts */
	size_t size;		 /* not WRITING: what was written, bytes */
	struct kv_caller writer; /* who opened it last to write */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t wall_mtime_ns;	    /* Unix nanoseconds */
	struct kv_receipt receipt;  /* DONE: what it became; without a name where nothing was sent */
	struct kv_restore *restore; /* SENDING */
	struct kv_timer expiry;	    /* of a staged file that nobody has open */
};

/* NULL: out of memory. */
struct kv_drop *kv_drop_new(struct kv_loop *loop, size_t *staged, kv_timer_fire *expired, void *arg);
/* NULL does nothing; restore must be over. */
void kv_drop_free(struct kv_drop *drop);

/* The file of a restore of an earlier mount; nothing was written to it in this one. */
void kv_drop_become_receipt(struct kv_drop *drop, const struct kv_receipt *receipt);

size_t kv_drop_size(const struct kv_drop *drop);
/*
 * A write to a receipt or a failed one makes the file new. -EFBIG beyond KV_BLOB_MAX, -ENOSPC when all staged files
 * together are too much, -EBUSY while it is being sent, -EINVAL for a write into the middle of a receipt.
 */
int kv_drop_write(struct kv_drop *drop, const void *data, size_t len, size_t offset) KV_MUST_CHECK;
/* To another size than it has: as a write. */
int kv_drop_truncate(struct kv_drop *drop, size_t size) KV_MUST_CHECK;

/* ".NAME.XXXXXX" with six letters or digits: a file that rsync is still writing. */
bool kv_drop_is_staging(const char *name);
#endif
