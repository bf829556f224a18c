/*
 * The first page of each list of one vault, all at once. The probe is over with the last of them, or with the first
 * failure that is not a denied list; it ends in the next turn of the loop, outside of the lists' own callbacks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/log.h"
#include "client/vault/explain.h"
#include "client/vault/vault.h"
#include "fs/probe.h"

struct first_page {
	struct kv_probe *probe;
	enum kv_type type;
	struct kv_snapshot_wait *wait;
	struct kv_vault_call *call; /* instead of wait, without lists */
	int err;
	bool is_denied; /* the vault's 403, not a proxy's: other types may be allowed */
};

struct kv_probe {
	struct kv_branch *branch;
	struct first_page pages[KV_TYPES];
	int n_waiting;
	int err; /* the probe itself could not be made */
	bool is_signed_in;
	struct kv_buf why;		  /* of the first failure other than a 403 */
	enum kv_type denied_type;	  /* the first type with a 403, in the order of enum kv_type */
	struct kv_buf denied, denied_why; /* code and sentence of its 403 */
	bool may_pass;			  /* the first failure is one that time can mend */
	struct kv_timer end;
	kv_probe_done *done;
	void *arg;
};

static const char *
code_of(const struct kv_reply *reply)
{
	return reply->fault.inner[0] != '\0' ? reply->fault.inner : reply->fault.code;
}

/* client/http's reasons are whole sentences, which name the vault or the proxy; others are only reasons. */
static bool
is_sentence(const struct kv_reply *reply, const char *host)
{
	return reply->is_of_proxy || (reply->why != NULL && strncmp(reply->why, host, strlen(host)) == 0);
}

/* What failed, before the reason. */
static void
say_what(const struct kv_branch *branch, enum kv_type type, const struct kv_reply *reply, struct kv_buf *why)
{
	const char *host = kv_vault_name(branch->volume->vault);
	const char *code = code_of(reply);

	if (reply->is_of_token)
		return;
	if (reply->status != 0 && (reply->status < 200 || reply->status > 299))
		kv_buf_say(why, "%s answers %ld%s%s to the list of %s: ", host, reply->status,
		    code[0] != '\0' ? " " : "", code, kv_type_name(type));
	else if (!is_sentence(reply, host) && !kv_vault_can_list(branch->volume->vault))
		kv_buf_say(why, "%s cannot be reached: ", host);
	else if (!is_sentence(reply, host))
		kv_buf_say(why, "the list of %s cannot be read from %s: ", kv_type_name(type), host);
}

/* Whether time can mend it: the network is not up yet, or a service is down. Never a refusal. */
static bool
may_pass(int err, const struct kv_reply *reply)
{
	if (reply->status != 0 && !reply->is_of_token)
		return kv_err_is_temporary(reply->status);
	return err == -ECONNREFUSED || err == -EHOSTUNREACH || err == -ETIMEDOUT || err == -EIO ||
	    err == -EBUSY;
}

static void
say_failure(const struct kv_branch *branch, enum kv_type type, int err, const struct kv_reply *reply,
    struct kv_buf *why)
{
	const char *host = kv_vault_name(branch->volume->vault);
	struct kv_reply failed = *reply;

	failed.err = err;
	say_what(branch, type, &failed, why);
	kv_explain(&failed, host, why);
}

/* One sentence serves all denied types: that of the first, so that a start that fails twice says the same twice. */
static void
keep_denied(struct kv_probe *s, enum kv_type type, const struct kv_reply *reply)
{
	if (s->denied.len > 0 && s->denied_type < type)
		return;
	s->denied_type = type;
	kv_buf_clear(&s->denied);
	kv_buf_clear(&s->denied_why);
	kv_buf_say(&s->denied, "%s", code_of(reply));
	kv_explain(reply, kv_vault_name(s->branch->volume->vault), &s->denied_why);
}

static void
first_page_done(void *arg, int err, const struct kv_reply *reply)
{
	const struct kv_reply unknown = { .err = err };
	struct first_page *page = arg;
	struct kv_probe *s = page->probe;

	page->wait = NULL;
	page->call = NULL;
	page->err = err;
	if (reply == NULL)
		reply = &unknown;
	page->is_denied =
	    err != 0 && reply->status == 403 && !reply->is_of_token && code_of(reply)[0] != '\0';
	if (page->is_denied)
		keep_denied(s, page->type, reply);
	if (err != 0 && !page->is_denied && s->why.len == 0) {
		say_failure(s->branch, page->type, err, reply, &s->why);
		s->may_pass = may_pass(err, reply);
	}
	if (--s->n_waiting == 0 || (err != 0 && !page->is_denied))
		kv_timer_set(&s->end, 0);
}

static void
signed_in(void *arg, struct kv_reply *reply)
{
	first_page_done(arg, reply->err, reply);
}

/* Without permission to list, a token is all that can be had in advance. */
static int
sign_in(struct first_page *page)
{
	const struct kv_call call = { .op = KV_OP_LIST, .type = page->type, .is_sign_in = true };
	struct kv_vault *vault = page->probe->branch->volume->vault;

	page->probe->is_signed_in = true;
	return kv_call_send(vault, &call, signed_in, page, &page->call);
}

/* -EALREADY: nothing to wait for. */
static int
begin(struct first_page *page)
{
	const struct kv_branch *branch = page->probe->branch;
	struct kv_listing *listing = branch->volume->listings[page->type];

	if (listing == NULL || page->probe->is_signed_in)
		return -EALREADY;
	return branch->settings->is_listless ? sign_in(page) :
					       kv_listing_begin(listing, first_page_done, page, &page->wait);
}

/* Append the denied types as "secrets, certificates", or the others as "keys:secrets". */
static void
say_types(const struct kv_probe *s, bool is_denied, const char *between, struct kv_buf *text)
{
	for (int t = 0; t < KV_TYPES; t++)
		if (s->branch->volume->listings[t] != NULL && s->pages[t].is_denied == is_denied)
			kv_buf_say(text, "%s%s", text->len > 0 ? between : "", kv_type_name((enum kv_type)t));
}

static void
say_denied(const struct kv_probe *s, struct kv_buf *why)
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

/* The result: an errno, and a sentence in why. */
static int
judge(const struct kv_probe *s, struct kv_buf *why)
{
	int err = s->err;

	for (int t = 0; err == 0 && t < KV_TYPES; t++)
		err = s->pages[t].err;
	if (s->why.len > 0)
		kv_buf_say(why, "%s", kv_buf_str(&s->why));
	else if (s->denied.len > 0)
		say_denied(s, why);
	else if (err != 0)
		kv_buf_say(why, "%s", strerror(-err));
	return err;
}

static void
end(void *arg)
{
	struct kv_probe *s = arg;
	kv_probe_done *const done = s->done;
	void *const done_arg = s->arg;
	struct kv_probe_result result = { .can_pass = s->may_pass };
	struct kv_buf why;

	kv_buf_init(&why, 8192);
	result.err = judge(s, &why);
	result.why = kv_buf_str(&why);
	/* after a failure, what is still under way must not be logged beside the sentence */
	if (result.err == 0)
		kv_throttle_set_patient(s->branch->volume->throttle, true);
	kv_probe_cancel(s);
	done(done_arg, &result);
	kv_buf_release(&why);
}

struct kv_probe *
kv_probe_new(struct kv_branch *branch, kv_probe_done *done, void *arg)
{
	struct kv_probe *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->branch = branch;
	s->done = done;
	s->arg = arg;
	kv_timer_init(&s->end, branch->mount->loop, end, s);
	kv_buf_init(&s->why, 4096);
	kv_buf_init(&s->denied, 64);
	kv_buf_init(&s->denied_why, 2048);
	kv_throttle_set_patient(branch->volume->throttle, false);
	for (int t = 0; s->err == 0 && t < KV_TYPES; t++) {
		int err;

		s->pages[t] = (struct first_page){ .probe = s, .type = (enum kv_type)t };
		err = begin(&s->pages[t]);
		if (err == 0)
			s->n_waiting++;
		else if (err != -EALREADY)
			s->err = err;
	}
	if (s->err != 0 || s->n_waiting == 0)
		kv_timer_set(&s->end, 0);
	return s;
}

void
kv_probe_cancel(struct kv_probe *s)
{
	if (s == NULL)
		return;
	kv_timer_stop(&s->end);
	for (int t = 0; t < KV_TYPES; t++) {
		kv_snapshot_cancel(s->pages[t].wait);
		kv_call_cancel(s->pages[t].call);
	}
	kv_buf_release(&s->why);
	kv_buf_release(&s->denied);
	kv_buf_release(&s->denied_why);
	free(s);
}
