#ifndef KV_CACHE_LIST_VERSIONS_H
#define KV_CACHE_LIST_VERSIONS_H
/*
 * Reading an object's version list, which costs no backup: for a name that no listing has, for a 404 that
 * may be wrong, for an object with too many versions, for a restore that must be confirmed.
 */
#include <stddef.h>
#include "cache/object.h"
#include "cache/pace/throttle.h"

struct kv_versions_call; /* a list that is being read */

struct kv_versions {
	size_t n;
	struct kv_item newest;	      /* the version with the latest created: its name, version, is_managed */
	int64_t wall_updated;	      /* the latest of all */
	int64_t wall_date;	      /* of the answer */
	bool has_version;	      /* the version to be confirmed is among them */
	int64_t wall_version_updated; /* its updated */
};
/*
 * err -ENOENT: the vault has no such object, or its version list is empty. Any other failure has been logged.
 * versions is NULL unless err is 0. Called once, from the loop, never before the call has returned.
 */
typedef void kv_versions_done(void *arg, int err, const struct kv_versions *versions);

/* The whole list. */
int kv_versions_read(struct kv_throttle *throttle, enum kv_type type, const char *name,
    const struct kv_question *question, kv_versions_done *done, void *arg,
    struct kv_versions_call **call) KV_MUST_CHECK;
/*
 * Whether the object has version: no further than the page that has it, so only has_version and
 * wall_version_updated are of use then. priority: of the requests.
 */
int kv_versions_confirm(struct kv_throttle *throttle, enum kv_type type, const char *name,
    const char *version, enum kv_priority priority, const struct kv_question *question,
    kv_versions_done *done, void *arg, struct kv_versions_call **call) KV_MUST_CHECK;
/* Never lowers the priority. */
void kv_versions_raise(struct kv_versions_call *call, enum kv_priority priority);
/* done is not called. NULL does nothing. */
void kv_versions_cancel(struct kv_versions_call *call);
#endif
