/* Tokens of another issuer. */
#include "client/credential/id_token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/credential/token_service.h"
#include "client/http/http.h"
#include "client/http/url.h"

bool
kv_id_token_is(const char *text)
{
	for (int part = 0; part < 3; part++) {
		const size_t len = strcspn(text, ".");

		if (len == 0 || !kv_base64_is_url((const unsigned char *)text, len))
			return false;
		text += len;
		if ((*text == '.') != (part < 2))
			return false;
		text += part < 2;
	}
	return true;
}

/* ---- a job asks for its token ---- */

static int
make_url(struct kv_ask *ask, const struct kv_id_token_source *source, struct kv_buf *url)
{
	const char *given = kv_credential_variable(ask->o, source->url);
	struct kv_url origin;
	struct kv_buf query;
	int err;

	if (kv_url_parse(given, &origin, NULL) != 0 || !origin.is_https) {
		kv_buf_say(kv_ask_why(ask), "%s is not an https URL", source->url);
		return -EACCES;
	}
	kv_buf_init(&query, 4096);
	err = source->add_query(ask, &query);
	if (err == 0)
		err = kv_buf_printf(
		    url, "%s%c%s", given, strchr(given, '?') != NULL ? '&' : '?', kv_buf_str(&query));
	kv_buf_release(&query);
	return err;
}

int
kv_id_token_send(struct kv_ask *ask)
{
	const struct kv_id_token_source *source = ask->endpoint->arg;
	struct kv_http_request request = { .method = source->method,
		.headers = source->headers,
		.token = kv_credential_variable(ask->o, source->bearer),
		.max_answer = KV_ASK_MAX_ANSWER };
	struct kv_buf url;
	int err;

	kv_buf_init(&url, 16384);
	err = make_url(ask, source, &url);
	if (err == 0) {
		request.url = kv_buf_str(&url);
		err = kv_ask_send(ask, &request);
	}
	kv_buf_release(&url);
	return err;
}

/* Store the token. -EBADMSG if the answer has none. */
static int
keep_token(struct kv_ask *ask, const char *member, const struct kv_http_answer *answer)
{
	struct kv_json *root = NULL;
	const char *token = NULL;
	int err = kv_json_parse(answer->body, answer->body_len, &root);

	if (err == 0)
		err = kv_json_string(root, member, &token);
	if (err == 0 && (token == NULL || !kv_id_token_is(token)))
		err = -EBADMSG;
	if (err == 0) {
		kv_buf_free_string(ask->secret);
		ask->secret = strdup(token);
		err = ask->secret != NULL ? 0 : -ENOMEM;
	}
	kv_json_free(root);
	return err;
}

int
kv_id_token_answered(struct kv_ask *ask, const struct kv_http_answer *answer)
{
	const struct kv_id_token_source *source = ask->endpoint->arg;
	int err;

	if (kv_ask_is_page(answer))
		return kv_id_token_refused(ask, answer);
	err = keep_token(ask, source->member, answer);
	if (err == -EBADMSG)
		kv_buf_say(kv_ask_why(ask), "the answer of %s contains no token", ask->endpoint->who);
	return err == 0 ? kv_ask_endpoint(ask, source->token_service) : err;
}

/* Who is not signed in gets a page to sign in, or is sent to one. */
int
kv_id_token_refused(struct kv_ask *ask, const struct kv_http_answer *answer)
{
	const struct kv_id_token_source *source = ask->endpoint->arg;
	const char *who = ask->endpoint->who;
	int err = 0;

	if (kv_ask_is_page(answer) || (answer->status >= 300 && answer->status < 400)) {
		kv_buf_say(
		    kv_ask_why(ask), "%s answers with a page to sign in (status %ld)", who, answer->status);
	} else {
		kv_buf_say(kv_ask_why(ask), "%s refuses to issue a token (status %ld)", who, answer->status);
		err = kv_ask_say_fault(ask, answer, NULL);
	}
	kv_buf_say(kv_ask_why(ask), "; %s", source->remedy);
	return err != 0 ? err : -EACCES;
}

int
kv_id_token_prove(struct kv_ask *ask, struct kv_buf *form)
{
	return kv_token_service_add_assertion(form, ask->secret);
}
