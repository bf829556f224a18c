/*
 * The parts of a reading.
 *
 *	planned --wanted, or the part before has come here--> begun --a page--> begun
 *	   |                                                    |  \--refused--> over
 *	   `--the part before has passed its bookmark--> over   `--its end------> over
 *
 * A begun part has a request under way, or pauses because nobody waits. The lead is the first part that is
 * not over: it never pauses, and its objects are shown at once. Those of the others are shown when they lead.
 *
 * Invariants:
 *	all parts before the lead are over, and have nothing to show; the lead is not over
 *	the lead's next page is requested, by itself or by the next part, which begins there
 *	only a begun part that is not over has a request; a planned part has a bookmark, and nothing else
 *	after an item out of order only part 0 counts
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/bookmarks.h"
#include "cache/list/part.h"
#include "cache/list/parts.h"
#include "cache/object.h"
#include "cache/object_array.h"
#include "cache/pace/throttle.h"
#include "client/base/buf.h"
#include "client/base/log.h"
#include "client/vault/audit.h"
#include "client/vault/skiptoken.h"
#include "client/vault/vault.h"

#define MODULE "listing"

struct kv_parts {
	struct kv_parts_options options;
	struct kv_parts_user user;
	char *sample; /* part 0's first nextLink: a link to a bookmark differs only in its token */
	int64_t took_ms;
	long n_items; /* read */
	int n_begun;
	int n, n_all, lead; /* parts that count: all, or only the first after an item out of order */
	bool is_ordered;
	struct kv_part at[];
};

static void page_answered(void *, struct kv_reply *);

/* ---- requests ---- */

static int
request_page(struct kv_part *part)
{
	struct kv_parts *ps = part->parts;
	const bool is_wanted = ps->user.is_wanted(ps->user.arg);
	const struct kv_task task = { .call = { .op = KV_OP_LIST,
					  .type = ps->options.type,
					  .next_link = part->link,
					  .caller.command = "listing" },
		.priority = is_wanted ? KV_METADATA : KV_REFRESH,
		.is_quiet = part->mark != NULL && part->n_pages == 0 };
	const int err = kv_throttle_send(ps->options.throttle, &task, page_answered, part, &part->ticket);

	if (err == 0 && !part->has_begun) {
		part->has_begun = true;
		ps->n_begun++;
	}
	return err;
}

static int
begin_at_bookmark(struct kv_part *part)
{
	struct kv_buf link;
	int err;

	kv_buf_init(&link, strlen(part->parts->sample) + KV_SKIPTOKEN_MAX);
	err = kv_skiptoken_put(part->parts->sample, part->mark->token, &link);
	free(part->link);
	part->link = err == 0 ? strdup(kv_buf_str(&link)) : NULL;
	kv_buf_release(&link);
	if (err == 0)
		err = part->link != NULL ? request_page(part) : -ENOMEM;
	return err;
}

static int
go_on(struct kv_part *part)
{
	return part->has_begun || part->mark == NULL ? request_page(part) : begin_at_bookmark(part);
}

static void
end(struct kv_parts *ps, int err, const struct kv_reply *reply)
{
	for (int i = 0; i < ps->n; i++)
		kv_part_finish(&ps->at[i]);
	ps->user.ended(ps->user.arg, err, reply);
}

/* A page of part has come, with its link. Whether it was in order. */
static bool
follow(struct kv_part *part, const struct kv_page *page)
{
	struct kv_parts *ps = part->parts;
	bool is_ordered = kv_part_follow(part, page, ps->at + ps->n);

	if (ps->options.most > 1) {
		is_ordered = kv_part_follow_link(part, ps->options.type) && is_ordered;
		if (part->mark == NULL && part->n_pages == 1 && part->has_token)
			ps->sample = strdup(part->link); /* NULL: part 0 reads alone */
	}
	return is_ordered;
}

/* ---- the end of a part ---- */

static const struct kv_part *
next_of(const struct kv_part *part)
{
	return kv_part_next(part, part->parts->at + part->parts->n);
}

static bool
has_come_to_next(const struct kv_part *part)
{
	return kv_part_has_come_to_next(part, part->parts->at + part->parts->n);
}

static bool
claims_end(const struct kv_part *part)
{
	return kv_part_claims_end(part, part->parts->at + part->parts->n);
}

/* Whether part pauses until the next one has answered, because it may have come to where that one begins. */
static bool
awaits_next(const struct kv_part *part)
{
	const struct kv_part *next = next_of(part);

	return part->n_pages > 0 && next != NULL && next->ticket != NULL && next->head.n == 0 &&
	    strcmp(part->last, next->mark->key) >= 0;
}

/*
 * Ends the parts that have come to where another one has read on, or to the end of the list. The end that a page
 * without a link claims is confirmed by the next part, which goes on reading: it has to be empty (see kv_part_find_cut()).
 */
static void
end_passed(struct kv_parts *ps)
{
	const struct kv_part *first = &ps->at[0];

	for (int i = 0; i < ps->n; i++) {
		struct kv_part *part = &ps->at[i];

		if (part->n_pages > 0 && !part->is_over &&
		    (kv_part_is_at_end(part) || has_come_to_next(part)))
			kv_part_finish(part);
	}
	for (int i = 1; i < ps->n && kv_part_is_at_end(first); i++) /* it has read that far alone */
		if (ps->sample == NULL || strcmp(first->last, ps->at[i].mark->key) >= 0)
			kv_part_finish(&ps->at[i]);
}

/* Leaves out bookmarks that the part before has passed, and those behind an end that two parts have found. */
static void
skip_passed(struct kv_parts *ps)
{
	const struct kv_part *before = &ps->at[0];
	int n_ends = 0;

	for (int i = 1; i < ps->n; i++) {
		struct kv_part *part = &ps->at[i];

		n_ends = claims_end(before) ? n_ends : 0;
		if (part->has_begun && (!part->is_over || part->n_pages > 0)) {
			n_ends += claims_end(before) && claims_end(part) && part->head.n == 0;
			before = part;
		} else if (!part->has_begun && !part->is_over) {
			part->is_over = strcmp(before->last, part->mark->key) >= 0 || n_ends > 0;
		}
	}
}

static int
show_all(struct kv_part *part)
{
	struct kv_parts *ps = part->parts;
	int err = 0;

	for (size_t i = 0; err == 0 && i < part->shown.n; i++)
		err = ps->user.show(ps->user.arg, part->shown.at[i]);
	kv_object_array_release(&part->shown);
	return err;
}

/* Shows what comes next in the order of the parts. 0, or -errno. */
static int
show_led(struct kv_parts *ps)
{
	int err = 0;

	for (; err == 0 && ps->lead < ps->n; ps->lead++) {
		err = show_all(&ps->at[ps->lead]);
		if (!ps->at[ps->lead].is_over)
			break;
	}
	return err;
}

/*
 * An item is out of order, so that names may be anywhere. What other parts have read is the vault's all the
 * same, and shown.
 */
static int
read_alone(struct kv_parts *ps)
{
	struct kv_part *first = &ps->at[0];
	int err = 0;

	for (int i = ps->lead; err == 0 && i < ps->n; i++)
		err = show_all(&ps->at[i]);
	for (int i = 1; i < ps->n; i++)
		kv_part_finish(&ps->at[i]);
	ps->n = 1;
	ps->lead = 0;
	first->is_over = first->has_met = false;
	first->n_empty = -ps->n_items; /* it reads again what is known */
	return err;
}

/* ---- who reads on ---- */

/* Requests pages of as many parts as may read now. Only the first of them must. */
static int
read_on(struct kv_parts *ps)
{
	const bool is_wanted = ps->user.is_wanted(ps->user.arg) && ps->sample != NULL;
	int n_reading = 0;

	for (int i = ps->lead; i < ps->n && n_reading < ps->options.most; i++) {
		struct kv_part *part = &ps->at[i];
		int err;

		if (part->is_over || awaits_next(part))
			continue;
		if (n_reading > 0 && !is_wanted)
			break;
		err = part->ticket != NULL ? 0 : go_on(part);
		if (err != 0)
			return n_reading == 0 ? err : 0;
		n_reading++;
	}
	return 0;
}

/* ---- answers ---- */

/* The throttle logs other failures. */
static void
log_failure(const struct kv_part *part, const struct kv_reply *reply)
{
	const struct kv_call call = {
		.op = KV_OP_LIST, .type = part->parts->options.type, .caller.command = "listing"
	};

	if (part->mark != NULL && part->n_pages == 0)
		kv_audit_failure(kv_throttle_vault(part->parts->options.throttle), &call, reply, NULL);
}

static int
take_page(struct kv_part *part, const struct kv_reply *reply)
{
	struct kv_parts *ps = part->parts;
	bool has_new = false;
	const int err = ps->user.take(ps->user.arg, reply, &part->shown, &has_new);

	ps->n_items += (long)reply->page->n;
	part->n_empty = has_new ? 0 : part->n_empty + 1;
	return err;
}

/* After a change: shows what leads, and requests what is next. 0, or -errno. */
static int
advance(struct kv_parts *ps)
{
	int err;

	end_passed(ps);
	skip_passed(ps);
	err = show_led(ps);
	return err == 0 && ps->lead < ps->n ? read_on(ps) : err;
}

/* 0, or -EBADMSG if the list ends where it does not. */
static int
check_end(const struct kv_parts *ps)
{
	const struct kv_part *cut = kv_part_find_cut(ps->at, ps->at + ps->n);

	if (cut == NULL)
		return 0;
	kv_log_event(KV_LOG_NOTICE, MODULE, "op=list object=%s after=%s errno=EBADMSG why=%s",
	    kv_type_name(ps->options.type), cut->last,
	    "the list ends here, but another request found more names: it is not complete");
	return -EBADMSG;
}

/* A page has come. 0, or -errno. */
static int
take_answer(struct kv_part *part, struct kv_reply *reply)
{
	struct kv_parts *ps = part->parts;
	int err = 0;

	free(part->link);
	part->link = reply->page->next_link;
	reply->page->next_link = NULL;
	part->n_pages++;
	if (!follow(part, reply->page))
		ps->is_ordered = false;
	if (ps->is_ordered && check_end(ps) != 0)
		return -EBADMSG;
	if (ps->is_ordered || ps->n == 1) { /* the next page loads while this one is processed */
		end_passed(ps);
		skip_passed(ps);
		err = read_on(ps);
	}
	if (err == 0)
		err = take_page(part, reply);
	if (err == 0 && !ps->is_ordered && ps->n > 1)
		err = read_alone(ps);
	return err == 0 ? advance(ps) : err;
}

static void
page_answered(void *arg, struct kv_reply *reply)
{
	struct kv_part *part = arg;
	struct kv_parts *ps = part->parts;
	int err = reply->err;

	ps->took_ms += reply->took_ms;
	part->ticket = NULL;
	if (err != 0 && kv_part_is_refused(part, reply)) {
		part->is_over = true;
		err = advance(ps);
		reply = NULL;
	} else if (err != 0) {
		log_failure(part, reply);
		err = err == -ENOENT ? -EBADMSG :
				       err; /* the list exists; readdir(3) takes ENOENT for its end */
	} else if (kv_part_goes_round(part, reply->page->next_link)) {
		kv_log_event(KV_LOG_NOTICE, MODULE, "op=list object=%s errno=EBADMSG why=%s",
		    kv_type_name(ps->options.type), "the list's nextLink repeats: the list is endless");
		err = -EBADMSG;
		reply = NULL;
	} else {
		err = take_answer(part, reply);
		reply = NULL;
	}
	if (err != 0 || ps->lead == ps->n)
		end(ps, err, reply);
	else
		ps->user.grew(ps->user.arg);
}

/* ---- the interface ---- */

void
kv_parts_wanted(struct kv_parts *ps)
{
	if (ps == NULL)
		return;
	for (int i = ps->lead; i < ps->n; i++)
		if (ps->at[i].ticket != NULL)
			kv_throttle_raise(ps->at[i].ticket, KV_METADATA);
	(void)read_on(ps); /* the lead reads already; the others are for speed */
}

int
kv_parts_begun(const struct kv_parts *ps)
{
	return ps->n_begun;
}

int64_t
kv_parts_took_ms(const struct kv_parts *ps)
{
	return ps->took_ms;
}

static int
mark_pages(const struct kv_parts *ps, struct kv_bookmarks *b)
{
	struct kv_noted_pages pages = { .base = 0 };
	int n_pages = 0, err = 0;

	for (int i = 0; i < ps->n; i++)
		n_pages += ps->at[i].n_pages;
	pages.due = pages.step = (n_pages + KV_BOOKMARKS - 1) / KV_BOOKMARKS;
	for (int i = 0; err == 0 && i < ps->n; i++) {
		const struct kv_part *part = &ps->at[i];

		if (part->mark != NULL && part->n_pages > 0)
			err = kv_noted_mark(&pages, part->mark->token, 0, b);
		for (int k = 0; err == 0 && k < part->noted.n; k++)
			err = kv_noted_mark(&pages, part->noted.tokens[k], part->noted.pages[k], b);
		pages.base += part->n_pages;
	}
	return err;
}

/* The parts' own bookmarks are in b: what is new is gathered beside. */
void
kv_parts_mark(const struct kv_parts *ps, struct kv_bookmarks *b)
{
	struct kv_bookmarks new = { .type = b->type, .rows = b->rows };

	if (!ps->is_ordered)
		kv_bookmarks_give_up(b);
	if (b->is_given_up || ps->lead < ps->n || ps->options.most < 2)
		return;
	if (mark_pages(ps, &new) != 0) {
		kv_bookmarks_clear(&new); /* no memory: the old ones are as good as they were */
		return;
	}
	kv_bookmarks_clear(b);
	*b = new;
	kv_bookmarks_save(b);
}

static void
check_part(const struct kv_parts *ps, int i)
{
	const struct kv_part *part = &ps->at[i];

	assert(part->parts == ps && (part->mark == NULL) == (i == 0));
	assert(part->ticket == NULL || (part->has_begun && !part->is_over));
	assert(part->has_begun || (part->n_pages == 0 && part->shown.n == 0));
	assert(i >= ps->lead || (part->is_over && part->shown.n == 0));
	assert(i != ps->lead || (!part->is_over && part->shown.n == 0));
	assert(i != ps->lead || part->ticket != NULL || awaits_next(part));
	assert(part->head.n == 0 || part->n_pages > 0);
}

void
kv_parts_check(const struct kv_parts *ps)
{
	if (ps == NULL)
		return;
	assert(ps->lead < ps->n && ps->n <= ps->n_all);
	assert(ps->is_ordered || ps->n == 1);
	for (int i = 0; i < ps->n; i++)
		check_part(ps, i);
}

int
kv_parts_new(const struct kv_parts_options *options, const struct kv_parts_user *user, struct kv_parts **out)
{
	const struct kv_bookmarks *b = options->bookmarks;
	const int n = b != NULL && options->most > 1 ? 1 + b->n : 1;
	struct kv_parts *ps = calloc(1, sizeof(*ps) + (size_t)n * sizeof(struct kv_part));
	int err;

	*out = ps;
	if (ps == NULL)
		return -ENOMEM;
	ps->options = *options;
	ps->user = *user;
	ps->n = ps->n_all = n;
	ps->is_ordered = true;
	for (int i = 0; i < n; i++)
		kv_part_init(&ps->at[i], ps, i > 0 ? &b->marks[i - 1] : NULL);
	err = request_page(&ps->at[0]);
	if (err != 0) {
		kv_parts_free(ps);
		*out = NULL;
	}
	return err;
}

void
kv_parts_free(struct kv_parts *ps)
{
	if (ps == NULL)
		return;
	for (int i = 0; i < ps->n_all; i++)
		kv_part_release(&ps->at[i]);
	free(ps->sample);
	free(ps);
}
