/*
 * One entry per version, with the latest positive and the latest negative answer and the time at which each
 * request was sent. Answers can arrive out of order, so a positive one counts only if its request was sent
 * after that of the latest negative one.
 */
#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cache/list/versions.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "fs/dropbox/confirm.h"

#define FRESH_MS     5000
#define NEVER	     (INT64_MIN / 2)
#define MOST_ENTRIES 4096 /* with more, expired entries are freed */

struct confirmation {
	enum kv_proof proof;
	enum kv_type type;
	char name[KV_NAME_MAX + 1];
	char version[64];
	int64_t wall_updated;
	int64_t mono_yes, mono_no;
	struct kv_process asker;	/* of the latest positive answer */
	LIST_HEAD(, inquiry) inquiries; /* newest first */
};

struct inquiry {
	struct confirmation *entry;
	LIST_ENTRY(inquiry) link;
	int64_t mono_asked;
	struct kv_process asker;
	struct kv_versions_call *versions;
	LIST_HEAD(, kv_confirm_wait) waits;
};

struct kv_confirm_wait {
	LIST_ENTRY(kv_confirm_wait) link;
	kv_confirm_done *done;
	void *arg;
};

struct kv_confirms {
	struct kv_throttle *throttle;
	enum kv_proof proof;
	void *entries; /* tsearch(3) of struct confirmation by version, updated, name, type */
	size_t n_entries;
};

/* ---- entries ---- */

static int
compare(const void *a, const void *b)
{
	const struct confirmation *x = a, *y = b;
	int order = strcmp(x->version, y->version);

	if (order == 0)
		order = strcmp(x->name, y->name);
	if (order == 0)
		order = (int)x->type - (int)y->type;
	return order != 0 ? order : (x->wall_updated > y->wall_updated) - (x->wall_updated < y->wall_updated);
}

static struct confirmation
key_of(const struct kv_receipt *receipt)
{
	struct confirmation key = { .type = receipt->type,
		.wall_updated = receipt->wall_updated,
		.mono_yes = NEVER,
		.mono_no = NEVER };

	memcpy(key.name, receipt->name, sizeof(key.name));
	memcpy(key.version, receipt->version, sizeof(key.version));
	return key;
}

static struct confirmation *
find(const struct kv_confirms *c, const struct kv_receipt *receipt)
{
	const struct confirmation key = key_of(receipt);
	struct confirmation *const *found = tfind(&key, (void *const *)&c->entries, compare);

	return found != NULL ? *found : NULL;
}

/* Whether a question is open or the last answer is recent enough to be needed. */
static bool
is_of_use(const struct confirmation *e, int64_t mono_now)
{
	const int64_t mono_last = e->mono_yes > e->mono_no ? e->mono_yes : e->mono_no;

	return !LIST_EMPTY(&e->inquiries) || mono_now - mono_last < 2 * FRESH_MS;
}

struct sweep {
	struct confirmation **old;
	size_t n;
};

static void
collect_old(const void *file, VISIT visit, void *arg)
{
	struct sweep *s = arg;
	struct confirmation *e = *(struct confirmation *const *)file;

	if ((visit == postorder || visit == leaf) && !is_of_use(e, kv_clock_mono_ms()))
		s->old[s->n++] = e;
}

static void
free_old_entries(struct kv_confirms *c)
{
	struct sweep s = { .old = calloc(c->n_entries, sizeof(struct confirmation *)) };

	if (s.old == NULL)
		return;
	twalk_r(c->entries, collect_old, &s);
	for (size_t i = 0; i < s.n; i++) {
		tdelete(s.old[i], &c->entries, compare);
		free(s.old[i]);
	}
	c->n_entries -= s.n;
	free(s.old);
}

static struct confirmation *
find_or_make(struct kv_confirms *c, const struct kv_receipt *receipt)
{
	struct confirmation *e = find(c, receipt);

	if (e != NULL)
		return e;
	if (c->n_entries >= MOST_ENTRIES && c->n_entries % MOST_ENTRIES == 0)
		free_old_entries(c);
	e = malloc(sizeof(*e));
	if (e == NULL)
		return NULL;
	*e = key_of(receipt);
	e->proof = c->proof;
	LIST_INIT(&e->inquiries);
	if (tsearch(e, &c->entries, compare) == NULL) {
		free(e);
		return NULL;
	}
	c->n_entries++;
	return e;
}

/* ---- recorded answers ---- */

static bool
is_fresh(int64_t mono_sent, const struct kv_process *by, const struct kv_process *asker)
{
	if (asker->id == 0 || mono_sent < asker->mono_begun || kv_clock_mono_ms() - mono_sent > FRESH_MS)
		return false;
	return mono_sent >= asker->mono_begun + KV_TICK_MS || by->id == asker->id;
}

bool
kv_confirms_is_fresh(
    const struct kv_confirms *c, const struct kv_receipt *receipt, const struct kv_process *asker)
{
	const struct confirmation *e = find(c, receipt);

	return e != NULL && e->mono_yes > e->mono_no && is_fresh(e->mono_yes, &e->asker, asker);
}

/* Without a version or `updated` in the answer to the submit, there is nothing to compare. */
static bool
can_be_confirmed(const struct kv_confirms *c, const struct kv_receipt *receipt)
{
	return c->proof == KV_PROOF_VERSION ? receipt->version[0] != '\0' : receipt->wall_updated != 0;
}

bool
kv_confirms_can_ask(const struct kv_confirms *c, const struct kv_receipt *receipt)
{
	return can_be_confirmed(c, receipt) && kv_vault_can_list(kv_throttle_vault(c->throttle));
}

static void
note_yes(struct confirmation *e, int64_t mono_sent, const struct kv_process *asker)
{
	if (mono_sent < e->mono_yes)
		return;
	e->mono_yes = mono_sent;
	e->asker = *asker;
}

/* Without memory nothing is recorded, and the next question is sent to the vault. */
void
kv_confirms_note(struct kv_confirms *c, const struct kv_receipt *receipt, int64_t mono_sent,
    const struct kv_process *asker)
{
	struct confirmation *e = can_be_confirmed(c, receipt) ? find_or_make(c, receipt) : NULL;

	if (e != NULL)
		note_yes(e, mono_sent, asker);
}

/* ---- requests ---- */

static void
free_inquiry(struct inquiry *q)
{
	struct kv_confirm_wait *w;

	while ((w = LIST_FIRST(&q->waits)) != NULL)
		kv_confirms_cancel(w);
	kv_versions_cancel(q->versions);
	LIST_REMOVE(q, link);
	free(q);
}

static bool
is_proved(const struct confirmation *e, const struct kv_versions *versions)
{
	return versions->has_version &&
	    (e->proof == KV_PROOF_VERSION || versions->wall_version_updated == e->wall_updated);
}

static void
versions_answered(void *arg, int err, const struct kv_versions *versions)
{
	struct inquiry *q = arg;
	struct confirmation *e = q->entry;
	struct kv_confirm_wait *w;

	if (err == 0 && !is_proved(e, versions))
		err = -ENOENT;
	if (err == 0)
		note_yes(e, q->mono_asked, &q->asker);
	else if (err == -ENOENT && q->mono_asked > e->mono_no)
		e->mono_no = q->mono_asked;
	LIST_REMOVE(q, link); /* so that what a completion asks cannot join it */
	while ((w = LIST_FIRST(&q->waits)) != NULL) {
		LIST_REMOVE(w, link);
		w->done(w->arg, err);
		free(w);
	}
	free(q);
}

/* A request in flight whose answer is recent enough for asker. */
static struct inquiry *
find_inquiry(const struct confirmation *e, const struct kv_process *asker)
{
	struct inquiry *q = e != NULL && asker != NULL ? LIST_FIRST(&e->inquiries) : NULL;

	return q != NULL && is_fresh(q->mono_asked, &q->asker, asker) ? q : NULL;
}

static int
put_inquiry(struct kv_confirms *c, const struct kv_receipt *receipt, const struct kv_process *asker,
    const struct kv_question *wanted, enum kv_priority priority, struct inquiry **inquiry)
{
	struct confirmation *e = find_or_make(c, receipt);
	struct inquiry *q = e != NULL ? calloc(1, sizeof(*q)) : NULL;
	int err;

	*inquiry = NULL;
	if (q == NULL)
		return -ENOMEM;
	q->entry = e;
	q->mono_asked = kv_clock_mono_ms();
	if (asker != NULL)
		q->asker = *asker;
	err = kv_versions_confirm(
	    c->throttle, e->type, e->name, e->version, priority, wanted, versions_answered, q, &q->versions);
	if (err != 0) {
		free(q);
		return err;
	}
	LIST_INSERT_HEAD(&e->inquiries, q, link);
	*inquiry = q;
	return 0;
}

int
kv_confirms_ask(struct kv_confirms *c, const struct kv_receipt *receipt, const struct kv_process *asker,
    const struct kv_question *question, kv_confirm_done *done, void *arg, struct kv_confirm_wait **wait,
    bool *was_under_way)
{
	struct inquiry *q = find_inquiry(find(c, receipt), asker);
	struct kv_confirm_wait *w;
	int err = 0;

	*wait = NULL;
	if (was_under_way != NULL)
		*was_under_way = q != NULL;
	if (!kv_confirms_can_ask(c, receipt))
		return -ENOENT; /* nothing to compare, or nothing to compare it with */
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	if (q == NULL)
		err = put_inquiry(c, receipt, asker, question, KV_METADATA, &q);
	if (err != 0) {
		free(w);
		return err;
	}
	kv_versions_raise(q->versions, KV_METADATA);
	w->done = done;
	w->arg = arg;
	LIST_INSERT_HEAD(&q->waits, w, link);
	*wait = w;
	return 0;
}

void
kv_confirms_cancel(struct kv_confirm_wait *wait)
{
	if (wait == NULL)
		return;
	LIST_REMOVE(wait, link);
	free(wait);
}

/* ---- read-ahead ---- */

void
kv_confirms_ask_ahead(struct kv_confirms *c, const struct kv_receipt *receipt, const struct kv_process *asker,
    const struct kv_caller *caller)
{
	struct inquiry *q;

	if (!kv_confirms_can_ask(c, receipt) || kv_confirms_is_fresh(c, receipt, asker) ||
	    find_inquiry(find(c, receipt), asker) != NULL ||
	    put_inquiry(c, receipt, asker, &(struct kv_question){ .caller = *caller }, KV_AHEAD, &q) != 0)
		return; /* the question will be sent when it is needed */
}

/* ---- the whole ---- */

static void
check_entry(const void *node, VISIT visit, void *arg)
{
	const struct confirmation *e = *(struct confirmation *const *)node;
	const struct inquiry *q;
	int64_t mono_last = INT64_MAX;
	size_t *n = arg;

	if (visit != postorder && visit != leaf)
		return;
	++*n;
	LIST_FOREACH(q, &e->inquiries, link) {
		assert(q->entry == e);
		assert(q->versions != NULL);
		assert(q->mono_asked <= mono_last); /* the latest first */
		mono_last = q->mono_asked;
	}
}

void
kv_confirms_check(const struct kv_confirms *c)
{
	size_t n = 0;

	twalk_r(c->entries, check_entry, &n);
	assert(n == c->n_entries);
}

struct kv_confirms *
kv_confirms_new(struct kv_throttle *throttle, enum kv_proof proof)
{
	struct kv_confirms *c = calloc(1, sizeof(*c));

	if (c != NULL)
		*c = (struct kv_confirms){ .throttle = throttle, .proof = proof };
	return c;
}

static void
free_entry(void *arg)
{
	struct confirmation *e = arg;

	while (!LIST_EMPTY(&e->inquiries))
		free_inquiry(LIST_FIRST(&e->inquiries));
	free(e);
}

void
kv_confirms_free(struct kv_confirms *c)
{
	if (c == NULL)
		return;
	tdestroy(c->entries, free_entry);
	free(c);
}
