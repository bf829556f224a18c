/*
 * Answers of token services and identity endpoints.
 */
#include "client/auth/token_answer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/fault.h"
#include "client/base/json.h"

#define MAX_CLAIMS ((size_t)64 << 10)

bool
kv_token_answer_is_token(const char *s)
{
	if (s == NULL || *s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

/* A number, or a string of digits. *is_given is false for anything else, such as a date. */
static int
get_seconds(const struct kv_json *object, const char *name, int64_t *value, bool *is_given)
{
	const struct kv_json *m;
	const char *text;
	size_t n;
	int err = kv_json_member(object, name, &m);

	*value = 0;
	*is_given = false;
	if (err != 0)
		return err;
	text = kv_json_as_string(m);
	if (text == NULL) {
		*is_given = kv_json_as_integer(m, value) == 0;
		return 0;
	}
	n = strspn(text, "0123456789");
	*is_given = n > 0 && n <= 15 && text[n] == '\0';
	if (*is_given)
		*value = strtoll(text, NULL, 10);
	return 0;
}

/* A token that has expired by the local clock gets one second, because 0 means unknown. */
static int
get_life(const struct kv_json *root, int64_t wall_now, int64_t *life_s)
{
	bool is_given;
	int64_t s;
	int err = get_seconds(root, "expires_in", &s, &is_given);

	*life_s = 0;
	if (err == 0 && !is_given) {
		err = get_seconds(root, "expires_on", &s, &is_given);
		s -= wall_now;
	}
	if (err != 0 || !is_given)
		return err;
	*life_s = s < 1 ? 1 : s > INT_MAX ? INT_MAX : s;
	return 0;
}

int
kv_token_answer_parse(const char *text, size_t len, int64_t wall_now, struct kv_token_answer *token)
{
	const char *value;
	struct kv_json *root;
	int err;

	memset(token, 0, sizeof(*token));
	err = kv_json_parse(text, len, &root);
	if (err != 0)
		return err;
	err = kv_json_string(root, "access_token", &value);
	if (err == 0 && value == NULL)
		err = kv_json_string(root, "accessToken", &value);
	if (err == 0 && !kv_token_answer_is_token(value))
		err = -EBADMSG;
	if (err == 0)
		err = get_life(root, wall_now, &token->life_s);
	if (err == 0) {
		token->value = strdup(value);
		if (token->value == NULL)
			err = -ENOMEM;
	}
	if (err != 0)
		kv_token_answer_release(token);
	kv_json_free(root);
	return err;
}

void
kv_token_answer_release(struct kv_token_answer *token)
{
	kv_buf_free_string(token->value);
	memset(token, 0, sizeof(*token));
}

void
kv_token_answer_fault(const char *text, size_t len, struct kv_fault *fault)
{
	const char *error = NULL, *description = NULL;
	struct kv_json *root;

	memset(fault, 0, sizeof(*fault));
	if (kv_json_parse(text, len, &root) != 0)
		return;
	if (kv_json_string(root, "error", &error) != 0 || error == NULL || *error == '\0') {
		kv_fault_parse(text, len, fault); /* some identity endpoints use Key Vault's form */
	} else {
		if (kv_json_string(root, "error_description", &description) != 0 || description == NULL)
			description = "";
		kv_fault_line(fault->code, sizeof(fault->code), error, strlen(error));
		kv_fault_line(
		    fault->message, sizeof(fault->message), description, strcspn(description, "\r\n"));
	}
	kv_json_free(root);
}

int64_t
kv_token_answer_jwt_expiry(const char *token)
{
	const char *payload = strchr(token, '.'), *end;
	struct kv_buf claims;
	struct kv_json *root = NULL;
	int64_t wall_end = 0;

	end = payload != NULL ? strchr(payload + 1, '.') : NULL;
	if (end == NULL)
		return 0;
	payload++;
	kv_buf_init(&claims, MAX_CLAIMS);
	if (kv_base64_decode(payload, (size_t)(end - payload), &claims) == 0 &&
	    kv_json_parse(kv_buf_str(&claims), claims.len, &root) == 0 &&
	    kv_json_integer(root, "exp", &wall_end) != 0)
		wall_end = 0;
	kv_json_free(root);
	kv_buf_release(&claims);
	return wall_end;
}
