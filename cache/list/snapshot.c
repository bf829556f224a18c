/*
 * Snapshots: an array of objects, and a list of waits for it to grow.
 *
 *	LOADING -> COMPLETE
 *	       `-> FAILED
 *
 * Invariants:
 *	the array has n objects, with a reference each; managed ones are left out when they are listed
 *	waits and parts that read it exist only while it is LOADING; each wait points to its snapshot
 *	err is set only in FAILED
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/parts.h"
#include "cache/list/snapshot.h"
#include "client/base/clock.h"

enum kind { PAGE, INDEX, NAME };

struct kv_snapshot_wait {
	struct kv_snapshot_wait *next;
	struct kv_snapshot *snapshot; /* not a reference: a wait exists only while the snapshot is LOADING */
	enum kind kind;
	size_t index;
	char key[KV_NAME_MAX + 1];
	kv_snapshot_done *done;
	void *arg;
};

struct kv_snapshot *
kv_snapshot_new(struct kv_listing *listing, uint64_t serial)
{
	struct kv_snapshot *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->listing = listing;
	g->serial = serial;
	g->mono_started = kv_clock_mono_ms();
	g->refs = 1;
	return g;
}

struct kv_snapshot *
kv_snapshot_ref(struct kv_snapshot *g)
{
	g->refs++;
	return g;
}

void
kv_snapshot_unref(struct kv_snapshot *g)
{
	if (g == NULL || --g->refs > 0)
		return;
	kv_parts_free(g->parts);
	while (g->waits != NULL)
		kv_snapshot_cancel(g->waits);
	kv_object_array_release(&g->objects);
	free(g);
}

/* ---- its objects ---- */

int
kv_snapshot_append(struct kv_snapshot *g, struct kv_object *object)
{
	return kv_object_array_append(&g->objects, object);
}

struct kv_object *
kv_snapshot_at(struct kv_snapshot *g, size_t index, int *err)
{
	*err = 0;
	if (g->state == KV_FAILED) {
		*err = g->err;
		return NULL;
	}
	if (index < g->objects.n)
		return g->objects.at[index];
	*err = g->state == KV_LOADING ? -EAGAIN : 0;
	return NULL;
}

bool
kv_snapshot_is_complete(const struct kv_snapshot *g)
{
	return g->state == KV_COMPLETE;
}

void
kv_snapshot_hand_out(struct kv_snapshot *g)
{
	g->was_handed_out = true;
}

void
kv_snapshot_end(struct kv_snapshot *g, int err)
{
	g->state = err == 0 ? KV_COMPLETE : KV_FAILED;
	g->err = err;
	g->mono_ended = kv_clock_mono_ms();
	kv_parts_free(g->parts);
	g->parts = NULL;
	kv_object_array_trim(&g->objects);
}

/* ---- waits ---- */

static int
wait_for(
    struct kv_snapshot *g, enum kind kind, kv_snapshot_done *done, void *arg, struct kv_snapshot_wait **wait)
{
	struct kv_snapshot_wait *w = calloc(1, sizeof(*w));

	*wait = w;
	if (w == NULL)
		return -ENOMEM;
	w->snapshot = g;
	w->kind = kind;
	w->done = done;
	w->arg = arg;
	w->next = g->waits;
	g->waits = w;
	kv_parts_wanted(g->parts);
	return 0;
}

int
kv_snapshot_wait_for(
    struct kv_snapshot *g, size_t index, kv_snapshot_done *done, void *arg, struct kv_snapshot_wait **wait)
{
	const int err = wait_for(g, INDEX, done, arg, wait);

	if (err == 0)
		(*wait)->index = index;
	return err;
}

int
kv_snapshot_wait_for_page(
    struct kv_snapshot *g, kv_snapshot_done *done, void *arg, struct kv_snapshot_wait **wait)
{
	return wait_for(g, PAGE, done, arg, wait);
}

int
kv_snapshot_wait_for_name(struct kv_snapshot *g, const char *name, kv_snapshot_done *done, void *arg,
    struct kv_snapshot_wait **wait)
{
	const int err = wait_for(g, NAME, done, arg, wait);

	if (err == 0)
		kv_object_key(name, (*wait)->key);
	return err;
}

void
kv_snapshot_cancel(struct kv_snapshot_wait *wait)
{
	if (wait == NULL)
		return;
	for (struct kv_snapshot_wait **at = &wait->snapshot->waits; *at != NULL; at = &(*at)->next)
		if (*at == wait) {
			*at = wait->next;
			free(wait);
			return;
		}
}

bool
kv_snapshot_is_wanted(const struct kv_snapshot *g)
{
	for (const struct kv_snapshot_wait *w = g->waits; w != NULL; w = w->next)
		if (w->kind != PAGE)
			return true;
	return false;
}

bool
kv_snapshot_is_useless(const struct kv_snapshot *g)
{
	return g->n_pages == 0 && g->refs == 1 && g->waits == NULL;
}

void
kv_snapshot_check(const struct kv_snapshot *g)
{
	assert(g->objects.n <= g->objects.size);
	for (size_t i = 0; i < g->objects.n; i++)
		assert(g->objects.at[i] != NULL && g->objects.at[i]->refs > 0);
	assert(g->state == KV_LOADING || (g->waits == NULL && g->parts == NULL));
	kv_parts_check(g->parts);
	for (const struct kv_snapshot_wait *w = g->waits; w != NULL; w = w->next)
		assert(w->snapshot == g);
	assert((g->state == KV_FAILED) == (g->err != 0));
	assert((g->state == KV_LOADING) == (g->mono_ended == 0));
}

static bool
is_over(const struct kv_snapshot_wait *w, kv_snapshot_has *has)
{
	const struct kv_snapshot *g = w->snapshot;

	if (g->state != KV_LOADING)
		return true;
	switch (w->kind) {
	case PAGE:
		return g->n_pages > 0;
	case INDEX:
		return g->objects.n > w->index;
	case NAME:
		return has(g, w->key);
	}
	return true;
}

/* A completion may add and cancel waits: start again after each. */
void
kv_snapshot_notify(struct kv_snapshot *g, kv_snapshot_has *has, const struct kv_reply *reply)
{
	struct kv_snapshot_wait **at = &g->waits;

	kv_snapshot_ref(g);
	while (*at != NULL) {
		struct kv_snapshot_wait *w = *at;

		if (!is_over(w, has)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->done(w->arg, g->err, reply);
		free(w);
		at = &g->waits;
	}
	kv_snapshot_unref(g);
}
