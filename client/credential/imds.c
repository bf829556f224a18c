/*
 * The managed identity of a virtual machine, from its Instance Metadata Service (IMDS). During an update IMDS
 * answers 404 or 410 for up to 70 s (Microsoft's "how-to-use-vm-token", retry guidance).
 *
 * If IMDS is only a guess, it is probed first: by a request without the required header, which IMDS rejects at
 * once (as the SDK for Go does; a token may take longer). Something else may answer at its address, such as a
 * proxy or a login page, so anything but a token means that IMDS is unavailable, with one exception: IMDS
 * itself rejects the identity that the user named.
 */
#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/credential/managed.h"
#include "client/http/http.h"

#define ADDRESS	   "http://169.254.169.254"
#define OTHER_HOST "AZURE_POD_IDENTITY_AUTHORITY_HOST"
#define PATH	   "/metadata/identity/oauth2/token"
#define VERSION	   "2018-02-01"
#define WHO	   "the Instance Metadata Service (169.254.169.254)"
#define PROBE_MS   1000 /* to connect, and as long for the answer */

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	(void)o;
	(void)why;
	return KV_PERHAPS;
}

static int
make_url(const struct kv_ask *ask, struct kv_buf *url)
{
	const char *other = kv_credential_variable(ask->o, OTHER_HOST);

	size_t len;

	if (other == NULL)
		other = ADDRESS;
	len = strlen(other);
	while (len > 0 && other[len - 1] == '/')
		len--;
	return kv_buf_printf(url, "%.*s%s", (int)len, other, PATH);
}

/* ---- the token ---- */

static int
send_get(struct kv_ask *ask)
{
	static const struct kv_managed_source source = { .version = VERSION,
		.client = "client_id",
		.object = "object_id",
		.resource = "msi_res_id",
		.has_metadata = true };
	struct kv_buf url;
	int err;

	kv_buf_init(&url, 8192);
	err = make_url(ask, &url);
	if (err == 0)
		err = kv_managed_get(ask, kv_buf_str(&url), NULL, NULL, &source);
	kv_buf_release(&url);
	return err;
}

static bool
is_json(const struct kv_http_answer *answer)
{
	struct kv_json *root;
	const bool is = kv_json_parse(answer->body, answer->body_len, &root) == 0;

	if (is)
		kv_json_free(root);
	return is;
}

/* It is being updated. */
static bool
is_updated(long status)
{
	return status == 404 || status == 410;
}

static int
token_refused(struct kv_ask *ask, const struct kv_http_answer *answer)
{
	const bool is_of_imds = answer->status == 400 && is_json(answer);
	const bool is_named = kv_managed_id(ask->o).value != NULL;
	bool is_explained;

	kv_buf_say(kv_ask_why(ask), WHO " answers %ld", answer->status);
	is_explained = kv_ask_say_fault(ask, answer, kv_managed_id(ask->o).value) != 0;
	if (!is_explained && is_of_imds && is_named)
		kv_buf_say(kv_ask_why(ask),
		    ": is the identity of -o client_id= (AZURE_CLIENT_ID), object_id= or resource_id= assigned "
		    "to this machine?");
	else if (!is_explained && is_of_imds)
		kv_buf_say(kv_ask_why(ask),
		    ": if this machine has several managed identities, name one by -o client_id=; if it has none, assign "
		    "one");
	if (!is_of_imds || !is_named)
		return kv_err_is_temporary(answer->status) || is_updated(answer->status) ? -EIO : -EACCES;
	kv_ask_fail(ask, KV_FAILED, -EACCES);
	return 0;
}

static int
request_token(struct kv_ask *ask)
{
	static const struct kv_ask_endpoint imds = { .who = WHO,
		.attempts = 7,
		.pause_ms = 1340,
		.may_be_away = true,
		.send = send_get,
		.refused = token_refused };

	return kv_ask_endpoint(ask, &imds);
}

/* ---- the probe ---- */

static int
send_probe(struct kv_ask *ask)
{
	struct kv_http_request request = {
		.method = "GET", .max_answer = KV_ASK_MAX_ANSWER, .is_local = true, .connect_ms = PROBE_MS
	};
	struct kv_buf url;
	int err;

	kv_buf_init(&url, 8192);
	err = make_url(ask, &url);
	if (err == 0)
		err = kv_buf_puts(&url, "?api-version=" VERSION);
	if (err == 0) {
		request.url = kv_buf_str(&url);
		err = kv_ask_send(ask, &request);
	}
	kv_buf_release(&url);
	return err;
}

/* Whatever it says, it is there. */
static int
probe_answered(struct kv_ask *ask, const struct kv_http_answer *answer)
{
	(void)answer;
	return request_token(ask);
}

static int
ask_imds(struct kv_ask *ask)
{
	static const struct kv_ask_endpoint probe = { .who = WHO,
		.attempts = 1,
		.limit_ms = 2 * PROBE_MS,
		.send = send_probe,
		.answered = probe_answered,
		.refused = probe_answered };

	return ask->is_guess ? kv_ask_endpoint(ask, &probe) : request_token(ask);
}

const struct kv_credential_kind kv_imds = {
	.variables = { { OTHER_HOST, false } },
	.presence = presence,
	.ask = ask_imds,
};
