#ifndef KV_FS_DROPBOX_UPLOAD_H
#define KV_FS_DROPBOX_UPLOAD_H
/*
 * A file of a drop box: first its bytes as they are written, later the receipt of what they became.
 *
 *	OPEN --send--> SENDING --end(0)--> DONE
 *	 |  ^             +------end(err)--> FAILED
 *	 |  +-- truncated, or written from the start: new content ----+
 *	 +--a write fails--> BROKEN: every operation fails until it is truncated
 *
 * Several writers may have the file open, and each close must return the fate of its own writer's bytes. So every
 * content has a number, a writer keeps the number of the content that it wrote last, and a writer whose content was
 * replaced gets ESTALE.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "cache/index/receipt_rows.h"
#include "client/vault/blob.h"
#include "client/base/buf.h"
#include "client/base/loop.h"
#include "client/vault/vault.h"

struct kv_submit; /* fs/dropbox/submit: it is being sent */

enum kv_upload_state {
	KV_UPLOAD_OPEN, /* being written; nothing was sent */
	KV_UPLOAD_SENDING,
	KV_UPLOAD_DONE,	  /* a receipt: the bytes were freed, their size and digest are kept */
	KV_UPLOAD_FAILED, /* refused: every further close returns err */
	KV_UPLOAD_BROKEN, /* a write failed, so bytes are missing: every operation returns err */
};

struct kv_upload {
	enum kv_upload_state state;
	int err;	    /* FAILED, BROKEN */
	struct kv_buf data; /* OPEN */
	size_t *staged;	    /* the sum of data.len over all files, this one included */
	size_t size;	    /* SENDING, DONE, FAILED: how many bytes were written */
	/*
	 * OPEN: size of the previous content while it is being overwritten, all of which must be rewritten;
	 * else 0.
	 */
	size_t rewritten;
	uint64_t content; /* number of the content, from 1 */
	uint64_t starter; /* OPEN: the writer of the first byte; 0: not written yet */
	bool was_judged;  /* OPEN: a close has checked these bytes and refused them */
	unsigned int n_handles;
	struct kv_caller writer; /* the last process that opened it for writing */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t wall_mtime_ns;	   /* Unix nanoseconds */
	struct kv_receipt receipt; /* DONE: the object; no name if nothing was sent (dry_run) */
	struct kv_submit *submit;  /* SENDING */
	struct kv_timer expiry;	   /* removes a staged file that nobody has open */
};

/* An open file description with write access. */
struct kv_writer {
	uint64_t id;	  /* unique, from 1 */
	uint64_t content; /* the content that it wrote last; 0: none */
	int err;	  /* of its failed write, returned by its close too */
};

/* most: the maximum size in bytes. NULL: out of memory. */
struct kv_upload *kv_upload_new(struct kv_loop *loop, size_t *staged, size_t most);
/* Set the callback of upload's expiry timer. */
void kv_upload_on_expiry(struct kv_upload *upload, kv_timer_fire *expired, void *arg);
/* NULL does nothing. It must not be SENDING. */
void kv_upload_free(struct kv_upload *upload);

/*
 * Turn it into the receipt of an earlier mount. Nothing may have been written to it in this
 * mount.
 */
void kv_upload_become_receipt(struct kv_upload *upload, const struct kv_receipt *receipt);

size_t kv_upload_size(const struct kv_upload *upload);
/* False for FAILED and BROKEN: nothing was sent, and the name is free. */
bool kv_upload_is_visible(const struct kv_upload *upload);
/* It has unsent bytes, or is being sent, or is open for writing. */
bool kv_upload_is_unsent(const struct kv_upload *upload);
/* Whether another writer has replaced the content that writer wrote. */
bool kv_upload_is_replaced(const struct kv_upload *upload, const struct kv_writer *writer);

/*
 * A write at the start of a receipt or of a failed file starts a new content; so does a write at the start of
 * a file whose first byte another writer wrote. -EFBIG (larger than most), -ENOSPC (all files being
 * written are too large together) and -ENOMEM leave the file BROKEN. -ESTALE: the writer's content was
 * replaced. -EBUSY: it is being sent. -EINVAL: a write into the middle of a receipt or of a failed file. The
 * writer's close returns the same error.
 */
int kv_upload_write(struct kv_upload *upload, struct kv_writer *writer, const void *data, size_t len,
    size_t offset) KV_MUST_CHECK;
/* Set the size. Errors as for a write. Size 0 starts a new content. writer: NULL for truncate(2). */
int kv_upload_truncate(struct kv_upload *upload, struct kv_writer *writer, size_t size) KV_MUST_CHECK;
/* Make it BROKEN with err and free its bytes. */
void kv_upload_break(struct kv_upload *upload, int err);
/* Free its bytes because they can no longer be sent. */
void kv_upload_abandon(struct kv_upload *upload);

/*
 * OPEN to SENDING: turn its bytes into a blob. decoded: the blob if the file contains it as text; else empty.
 * -ENOMEM: nothing has changed.
 */
int kv_upload_send(struct kv_upload *upload, struct kv_buf *decoded, struct kv_blob **blob) KV_MUST_CHECK;
/*
 * SENDING to DONE, or to FAILED with err. Also from OPEN, if nothing was sent (dry_run, or refused for good).
 */
void kv_upload_end(struct kv_upload *upload, int err);

/* Assert the invariants that hold between two calls. */
void kv_upload_check(const struct kv_upload *upload);

/* Whether name is a temporary name of rsync: ".NAME.XXXXXX" with six letters or digits. */
bool kv_upload_is_staging(const char *name);
#endif
