/*
 * A lookup:
 *
 *	wait until the listing contains the name or ends -> listed now? -> version list -> add it to the listing
 *
 * If a complete listing serves, the first step is skipped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "cache/list/lookup.h"
#include "cache/list/versions.h"
#include "client/base/clock.h"
#include "client/base/loop.h"

struct kv_lookup {
	struct kv_listing *listing;
	struct kv_absent *absent;
	char name[KV_NAME_MAX + 1];
	struct kv_question question;
	struct kv_snapshot_wait *wait;
	struct kv_versions_call *versions;
	struct kv_timer later;
	kv_lookup_done *done;
	void *arg;
};

static void name_listed(void *, int err, const struct kv_reply *);
static void versions_answered(void *, int err, const struct kv_versions *);

void
kv_lookup_cancel(struct kv_lookup *l)
{
	if (l == NULL)
		return;
	kv_versions_cancel(l->versions);
	kv_snapshot_cancel(l->wait);
	kv_timer_stop(&l->later);
	free(l);
}

static void
end(struct kv_lookup *l, int err, struct kv_object *object)
{
	l->done(l->arg, err, object);
	kv_lookup_cancel(l);
}

static void
proceed(void *arg)
{
	struct kv_lookup *l = arg;
	struct kv_object *object = NULL;
	const enum kv_type type = kv_listing_type(l->listing);
	int err = kv_listing_find(l->listing, l->name, &object);

	if (err == -EAGAIN && kv_absent_has(l->absent, type, l->name))
		err = -ENOENT;
	if (err == -EAGAIN) {
		err = kv_versions_read(kv_listing_throttle(l->listing), type, l->name, &l->question,
		    versions_answered, l, &l->versions);
		if (err == 0)
			return;
	}
	end(l, err, object);
}

static void
name_listed(void *arg, int err, const struct kv_reply *reply)
{
	struct kv_lookup *l = arg;

	(void)reply;
	l->wait = NULL;
	if (err == 0)
		proceed(l);
	else
		end(l, err, NULL);
}

static void
versions_answered(void *arg, int err, const struct kv_versions *versions)
{
	struct kv_lookup *l = arg;
	struct kv_object *object = NULL;
	struct kv_item item;

	l->versions = NULL;
	if (err == 0 && (versions->newest.is_managed || strcmp(versions->newest.name, l->name) != 0))
		err = -ENOENT; /* hidden, or another spelling */
	if (err == 0) {
		item = versions->newest;
		item.wall_updated = versions->wall_updated;
		err = kv_listing_add(l->listing, &item, &object);
	}
	if (err == -ENOENT)
		kv_absent_add(l->absent, kv_listing_type(l->listing), l->name);
	end(l, err, object);
}

int
kv_lookup_find(struct kv_loop *loop, struct kv_listing *listing, struct kv_absent *absent, const char *name,
    const struct kv_caller *caller, kv_lookup_done *done, void *arg, struct kv_lookup **lookup)
{
	struct kv_lookup *l = calloc(1, sizeof(*l));
	int err = 0;

	*lookup = NULL;
	if (l == NULL)
		return -ENOMEM;
	l->listing = listing;
	l->absent = absent;
	l->question.caller = *caller;
	l->done = done;
	l->arg = arg;
	snprintf(l->name, sizeof(l->name), "%s", name);
	kv_timer_init(&l->later, loop, proceed, l);
	if (kv_listing_is_serving(listing)) {
		kv_timer_set(&l->later, 0);
	} else {
		/* the whole lookup, with the wait for the listing, takes at most one time-out */
		l->question.mono_deadline =
		    kv_clock_mono_ms() + kv_throttle_timeout_ms(kv_listing_throttle(listing));
		err = kv_listing_wait_for(listing, name, name_listed, l, &l->wait);
	}
	if (err != 0) {
		kv_lookup_cancel(l);
		return err;
	}
	*lookup = l;
	return 0;
}
