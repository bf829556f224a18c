/*
 * The managed identity of a server outside Azure, from the agent of Azure Arc: its first answer is a challenge
 * that names a key file, the second request has the key. An agent that is too old for user-assigned identities
 * answers with the system's, so the answer must repeat the id that the user gave.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/credential/arc_key.h"
#include "client/credential/managed.h"
#include "client/http/http.h"

#define ENDPOINT      "IDENTITY_ENDPOINT"
#define OTHER	      "IMDS_ENDPOINT"
#define AGENT	      "/opt/azcmagent/bin/himds"
#define AGENT_ADDRESS "http://localhost:40342/metadata/identity/oauth2/token"
#define WHO	      "the Azure Arc agent"

/* A login shell that was open before the installation has no variables; the agent's program shows that it is there. */
static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	(void)why; /* most machines are not of Arc */
	if (kv_credential_variable(o, ENDPOINT) != NULL && kv_credential_variable(o, OTHER) != NULL)
		return KV_CONFIGURED;
	return access(AGENT, F_OK) == 0 ? KV_PERHAPS : KV_NOT_CONFIGURED;
}

static int
get(struct kv_ask *ask, const char *name, const char *value)
{
	static const struct kv_managed_source source = { .version = "2020-06-01",
		.client = "client_id",
		.object = "object_id",
		.resource = "msi_res_id",
		.has_metadata = true };
	const char *url =
	    kv_credential_variable(ask->o, OTHER) != NULL ? kv_credential_variable(ask->o, ENDPOINT) : NULL;

	return kv_managed_get(ask, url != NULL ? url : AGENT_ADDRESS, name, value, &source);
}

/* ---- the answer ---- */

static int
check_id(struct kv_ask *ask, const struct kv_json *root)
{
	static const struct {
		const char *option, *members[3];
	} rows[] = { { "client_id", { "client_id" } }, { "object_id", { "object_id" } },
		{ "resource_id", { "msi_res_id", "mi_res_id" } } };
	const struct kv_managed_id id = kv_managed_id(ask->o);
	const char *repeated;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; strcmp(rows[i].option, id.option) == 0 && rows[i].members[k] != NULL; k++)
			if (kv_json_string(root, rows[i].members[k], &repeated) == 0 && repeated != NULL &&
			    strcasecmp(repeated, id.value) == 0)
				return 0;
	kv_buf_say(kv_ask_why(ask),
	    WHO
	    " does not answer for the identity of %s=%s: this version of it may know only the machine's own "
	    "identity; update the agent, or leave %s out",
	    id.option, id.value, id.option);
	return -EACCES;
}

static int
token_answered(struct kv_ask *ask, const struct kv_http_answer *answer)
{
	struct kv_json *root = NULL;
	int err = 0;

	if (kv_managed_id(ask->o).value != NULL) {
		err = kv_json_parse(answer->body, answer->body_len, &root);
		if (err == 0)
			err = check_id(ask, root);
		else
			kv_buf_say(kv_ask_why(ask), "the answer of " WHO " contains no token");
		kv_json_free(root);
	}
	if (err == 0)
		kv_ask_take_answer(ask, WHO, answer->body, answer->body_len);
	return err;
}

/* ---- the challenge ---- */

static int
send_key(struct kv_ask *ask)
{
	struct kv_buf value;
	int err;

	kv_buf_init(&value, KV_ARC_KEY_MOST + 16);
	err = kv_buf_printf(&value, "Basic %s", ask->secret);
	if (err == 0)
		err = get(ask, "Authorization", kv_buf_str(&value));
	kv_buf_release(&value);
	return err;
}

static int
challenged(struct kv_ask *ask, const struct kv_http_answer *answer)
{
	static const struct kv_ask_endpoint with_key = {
		.who = WHO, .attempts = 1, .send = send_key, .answered = token_answered
	};
	struct kv_buf key;
	int err;

	if (answer->status != 401) {
		kv_buf_say(kv_ask_why(ask), WHO " answers %ld", answer->status);
		(void)kv_ask_say_fault(ask, answer, NULL);
		return kv_err_is_temporary(answer->status) ? -EIO : -EACCES;
	}
	kv_buf_init(&key, KV_ARC_KEY_MOST + 1);
	err = kv_arc_key_read(answer->challenge, KV_ARC_KEY_FOLDER, &key, kv_ask_why(ask));
	if (err == 0) {
		ask->secret = strdup(kv_buf_str(&key));
		err = ask->secret != NULL ? kv_ask_endpoint(ask, &with_key) : -ENOMEM;
	}
	kv_buf_release(&key);
	return err;
}

static int
send_first(struct kv_ask *ask)
{
	return get(ask, NULL, NULL);
}

static int
ask_agent(struct kv_ask *ask)
{
	static const struct kv_ask_endpoint agent = { .who = WHO,
		.attempts = 4,
		.pause_ms = 800,
		.may_be_away = true,
		.send = send_first,
		.refused = challenged };

	return kv_ask_endpoint(ask, &agent);
}

const struct kv_credential_kind kv_arc = {
	.variables = { { OTHER, false } },
	.presence = presence,
	.ask = ask_agent,
};
