/*
 * Workload identity: a token of Kubernetes, in a file that is renewed while the program runs. It is read at each token
 * request; a symbolic link to it may have been replaced.
 */
#include <errno.h>
#include <string.h>

#include "client/auth/secret_file.h"
#include "client/base/buf.h"
#include "client/credential/id_token.h"
#include "client/credential/token_service.h"

#define FILE_VARIABLE "AZURE_FEDERATED_TOKEN_FILE"

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	if (kv_credential_variable(o, FILE_VARIABLE) == NULL) {
		kv_credential_lacks(why, FILE_VARIABLE);
		return KV_NOT_CONFIGURED;
	}
	return kv_token_service_presence(o, o->client_id, o->tenant, why) ? KV_CONFIGURED : KV_NOT_CONFIGURED;
}

static void
trim(struct kv_buf *text)
{
	while (text->len > 0 && memchr(" \t\r\n", text->data[text->len - 1], 4) != NULL)
		text->len--;
	text->data[text->len] = '\0';
}

static int
prove(struct kv_ask *ask, struct kv_buf *form)
{
	const struct kv_secret_file file = { FILE_VARIABLE, kv_credential_variable(ask->o, FILE_VARIABLE),
		true };
	struct kv_buf text;
	int err;

	kv_buf_init(&text, KV_SECRET_FILE_MAX);
	err = kv_secret_file_read(&file, &text, kv_ask_why(ask));
	if (err == 0) {
		trim(&text);
		if (strlen(kv_buf_str(&text)) != text.len || !kv_id_token_is(kv_buf_str(&text))) {
			kv_buf_say(kv_ask_why(ask), "%s=%s does not contain a token", file.name, file.path);
			err = -EACCES;
		}
	}
	if (err == 0)
		err = kv_token_service_add_assertion(form, kv_buf_str(&text));
	kv_buf_release(&text);
	return err;
}

static int
ask_token_service(struct kv_ask *ask)
{
	static const struct kv_token_client client = { .prove = prove,
		.remedy = "AZURE_CLIENT_ID, AZURE_TENANT_ID and the application's federated credentials" };
	static const struct kv_ask_endpoint token_service = KV_TOKEN_SERVICE(&client);

	return kv_ask_endpoint(ask, &token_service);
}

const struct kv_credential_kind kv_workload = {
	.variables = { { FILE_VARIABLE, false } },
	.file_variable = FILE_VARIABLE,
	.takes_claims = true,
	.presence = presence,
	.ask = ask_token_service,
};
