/*
 * The choice of a credential.
 *
 *	next candidate -> ask -> token: done; the credential is kept for renewals
 *	      ^            |
 *	      |            +---> failed: done
 *	      +-- unavailable    none left: done, with all their reasons
 *
 * A credential that is not certainly configured is a guess (client/auth/ask), unless -o auth= names it.
 */
#include "client/auth/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/auth/ask.h"
#include "client/base/buf.h"
#include "client/base/loop.h"

struct kv_chain {
	struct kv_loop *loop;
	struct kv_http *http;
	const struct kv_credential_options *o;
	size_t at;	      /* index of the kind that is being asked or gave the last token */
	bool is_settled;      /* the kind at `at` has given a token */
	struct kv_ask *ask;   /* NULL while no fetch is in progress */
	struct kv_buf absent; /* why other kinds were skipped in this fetch */
	const struct kv_audience *audience;
	kv_chain_done *done;
	void *arg;
};

static void credential_asked(void *, const struct kv_ask_result *);

/* ---- candidates ---- */

/*
 * The first kind with the word of -o auth= that may exist; if none may, the last, whose failure explains what
 * is missing.
 */
static size_t
find_named(const struct kv_credential_options *o)
{
	const struct kv_credential_kind *kind;
	size_t found = 0;
	int auth;

	for (size_t i = 0; (kind = kv_credential_at(i, &auth)) != NULL; i++) {
		if (auth != o->auth)
			continue;
		found = i;
		if (kind->presence(o) != KV_NOT_CONFIGURED)
			break;
	}
	return found;
}

static void
pass_over(struct kv_chain *c, const char *why)
{
	if (why != NULL)
		kv_buf_say(&c->absent, "%s%s", c->absent.len > 0 ? ", " : "", why);
}

/* The first kind from c->at on that auto may try; NULL if none is left. */
static const struct kv_credential_kind *
find_next(struct kv_chain *c)
{
	const struct kv_credential_kind *kind;
	int auth;

	for (; (kind = kv_credential_at(c->at, &auth)) != NULL; c->at++) {
		if (kind->option != NULL)
			continue;
		if (kind->presence(c->o) != KV_NOT_CONFIGURED)
			return kind;
		pass_over(c, kind->absent);
	}
	return NULL;
}

/* ---- asking ---- */

static int
ask(struct kv_chain *c, const struct kv_credential_kind *kind)
{
	const bool is_named = c->o->auth != 0 || c->is_settled;
	const struct kv_ask_setup setup = { .loop = c->loop,
		.http = c->http,
		.kind = kind,
		.options = c->o,
		.audience = c->audience,
		.is_guess = !is_named && kind->presence(c->o) == KV_PERHAPS,
		.done = credential_asked,
		.arg = c };

	c->ask = kv_ask_new(&setup);
	return c->ask != NULL ? 0 : -ENOMEM;
}

/* The completion may free c. */
static void
finish(struct kv_chain *c, int err, const struct kv_ask_result *result, const char *why)
{
	c->done(c->arg, err, result->token, result->life_s, why);
}

static void
finish_without(struct kv_chain *c, const struct kv_ask_result *result)
{
	struct kv_buf why;

	kv_buf_init(&why, 2048);
	kv_buf_say(&why,
	    "no credential: %s%s%s; run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
	    "AZURE_CLIENT_SECRET",
	    kv_buf_str(&c->absent), c->absent.len > 0 ? ", and " : "", result->why);
	finish(c, result->err, result, kv_buf_str(&why));
	kv_buf_release(&why);
}

static void
credential_asked(void *arg, const struct kv_ask_result *result)
{
	struct kv_chain *c = arg;
	struct kv_ask *ended = c->ask;
	const struct kv_credential_kind *next = NULL;

	c->ask = NULL;
	if (result->outcome == KV_TOKEN)
		c->is_settled = true;
	if (result->outcome != KV_UNAVAILABLE || c->o->auth != 0 || c->is_settled) {
		finish(c, result->err, result, result->why);
		kv_ask_free(ended);
		return;
	}
	c->at++;
	next = find_next(c);
	if (next == NULL) {
		finish_without(c, result);
	} else {
		pass_over(c, result->why);
		if (ask(c, next) != 0)
			finish(c, -ENOMEM, result, strerror(ENOMEM));
	}
	kv_ask_free(ended);
}

int
kv_chain_fetch(struct kv_chain *c, const struct kv_audience *audience, kv_chain_done *done, void *arg)
{
	const struct kv_credential_kind *kind;
	int auth;

	if (c->ask != NULL)
		return -EBUSY;
	c->audience = audience;
	c->done = done;
	c->arg = arg;
	kv_buf_clear(&c->absent);
	if (!c->is_settled)
		c->at = c->o->auth != 0 ? find_named(c->o) : 0;
	kind = c->o->auth != 0 || c->is_settled ? kv_credential_at(c->at, &auth) : find_next(c);
	return ask(c, kind);
}

void
kv_chain_reload(struct kv_chain *c)
{
	c->is_settled = false;
}

/* ---- the whole ---- */

struct kv_chain *
kv_chain_new(struct kv_loop *loop, struct kv_http *http, const struct kv_credential_options *options)
{
	struct kv_chain *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->http = http;
	c->o = options;
	kv_buf_init(&c->absent, 1024);
	return c;
}

void
kv_chain_free(struct kv_chain *c)
{
	if (c == NULL)
		return;
	kv_ask_free(c->ask);
	kv_buf_release(&c->absent);
	free(c);
}
