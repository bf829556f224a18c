/*
 * One question about one object.
 *
 *	find:  (the listing under way has it or ends) -> is it there now? -> versions -> add it to the listing
 *	versions:  page -> page -> … -> done
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vault/audit.h"
#include "cache/list/lookup.h"
#include "cache/list/listing.h"
#include "client/base/clock.h"
#include "client/base/loop.h"

#define UNLISTED    64
#define UNLISTED_MS 5000
#define MAX_PAGES   10000

struct kv_absent {
	struct {
		enum kv_type type;
		char name[KV_NAME_MAX + 1];
		int64_t mono_end; /* 0: free */
	} entries[UNLISTED];
	int next;
};

struct kv_lookup {
	struct kv_throttle *throttle;
	enum kv_type type;
	char name[KV_NAME_MAX + 1];
	char version[64];
	struct kv_caller caller;
	enum kv_priority priority;
	bool is_confirming; /* it ends with the version that is looked for */
	struct kv_versions found;
	int n_pages;
	struct kv_ticket *ticket;
	kv_lookup_versions_done *versions_done;
	void *versions_arg;
	/* of kv_lookup_find() only */
	struct kv_listing *listing;
	struct kv_absent *absent;
	struct kv_snapshot_wait *wait;
	struct kv_timer later;
	int err;
	kv_lookup_done *done;
	void *arg;
};

/* ---- names that are not there ---- */

struct kv_absent *
kv_absent_new(void)
{
	return calloc(1, sizeof(struct kv_absent));
}

void
kv_absent_free(struct kv_absent *u)
{
	free(u);
}

static int
find_unlisted(const struct kv_absent *u, enum kv_type type, const char *name)
{
	for (int i = 0; i < UNLISTED; i++)
		if (u->entries[i].mono_end != 0 && u->entries[i].type == type &&
		    strcmp(u->entries[i].name, name) == 0)
			return i;
	return -1;
}

bool
kv_absent_has(const struct kv_absent *u, enum kv_type type, const char *name)
{
	const int i = find_unlisted(u, type, name);

	return i >= 0 && kv_clock_mono_ms() < u->entries[i].mono_end;
}

void
kv_absent_forget(struct kv_absent *u, enum kv_type type, const char *name)
{
	for (int i = 0; i < UNLISTED; i++)
		if (u->entries[i].type == type && strcasecmp(u->entries[i].name, name) == 0)
			u->entries[i].mono_end = 0;
}

static void
keep_unlisted(struct kv_absent *u, enum kv_type type, const char *name)
{
	int i = find_unlisted(u, type, name);

	if (i < 0)
		i = u->next++ % UNLISTED;
	u->entries[i].type = type;
	snprintf(u->entries[i].name, sizeof(u->entries[i].name), "%s", name);
	u->entries[i].mono_end = kv_clock_mono_ms() + UNLISTED_MS;
}

/* ---- version lists ---- */

static int fetch_page(struct kv_lookup *, const char *next_link);

static void
free_finder(struct kv_lookup *f)
{
	kv_throttle_cancel(f->ticket);
	kv_snapshot_cancel(f->wait);
	if (f->listing != NULL)
		kv_timer_stop(&f->later);
	free(f);
}

void
kv_lookup_cancel(struct kv_lookup *f)
{
	if (f != NULL)
		free_finder(f);
}

static void
end_versions(struct kv_lookup *f, int err)
{
	if (err == 0 && f->found.n == 0)
		err = -ENOENT; /* some servers answer an empty list for a name that they do not know */
	f->versions_done(f->versions_arg, err, err == 0 ? &f->found : NULL);
	free_finder(f);
}

static void
take_version(struct kv_lookup *f, const struct kv_item *item)
{
	struct kv_versions *v = &f->found;

	if (v->n == 0 || item->wall_created > v->newest.wall_created)
		v->newest = *item;
	if (v->n == 0 || item->wall_updated > v->wall_updated)
		v->wall_updated = item->wall_updated;
	if (f->version[0] != '\0' && strcasecmp(f->version, item->version) == 0) {
		v->has_version = true;
		v->wall_version_updated = item->wall_updated;
	}
	v->n++;
}

static void
page_done(void *arg, struct kv_reply *reply)
{
	struct kv_lookup *f = arg;
	int err = reply->err;

	f->ticket = NULL;
	if (f->n_pages == 0)
		f->found.wall_date = reply->wall_date != 0 ? reply->wall_date : kv_clock_wall_s();
	for (size_t i = 0; err == 0 && i < reply->page->n; i++)
		take_version(f, &reply->page->items[i]);
	if (err == 0 && reply->page->next_link != NULL && !(f->is_confirming && f->found.has_version)) {
		err = ++f->n_pages < MAX_PAGES ? fetch_page(f, reply->page->next_link) : -EBADMSG;
		if (err == 0)
			return;
	}
	if (err != 0 && err != -ENOENT) {
		const struct kv_call call = {
			.op = KV_OP_VERSIONS, .type = f->type, .name = f->name, .caller = f->caller
		};

		reply->err = err;
		kv_audit_failure(kv_throttle_vault(f->throttle), &call, reply, NULL);
	}
	end_versions(f, err);
}

static int
fetch_page(struct kv_lookup *f, const char *next_link)
{
	const struct kv_call call = { .op = KV_OP_VERSIONS,
		.type = f->type,
		.name = f->name,
		.next_link = next_link,
		.caller = f->caller };

	return kv_throttle_send(f->throttle, &call, f->priority, true, page_done, f, &f->ticket);
}

static struct kv_lookup *
new_finder(struct kv_throttle *throttle, enum kv_type type, const char *name, const struct kv_caller *caller)
{
	struct kv_lookup *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->throttle = throttle;
	f->type = type;
	f->priority = KV_METADATA;
	f->caller = *caller;
	snprintf(f->name, sizeof(f->name), "%s", name);
	return f;
}

/* done is called with the versions of f from here on, or f is freed. */
static int
ask_versions(struct kv_lookup *f, const char *version, kv_lookup_versions_done *done, void *arg,
    struct kv_lookup **lookup)
{
	int err;

	*lookup = NULL;
	if (f == NULL)
		return -ENOMEM;
	f->versions_done = done;
	f->versions_arg = arg;
	snprintf(f->version, sizeof(f->version), "%s", version != NULL ? version : "");
	err = fetch_page(f, NULL);
	if (err != 0) {
		free_finder(f);
		return err;
	}
	*lookup = f;
	return 0;
}

int
kv_versions_read(struct kv_throttle *throttle, enum kv_type type, const char *name, const char *version,
    const struct kv_caller *caller, kv_lookup_versions_done *done, void *arg, struct kv_lookup **lookup)
{
	return ask_versions(new_finder(throttle, type, name, caller), version, done, arg, lookup);
}

int
kv_lookup_confirm(struct kv_throttle *throttle, enum kv_type type, const char *name, const char *version,
    enum kv_priority priority, const struct kv_caller *caller, kv_lookup_versions_done *done, void *arg,
    struct kv_lookup **lookup)
{
	struct kv_lookup *f = new_finder(throttle, type, name, caller);

	if (f != NULL) {
		f->priority = priority;
		f->is_confirming = true;
	}
	return ask_versions(f, version, done, arg, lookup);
}

void
kv_lookup_raise(struct kv_lookup *f, enum kv_priority priority)
{
	if (priority <= f->priority)
		return;
	f->priority = priority;
	if (f->ticket != NULL)
		kv_throttle_raise(f->ticket, priority);
}

/* ---- finding ---- */

static void
end_find(struct kv_lookup *f, int err, struct kv_object *object)
{
	f->done(f->arg, err, object);
}

static void
asked(void *arg, int err, const struct kv_versions *versions)
{
	struct kv_lookup *f = arg;
	struct kv_object *object = NULL;
	struct kv_item item;

	if (err == 0 && (versions->newest.is_managed || strcmp(versions->newest.name, f->name) != 0))
		err = -ENOENT; /* hidden, or another spelling */
	if (err == 0) {
		item = versions->newest;
		item.wall_updated = versions->wall_updated;
		err = kv_listing_add(f->listing, &item, &object);
	}
	if (err == -ENOENT)
		keep_unlisted(f->absent, f->type, f->name);
	end_find(f, err, object); /* the caller of asked() frees f */
}

static void
proceed(struct kv_lookup *f)
{
	struct kv_object *object = NULL;
	int err = kv_listing_find(f->listing, f->name, &object);

	if (err == -EAGAIN && kv_absent_has(f->absent, f->type, f->name))
		err = -ENOENT;
	if (err == -EAGAIN) {
		f->versions_done = asked;
		f->versions_arg = f;
		err = fetch_page(f, NULL);
		if (err == 0)
			return;
	}
	end_find(f, err, object);
	free_finder(f);
}

static void
listed(void *arg, int err, const struct kv_reply *reply)
{
	struct kv_lookup *f = arg;

	(void)reply;
	f->wait = NULL;
	if (err == 0) {
		proceed(f);
		return;
	}
	end_find(f, err, NULL);
	free_finder(f);
}

static void
begin(void *arg)
{
	proceed(arg);
}

int
kv_lookup_find(struct kv_loop *loop, struct kv_listing *listing, struct kv_absent *absent, const char *name,
    const struct kv_caller *caller, kv_lookup_done *done, void *arg, struct kv_lookup **lookup)
{
	struct kv_lookup *f =
	    new_finder(kv_listing_throttle(listing), kv_listing_type(listing), name, caller);
	int err = 0;

	*lookup = NULL;
	if (f == NULL)
		return -ENOMEM;
	f->listing = listing;
	f->absent = absent;
	f->done = done;
	f->arg = arg;
	kv_timer_init(&f->later, loop, begin, f);
	if (kv_listing_is_serving(listing)) {
		kv_timer_set(&f->later, 0);
	} else {
		/* the wait for the listing is part of the question, which takes one time-out */
		f->caller.mono_deadline = kv_clock_mono_ms() + kv_throttle_timeout_ms(f->throttle);
		err = kv_listing_wait_for(listing, name, listed, f, &f->wait);
	}
	if (err != 0) {
		free_finder(f);
		return err;
	}
	*lookup = f;
	return 0;
}
