/*
 * Client credentials requests to the token service.
 */
#include "client/credential/token_service.h"

#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/http/http.h"

#define MOST_FORM ((size_t)1 << 20)
#define ASSERTION "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

bool
kv_token_service_presence(
    const struct kv_credential_options *o, const char *client_id, const char *tenant, struct kv_buf *why)
{
	const bool is_meant = o->client_secret != NULL || o->client_certificate != NULL || o->order.n == 1;

	if (client_id == NULL)
		kv_credential_lacks(why, "AZURE_CLIENT_ID (or -o client_id=)");
	if (tenant == NULL && !is_meant)
		kv_credential_lacks(why, "AZURE_TENANT_ID");
	return client_id != NULL && (tenant != NULL || is_meant);
}

const char *
kv_token_service_client_id(const struct kv_ask *ask)
{
	const struct kv_token_client *client = ask->endpoint->arg;

	return client->id != NULL ? client->id(ask) : ask->o->client_id;
}

/* The vault's comes first: it accepts no tokens of another one. */
static const char *
tenant_of(const struct kv_ask *ask)
{
	const struct kv_token_client *client = ask->endpoint->arg;

	if (ask->audience->tenant != NULL || client->tenant_variable == NULL)
		return ask->audience->tenant;
	return kv_credential_variable(ask->o, client->tenant_variable);
}

int
kv_token_service_url(struct kv_ask *ask, struct kv_buf *url)
{
	const char *authority = ask->o->authority, *tenant = tenant_of(ask);
	const size_t len = strlen(authority);
	int err;

	if (tenant == NULL) {
		kv_buf_say(kv_ask_why(ask),
		    "the tenant is not known: set AZURE_TENANT_ID or -o tenant=, because the vault names none");
		return -EACCES;
	}
	err = kv_buf_append(url, authority, len > 0 && authority[len - 1] == '/' ? len - 1 : len);
	if (err == 0)
		err = kv_buf_puts(url, "/");
	if (err == 0)
		err = kv_buf_put_encoded(url, tenant);
	return err == 0 ? kv_buf_puts(url, "/oauth2/v2.0/token") : err;
}

int
kv_token_service_add_assertion(struct kv_buf *form, const char *assertion)
{
	const int err = kv_ask_add_field(form, "client_assertion_type", ASSERTION);

	return err == 0 ? kv_ask_add_field(form, "client_assertion", assertion) : err;
}

static int
add_claims(struct kv_ask *ask, struct kv_buf *form)
{
	struct kv_buf claims;
	int err;

	kv_buf_init(&claims, KV_ASK_MAX_ANSWER);
	err = kv_ask_make_claims(ask, &claims);
	if (err == 0)
		err = kv_ask_add_field(form, "claims", kv_buf_str(&claims));
	kv_buf_release(&claims);
	return err;
}

static int
make_form(struct kv_ask *ask, struct kv_buf *form)
{
	const struct kv_token_client *client = ask->endpoint->arg;
	int err = kv_ask_add_field(form, "grant_type", "client_credentials");

	if (err == 0)
		err = kv_ask_add_field(form, "client_id", kv_token_service_client_id(ask));
	if (err == 0)
		err = client->prove(ask, form);
	if (err == 0)
		err = kv_ask_add_field(form, "scope", ask->audience->scope);
	return err == 0 ? add_claims(ask, form) : err;
}

int
kv_token_service_send(struct kv_ask *ask)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json", NULL };
	struct kv_http_request request = {
		.method = "POST", .headers = headers, .max_answer = KV_ASK_MAX_ANSWER
	};
	struct kv_buf url, form;
	int err;

	kv_buf_init(&url, 4096);
	kv_buf_init(&form, MOST_FORM);
	err = kv_token_service_url(ask, &url);
	if (err == 0)
		err = make_form(ask, &form);
	if (err == 0) {
		request.url = kv_buf_str(&url);
		request.body = form.data;
		request.body_len = form.len;
		err = kv_ask_send(ask, &request);
	}
	kv_buf_release(&form);
	kv_buf_release(&url);
	return err;
}

int
kv_token_service_refused(struct kv_ask *ask, const struct kv_http_answer *answer)
{
	const struct kv_token_client *client = ask->endpoint->arg;
	struct kv_buf *why = kv_ask_why(ask);
	int err;

	if (kv_ask_is_page(answer) || (answer->status >= 300 && answer->status < 400)) {
		kv_buf_say(why,
		    "%s answers %ld with a page that is not the token service's: is a proxy or a login page in "
		    "between?",
		    ask->o->authority, answer->status);
		return -EBADMSG;
	}
	kv_buf_say(why, "%s refuses client %s of tenant %s (status %ld)", ask->o->authority,
	    kv_token_service_client_id(ask), tenant_of(ask), answer->status);
	err = kv_ask_say_fault(ask, answer, kv_token_service_client_id(ask));
	if (err == 0)
		kv_buf_say(why, "; check %s", client->remedy);
	return err != 0 ? err : -EACCES;
}
