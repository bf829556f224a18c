/*
 * The token of the vault.
 *
 *	no challenge -> challenge -> fetching -> token -> (renew_at) token and fetching -> token …
 *	                    ^           |                        at its end: waiters wait
 *	                    +- failed --+   (30 s after a refusal, else 1 s, during which every waiter gets the
 *	                                     same sentence)
 *
 * A challenge decides what a token is for, so it is verified before any credential is used: its
 * resource must cover the vault's own host. Otherwise a server that a user was lured to could ask
 * for a token of another service and use it there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/auth/auth.h"
#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/loop.h"
#include "client/http/url.h"

#define MODULE		"auth"
#define RENEW_BEFORE_MS 300000
#define REFUSED_MS	30000
#define FAILED_MS	1000 /* by a passing failure: so much between two requests */
#define UNKNOWN_LIFE_S	600  /* of a token that does not say: asked for again after half of it */

struct kv_auth_wait {
	struct kv_auth *auth;
	struct kv_auth_wait *next;
	kv_auth_done *done;
	void *arg;
};

struct kv_auth {
	const struct kv_auth_options *o;
	const struct kv_url *vault;
	struct kv_credential *credential;
	char *resource, *scope, *tenant, *claims; /* of the challenge */
	struct kv_audience audience;		  /* while a fetch is under way: the strings above, lent */
	bool is_fetching;
	bool is_reloaded; /* during the fetch, which may have used what was there before */
	char *token;
	int64_t mono_renew, mono_end;
	int err; /* of the last fetch, with why, until mono_retry */
	struct kv_buf why;
	int64_t mono_retry;
	uint64_t n_got, n_failed;
	struct kv_auth_wait *waits;
	struct kv_timer deliver;
};

/* ---- the challenge ---- */

struct challenge {
	char *authorization, *resource, *scope, *claims;
};

static void
release_challenge(struct challenge *ch)
{
	free(ch->authorization);
	free(ch->resource);
	free(ch->scope);
	free(ch->claims);
}

/* Read name[=value], value a token or quoted. Returns what follows, NULL where memory ends. */
static const char *
read_parameter(const char *p, char *name, size_t size, char **value)
{
	size_t n = strcspn(p, "=, \t");
	struct kv_buf text;
	int err = 0;

	*value = NULL;
	snprintf(name, size, "%.*s", (int)n, p);
	p += n;
	while (*p == ' ' || *p == '\t')
		p++;
	if (*p != '=')
		return p;
	p += 1 + strspn(p + 1, " \t");
	kv_buf_init(&text, strlen(p));
	if (*p == '"') {
		for (p++; err == 0 && *p != '\0' && *p != '"'; p++) {
			if (*p == '\\' && p[1] != '\0')
				p++;
			err = kv_buf_append(&text, p, 1);
		}
		p += *p == '"';
	} else {
		n = strcspn(p, ", \t");
		err = kv_buf_append(&text, p, n);
		p += n;
	}
	if (err == 0)
		*value = strdup(kv_buf_str(&text));
	kv_buf_release(&text);
	return *value != NULL ? p : NULL;
}

/* The parameters of the Bearer challenge; others in the same header are passed over. */
static int
parse_challenge(const char *p, struct challenge *ch)
{
	bool is_bearer = false, found = false;

	*ch = (struct challenge){ 0 };
	for (;;) {
		char name[64], *value, **keep = NULL;

		p += strspn(p, ", \t");
		if (*p == '\0')
			return found ? 0 : -EBADMSG;
		p = read_parameter(p, name, sizeof(name), &value);
		if (p == NULL)
			return -ENOMEM;
		if (value == NULL) { /* a scheme's name */
			is_bearer = strcasecmp(name, "Bearer") == 0;
			found |= is_bearer;
			continue;
		}
		if (is_bearer &&
		    (strcasecmp(name, "authorization") == 0 || strcasecmp(name, "authorization_uri") == 0))
			keep = &ch->authorization;
		else if (is_bearer && strcasecmp(name, "resource") == 0)
			keep = &ch->resource;
		else if (is_bearer && strcasecmp(name, "scope") == 0)
			keep = &ch->scope;
		else if (is_bearer && strcasecmp(name, "claims") == 0)
			keep = &ch->claims;
		if (keep != NULL && *keep == NULL)
			*keep = value;
		else
			free(value);
	}
}

/* resource and scope follow from each other. */
static int
complete_resource(struct challenge *ch)
{
	struct kv_buf text;
	size_t len;
	int err;

	kv_buf_init(&text, 16 + (ch->resource != NULL ? strlen(ch->resource) : 0));
	if (ch->resource != NULL) {
		len = strlen(ch->resource);
		if (len > 0 && ch->resource[len - 1] == '/')
			ch->resource[len - 1] = '\0';
		err = ch->scope == NULL ? kv_buf_printf(&text, "%s/.default", ch->resource) : 0;
		if (err == 0 && ch->scope == NULL && (ch->scope = strdup(kv_buf_str(&text))) == NULL)
			err = -ENOMEM;
	} else {
		len = strlen(ch->scope);
		if (len > 9 && strcmp(ch->scope + len - 9, "/.default") == 0)
			len -= 9;
		ch->resource = strndup(ch->scope, len);
		err = ch->resource != NULL ? 0 : -ENOMEM;
	}
	kv_buf_release(&text);
	return err;
}

static bool
is_guid(const char *s)
{
	return strlen(s) == 36 && strspn(s, "0123456789abcdefABCDEF-") == 36;
}

/* The tenant in https://HOST/TENANT[/…], an id or a domain; NULL for "common" and what emulators put there. */
static int
find_tenant(const char *authorization, char **tenant)
{
	struct kv_url origin;
	const char *path;
	size_t n;

	*tenant = NULL;
	if (authorization == NULL || kv_url_parse(authorization, &origin, &path) != 0 || *path != '/')
		return 0;
	n = strcspn(path + 1, "/?");
	if (n == 0)
		return 0;
	*tenant = strndup(path + 1, n);
	if (*tenant == NULL)
		return -ENOMEM;
	if (!is_guid(*tenant) && strchr(*tenant, '.') == NULL) {
		free(*tenant);
		*tenant = NULL;
	}
	return 0;
}

static int
check_resource(struct kv_auth *auth, const char *resource, struct kv_buf *why)
{
	struct kv_url origin;

	if (auth->o->no_challenge_verify)
		return 0;
	if (kv_url_parse(resource, &origin, NULL) == 0 && kv_url_is_within(auth->vault, &origin))
		return 0;
	kv_buf_say(why,
	    "the server %s asks for a token of %s, which is not its own: refused "
	    "(-o no_challenge_verify allows it, for an emulator)",
	    auth->vault->host, resource);
	return -EACCES;
}

/* A tenant by name (contoso.onmicrosoft.com) or a common endpoint cannot be compared with an id. */
static bool
is_another_tenant(const struct kv_auth *auth, const char *tenant)
{
	const char *own = auth->o->credential.tenant;

	return tenant != NULL && own != NULL && is_guid(own) && is_guid(tenant) &&
	    strcasecmp(own, tenant) != 0;
}

static int
check_tenant(struct kv_auth *auth, const char *tenant, struct kv_buf *why)
{
	const char *own = auth->o->credential.tenant, *other = auth->o->allow_tenant;

	if (!is_another_tenant(auth, tenant))
		return 0;
	if (other != NULL && (strcmp(other, "*") == 0 || strcasecmp(other, tenant) == 0))
		return 0;
	kv_buf_say(why,
	    "the vault %s belongs to tenant %s, the credential to tenant %s "
	    "(-o allow_tenant=%s allows it)",
	    auth->vault->host, tenant, own, tenant);
	return -EACCES;
}

static void
drop_token(struct kv_auth *auth)
{
	kv_buf_free_string(auth->token);
	auth->token = NULL;
}

/* The service wants a token with more in it (continuous access evaluation): same audience as before. */
static int
keep_claims(struct kv_auth *auth, const struct challenge *ch, struct kv_buf *why)
{
	struct kv_buf json;
	int err;

	if (auth->is_fetching && auth->audience.claims != NULL)
		return 0; /* the same challenge, to another call */
	kv_buf_init(&json, strlen(ch->claims));
	err = kv_base64_decode(ch->claims, strlen(ch->claims), &json);
	if (err == -EINVAL) {
		kv_buf_say(why, "the claims that %s asks for are no base64", auth->vault->host);
		err = -EBADMSG;
	}
	if (err == 0) {
		free(auth->claims);
		auth->claims = strdup(kv_buf_str(&json));
		err = auth->claims != NULL ? 0 : -ENOMEM;
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
keep_challenge(struct kv_auth *auth, struct challenge *ch, char *tenant)
{
	if (!is_equal(auth->scope, ch->scope) || !is_equal(auth->tenant, tenant))
		drop_token(auth);
	free(auth->resource);
	free(auth->scope);
	free(auth->tenant);
	auth->resource = ch->resource;
	auth->scope = ch->scope;
	auth->tenant = tenant;
	ch->resource = ch->scope = NULL;
}

int
kv_auth_challenge(struct kv_auth *auth, const char *header, struct kv_buf *why)
{
	struct challenge ch;
	char *tenant = NULL;
	int err = parse_challenge(header, &ch);

	if (err == 0 && ch.claims != NULL && auth->scope != NULL) {
		err = keep_claims(auth, &ch, why);
		goto out;
	}
	if (err == 0 && ch.resource == NULL && ch.scope == NULL)
		err = -EBADMSG;
	if (err == -EBADMSG)
		kv_buf_say(why, "%s answers 401 without a challenge of Azure Key Vault: is it a vault?",
		    auth->vault->host);
	if (err == 0)
		err = complete_resource(&ch);
	if (err == 0)
		err = check_resource(auth, ch.resource, why);
	if (err == 0) /* both were given, perhaps, and a client secret's token is for the scope */
		err = check_resource(auth, ch.scope, why);
	if (err == 0)
		err = find_tenant(ch.authorization, &tenant);
	if (err == 0)
		err = check_tenant(auth, tenant, why);
	if (err != 0 || auth->is_fetching) { /* the fetch under way borrows the strings */
		free(tenant);
		goto out;
	}
	keep_challenge(auth, &ch, tenant);
out:
	release_challenge(&ch);
	return err;
}

bool
kv_auth_has_challenge(const struct kv_auth *auth)
{
	return auth->scope != NULL;
}

/* ---- the token ---- */

static bool
has_token(const struct kv_auth *auth)
{
	return auth->token != NULL && kv_clock_mono_ms() < auth->mono_end;
}

/* Those that wait now; one that a completion adds is answered by the next call. */
static void
answer_waits(struct kv_auth *auth, int err)
{
	char *token = err == 0 ? strdup(auth->token) : NULL; /* a waiter may reject it */
	char *why = strdup(kv_buf_str(&auth->why));
	int n = 0;

	if (err == 0 && token == NULL)
		err = -ENOMEM;
	for (const struct kv_auth_wait *w = auth->waits; w != NULL; w = w->next)
		n++;
	while (n-- > 0 && auth->waits != NULL) { /* a completion may cancel others */
		struct kv_auth_wait *w = auth->waits;

		auth->waits = w->next;
		w->done(w->arg, err, token, why != NULL ? why : "");
		free(w);
	}
	kv_buf_free_string(token);
	free(why);
}

static void
fetched(void *arg, int err, const char *token, int64_t life_s, const char *why)
{
	struct kv_auth *auth = arg;
	const int64_t mono_now = kv_clock_mono_ms();
	int64_t life_ms = (life_s > 0 ? life_s : UNKNOWN_LIFE_S) * 1000;

	auth->is_fetching = false;
	auth->n_got += err == 0;
	auth->n_failed += err != 0;
	auth->err = err;
	kv_buf_clear(&auth->why);
	kv_buf_say(&auth->why, "%s", why);
	if (err == 0) {
		drop_token(auth);
		auth->token = strdup(token);
		if (auth->token == NULL)
			auth->err = err = -ENOMEM;
		auth->mono_end = life_s > 0 ? mono_now + life_ms : INT64_MAX;
		auth->mono_renew =
		    mono_now + (life_ms > 2 * RENEW_BEFORE_MS ? life_ms - RENEW_BEFORE_MS : life_ms / 2);
		if (auth->audience.claims != NULL) { /* they were for this one token */
			free(auth->claims);
			auth->claims = NULL;
		}
	}
	if (err != 0) {
		auth->mono_retry = mono_now + (err == -EACCES ? REFUSED_MS : FAILED_MS);
		/* the calls that wait for it fail with this sentence, and are logged with it */
		kv_log_event(KV_LOG_DEBUG, MODULE, "op=token vault=%s errno=%s why=%s", auth->vault->host,
		    kv_err_name(err), why);
	}
	if (auth->is_reloaded)
		kv_auth_reload(auth);
	if (auth->waits != NULL)
		answer_waits(auth, has_token(auth) ? 0 : err);
}

void
kv_auth_reload(struct kv_auth *auth)
{
	auth->is_reloaded = auth->is_fetching;
	auth->mono_retry = auth->mono_renew = 0;
	kv_credential_reload(auth->credential);
}

uint64_t
kv_auth_count(const struct kv_auth *auth, bool got)
{
	return got ? auth->n_got : auth->n_failed;
}

/* Where the token is asked for: the user's tenant, but for another one that allow_tenant lets pass. */
static const char *
token_tenant(const struct kv_auth *auth)
{
	const char *own = auth->o->credential.tenant;

	return own == NULL || is_another_tenant(auth, auth->tenant) ? auth->tenant : own;
}

static void
start_fetch(struct kv_auth *auth)
{
	int err;

	if (auth->is_fetching || kv_clock_mono_ms() < auth->mono_retry)
		return;
	auth->audience = (struct kv_audience){ .resource = auth->resource,
		.scope = auth->scope,
		.tenant = token_tenant(auth),
		.claims = auth->claims };
	auth->is_fetching = true;
	err = kv_credential_fetch(auth->credential, &auth->audience, fetched, auth);
	if (err != 0) {
		auth->is_fetching = false;
		auth->err = err;
	}
}

static void
deliver(void *arg)
{
	struct kv_auth *auth = arg;

	if (has_token(auth))
		answer_waits(auth, 0);
	else if (!auth->is_fetching)
		answer_waits(auth, auth->err != 0 ? auth->err : -EIO);
}

int
kv_auth_token(struct kv_auth *auth, kv_auth_done *done, void *arg, struct kv_auth_wait **wait)
{
	struct kv_auth_wait *w = calloc(1, sizeof(*w)), **end = &auth->waits;

	*wait = NULL;
	if (w == NULL)
		return -ENOMEM;
	w->auth = auth;
	w->done = done;
	w->arg = arg;
	while (*end != NULL)
		end = &(*end)->next;
	*end = w;
	if (!has_token(auth) || kv_clock_mono_ms() >= auth->mono_renew)
		start_fetch(auth);
	if (has_token(auth) || !auth->is_fetching)
		kv_timer_set(&auth->deliver, 0);
	*wait = w;
	return 0;
}

void
kv_auth_cancel(struct kv_auth_wait *wait)
{
	if (wait == NULL)
		return;
	for (struct kv_auth_wait **at = &wait->auth->waits; *at != NULL; at = &(*at)->next)
		if (*at == wait) {
			*at = wait->next;
			free(wait);
			return;
		}
}

void
kv_auth_reject(struct kv_auth *auth, const char *token)
{
	if (auth->token != NULL && strcmp(auth->token, token) == 0)
		drop_token(auth);
}

struct kv_auth *
kv_auth_new(struct kv_loop *loop, struct kv_http *http, const struct kv_url *vault,
    const struct kv_auth_options *options)
{
	struct kv_auth *auth = calloc(1, sizeof(*auth));

	if (auth == NULL)
		return NULL;
	auth->o = options;
	auth->vault = vault;
	kv_buf_init(&auth->why, 1024);
	kv_timer_init(&auth->deliver, loop, deliver, auth);
	auth->credential = kv_credential_new(loop, http, &options->credential);
	if (auth->credential == NULL) {
		kv_auth_free(auth);
		return NULL;
	}
	return auth;
}

void
kv_auth_free(struct kv_auth *auth)
{
	if (auth == NULL)
		return;
	kv_credential_free(auth->credential);
	while (auth->waits != NULL)
		kv_auth_cancel(auth->waits);
	kv_timer_stop(&auth->deliver);
	drop_token(auth);
	free(auth->resource);
	free(auth->scope);
	free(auth->tenant);
	free(auth->claims);
	kv_buf_release(&auth->why);
	free(auth);
}
