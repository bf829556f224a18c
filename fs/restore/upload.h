#ifndef KV_FS_RESTORE_UPLOAD_H
#define KV_FS_RESTORE_UPLOAD_H
/*
 * A file of the drop box: the bytes that are being written, then the receipt of what was restored.
 *
 *	OPEN --send--> SENDING --end(0)--> DONE
 *	 |  ^             +------end(err)--> FAILED
 *	 |  +-- emptied, or written from its start: another content --+
 *	 +--a write fails--> BROKEN: all that follows fails, until it is emptied
 *
 * Several writers may have the file open, and each must learn what became of its own bytes. So every
 * content has a number, a writer remembers which one it wrote, and a writer whose content was replaced
 * by another one's gets ESTALE.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "cache/index/receipt_rows.h"
#include "client/vault/blob.h"
#include "client/base/buf.h"
#include "client/base/loop.h"
#include "client/vault/vault.h"

struct kv_submit; /* fs/restore/submit: the restore under way */

enum kv_upload_state {
	KV_UPLOAD_OPEN, /* nothing was sent of what it holds */
	KV_UPLOAD_SENDING,
	KV_UPLOAD_DONE,	  /* a receipt: the bytes are gone, their size and digest are kept */
	KV_UPLOAD_FAILED, /* refused: err is what every further close answers */
	KV_UPLOAD_BROKEN, /* a write failed, so bytes are missing: err is what all that follows answers */
};

struct kv_upload {
	enum kv_upload_state state;
	int err;	    /* FAILED, BROKEN */
	struct kv_buf data; /* OPEN */
	size_t *staged;	    /* the sum of all data.len, to which this one counts */
	size_t size;	    /* SENDING, DONE, FAILED: of the bytes as they were written */
	size_t
	    rewritten; /* OPEN: written over a content of this size, which must be written anew as a whole; else 0 */
	uint64_t content; /* its number, from 1 on */
	uint64_t starter; /* OPEN: the writer of its first byte; 0: it was not written */
	bool was_judged;  /* OPEN: a close has seen all its bytes, and refused them */
	unsigned int n_handles;
	struct kv_caller writer; /* who opened it last to write */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t wall_mtime_ns;	   /* Unix nanoseconds */
	struct kv_receipt receipt; /* DONE: what it became; without a name where nothing was sent (dry_run) */
	struct kv_submit *submit;  /* SENDING */
	struct kv_timer expiry;	   /* of a staged file that nobody has open */
};

/* One open file description that may write. */
struct kv_writer {
	uint64_t id;	  /* from 1 on, of no other writer */
	uint64_t content; /* the one that it wrote last, 0 while none */
	int err;	  /* of its first write that failed: its close must fail too */
};

/* NULL: out of memory. */
struct kv_upload *kv_upload_new(struct kv_loop *loop, size_t *staged);
/* What u->expiry does. */
void kv_upload_on_expiry(struct kv_upload *upload, kv_timer_fire *expired, void *arg);
/* NULL does nothing; submit must be over. */
void kv_upload_free(struct kv_upload *upload);

/* The file of a restore of an earlier mount; nothing was written to it in this one. */
void kv_upload_become_receipt(struct kv_upload *upload, const struct kv_receipt *receipt);

size_t kv_upload_size(const struct kv_upload *upload);
/* False for FAILED and BROKEN: no such file has become anything, and its name is free. */
bool kv_upload_is_visible(const struct kv_upload *upload);
/* It has bytes that were not sent, or are being sent, or somebody has it open to write some. */
bool kv_upload_is_unsent(const struct kv_upload *upload);
/* Whether writer's bytes are not in this content: another writer has replaced them. */
bool kv_upload_is_replaced(const struct kv_upload *upload, const struct kv_writer *writer);

/*
 * A write from the start of a receipt or a failed file begins another content; so does one over the start that
 * another writer wrote. -EFBIG beyond what any blob can have, -ENOSPC when all files being written are together
 * too large, -ENOMEM: the file is BROKEN. -ESTALE for a writer that was replaced, -EBUSY while it is being sent,
 * -EINVAL for a write into the middle of a receipt. A writer whose write failed gets the same from its close.
 */
int kv_upload_write(struct kv_upload *upload, struct kv_writer *writer, const void *data, size_t len,
    size_t offset) KV_MUST_CHECK;
/* To another size than it has: as a write. Size 0 begins another content. writer: NULL for truncate(2). */
int kv_upload_truncate(struct kv_upload *upload, struct kv_writer *writer, size_t size) KV_MUST_CHECK;
/* It can become nothing any more: err is what all that follows answers. Its bytes are freed. */
void kv_upload_break(struct kv_upload *upload, int err);
/* Nobody can send its bytes any more: free them. */
void kv_upload_abandon(struct kv_upload *upload);

/*
 * OPEN to SENDING: its bytes leave as a blob. decoded: the blob's bytes where they are others than the file's,
 * else empty. -ENOMEM: nothing has changed.
 */
int kv_upload_send(struct kv_upload *upload, struct kv_buf *decoded, struct kv_blob **blob) KV_MUST_CHECK;
/* SENDING to DONE, or with err to FAILED. From OPEN where nothing was sent (dry_run, or refused for good). */
void kv_upload_end(struct kv_upload *upload, int err);

/* Assert what must hold between two calls. */
void kv_upload_check(const struct kv_upload *upload);

/* ".NAME.XXXXXX" with six letters or digits: a file that rsync is still writing. */
bool kv_upload_is_staging(const char *name);
#endif
