/*
 * The token for a vault.
 *
 *	no challenge -> challenge -> fetching -> token --mono_renew--> token, fetching the next -> token …
 *	                    ^           |            `---mono_end----> fetching: callers wait
 *	                    +- failed --+
 *
 * After a failure every caller gets the same error and sentence for a while: for 30 s after a refusal (not if
 * only a file could not be read),
 * for 1 s after any other failure. After a failed renewal callers get the old token.
 *
 * Caches that share tokens are a ring. One that needs a token takes that of another one with the same audience; while
 * another one fetches such a token, it follows this fetch. Claims are asked of one cache, so such a fetch is its own. It
 * begins when the one in progress has ended, whose token the vault would refuse too. A token that one vault refuses may
 * be good for the others, which keep it; this vault takes only newer ones from them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/auth/ask.h"
#include "client/auth/chain.h"
#include "client/auth/challenge.h"
#include "client/auth/token_answer.h"
#include "client/auth/token.h"
#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/loop.h"
#include "client/http/url.h"

#define MODULE		"auth"
#define RENEW_BEFORE_MS 300000
#define LONG_LIFE_MS	7200000 /* from this on a token is renewed after half of its life, as in the SDKs */
#define REFUSED_MS	30000	/* also after a failed renewal */
#define FAILED_MS	1000	/* after a temporary failure */
#define UNKNOWN_LIFE_S	600	/* if the service gives none: renewed after half of this, used until then */

struct kv_token_wait {
	struct kv_token_cache *cache;
	struct kv_token_wait *next;
	kv_token_done *done;
	void *arg;
};

struct kv_token_cache {
	const struct kv_token_options *o;
	const struct kv_url *vault;
	struct kv_chain *chain;
	char *resource, *scope, *tenant, *claims; /* of the challenge */
	struct kv_audience audience;		  /* of the fetch in progress; borrows the strings above */
	bool is_fetching;
	struct kv_token_cache *next; /* in the ring of those that share tokens; itself if it shares none */
	struct kv_token_cache *followed; /* whose fetch it is; NULL: its own */
	bool is_to_answer;		 /* a fetch has ended, and its callers wait for the result */
	char *token;
	int64_t mono_got, mono_renew, mono_end;
	int64_t mono_refused; /* mono_got of the newest token that the vault has refused */
	int err;	      /* of the last fetch; why explains it */
	struct kv_buf why;
	int64_t mono_failed; /* when err was set */
	uint64_t n_got, n_failed;
	struct kv_token_wait *waits;
	struct kv_timer deliver;
};

static void start_fetch(struct kv_token_cache *);

/* ---- the challenge ---- */

static void
drop_token(struct kv_token_cache *cache)
{
	kv_buf_free_string(cache->token);
	cache->token = NULL;
}

/*
 * Store the additional claims that the service requires in a token for the same audience (continuous access
 * evaluation).
 */
static int
keep_claims(struct kv_token_cache *cache, const char *base64, struct kv_buf *why)
{
	struct kv_buf json;
	int err;

	if (cache->is_fetching && cache->audience.claims != NULL)
		return 0; /* the fetch in progress has them: another call got the same challenge */
	kv_buf_init(&json, strlen(base64));
	err = kv_base64_decode(base64, strlen(base64), &json);
	if (err == -EINVAL) {
		kv_buf_say(why, "the claims that %s requests are not base64", cache->vault->host);
		err = -EBADMSG;
	}
	if (err == 0) {
		free(cache->claims);
		cache->claims = strdup(kv_buf_str(&json));
		err = cache->claims != NULL ? 0 : -ENOMEM;
	}
	kv_buf_release(&json);
	return err;
}

static bool
is_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
keep_challenge(struct kv_token_cache *cache, struct kv_challenge *ch)
{
	if (!is_equal(cache->scope, ch->scope) || !is_equal(cache->tenant, ch->tenant))
		drop_token(cache);
	free(cache->resource);
	free(cache->scope);
	free(cache->tenant);
	cache->resource = ch->resource;
	cache->scope = ch->scope;
	cache->tenant = ch->tenant;
	ch->resource = ch->scope = ch->tenant = NULL;
}

int
kv_token_challenge(struct kv_token_cache *cache, const char *header, struct kv_buf *why)
{
	const struct kv_challenge_rules rules = { .vault = cache->vault,
		.tenant = cache->o->credential.tenant,
		.allow_tenant = cache->o->allow_tenant,
		.is_single_tenant = cache->o->is_single_tenant,
		.resource = cache->o->resource,
		.no_verify = cache->o->no_challenge_verify };
	struct kv_challenge ch;
	int err = kv_challenge_parse(header, &ch);

	if (err == 0 && ch.claims != NULL && cache->scope != NULL) {
		err = keep_claims(cache, ch.claims, why);
	} else {
		if (err == 0)
			err = kv_challenge_check(&ch, &rules, why);
		if (err == -EBADMSG)
			kv_buf_say(why, "%s answers 401 without an Azure Key Vault challenge: is it a vault?",
			    cache->vault->host);
		if (err == 0 && !cache->is_fetching) /* the fetch in progress borrows the strings */
			keep_challenge(cache, &ch);
	}
	kv_challenge_release(&ch);
	return err;
}

bool
kv_token_has_challenge(const struct kv_token_cache *cache)
{
	return cache->scope != NULL;
}

void
kv_token_forget_challenge(struct kv_token_cache *cache)
{
	struct kv_challenge none = { 0 };

	if (!cache->is_fetching) /* the fetch in progress borrows the strings */
		keep_challenge(cache, &none);
}

/* ---- the token ---- */

static bool
has_token(const struct kv_token_cache *cache)
{
	return cache->token != NULL && kv_clock_mono_ms() < cache->mono_end;
}

/* Answer the callers that wait now. A wait that a completion adds is answered by the next delivery. */
static void
answer_waits(struct kv_token_cache *cache, int err)
{
	/* A copy, because a completion may reject the cached token. */
	char *token = err == 0 ? strdup(cache->token) : NULL;
	char *why = strdup(kv_buf_str(&cache->why));
	int n = 0;

	if (err == 0 && token == NULL)
		err = -ENOMEM;
	for (const struct kv_token_wait *w = cache->waits; w != NULL; w = w->next)
		n++;
	while (n-- > 0 && cache->waits != NULL) { /* a completion may cancel other waits */
		struct kv_token_wait *w = cache->waits;

		cache->waits = w->next;
		w->done(w->arg, err, token, why != NULL ? why : "");
		free(w);
	}
	kv_buf_free_string(token);
	free(why);
}

/* After how long to renew a token: as the service says, else by its life. */
static int64_t
renew_ms(const struct kv_token_answer *token, int64_t life_ms)
{
	if (token->refresh_s > 0 && token->refresh_s * 1000 < life_ms)
		return token->refresh_s * 1000;
	if (life_ms >= LONG_LIFE_MS || life_ms <= 2 * RENEW_BEFORE_MS)
		return life_ms / 2;
	return life_ms - RENEW_BEFORE_MS;
}

static int
keep_token(struct kv_token_cache *cache, const struct kv_token_answer *token)
{
	const int64_t mono_now = kv_clock_mono_ms();
	const int64_t life_ms = (token->life_s > 0 ? token->life_s : UNKNOWN_LIFE_S) * 1000;

	drop_token(cache);
	cache->token = strdup(token->value);
	if (cache->token == NULL)
		return -ENOMEM;
	cache->mono_got = mono_now;
	cache->mono_end = token->life_s > 0 ? mono_now + life_ms : INT64_MAX;
	cache->mono_renew = mono_now + renew_ms(token, life_ms);
	return 0;
}

/* The end of a fetch, its own or one that it followed. */
static void
end_fetch(struct kv_token_cache *cache, int err, const struct kv_token_answer *token, const char *why)
{
	const bool lacks_claims = cache->claims != NULL && cache->audience.claims == NULL;

	cache->is_fetching = false;
	cache->followed = NULL;
	kv_buf_clear(&cache->why);
	kv_buf_say(&cache->why, "%s", why);
	/* Claims apply to one token; after a refusal the user may sign in again, which needs none. */
	if ((err == 0 || err == -EACCES) && !lacks_claims) {
		free(cache->claims);
		cache->claims = NULL;
	}
	if (err == 0 && !lacks_claims)
		err = keep_token(cache, token);
	cache->err = err;
	if (err == 0 && lacks_claims)
		start_fetch(cache);
	cache->is_to_answer = !cache->is_fetching;
	if (err != 0) {
		cache->mono_failed = kv_clock_mono_ms();
		/* DEBUG, because the calls that waited also fail, and are logged with this sentence */
		kv_log_event(has_token(cache) ? KV_LOG_WARNING : KV_LOG_DEBUG, MODULE,
		    "op=token vault=%s errno=%s why=%s", cache->vault->host, kv_err_name(err), why);
	}
}

static void
token_fetched(void *arg, int err, const struct kv_token_answer *token, const char *why)
{
	struct kv_token_cache *cache = arg, *c = cache;

	cache->n_got += err == 0;
	cache->n_failed += err != 0;
	do
		if (c == cache || c->followed == cache)
			end_fetch(c, err, token, why);
	while ((c = c->next) != cache);
	do { /* only now: a completion may begin the next fetch */
		if (c->is_to_answer && c->waits != NULL)
			answer_waits(c, has_token(c) ? 0 : c->err);
		c->is_to_answer = false;
	} while ((c = c->next) != cache);
}

/* The fetch in progress has used the old credentials, or waits for an answer that is lost. */
static void
fetch_again(struct kv_token_cache *cache)
{
	int err;

	kv_chain_cancel(cache->chain);
	err = kv_chain_fetch(cache->chain, &cache->audience, token_fetched, cache);
	if (err != 0)
		token_fetched(cache, err, NULL, strerror(-err));
}

void
kv_token_reload(struct kv_token_cache *cache)
{
	cache->mono_failed = INT64_MIN / 2;
	cache->mono_renew = 0;
	kv_chain_reload(cache->chain);
	if (cache->is_fetching && cache->followed == NULL)
		fetch_again(cache);
}

uint64_t
kv_token_count(const struct kv_token_cache *cache, bool got)
{
	return got ? cache->n_got : cache->n_failed;
}

/* The tenant to request: the configured one, or another one if allow_tenant permits it. */
static const char *
token_tenant(const struct kv_token_cache *cache)
{
	const char *own = cache->o->credential.tenant;

	if (own != NULL && cache->o->is_single_tenant)
		return own;
	return own == NULL || kv_challenge_is_another_tenant(own, cache->tenant) ? cache->tenant : own;
}

/* Whether the last failure is too recent to ask again. A token that is still valid leaves time. */
static bool
is_to_wait(const struct kv_token_cache *cache)
{
	const bool is_refusal = cache->err == -EACCES && kv_chain_has_asked(cache->chain);
	const int64_t wait_ms = is_refusal || has_token(cache) ? REFUSED_MS : FAILED_MS;

	return cache->err != 0 && kv_clock_mono_ms() < cache->mono_failed + wait_ms;
}

static bool
is_same_audience(const struct kv_token_cache *a, const struct kv_token_cache *b)
{
	return is_equal(a->scope, b->scope) && is_equal(a->resource, b->resource) &&
	    is_equal(token_tenant(a), token_tenant(b));
}

/* Take another one's token, or follow its fetch. False: there is no such. */
static bool
share(struct kv_token_cache *cache)
{
	for (struct kv_token_cache *c = cache->next; c != cache; c = c->next) {
		if (!is_same_audience(c, cache))
			continue;
		if (c->is_fetching && c->followed == NULL && c->audience.claims == NULL) {
			cache->followed = c;
			cache->is_fetching = true;
			return true;
		}
		if (!has_token(c) || kv_clock_mono_ms() >= c->mono_renew ||
		    c->mono_got <= cache->mono_refused)
			continue;
		drop_token(cache);
		cache->token = strdup(c->token);
		cache->mono_got = c->mono_got;
		cache->mono_end = c->mono_end;
		cache->mono_renew = c->mono_renew;
		cache->err = 0;
		return cache->token != NULL;
	}
	return false;
}

static void
start_fetch(struct kv_token_cache *cache)
{
	int err;

	if (cache->is_fetching || is_to_wait(cache))
		return;
	cache->audience = (struct kv_audience){ .resource = cache->resource,
		.scope = cache->scope,
		.tenant = token_tenant(cache),
		.claims = cache->claims };
	if (cache->claims == NULL && share(cache))
		return;
	cache->is_fetching = true;
	err = kv_chain_fetch(cache->chain, &cache->audience, token_fetched, cache);
	if (err != 0) {
		cache->is_fetching = false;
		cache->err = err;
	}
}

static void
deliver(void *arg)
{
	struct kv_token_cache *cache = arg;

	if (has_token(cache))
		answer_waits(cache, 0);
	else if (!cache->is_fetching)
		answer_waits(cache, cache->err != 0 ? cache->err : -EIO);
}

int
kv_token_get(struct kv_token_cache *cache, kv_token_done *done, void *arg, struct kv_token_wait **wait)
{
	struct kv_token_wait *w = calloc(1, sizeof(*w)), **end = &cache->waits;

	*wait = NULL;
	if (w == NULL)
		return -ENOMEM;
	w->cache = cache;
	w->done = done;
	w->arg = arg;
	while (*end != NULL)
		end = &(*end)->next;
	*end = w;
	if (!has_token(cache) || kv_clock_mono_ms() >= cache->mono_renew)
		start_fetch(cache);
	if (has_token(cache) || !cache->is_fetching)
		kv_timer_set(&cache->deliver, 0);
	*wait = w;
	return 0;
}

void
kv_token_cancel(struct kv_token_wait *wait)
{
	if (wait == NULL)
		return;
	for (struct kv_token_wait **at = &wait->cache->waits; *at != NULL; at = &(*at)->next)
		if (*at == wait) {
			*at = wait->next;
			free(wait);
			return;
		}
}

void
kv_token_reject(struct kv_token_cache *cache, const char *token)
{
	if (cache->token == NULL || strcmp(cache->token, token) != 0)
		return;
	drop_token(cache);
	cache->mono_refused = cache->mono_got;
}

void
kv_token_share(struct kv_token_cache *cache, struct kv_token_cache *with)
{
	struct kv_token_cache *next = with->next;

	with->next = cache->next;
	cache->next = next;
}

/* Leave the ring. Who follows its fetch is fetching no more, and asks again. */
static void
leave_ring(struct kv_token_cache *cache)
{
	struct kv_token_cache *before = cache;

	for (struct kv_token_cache *c = cache->next; c != cache; c = c->next) {
		if (c->followed == cache) {
			c->followed = NULL;
			c->is_fetching = false;
		}
		before = c;
	}
	before->next = cache->next;
}

struct kv_token_cache *
kv_token_new(struct kv_loop *loop, struct kv_http *http, const struct kv_url *vault,
    const struct kv_token_options *options)
{
	struct kv_token_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return NULL;
	cache->next = cache;
	cache->o = options;
	cache->vault = vault;
	kv_buf_init(&cache->why, KV_ASK_MOST_WHY);
	kv_timer_init(&cache->deliver, loop, deliver, cache);
	cache->chain = kv_chain_new(loop, http, &options->credential);
	if (cache->chain == NULL) {
		kv_token_free(cache);
		return NULL;
	}
	return cache;
}

void
kv_token_free(struct kv_token_cache *cache)
{
	if (cache == NULL)
		return;
	leave_ring(cache);
	kv_chain_free(cache->chain);
	while (cache->waits != NULL)
		kv_token_cancel(cache->waits);
	kv_timer_stop(&cache->deliver);
	drop_token(cache);
	free(cache->resource);
	free(cache->scope);
	free(cache->tenant);
	free(cache->claims);
	kv_buf_release(&cache->why);
	free(cache);
}
