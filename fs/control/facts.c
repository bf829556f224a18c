/*
 * The requests: contacts and the list of issuers; an issuer each; a rotation policy each. At most SIDE_BY_SIDE of them
 * wait at a time, so that a vault of 100,000 keys does not fill the queue. The answers are kept as text, by what they
 * are about, and sorted at the end: equal vaults give equal bytes.
 */
#include "fs/control/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "client/base/json_put.h"
#include "client/base/json_quote.h"
#include "client/vault/audit.h"
#include "client/vault/explain.h"
#include "fs/control/fact_text.h"
#include "fs/control/report.h"

#define SIDE_BY_SIDE 64
#define MOST_TEXT    ((size_t)64 << 20)
#define MOST_FACT    ((size_t)8 << 20)

/* The members of vault.json. */
enum kind { CONTACTS, ISSUERS, POLICIES, KINDS };
static const char *const members[KINDS] = { "contacts", "issuers", "rotationPolicies" };

/* A fact to be asked for, or its answer. */
struct fact {
	STAILQ_ENTRY(fact) link;
	enum kind kind;
	enum kv_op op;
	char *name; /* of the key or issuer; or NULL */
	struct kv_buf text;
	char not_shown[80]; /* why text is null; "": it is not */
};
STAILQ_HEAD(queue, fact);

struct request {
	LIST_ENTRY(request) link;
	struct kv_facts *facts;
	struct fact *fact;
	struct kv_ticket *ticket;
};

struct kv_facts {
	struct kv_branch *branch;
	struct kv_question question;
	struct queue to_ask, answered;
	LIST_HEAD(, request) requests;
	size_t n_requests, n_answered;
	char not_shown[KINDS][80];
	int err;
	struct kv_timer turn;
	kv_facts_done *done;
	void *arg;
};

static void go_on(void *);
static void fact_answered(void *, struct kv_reply *);

/* ---- facts ---- */

static void
free_fact(struct fact *f)
{
	kv_buf_release(&f->text);
	free(f->name);
	free(f);
}

static void
free_queue(struct queue *queue)
{
	while (!STAILQ_EMPTY(queue)) {
		struct fact *f = STAILQ_FIRST(queue);

		STAILQ_REMOVE_HEAD(queue, link);
		free_fact(f);
	}
}

/* name may be NULL. */
static int
add_fact(struct kv_facts *facts, enum kind kind, enum kv_op op, const char *name)
{
	struct fact *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	f->kind = kind;
	f->op = op;
	kv_buf_init(&f->text, MOST_FACT);
	if (name != NULL && (f->name = strdup(name)) == NULL) {
		free_fact(f);
		return -ENOMEM;
	}
	STAILQ_INSERT_TAIL(&facts->to_ask, f, link);
	return 0;
}

/* ---- requests ---- */

static void
free_request(struct request *r)
{
	LIST_REMOVE(r, link);
	r->facts->n_requests--;
	kv_throttle_cancel(r->ticket);
	if (r->fact != NULL)
		free_fact(r->fact);
	free(r);
}

static int
send(struct kv_facts *facts, struct fact *f, const char *next_link)
{
	const struct kv_task task = { .call = { .op = f->op,
					  .type = f->kind == POLICIES ? KV_KEYS : KV_CERTIFICATES,
					  .name = f->name,
					  .next_link = next_link,
					  .caller = facts->question.caller },
		.priority = KV_REFRESH,
		.is_quiet = true,
		.mono_deadline = facts->question.mono_deadline };
	struct request *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL) {
		free_fact(f);
		return -ENOMEM;
	}
	r->facts = facts;
	r->fact = f;
	LIST_INSERT_HEAD(&facts->requests, r, link);
	facts->n_requests++;
	err = kv_throttle_send(facts->branch->volume->throttle, &task, fact_answered, r, &r->ticket);
	if (err != 0)
		free_request(r);
	return err;
}

/* ---- answers ---- */

/* An issuer's id looks like that of a version of a certificate called issuers. */
static int
ask_for_issuers(struct kv_facts *facts, const struct kv_page *page)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < page->n; i++)
		err = page->items[i].version[0] != '\0' ?
		    add_fact(facts, ISSUERS, KV_OP_ISSUER, page->items[i].version) :
		    -EBADMSG;
	return err;
}

static int
read_answer(struct kv_facts *facts, struct request *r, const struct kv_reply *reply)
{
	struct fact *f = r->fact, *next;
	int err;

	switch (f->op) {
	case KV_OP_CONTACTS:
		return kv_fact_text_contacts(reply->json, &f->text);
	case KV_OP_ISSUER:
		return kv_fact_text_issuer(reply->json, &f->text);
	case KV_OP_ROTATION_POLICY:
		return kv_fact_text_policy(reply->json, &f->text);
	default:
		err = ask_for_issuers(facts, reply->page);
		if (err != 0 || reply->page->next_link == NULL)
			return err;
		next = f;
		r->fact = NULL;
		return send(facts, next, reply->page->next_link);
	}
}

static const char *
code_of(const struct kv_fault *fault)
{
	return fault->inner[0] != '\0' ? fault->inner : fault->code[0] != '\0' ? fault->code : "refused";
}

/*
 * A 404. Only a vault without contacts answers so to the request for them, with a code of its own, and none to that for
 * the list of issuers. An issuer or key that a list has named may be gone meanwhile; it is shown rather than left out.
 */
static int
note_missing(struct fact *f, const struct kv_reply *reply)
{
	if (f->op == KV_OP_CONTACTS)
		return strcmp(reply->fault.code, "ContactsNotFound") == 0 ? kv_buf_puts(&f->text, "[]") :
									    -EBADMSG;
	if (f->op == KV_OP_ISSUERS)
		return -EBADMSG;
	snprintf(f->not_shown, sizeof(f->not_shown), "%s", code_of(&reply->fault));
	return kv_buf_puts(&f->text, "null");
}

/* The refusal of one is that of all of its kind: the others are not asked for. */
static void
note_refusal(struct kv_facts *facts, enum kind kind, const struct kv_reply *reply)
{
	struct fact *f, *next;

	snprintf(facts->not_shown[kind], sizeof(facts->not_shown[kind]), "%s", code_of(&reply->fault));
	for (f = STAILQ_FIRST(&facts->to_ask); f != NULL; f = next) {
		next = STAILQ_NEXT(f, link);
		if (f->kind != kind)
			continue;
		STAILQ_REMOVE(&facts->to_ask, f, fact, link);
		free_fact(f);
	}
}

static void
note_failure(struct kv_facts *facts, const struct fact *f, struct kv_reply *reply, int err)
{
	const struct kv_call call = { .op = f != NULL ? f->op : KV_OP_ISSUERS,
		.type = f != NULL && f->kind == POLICIES ? KV_KEYS : KV_CERTIFICATES,
		.name = f != NULL ? f->name : NULL,
		.caller = facts->question.caller };
	const bool is_wrong_404 = reply->err == -ENOENT && err == -EBADMSG;

	if (facts->err != 0)
		return;
	facts->err = err;
	reply->err = err;
	kv_audit_failure(facts->branch->volume->vault, &call, reply,
	    is_wrong_404 ?
		"a vault does not answer 404 to this request, which is about all of it: is there a gateway or proxy in between?" :
		NULL);
}

static void
fact_answered(void *arg, struct kv_reply *reply)
{
	struct request *r = arg;
	struct kv_facts *facts = r->facts;
	struct fact *f = r->fact;
	int err = reply->err, refusal;

	r->ticket = NULL;
	if (err == 0)
		err = read_answer(facts, r, reply);
	else if (err == -ENOENT)
		err = note_missing(f, reply);
	else if ((refusal = kv_explain_refusal(reply)) != 0) {
		err = refusal > 0 ? 0 : refusal;
		if (err == 0)
			note_refusal(facts, f->kind, reply);
	}
	if (err != 0)
		note_failure(facts, r->fact, reply, err);
	if (err == 0 && r->fact != NULL && f->text.len > 0) {
		r->fact = NULL;
		STAILQ_INSERT_TAIL(&facts->answered, f, link);
		facts->n_answered++;
	}
	free_request(r);
	kv_timer_set(&facts->turn, 0);
}

/* ---- the text ---- */

static int
compare_facts(const void *a, const void *b)
{
	const struct fact *const *x = a, *const *y = b;

	if ((*x)->kind != (*y)->kind)
		return (*x)->kind < (*y)->kind ? -1 : 1;
	return (*x)->name != NULL && (*y)->name != NULL ? strcmp((*x)->name, (*y)->name) : 0;
}

/* The member of that kind, from the facts[0 .. n) that are sorted. */
static int
put_kind(struct kv_facts *facts, enum kind kind, struct fact *const *sorted, size_t n, struct kv_buf *out,
    int *n_members)
{
	int err = kv_json_put_name(out, members[kind], 1, n_members), n_put = 0;

	if (err == 0 && facts->not_shown[kind][0] != '\0')
		return kv_buf_puts(out, "null");
	if (err == 0 && kind != CONTACTS)
		err = kv_buf_puts(out, "{");
	for (size_t i = 0; err == 0 && i < n; i++) {
		if (sorted[i]->kind != kind)
			continue;
		if (kind != CONTACTS)
			err = kv_json_put_name(out, sorted[i]->name, 2, &n_put);
		if (err == 0)
			err = kv_buf_append(out, sorted[i]->text.data, sorted[i]->text.len);
	}
	if (err == 0 && n_put > 0)
		err = kv_json_put_line(out, 1);
	return err == 0 && kind != CONTACTS ? kv_buf_puts(out, "}") : err;
}

/* One member of "notShown", which is the n-th; name NULL: all of its kind. */
static int
put_reason(enum kind kind, const char *name, const char *reason, struct kv_buf *out, int *n_members, int *n)
{
	char member[KV_NAME_MAX + 32];
	int err = 0;

	if (reason[0] == '\0')
		return 0;
	snprintf(member, sizeof(member), "%s%s%s", members[kind], name != NULL ? "/" : "",
	    name != NULL ? name : "");
	if (*n == 0)
		err = kv_json_put_name(out, "notShown", 1, n_members);
	if (err == 0 && *n == 0)
		err = kv_buf_puts(out, "{");
	if (err == 0)
		err = kv_json_put_name(out, member, 2, n);
	return err == 0 ? kv_json_quote(out, reason) : err;
}

static int
put_not_shown(const struct kv_facts *facts, struct fact *const *sorted, size_t n_sorted, struct kv_buf *out,
    int *n_members)
{
	int err = 0, n = 0;

	for (int k = 0; err == 0 && k < KINDS; k++)
		err = put_reason((enum kind)k, NULL, facts->not_shown[k], out, n_members, &n);
	for (size_t i = 0; err == 0 && i < n_sorted; i++)
		if (facts->not_shown[sorted[i]->kind][0] == '\0')
			err = put_reason(
			    sorted[i]->kind, sorted[i]->name, sorted[i]->not_shown, out, n_members, &n);
	if (err == 0 && n > 0)
		err = kv_json_put_line(out, 1);
	return err == 0 && n > 0 ? kv_buf_puts(out, "}") : err;
}

static bool
is_wanted(const struct kv_facts *facts, enum kind kind)
{
	return facts->branch->volume->listings[kind == POLICIES ? KV_KEYS : KV_CERTIFICATES] != NULL;
}

static int
put_text(struct kv_facts *facts, struct kv_buf *out)
{
	struct fact **sorted = calloc(facts->n_answered + 1, sizeof(*sorted)), *f;
	size_t n = 0;
	int err, n_members = 1;

	if (sorted == NULL)
		return -ENOMEM;
	STAILQ_FOREACH(f, &facts->answered, link)
		sorted[n++] = f;
	qsort(sorted, n, sizeof(*sorted), compare_facts);
	err = kv_report_vault(facts->branch, out);
	for (int k = 0; err == 0 && k < KINDS; k++)
		if (is_wanted(facts, (enum kind)k))
			err = put_kind(facts, (enum kind)k, sorted, n, out, &n_members);
	if (err == 0)
		err = put_not_shown(facts, sorted, n, out, &n_members);
	free(sorted);
	return err == 0 ? kv_buf_puts(out, "\n}\n") : err;
}

static void
end(struct kv_facts *facts)
{
	struct kv_buf text;

	kv_buf_init(&text, MOST_TEXT);
	if (facts->err == 0)
		facts->err = put_text(facts, &text);
	facts->done(facts->arg, facts->err, &text);
	kv_buf_release(&text);
	kv_facts_cancel(facts);
}

static void
go_on(void *arg)
{
	struct kv_facts *facts = arg;

	while (facts->err == 0 && facts->n_requests < SIDE_BY_SIDE && !STAILQ_EMPTY(&facts->to_ask)) {
		struct fact *f = STAILQ_FIRST(&facts->to_ask);

		STAILQ_REMOVE_HEAD(&facts->to_ask, link);
		facts->err = send(facts, f, NULL);
	}
	if (facts->err != 0 || facts->n_requests == 0)
		end(facts);
}

/* ---- beginning and end ---- */

static int
add_all(struct kv_facts *facts)
{
	struct kv_listing *const *listings = facts->branch->volume->listings;
	struct kv_object *const *keys;
	size_t n;
	int err = 0;

	if (is_wanted(facts, CONTACTS))
		err = add_fact(facts, CONTACTS, KV_OP_CONTACTS, NULL);
	if (err == 0 && is_wanted(facts, ISSUERS))
		err = add_fact(facts, ISSUERS, KV_OP_ISSUERS, KV_ISSUERS);
	if (err != 0 || !is_wanted(facts, POLICIES))
		return err;
	keys = kv_listing_view(listings[KV_KEYS], &n, NULL, NULL);
	for (size_t i = 0; err == 0 && i < n; i++)
		if (!keys[i]->is_gone && !keys[i]->is_managed)
			err = add_fact(facts, POLICIES, KV_OP_ROTATION_POLICY, keys[i]->name);
	return err;
}

int
kv_facts_begin(struct kv_branch *branch, const struct kv_caller *caller, kv_facts_done *done, void *arg,
    struct kv_facts **out)
{
	struct kv_facts *facts = calloc(1, sizeof(*facts));
	int err;

	*out = NULL;
	if (facts == NULL)
		return -ENOMEM;
	facts->branch = branch;
	facts->question.caller = *caller;
	facts->question.mono_deadline = kv_clock_mono_ms() + branch->settings->timeout_ms;
	facts->done = done;
	facts->arg = arg;
	STAILQ_INIT(&facts->to_ask);
	STAILQ_INIT(&facts->answered);
	LIST_INIT(&facts->requests);
	kv_timer_init(&facts->turn, branch->volume->loop, go_on, facts);
	err = add_all(facts);
	if (err != 0) {
		kv_facts_cancel(facts);
		return err;
	}
	kv_timer_set(&facts->turn, 0);
	*out = facts;
	return 0;
}

void
kv_facts_cancel(struct kv_facts *facts)
{
	if (facts == NULL)
		return;
	kv_timer_stop(&facts->turn);
	while (!LIST_EMPTY(&facts->requests))
		free_request(LIST_FIRST(&facts->requests));
	free_queue(&facts->to_ask);
	free_queue(&facts->answered);
	free(facts);
}
