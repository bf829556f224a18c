#ifndef KV_FS_RESTORE_UPLOAD_H
#define KV_FS_RESTORE_UPLOAD_H
/*
 * A file of the drop box: first the bytes that are written, then the receipt of the restore.
 *
 *	OPEN --send--> SENDING --end(0)--> DONE
 *	 |  ^             +------end(err)--> FAILED
 *	 |  +-- truncated, or written from its start: a new content --+
 *	 +--a write fails--> BROKEN: every operation fails until it is truncated
 *
 * Several writers may have the file open, and each close must return what became of the writer's own bytes. So every
 * content has a number, a writer keeps the number of the one that it wrote, and a writer whose content was replaced
 * gets ESTALE.
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
	KV_UPLOAD_OPEN, /* being written; nothing was sent */
	KV_UPLOAD_SENDING,
	KV_UPLOAD_DONE,	  /* a receipt: the bytes are gone, their size and digest are kept */
	KV_UPLOAD_FAILED, /* refused: every further close returns err */
	KV_UPLOAD_BROKEN, /* a write failed, so bytes are missing: every operation returns err */
};

struct kv_upload {
	enum kv_upload_state state;
	int err;	    /* FAILED, BROKEN */
	struct kv_buf data; /* OPEN */
	size_t *staged;	    /* the sum of data.len of all files, this one included */
	size_t size;	    /* SENDING, DONE, FAILED: of the bytes as they were written */
	size_t
	    rewritten; /* OPEN: size of the content that is being overwritten, all of which must be rewritten; else 0 */
	uint64_t content; /* its number, from 1 on */
	uint64_t starter; /* OPEN: the writer of its first byte; 0: not written yet */
	bool was_judged;  /* OPEN: a close has checked these bytes and refused them */
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
	uint64_t id;	  /* unique, from 1 on */
	uint64_t content; /* the one that it wrote last, 0: none */
	int err;	  /* of its failed write: its close returns it too */
};

/* NULL: out of memory. */
struct kv_upload *kv_upload_new(struct kv_loop *loop, size_t *staged);
/* What u->expiry does. */
void kv_upload_on_expiry(struct kv_upload *upload, kv_timer_fire *expired, void *arg);
/* NULL does nothing; submit must be over. */
void kv_upload_free(struct kv_upload *upload);

/* Make it the receipt of an earlier mount's restore; nothing was written to it in this mount. */
void kv_upload_become_receipt(struct kv_upload *upload, const struct kv_receipt *receipt);

size_t kv_upload_size(const struct kv_upload *upload);
/* False for FAILED and BROKEN: nothing was restored from it, and its name is free. */
bool kv_upload_is_visible(const struct kv_upload *upload);
/* It has unsent bytes, or is being sent, or is open for writing. */
bool kv_upload_is_unsent(const struct kv_upload *upload);
/* Whether another writer has replaced the content that writer wrote. */
bool kv_upload_is_replaced(const struct kv_upload *upload, const struct kv_writer *writer);

/*
 * A write at the start of a receipt or failed file starts a new content; so does a write over a start that another
 * writer wrote. -EFBIG (larger than any blob), -ENOSPC (all files being written are too large together) and -ENOMEM
 * leave the file BROKEN. -ESTALE: the writer's content was replaced. -EBUSY: it is being sent. -EINVAL: a write into the
 * middle of a receipt. The writer's close returns the same error.
 */
int kv_upload_write(struct kv_upload *upload, struct kv_writer *writer, const void *data, size_t len,
    size_t offset) KV_MUST_CHECK;
/* Set another size; errors as for a write. Size 0 starts a new content. writer: NULL for truncate(2). */
int kv_upload_truncate(struct kv_upload *upload, struct kv_writer *writer, size_t size) KV_MUST_CHECK;
/* Make it BROKEN with err, and free its bytes. */
void kv_upload_break(struct kv_upload *upload, int err);
/* Its bytes can no longer be sent: free them. */
void kv_upload_abandon(struct kv_upload *upload);

/*
 * OPEN to SENDING: take its bytes as a blob. decoded: the blob, where the file holds it as text; else empty.
 * -ENOMEM: nothing has changed.
 */
int kv_upload_send(struct kv_upload *upload, struct kv_buf *decoded, struct kv_blob **blob) KV_MUST_CHECK;
/* SENDING to DONE, or with err to FAILED. Also from OPEN, where nothing was sent (dry_run, or refused for good). */
void kv_upload_end(struct kv_upload *upload, int err);

/* Assert what must hold between two calls. */
void kv_upload_check(const struct kv_upload *upload);

/* ".NAME.XXXXXX" with six letters or digits: a temporary file of rsync. */
bool kv_upload_is_staging(const char *name);
#endif
