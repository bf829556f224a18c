/* An issuer of tokens that identify a workload. */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/assertion.h"
#include "tests/vault/clock.h"
#include "tests/vault/jwt.h"
#include "tests/vault/mem.h"
#include "tests/vault/oidc.h"

struct lv_oidc {
	EVP_PKEY *key;
};

struct lv_oidc *
lv_oidc_new(void)
{
	return lv_mem_alloc(sizeof(struct lv_oidc));
}

void
lv_oidc_free(struct lv_oidc *o)
{
	if (o != NULL)
		EVP_PKEY_free(o->key);
	free(o);
}

EVP_PKEY *
lv_oidc_key(struct lv_oidc *o)
{
	if (o->key == NULL)
		o->key = EVP_RSA_gen(2048U);
	return o->key;
}

void
lv_oidc_issue(struct lv_oidc *o, const char *issuer, const char *subject, const char *audience,
    int64_t life_s, struct lv_text *out)
{
	const int64_t now = lv_clock_wall_s(), from = life_s < 0 ? now + 2 * life_s : now;
	struct lv_text claims = { 0 };
	char id[LV_GUID_SIZE];

	lv_encode_new_guid(id);
	lv_text_puts(&claims, "{\"iss\":");
	lv_text_string(&claims, issuer);
	lv_text_puts(&claims, ",\"sub\":");
	lv_text_string(&claims, subject);
	lv_text_puts(&claims, ",\"aud\":");
	lv_text_string(&claims, audience);
	lv_text_printf(&claims, ",\"jti\":\"%s\",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld}", id,
	    (long long)from, (long long)from, (long long)(now + life_s));
	lv_jwt_sign(lv_oidc_key(o), claims.data, out);
	lv_text_release(&claims);
}

static bool
is_job(const struct lv_service *s, const struct lv_request *r)
{
	const char *header = lv_http_header(r, "Authorization");

	return header != NULL && strncasecmp(header, "Bearer ", 7) == 0 &&
	    lv_access_is_secret(lv_access_find(s->access, NULL), header + 7);
}

/* GET with the audience in the query, which also has a version. */
static void
github(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	const char *audience = lv_http_query(r, "audience");
	struct lv_text token = { 0 };

	if (strcmp(r->method, "GET") != 0) {
		a->status = 405;
	} else if (!is_job(s, r)) {
		a->status = 401;
		lv_text_puts(&a->body,
		    "{\"$id\":\"1\",\"message\":\"The token is not valid.\",\"typeKey\":"
		    "\"UnauthorizedRequestException\"}");
	} else {
		lv_oidc_issue(s->oidc, LV_GITHUB_ISSUER, LV_GITHUB_SUBJECT,
		    audience != NULL ? audience : "https://github.com/contoso", 300, &token);
		lv_text_printf(&a->body, "{\"count\":%zu,\"value\":\"%s\"}", token.len, token.data);
		a->status = 200;
	}
	lv_text_release(&token);
}

/* POST. Who is not signed in is sent to a page to sign in, or is given one. */
static void
pipelines(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	const char *id = lv_http_query(r, "serviceConnectionId"),
		   *suppress = lv_http_header(r, "X-TFS-FedAuthRedirect");
	struct lv_text token = { 0 }, subject = { 0 };

	if (strcmp(r->method, "POST") != 0) {
		a->status = 405;
	} else if (!is_job(s, r) && (suppress == NULL || strcasecmp(suppress, "Suppress") != 0)) {
		a->status = 302;
		lv_http_add_header(a, "Location", "https://spsprodweu1.vssps.visualstudio.com/_signin");
	} else if (!is_job(s, r)) {
		a->status = 203;
		lv_text_puts(
		    &a->body, "<html><head><title>Azure DevOps Services | Sign In</title></head></html>");
	} else if (id == NULL || lv_http_query(r, "api-version") == NULL) {
		a->status = 400;
		lv_text_puts(&a->body,
		    "{\"$id\":\"1\",\"innerException\":null,\"message\":\"Value cannot be null. "
		    "(Parameter 'serviceConnectionId')\",\"typeKey\":\"ArgumentNullException\"}");
	} else if (strspn(id, "0123456789abcdefABCDEF-") != 36 || id[36] != '\0') {
		a->status = 404;
		lv_text_puts(&a->body,
		    "{\"$id\":\"1\",\"innerException\":null,\"message\":\"The service connection was not "
		    "found.\",\"typeKey\":\"ServiceEndpointException\"}");
	} else {
		lv_text_printf(&subject, LV_PIPELINES_SUBJECT "%s", id);
		lv_oidc_issue(s->oidc, LV_PIPELINES_ISSUER, subject.data, LV_EXCHANGE_AUDIENCE, 600, &token);
		lv_text_printf(&a->body, "{\"oidcToken\":\"%s\"}", token.data);
		a->status = 200;
	}
	lv_text_release(&token);
	lv_text_release(&subject);
}

void
lv_oidc_handle(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	if (strcmp(r->path, "/_oidc/github/idtoken") == 0)
		github(s, r, a);
	else if (strcmp(r->path, "/_oidc/pipelines/oidctoken") == 0)
		pipelines(s, r, a);
	else
		a->status = 404;
}
