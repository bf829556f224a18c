#ifndef KV_FS_DROPBOX_SUBMIT_H
#define KV_FS_DROPBOX_SUBMIT_H
/*
 * One file on its way: from a complete file in a drop box to an object in the vault. What is requested is up to the
 * drop box's kind, whose own struct begins with this one.
 *
 *	kv_submit_new -> kv_submit_begin
 *	                   |
 *	                   +-- the same bytes were sent before: is that version in the vault? -> yes: DONE
 *	                   |                                                                      |
 *	                   +-----------> kind->send <--------------------- any other answer ------+
 *	                                   ... -> kv_submit_succeed: DONE: receipt, listed
 *	                                       -> kv_submit_end: FAILED
 */
#include "cache/pace/throttle.h"
#include "client/vault/vault.h"
#include "fs/dropbox/dropbox.h"
#include "fs/mount/request.h"

struct kv_confirm_wait;
struct kv_item;
struct kv_submit_wait;

struct kv_submit {
	struct kv_dropbox *dropbox;
	LIST_ENTRY(kv_submit) all;
	struct kv_drop *file, *folder;	     /* held open */
	char *name;			     /* of the file, for the log */
	struct kv_question question;	     /* its deadline is that of everything that the kind requests */
	struct kv_process process;	     /* the caller's */
	struct kv_blob *blob;		     /* the file's bytes, decoded */
	unsigned char digest[KV_DIGEST_LEN]; /* by which its receipt is found again; at first the blob's */
	int64_t mono_sent;		     /* for the kind: when the request that succeeded was sent */
	struct kv_receipt receipt; /* first of an earlier submit of the same bytes, then of this one */
	struct kv_confirm_wait *confirm;
	struct kv_ticket *ticket; /* for the kind: the request that changes the vault … */
	bool is_in_doubt;	  /* … and whether an ended one may have changed it */
	struct kv_timer again;	  /* calls kind->send */
	LIST_HEAD(, kv_submit_wait) waits;
};

typedef void kv_submit_done(void *arg, int err);
/*
 * Send file, which must be OPEN and complete. folder gives the type; name is for the log. Returns 0 if the
 * file is now SENDING (call kv_submit_wait() for the result) or, with dry_run, DONE. -EINVAL: wrong or incomplete
 * content; nothing was sent, and more may be written. Likewise -EFBIG, -EACCES, -ENOMEM. Failures are logged.
 * An earlier submit of the same bytes counts only if the vault confirms it now.
 */
int kv_submit_start(struct kv_drop *file, struct kv_drop *folder, const char *name,
    const struct kv_caller *caller) KV_MUST_CHECK;
/* file must be SENDING. done is called once, from the loop, when it is DONE or FAILED. -ENOMEM. */
int kv_submit_wait(
    struct kv_drop *file, kv_submit_done *done, void *arg, struct kv_submit_wait **wait) KV_MUST_CHECK;
/* done is not called; the submit continues. NULL does nothing. */
void kv_submit_cancel(struct kv_submit_wait *wait);
/* At the end of the mount: log each submit that has no answer. */
void kv_submit_log_lost(struct kv_dropbox *dropbox);
/* At the end of the mount: cancel all submits without calling completions. */
void kv_submit_cancel_all(struct kv_dropbox *dropbox);

/* ---- for the kinds ---- */

/*
 * Make file SENDING. size: of the kind's struct, which is zero behind the submit. decoded: the bytes to send, if they
 * are not the file's own; else empty. -ENOMEM: nothing has changed.
 */
int kv_submit_new(size_t size, struct kv_drop *file, struct kv_drop *folder, const char *name,
    const struct kv_caller *caller, struct kv_buf *decoded, struct kv_submit **submit) KV_MUST_CHECK;
/*
 * If has_receipt, submit->receipt is of an earlier submit of the same bytes: ask the vault whether it still has that
 * version. Call kind->send unless it confirms. Never ends the submit before the caller has returned.
 */
void kv_submit_begin(struct kv_submit *submit, bool has_receipt);
/* dry_run: file is DONE without a request; why for the log. */
void kv_submit_pretend(struct kv_drop *file, const char *name, enum kv_type type,
    const struct kv_caller *caller, const char *why);
/* The vault has made the version that item names: keep a receipt, list it, and end. Frees submit. */
void kv_submit_succeed(struct kv_submit *submit, enum kv_type type, const struct kv_item *item);
/* The failure has been logged. Frees submit. */
void kv_submit_end(struct kv_submit *submit, int err);
#endif
