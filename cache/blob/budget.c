/*
 * Invariants:
 *	used, unread and expected are the sums of the users'
 *	used is within room, or the trim timer is set, or no user can evict anything (only spilled entries are left)
 */
#include <assert.h>
#include <stdlib.h>

#include "cache/blob/budget.h"
#include "cache/blob/spill.h"
#include "client/base/loop.h"

struct kv_budget {
	size_t room, used, unread, expected;
	struct kv_spill *spill; /* or NULL */
	LIST_HEAD(, kv_budget_user) users;
	struct kv_timer trim;
	bool is_stuck; /* the last trim found nothing to evict */
};

/* ---- users ---- */

void
kv_budget_join(struct kv_budget *b, struct kv_budget_user *u, const struct kv_budget_ops *ops, void *arg)
{
	*u = (struct kv_budget_user){ .budget = b, .ops = ops, .arg = arg };
	LIST_INSERT_HEAD(&b->users, u, link);
}

void
kv_budget_leave(struct kv_budget_user *u)
{
	if (u->budget == NULL)
		return;
	assert(u->used == 0 && u->unread == 0 && u->expected == 0);
	LIST_REMOVE(u, link);
	u->budget = NULL;
}

void
kv_budget_take(struct kv_budget_user *u, size_t bytes)
{
	u->used += bytes;
	u->budget->used += bytes;
	kv_timer_set(&u->budget->trim, 0);
}

void
kv_budget_give_back(struct kv_budget_user *u, size_t bytes)
{
	u->used -= bytes;
	u->budget->used -= bytes;
}

static void
note(size_t *own, size_t *sum, size_t bytes, bool is_more)
{
	*own = is_more ? *own + bytes : *own - bytes;
	*sum = is_more ? *sum + bytes : *sum - bytes;
}

void
kv_budget_note_unread(struct kv_budget_user *u, size_t bytes, bool is_more)
{
	note(&u->unread, &u->budget->unread, bytes, is_more);
}

void
kv_budget_note_expected(struct kv_budget_user *u, size_t bytes, bool is_more)
{
	note(&u->expected, &u->budget->expected, bytes, is_more);
}

size_t
kv_budget_expected(const struct kv_budget *b)
{
	return b->expected;
}

struct kv_spill *
kv_budget_spill(const struct kv_budget *b)
{
	return b->spill;
}

/* ---- room ---- */

static bool
evict_read(struct kv_budget *b)
{
	struct kv_budget_user *u, *best = NULL;
	int64_t oldest = 0;

	LIST_FOREACH(u, &b->users, link) {
		const int64_t mono_used = u->ops->oldest_read(u->arg);

		if (mono_used >= 0 && (best == NULL || mono_used < oldest)) {
			best = u;
			oldest = mono_used;
		}
	}
	return best != NULL && best->ops->evict_read(best->arg);
}

static bool
evict_unread(struct kv_budget *b)
{
	struct kv_budget_user *u, *most = NULL;

	LIST_FOREACH(u, &b->users, link)
		if (u->unread > 0 && (most == NULL || u->unread > most->unread))
			most = u;
	return most != NULL && most->ops->evict_unread(most->arg);
}

void
kv_budget_trim(struct kv_budget *b)
{
	b->is_stuck = false;
	while (b->used > b->room && !b->is_stuck)
		b->is_stuck = !evict_read(b) && !evict_unread(b);
}

static void
trim(void *arg)
{
	kv_budget_trim(arg);
}

static bool
drop_spilled(struct kv_budget *b)
{
	struct kv_budget_user *u;

	LIST_FOREACH(u, &b->users, link)
		if (u->ops->drop_spilled(u->arg))
			return true;
	return false;
}

bool
kv_budget_has_room(struct kv_budget *b, size_t bytes)
{
	while (b->spill != NULL && kv_spill_left(b->spill) < bytes && drop_spilled(b))
		continue;
	return b->unread + b->expected + bytes <= b->room + (b->spill != NULL ? kv_spill_left(b->spill) : 0);
}

/* ---- checking, creating, freeing ---- */

void
kv_budget_check(const struct kv_budget *b)
{
	const struct kv_budget_user *u;
	size_t used = 0, unread = 0, expected = 0;

	LIST_FOREACH(u, &b->users, link) {
		assert(u->budget == b && u->unread <= u->used);
		used += u->used;
		unread += u->unread;
		expected += u->expected;
	}
	assert(used == b->used && unread == b->unread && expected == b->expected);
	assert(b->used <= b->room || b->is_stuck || kv_timer_is_set(&b->trim));
	if (b->spill != NULL)
		kv_spill_check(b->spill);
}

struct kv_budget *
kv_budget_new(struct kv_loop *loop, const struct kv_budget_options *options)
{
	struct kv_budget *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->room = options->room - options->room / 16; /* for the gaps that malloc leaves */
	LIST_INIT(&b->users);
	kv_timer_init(&b->trim, loop, trim, b);
	if (options->spill > 0 && (b->spill = kv_spill_new(options->folder, options->spill)) == NULL) {
		free(b);
		return NULL;
	}
	return b;
}

void
kv_budget_free(struct kv_budget *b)
{
	if (b == NULL)
		return;
	assert(LIST_EMPTY(&b->users));
	kv_timer_stop(&b->trim);
	kv_spill_free(b->spill);
	free(b);
}
