#ifndef KV_CACHE_LIST_LOOKUP_H
#define KV_CACHE_LIST_LOOKUP_H
/*
 * Asking the vault for one object by its version list, which costs no backup: for a name that no
 * listing has, for a 404 that might be somebody else's, for an object with too many versions.
 */
#include <stddef.h>
#include "cache/object.h"
#include "cache/pace/throttle.h"

struct kv_lookup; /* one question */
struct kv_listing;
struct kv_absent; /* the names that the vault lately did not know */

/* A version list, read to its end. */
struct kv_versions {
	size_t n;
	struct kv_item newest;	      /* of those with the latest created: its name, version, is_managed */
	int64_t wall_updated;	      /* the newest of all */
	int64_t wall_date;	      /* of the answer */
	bool has_version;	      /* the version asked for was among them */
	int64_t wall_version_updated; /* its updated */
};
/* err -ENOENT: the vault says that there is no such object, or its version list is empty. From the loop, once. */
typedef void kv_lookup_versions_done(void *arg, int err, const struct kv_versions *versions);
/* version: looked for, or NULL. A failure is one log line, but for -ENOENT. */
int kv_versions_read(struct kv_throttle *throttle, enum kv_type type, const char *name, const char *version,
    const struct kv_caller *caller, kv_lookup_versions_done *done, void *arg,
    struct kv_lookup **lookup) KV_MUST_CHECK;

/*
 * Whether the object has version: as kv_versions_read(), but it reads no further than the page that has it, so
 * that of versions only has_version and wall_version_updated are of use. priority: of its requests.
 */
int kv_lookup_confirm(struct kv_throttle *throttle, enum kv_type type, const char *name, const char *version,
    enum kv_priority priority, const struct kv_caller *caller, kv_lookup_versions_done *done, void *arg,
    struct kv_lookup **lookup) KV_MUST_CHECK;
/* Somebody waits for it now; never lowers its priority. */
void kv_lookup_raise(struct kv_lookup *lookup, enum kv_priority priority);

/*
 * The object of exactly this name after kv_listing_find() said -EAGAIN: from the listing under way,
 * or from the vault, whose no is kept in absent for 5 s. err as there, but never -EAGAIN; object is
 * borrowed. From the loop, once.
 */
typedef void kv_lookup_done(void *arg, int err, struct kv_object *object);
int kv_lookup_find(struct kv_loop *loop, struct kv_listing *listing, struct kv_absent *absent,
    const char *name, const struct kv_caller *caller, kv_lookup_done *done, void *arg,
    struct kv_lookup **lookup) KV_MUST_CHECK;

/* done is not called. NULL does nothing. */
void kv_lookup_cancel(struct kv_lookup *lookup);

/* NULL: out of memory. */
struct kv_absent *kv_absent_new(void);
void kv_absent_free(struct kv_absent *absent);
/* Whether the vault said no to exactly this name within the last 5 s. */
bool kv_absent_has(const struct kv_absent *absent, enum kv_type type, const char *name);
/* It has been made or restored. */
void kv_absent_forget(struct kv_absent *absent, enum kv_type type, const char *name);
#endif
