#ifndef KV_CACHE_LIST_VERSIONS_H
#define KV_CACHE_LIST_VERSIONS_H
/*
 * Reads an object's version list, which costs no backup: to find a name that is not listed, to check a 404
 * that may be wrong, to detect an object with too many versions, to confirm a restore.
 */
#include <stddef.h>
#include "cache/object.h"
#include "cache/pace/throttle.h"

struct kv_versions_call; /* a read in progress */

struct kv_versions {
	size_t n;
	struct kv_item newest;	      /* the version created last: its name, version, is_managed */
	int64_t wall_updated;	      /* the latest of all versions */
	int64_t wall_oldest;	      /* when the first of all versions was created */
	int64_t wall_date;	      /* date of the answer */
	bool has_version;	      /* the list contains the version to confirm */
	int64_t wall_version_updated; /* when that version was updated */
};
/*
 * err -ENOENT: the vault has no such object, or its version list is empty. Any other failure has been
 * logged. versions is NULL unless err is 0. Called once, from the loop, never before the function that
 * started the read has returned.
 */
typedef void kv_versions_done(void *arg, int err, const struct kv_versions *versions);

/* Reads the whole list. */
int kv_versions_read(struct kv_throttle *throttle, enum kv_type type, const char *name,
    const struct kv_question *question, kv_versions_done *done, void *arg,
    struct kv_versions_call **call) KV_MUST_CHECK;
/*
 * Checks whether the object has version. Stops at the page that contains it, so then only has_version and
 * wall_version_updated are meaningful. priority: of the requests.
 */
int kv_versions_confirm(struct kv_throttle *throttle, enum kv_type type, const char *name,
    const char *version, enum kv_priority priority, const struct kv_question *question,
    kv_versions_done *done, void *arg, struct kv_versions_call **call) KV_MUST_CHECK;
/* Never lowers the priority. */
void kv_versions_raise(struct kv_versions_call *call, enum kv_priority priority);
/* done is not called. NULL does nothing. */
void kv_versions_cancel(struct kv_versions_call *call);
#endif
