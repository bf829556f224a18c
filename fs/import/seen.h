#ifndef KV_FS_IMPORT_SEEN_H
#define KV_FS_IMPORT_SEEN_H
/*
 * The versions that a key has before an import and after it, so that a lost answer can be told from an import that did
 * not happen.
 */
#include "cache/pace/throttle.h"

struct kv_seen;

/* NULL: out of memory. name is borrowed until kv_seen_free(). */
struct kv_seen *kv_seen_new(struct kv_throttle *throttle, const char *name);
/* Cancels a request without calling its completion. NULL does nothing. */
void kv_seen_free(struct kv_seen *seen);

/*
 * err 0: all versions are known, n of them, n_new of which no earlier read had. Any other error: they cannot be listed;
 * reply says why, and is NULL without an answer. Nothing is logged. Called exactly once, from the loop, never before
 * kv_seen_read() has returned.
 */
typedef void kv_seen_done(void *arg, int err, size_t n, size_t n_new, const struct kv_reply *reply);
/* -EACCES without a request if this mount does not list; -ENOMEM. */
int kv_seen_read(
    struct kv_seen *seen, const struct kv_question *question, kv_seen_done *done, void *arg) KV_MUST_CHECK;
/* Append the new versions of the last read, separated by commas; at most ten of them. */
void kv_seen_say_new(const struct kv_seen *seen, struct kv_buf *text);
#endif
