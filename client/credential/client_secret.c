/*
 * Sends a client secret to the tenant's token service (OAuth 2.0 client credentials).
 */
#include <errno.h>
#include <string.h>

#include "client/auth/ask.h"
#include "client/base/buf.h"
#include "client/http/http.h"

static const char *
secret_of(const struct kv_credential_options *o)
{
	return o->client_secret != NULL ? o->client_secret : kv_credential_variable(o, "AZURE_CLIENT_SECRET");
}

static enum kv_presence
presence(const struct kv_credential_options *o)
{
	return secret_of(o) != NULL ? KV_CONFIGURED : KV_NOT_CONFIGURED;
}

static int
make_url(const struct kv_ask *ask, struct kv_buf *url)
{
	const char *authority = ask->o->authority;
	const size_t len = strlen(authority);
	int err = kv_buf_append(url, authority, len > 0 && authority[len - 1] == '/' ? len - 1 : len);

	if (err == 0)
		err = kv_buf_puts(url, "/");
	if (err == 0)
		err = kv_buf_put_encoded(url, ask->audience->tenant);
	return err == 0 ? kv_buf_puts(url, "/oauth2/v2.0/token") : err;
}

static int
make_form(const struct kv_ask *ask, struct kv_buf *form)
{
	const struct {
		const char *name, *value;
	} fields[] = {
		{ "grant_type", "client_credentials" },
		{ "client_id", ask->o->client_id },
		{ "client_secret", secret_of(ask->o) },
		{ "scope", ask->audience->scope },
		{ "claims", ask->audience->claims },
	};
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].value != NULL)
			err = kv_ask_add_field(form, fields[i].name, fields[i].value);
	return err;
}

static int
send_form(struct kv_ask *ask)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json", NULL };
	struct kv_http_request request = {
		.method = "POST", .headers = headers, .max_answer = KV_ASK_MAX_ANSWER
	};
	struct kv_buf url, form;
	int err;

	kv_buf_init(&url, 4096);
	kv_buf_init(&form, (size_t)256 << 10);
	err = make_url(ask, &url);
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

static int
refused(struct kv_ask *ask, const struct kv_http_answer *answer)
{
	kv_buf_say(kv_ask_why(ask), "%s refuses client %s of tenant %s (status %ld)", ask->o->authority,
	    ask->o->client_id, ask->audience->tenant, answer->status);
	kv_ask_say_fault(ask, answer);
	kv_buf_say(kv_ask_why(ask), "; check AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID");
	return -EACCES;
}

static int
ask_token_service(struct kv_ask *ask)
{
	static const struct kv_ask_endpoint token_service = { .who = "the token service",
		.attempts = 4,
		.pause_ms = 800,
		.send = send_form,
		.refused = refused };
	const char *missing = ask->o->client_id == NULL ? "AZURE_CLIENT_ID (or -o client_id=)" :
	    secret_of(ask->o) == NULL			? "AZURE_CLIENT_SECRET (or -o client_secret_file=)" :
	    ask->audience->tenant == NULL		? "AZURE_TENANT_ID (or -o tenant=)" :
							  NULL;

	if (missing == NULL)
		return kv_ask_endpoint(ask, &token_service);
	kv_buf_say(kv_ask_why(ask), "the client secret credential lacks %s", missing);
	return -EACCES;
}

const struct kv_credential_kind kv_client_secret = {
	.variables = { { "AZURE_CLIENT_SECRET", true } },
	.absent = "AZURE_CLIENT_SECRET is not set",
	.presence = presence,
	.ask = ask_token_service,
};
