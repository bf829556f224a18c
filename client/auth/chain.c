/*
 * The choice of a credential.
 *
 *	next in the order -> ask -> token: done; its kind is kept for renewals
 *	      ^               |
 *	      |               +---> failed: done
 *	      +-- unavailable, or not configured; none left, or no time left: done, with a line for each
 *
 * If several credentials are in the order, one that is not certainly configured is a guess (client/auth/ask),
 * and the whole choice has a time limit. After the first token its kind has as long as it needs.
 */
#include "client/auth/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/auth/ask.h"
#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/loop.h"

#define AUTO_S 30

struct kv_chain {
	struct kv_loop *loop;
	struct kv_http *http;
	const struct kv_credential_options *o;
	struct kv_auth_order order;
	int at;				       /* index in order of the credential that is being asked */
	const struct kv_credential_kind *kind; /* that is being asked, or gave the last token */
	bool is_settled;		       /* kind has given a token */
	bool is_guess;			       /* kind is being asked as one */
	bool has_asked;			       /* a service or a program, in this fetch */
	struct kv_ask *ask;		       /* NULL while none is being asked */
	struct kv_timer timer;		       /* the limit; or ends a fetch that asks none */
	struct kv_buf lines;		       /* of the credentials that were unavailable in this fetch */
	int err;			       /* of the first of them that time may mend, or -EACCES */
	const struct kv_audience *audience;
	kv_chain_done *done; /* NULL while no fetch is in progress */
	void *arg;
};

static void credential_asked(void *, const struct kv_ask_result *);

static const struct kv_auth *
auth_at(const struct kv_chain *c, int at)
{
	return &kv_auths[c->order.auths[at]];
}

static bool
is_chain(const struct kv_chain *c)
{
	return c->order.n > 1 && !c->is_settled;
}

static int64_t
limit_ms(const struct kv_chain *c)
{
	return (int64_t)(c->o->auto_s > AUTO_S ? c->o->auto_s : AUTO_S) * 1000;
}

/* ---- the end of a fetch ---- */

/* The completion may free c. */
static void
finish(struct kv_chain *c, int err, const struct kv_token_answer *token, const char *why)
{
	kv_chain_done *done = c->done;

	kv_timer_stop(&c->timer);
	c->done = NULL;
	done(c->arg, err, token, why);
}

static void
add_line(struct kv_chain *c, int at, const char *text)
{
	kv_buf_say(&c->lines, "\n  %s: %s", auth_at(c, at)->noun, text);
}

static void
finish_without(struct kv_chain *c)
{
	struct kv_buf why;

	kv_buf_init(&why, KV_ASK_MOST_WHY);
	kv_buf_say(&why, "no credential gave a token for %s:%s\n%s", c->audience->resource,
	    kv_buf_str(&c->lines),
	    "run az login as this user, or configure one of these (man kvfs, CREDENTIALS)");
	finish(c, c->err, NULL, kv_buf_str(&why));
	kv_buf_release(&why);
}

/* The credential at c->at, or the only one, cannot be asked: lines has the reason. */
static void
finish_unasked(struct kv_chain *c)
{
	finish(c, c->err, NULL, kv_buf_str(&c->lines));
}

/* The limit. A credential that is certainly configured has failed, others were unavailable. */
static void
cut_off(struct kv_chain *c)
{
	struct kv_buf text;

	kv_buf_init(&text, 512);
	kv_ask_say_wait(c->ask, &text);
	kv_buf_say(&text,
	    " after %lld s, which is the limit for all credentials together; with -o auth=%s "
	    "it has more time",
	    (long long)limit_ms(c) / 1000, auth_at(c, c->at)->word);
	kv_ask_free(c->ask);
	c->ask = NULL;
	if (!c->is_guess) {
		finish(c, -ETIMEDOUT, NULL, kv_buf_str(&text));
		kv_buf_release(&text);
		return;
	}
	add_line(c, c->at, kv_buf_str(&text));
	kv_buf_release(&text);
	while (++c->at < c->order.n)
		add_line(c, c->at, "not asked: no time was left");
	c->err = c->err == -EACCES ? -ETIMEDOUT : c->err;
	finish_without(c);
}

static void
timer_fired(void *arg)
{
	struct kv_chain *c = arg;

	if (!is_chain(c) || (c->ask == NULL && c->at < c->order.n)) {
		finish_unasked(c);
		return;
	}
	if (c->ask != NULL)
		cut_off(c);
	else
		finish_without(c);
}

static void
finish_later(struct kv_chain *c)
{
	kv_timer_set(&c->timer, 0);
}

/* ---- the choice ---- */

static void
say_missing(const struct kv_credential_kind *kind, const char *missing, struct kv_buf *why)
{
	if (missing[0] == '\0')
		return;
	kv_buf_say(why, "%s", why->len > 0 ? "; " : "");
	if (kind->noun != NULL)
		kv_buf_say(why, "for a %s, ", kind->noun);
	kv_buf_say(why, "%s", missing);
}

/* The kind to ask for a credential. NULL: why says what is missing. */
static const struct kv_credential_kind *
find_kind(const struct kv_chain *c, int at, struct kv_buf *why)
{
	const struct kv_credential_kind *kind, *found = NULL;
	struct kv_buf missing;
	int auth;

	kv_buf_init(&missing, 1024);
	for (size_t i = 0; found == NULL && (kind = kv_credential_at(i, &auth)) != NULL; i++) {
		if (auth != c->order.auths[at])
			continue;
		kv_buf_clear(&missing);
		if (kind->presence(c->o, &missing) != KV_NOT_CONFIGURED)
			found = kind;
		else
			say_missing(kind, kv_buf_str(&missing), why);
	}
	kv_buf_release(&missing);
	return found;
}

static void
say_option(struct kv_chain *c, const char *option, const char *value)
{
	if (option != NULL && value != NULL)
		kv_buf_say(&c->lines, " %s %s", option, value);
}

/* The user must sign in again, because this kind cannot pass on what the vault requires. */
static void
say_claims(struct kv_chain *c)
{
	const struct kv_claims_command *run = &c->kind->claims_command;
	struct kv_buf claims;

	kv_buf_say(&c->lines,
	    "the vault requires a new sign-in (conditional access, or a session that was revoked), and the %s "
	    "credential cannot request it",
	    auth_at(c, c->at)->noun);
	if (run->command == NULL)
		return;
	kv_buf_init(&claims, 64 << 10);
	if (kv_base64_encode_standard(c->audience->claims, strlen(c->audience->claims), &claims) == 0)
		kv_buf_say(&c->lines, ": run %s \"%s\"", run->command, kv_buf_str(&claims));
	say_option(c, run->tenant, c->audience->tenant);
	say_option(c, run->scope, c->audience->scope);
	kv_buf_release(&claims);
}

static int
ask(struct kv_chain *c)
{
	const bool is_guess = is_chain(c) && c->kind->presence(c->o, NULL) == KV_PERHAPS;
	const struct kv_ask_setup setup = { .loop = c->loop,
		.http = c->http,
		.kind = c->kind,
		.options = c->o,
		.audience = c->audience,
		.is_guess = is_guess,
		.done = credential_asked,
		.arg = c };

	if (c->audience->claims != NULL && !c->kind->takes_claims) {
		kv_buf_clear(&c->lines);
		say_claims(c);
		finish_later(c);
		return 0;
	}
	c->is_guess = is_guess;
	c->ask = kv_ask_new(&setup);
	return c->ask != NULL ? 0 : -ENOMEM;
}

/* Ask the next credential of the order that may exist, from c->at on. */
static int
ask_next(struct kv_chain *c)
{
	struct kv_buf missing;
	int err = 0;

	kv_buf_init(&missing, 1024);
	for (c->kind = NULL; c->at < c->order.n; c->at++) {
		kv_buf_clear(&missing);
		c->kind = find_kind(c, c->at, &missing);
		if (c->kind != NULL)
			break;
		if (is_chain(c))
			add_line(c, c->at, kv_buf_str(&missing));
		else
			kv_buf_say(&c->lines, "the %s credential is not complete: %s",
			    auth_at(c, c->at)->noun, kv_buf_str(&missing));
	}
	kv_buf_release(&missing);
	if (c->kind != NULL)
		err = ask(c);
	else
		finish_later(c);
	return err;
}

static bool
may_mend(int err)
{
	return err != -EACCES && err != -EBADMSG;
}

static void
credential_asked(void *arg, const struct kv_ask_result *result)
{
	struct kv_chain *c = arg;
	struct kv_ask *ended = c->ask;

	c->ask = NULL;
	c->has_asked = c->has_asked || kv_ask_has_asked(ended);
	if (result->outcome != KV_UNAVAILABLE || !is_chain(c)) {
		c->is_settled = c->is_settled || result->outcome == KV_TOKEN;
		finish(c, result->err, result->token, result->why);
		kv_ask_free(ended);
		return;
	}
	add_line(c, c->at, result->why);
	if (c->err == -EACCES && may_mend(result->err))
		c->err = result->err;
	c->at++;
	kv_ask_free(ended);
	if (ask_next(c) != 0)
		finish(c, -ENOMEM, NULL, strerror(ENOMEM));
}

int
kv_chain_fetch(struct kv_chain *c, const struct kv_audience *audience, kv_chain_done *done, void *arg)
{
	int err;

	if (c->done != NULL)
		return -EBUSY;
	c->audience = audience;
	c->done = done;
	c->arg = arg;
	c->err = -EACCES;
	c->has_asked = false;
	kv_buf_clear(&c->lines);
	if (is_chain(c))
		kv_timer_set(&c->timer, limit_ms(c));
	if (!c->is_settled)
		c->at = 0;
	err = c->is_settled ? ask(c) : ask_next(c);
	if (err != 0) {
		kv_timer_stop(&c->timer);
		c->done = NULL;
	}
	return err;
}

bool
kv_chain_has_asked(const struct kv_chain *c)
{
	return c->has_asked;
}

void
kv_chain_reload(struct kv_chain *c)
{
	c->is_settled = false;
}

void
kv_chain_cancel(struct kv_chain *c)
{
	kv_ask_free(c->ask);
	c->ask = NULL;
	kv_timer_stop(&c->timer);
	c->done = NULL;
}

/* ---- the whole ---- */

/* The credentials of "auto". */
static void
use_standard_order(struct kv_auth_order *order)
{
	for (int i = 0; kv_auths[i].word != NULL; i++)
		if (kv_auths[i].group != KV_AUTH_NAMED)
			order->auths[order->n++] = (unsigned char)i;
}

struct kv_chain *
kv_chain_new(struct kv_loop *loop, struct kv_http *http, const struct kv_credential_options *options)
{
	struct kv_chain *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->http = http;
	c->o = options;
	c->order = options->order;
	if (c->order.n == 0)
		use_standard_order(&c->order);
	kv_timer_init(&c->timer, loop, timer_fired, c);
	kv_buf_init(&c->lines, KV_ASK_MOST_WHY);
	return c;
}

void
kv_chain_free(struct kv_chain *c)
{
	if (c == NULL)
		return;
	kv_chain_cancel(c);
	kv_buf_release(&c->lines);
	free(c);
}
