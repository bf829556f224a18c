/*
 * A file with an access token that another program renews. It is read whenever a token is needed.
 */
#include "client/auth/ask.h"
#include "client/auth/secret_file.h"
#include "client/base/buf.h"

static enum kv_presence
presence(const struct kv_credential_options *o, struct kv_buf *why)
{
	if (o->token_file == NULL)
		kv_credential_lacks(why, "token_file=");
	return o->token_file != NULL ? KV_CONFIGURED : KV_NOT_CONFIGURED;
}

static int
read_token(struct kv_ask *ask)
{
	const struct kv_secret_file file = { "token_file", ask->o->token_file, false };
	struct kv_buf text;
	int err;

	kv_buf_init(&text, KV_SECRET_FILE_MAX);
	err = kv_secret_file_read_line(&file, &text, kv_ask_why(ask));
	if (err == 0)
		kv_ask_take_token(ask, ask->o->token_file, kv_buf_str(&text));
	kv_buf_release(&text);
	return err;
}

const struct kv_credential_kind kv_token_file = {
	.presence = presence,
	.ask = read_token,
};
