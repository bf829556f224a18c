/*
 * A file with an access token that another program renews. It is read whenever a token is needed.
 */
#include <errno.h>

#include "client/auth/ask.h"
#include "client/auth/secret_file.h"
#include "client/auth/token_answer.h"
#include "client/base/buf.h"
#include "client/base/clock.h"

static enum kv_presence
presence(const struct kv_credential_options *o)
{
	return o->token_file != NULL ? KV_CONFIGURED : KV_NOT_CONFIGURED;
}

static int
take_token(struct kv_ask *ask, const char *token)
{
	const int64_t wall_end = kv_token_answer_jwt_expiry(token), life_s = wall_end - kv_clock_wall_s();

	if (wall_end > 0 && life_s <= 0) {
		kv_buf_say(
		    kv_ask_why(ask), "the token in %s has expired: write a new one", ask->o->token_file);
		return -EACCES;
	}
	kv_ask_take_token(ask, token, wall_end > 0 ? life_s : 0);
	return 0;
}

static int
read_token(struct kv_ask *ask)
{
	struct kv_buf text;
	int err;

	kv_buf_init(&text, KV_SECRET_FILE_MAX);
	err = kv_secret_file_read("token_file", ask->o->token_file, &text, kv_ask_why(ask));
	if (err == 0)
		err = take_token(ask, kv_buf_str(&text));
	kv_buf_release(&text);
	return err;
}

const struct kv_credential_kind kv_token_file = {
	.option = "token_file=FILE",
	.presence = presence,
	.ask = read_token,
};
