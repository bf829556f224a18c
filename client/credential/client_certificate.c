/*
 * A certificate: the environment of the SDKs, or -o client_certificate=. The file is read at each token request, so a
 * renewed one needs no restart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/auth/assertion.h"
#include "client/auth/secret_file.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/credential/token_service.h"
#include "client/keypair/keypair.h"

#define PATH	 "AZURE_CLIENT_CERTIFICATE_PATH"
#define PASSWORD "AZURE_CLIENT_CERTIFICATE_PASSWORD"
#define CHAIN	 "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"

/* The option takes precedence; its file must be private. */
static struct kv_secret_file
file_of(const struct kv_credential_options *o)
{
	if (o->client_certificate != NULL)
		return (struct kv_secret_file){ "client_certificate", o->client_certificate, false };
	return (struct kv_secret_file){ PATH, kv_credential_variable(o, PATH), true };
}

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	if (file_of(o).path == NULL) {
		kv_credential_lacks(why, PATH);
		return KV_NOT_CONFIGURED;
	}
	return kv_token_service_presence(o, o->client_id, o->tenant, why) ? KV_CONFIGURED : KV_NOT_CONFIGURED;
}

/* Append the password; nothing if there is none. */
static int
read_password(struct kv_ask *ask, struct kv_buf *password)
{
	const struct kv_secret_file file = { "client_certificate_password_file",
		ask->o->client_certificate_password_file, false };
	const char *variable = kv_credential_variable(ask->o, PASSWORD);

	if (file.path != NULL)
		return kv_secret_file_read_line(&file, password, kv_ask_why(ask));
	return variable != NULL ? kv_buf_puts(password, variable) : 0;
}

static int
parse(struct kv_ask *ask, const struct kv_secret_file *file, const struct kv_buf *content,
    struct kv_keypair **pair)
{
	struct kv_buf *why = kv_ask_why(ask);
	struct kv_buf password, fault;
	int err;

	kv_buf_init(&password, KV_SECRET_FILE_MAX);
	kv_buf_init(&fault, 1024);
	err = read_password(ask, &password);
	if (err == 0) {
		err = kv_keypair_parse(content->data, content->len, kv_buf_str(&password), pair, &fault);
		if (err != 0 && err != -ENOMEM)
			kv_buf_say(why, "%s=%s %s", file->name, file->path, kv_buf_str(&fault));
		if (err == -EPERM)
			kv_buf_say(why, "; check " PASSWORD " or client_certificate_password_file=");
	}
	kv_buf_release(&fault);
	kv_buf_release(&password);
	return err == -EPERM ? -EACCES : err;
}

/* If the service refuses the client, this may be why. */
static int
note_dates(struct kv_ask *ask, const struct kv_keypair *pair)
{
	struct kv_buf note;
	int err = 0;

	kv_buf_init(&note, 256);
	kv_buf_free_string(ask->secret);
	ask->secret = NULL;
	if (!kv_keypair_is_valid(pair, kv_clock_wall_s(), &note)) {
		ask->secret = strdup(kv_buf_str(&note));
		err = ask->secret != NULL ? 0 : -ENOMEM;
	}
	kv_buf_release(&note);
	return err;
}

static int
add_assertion(struct kv_ask *ask, const struct kv_keypair *pair, struct kv_buf *form)
{
	const char *chain = kv_credential_variable(ask->o, CHAIN);
	struct kv_assertion assertion = { .pair = pair,
		.client_id = kv_token_service_client_id(ask),
		.sends_chain = chain != NULL && (strcmp(chain, "1") == 0 || strcmp(chain, "true") == 0) };
	struct kv_buf url, text;
	int err;

	kv_buf_init(&url, 4096);
	kv_buf_init(&text, (size_t)1 << 20);
	err = kv_token_service_url(ask, &url);
	assertion.token_url = kv_buf_str(&url);
	if (err == 0)
		err = kv_assertion_make(&assertion, &text);
	if (err == 0)
		err = kv_token_service_add_assertion(form, kv_buf_str(&text));
	kv_buf_release(&text);
	kv_buf_release(&url);
	return err;
}

static int
prove(struct kv_ask *ask, struct kv_buf *form)
{
	const struct kv_secret_file file = file_of(ask->o);
	struct kv_keypair *pair = NULL;
	struct kv_buf content;
	int err;

	kv_buf_init(&content, KV_SECRET_FILE_MAX);
	err = kv_secret_file_read(&file, &content, kv_ask_why(ask));
	if (err == 0)
		err = parse(ask, &file, &content, &pair);
	if (err == 0)
		err = note_dates(ask, pair);
	if (err == 0) {
		err = add_assertion(ask, pair, form);
		if (err == -EACCES && kv_ask_why(ask)->len == 0)
			kv_buf_say(kv_ask_why(ask), "%s=%s: its key is too short, or damaged: it cannot sign",
			    file.name, file.path);
	}
	kv_keypair_free(pair);
	kv_buf_release(&content);
	return err;
}

static int
refused(struct kv_ask *ask, const struct kv_http_answer *answer)
{
	const int err = kv_token_service_refused(ask, answer);

	if (ask->secret != NULL)
		kv_buf_say(kv_ask_why(ask), "; %s", ask->secret);
	return err;
}

static int
ask_token_service(struct kv_ask *ask)
{
	static const struct kv_token_client client = { .prove = prove,
		.remedy = "AZURE_CLIENT_ID, AZURE_TENANT_ID and the certificates of the application" };
	static const struct kv_ask_endpoint token_service = {
		.who = "the token service",
		.is_authority = true,
		.attempts = 4,
		.pause_ms = 800,
		.arg = &client,
		.send = kv_token_service_send,
		.refused = refused,
	};

	return kv_ask_endpoint(ask, &token_service);
}

const struct kv_credential_kind kv_client_certificate = {
	.variables = { { PATH, false }, { PASSWORD, true }, { CHAIN, false } },
	.file_variable = PATH,
	.is_key_file = true,
	.noun = "client certificate",
	.takes_claims = true,
	.presence = presence,
	.ask = ask_token_service,
};
