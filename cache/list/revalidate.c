/*
 * Reads the version lists of objects that were fetched long ago. It compares two times of the vault's own
 * clock: the date of the answer with the blob, and the update times of the versions.
 */
#include <errno.h>
#include <stdlib.h>

#include "cache/list/versions.h"
#include "cache/list/revalidate.h"
#include "cache/list/listing.h"
#include "client/base/clock.h"

#define SAME_S 2 /* a change this close to the fetch may or may not be in the blob */

struct round {
	struct kv_revalidate *revalidate;
	struct kv_listing *listing;
	size_t next;		  /* index in the listing */
	struct kv_object *object; /* whose versions are being read, a reference; or NULL */
	struct kv_versions_call *versions;
};

struct kv_revalidate {
	struct kv_throttle *throttle;
	int64_t max_age_s;
	struct round rounds[KV_TYPES];
};

static void go_on(struct round *);

static void
versions_answered(void *arg, int err, const struct kv_versions *versions)
{
	struct round *r = arg;
	struct kv_object *object = r->object;

	r->versions = NULL;
	r->object = NULL;
	if (err == 0 && !object->is_gone && object->size >= 0) {
		if (versions->wall_updated > object->wall_fetched - SAME_S)
			kv_listing_touch(r->listing, object, versions->wall_updated);
		else
			object->wall_fetched = versions->wall_date;
	}
	kv_object_unref(object);
	go_on(r);
}

static bool
is_old(const struct round *r, const struct kv_object *object)
{
	return !object->is_gone && object->size >= 0 && object->wall_fetched != 0 &&
	    kv_clock_wall_s() - object->wall_fetched > r->revalidate->max_age_s;
}

static void
go_on(struct round *r)
{
	static const struct kv_question revalidate = { .caller.command = "revalidate" };
	size_t n;
	struct kv_object *const *objects = kv_listing_view(r->listing, &n, NULL, NULL);

	while (r->next < n && !is_old(r, objects[r->next]))
		r->next++;
	if (r->next >= n)
		return;
	r->object = kv_object_ref(objects[r->next++]);
	if (kv_versions_read(r->revalidate->throttle, r->object->type, r->object->name, &revalidate,
		versions_answered, r, &r->versions) != 0) {
		kv_object_unref(r->object);
		r->object = NULL; /* retried after the next listing */
	}
}

void
kv_revalidate_type(struct kv_revalidate *f, enum kv_type type)
{
	struct round *r = &f->rounds[type];

	if (r->listing == NULL || r->object != NULL)
		return;
	r->next = 0;
	go_on(r);
}

struct kv_revalidate *
kv_revalidate_new(
    struct kv_throttle *throttle, struct kv_listing *const listings[KV_TYPES], int64_t max_age_ms)
{
	struct kv_revalidate *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->throttle = throttle;
	f->max_age_s = max_age_ms / 1000;
	for (int t = 0; t < KV_TYPES; t++)
		f->rounds[t] = (struct round){ .revalidate = f, .listing = listings[t] };
	return f;
}

void
kv_revalidate_free(struct kv_revalidate *f)
{
	if (f == NULL)
		return;
	for (int t = 0; t < KV_TYPES; t++) {
		kv_versions_cancel(f->rounds[t].versions);
		kv_object_unref(f->rounds[t].object);
	}
	free(f);
}
