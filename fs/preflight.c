/*
 * Checks at start-up. Each error message states what is wrong and what to do.
 */
#include <errno.h>
#include <string.h>

#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/vault/explain.h"
#include "fs/preflight.h"

struct first_page {
	struct start *start;
	enum kv_type type;
	struct kv_snapshot_wait *wait;
	int err;
	bool is_denied; /* the vault's 403, not a proxy's: other types may be allowed */
};

struct start {
	struct kv_branch *branch;
	struct first_page pages[KV_TYPES];
	int n_waiting;
	struct kv_buf why;		  /* of the first failure other than a 403 */
	struct kv_buf denied, denied_why; /* code and sentence of the first 403 */
};

static const char *
code_of(const struct kv_reply *reply)
{
	return reply->fault.inner[0] != '\0' ? reply->fault.inner : reply->fault.code;
}

/* What failed, before the reason. */
static void
say_what(const char *host, enum kv_type type, const struct kv_reply *reply, struct kv_buf *why)
{
	const char *code = code_of(reply);

	if (reply->is_of_token)
		return;
	if (reply->status != 0 && (reply->status < 200 || reply->status > 299))
		kv_buf_say(why, "%s answers %ld%s%s to the list of %s: ", host, reply->status,
		    code[0] != '\0' ? " " : "", code, kv_type_name(type));
	else if (reply->is_of_proxy || reply->err == -ECONNREFUSED)
		kv_buf_say(why, "%s cannot be reached: ", host);
	else if (reply->err == -EPROTO)
		kv_buf_say(why, "no trusted connection to %s: ", host);
	else
		kv_buf_say(why, "the list of %s cannot be read from %s: ", kv_type_name(type), host);
}

static void
say_failure(const struct kv_branch *branch, enum kv_type type, int err, const struct kv_reply *reply,
    struct kv_buf *why)
{
	const char *host = kv_vault_name(branch->volume->vault);
	const bool is_of_vault = reply->status == 0 && !reply->is_of_token && !reply->is_of_proxy;
	struct kv_reply failed = *reply;

	failed.err = err;
	if (is_of_vault && err == -EHOSTUNREACH) {
		kv_buf_say(why,
		    "the host %s is not known: is the vault's name right, was the vault deleted, and does "
		    "DNS work?",
		    host);
		return;
	}
	say_what(host, type, &failed, why);
	kv_explain(&failed, host, why);
	if (is_of_vault && err == -EPROTO)
		kv_buf_say(why, " (a CA of your own is given with -o cacert=FILE)");
}

static void
first_page_done(void *arg, int err, const struct kv_reply *reply)
{
	const struct kv_reply unknown = { .err = err };
	struct first_page *page = arg;
	struct start *s = page->start;

	page->wait = NULL;
	page->err = err;
	if (reply == NULL)
		reply = &unknown;
	page->is_denied =
	    err != 0 && reply->status == 403 && !reply->is_of_token && code_of(reply)[0] != '\0';
	if (page->is_denied && s->denied.len == 0) {
		kv_buf_say(&s->denied, "%s", code_of(reply));
		kv_explain(reply, kv_vault_name(s->branch->volume->vault), &s->denied_why);
	}
	if (err != 0 && !page->is_denied && s->why.len == 0)
		say_failure(s->branch, page->type, err, reply, &s->why);
	if (--s->n_waiting == 0 || (err != 0 && !page->is_denied))
		kv_loop_stop(s->branch->mount->loop);
}

/* Append the denied types as "secrets, certificates", or the others as "keys:secrets". */
static void
say_types(const struct start *s, bool is_denied, const char *between, struct kv_buf *text)
{
	for (int t = 0; t < KV_TYPES; t++)
		if (s->branch->volume->listings[t] != NULL && s->pages[t].is_denied == is_denied)
			kv_buf_say(text, "%s%s", text->len > 0 ? between : "", kv_type_name((enum kv_type)t));
}

static void
say_denied(const struct start *s, struct kv_buf *why)
{
	const char *host = kv_vault_name(s->branch->volume->vault), *code = kv_buf_str(&s->denied);
	struct kv_buf denied, others;

	kv_buf_init(&denied, 64);
	kv_buf_init(&others, 64);
	say_types(s, true, " and ", &denied);
	say_types(s, false, ":", &others);
	if (strcmp(code, "ForbiddenByFirewall") == 0 || strcmp(code, "ForbiddenByConnection") == 0)
		kv_buf_say(why, "the network rules of %s refuse this machine (%s): %s", host, code,
		    kv_buf_str(&s->denied_why));
	else
		kv_buf_say(why, "no permission to list %s in %s (%s): %s; or %s with -o types=%s",
		    kv_buf_str(&denied), host, code, kv_buf_str(&s->denied_why),
		    others.len > 0 ? "leave them out" : "name other types", kv_buf_str(&others));
	kv_buf_release(&denied);
	kv_buf_release(&others);
}

int
kv_preflight(struct kv_branch *branch, struct kv_buf *why)
{
	struct start s = { .branch = branch };
	int err = 0;

	kv_buf_init(&s.why, 4096);
	kv_buf_init(&s.denied, 64);
	kv_buf_init(&s.denied_why, 2048);
	kv_throttle_set_patient(branch->volume->throttle, false);
	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		s.pages[t] = (struct first_page){ .start = &s, .type = (enum kv_type)t };
		if (branch->volume->listings[t] == NULL)
			continue;
		err = kv_listing_begin(
		    branch->volume->listings[t], first_page_done, &s.pages[t], &s.pages[t].wait);
		if (err == 0)
			s.n_waiting++;
	}
	if (err == 0)
		err = kv_loop_run(branch->mount->loop);
	for (int t = 0; t < KV_TYPES; t++) {
		kv_snapshot_cancel(s.pages[t].wait);
		if (err == 0)
			err = s.pages[t].err;
	}
	if (s.why.len > 0)
		kv_buf_say(why, "%s", kv_buf_str(&s.why));
	else if (s.denied.len > 0)
		say_denied(&s, why);
	else if (err == 0 && s.n_waiting > 0)
		err = -EINTR;
	if (err != 0 && why->len == 0)
		kv_buf_say(why, "%s", err == -EINTR ? "ended by a signal" : strerror(-err));
	kv_throttle_set_patient(branch->volume->throttle, true);
	kv_buf_release(&s.why);
	kv_buf_release(&s.denied);
	kv_buf_release(&s.denied_why);
	return err;
}
