/*
 * Answers of token services and identity endpoints.
 */
#include "client/auth/token_answer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/fault.h"
#include "client/base/json.h"
#include "client/base/refusal.h"

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

/*
 * The dates that services write into expires_on and expiresOn: Unix seconds, "2026-01-31T23:59:59Z" (azd) and
 * "1/31/2026 11:59:59 PM +00:00" or "01/31/2026 23:59:59 +00:00" (Azure Machine Learning). 0 for others.
 */
static int64_t
parse_date(const char *text)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%m/%d/%Y %I:%M:%S %p +00:00",
		"%m/%d/%Y %H:%M:%S +00:00" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);

		if (end != NULL && *end == '\0')
			return timegm(&tm);
	}
	return 0;
}

/* A number, or a string of digits; or, with has_dates, a date as Unix seconds. */
static int
get_seconds(const struct kv_json *object, const char *name, bool has_dates, int64_t *value, bool *is_given)
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
	else if (has_dates && (*value = parse_date(text)) > 0)
		*is_given = true;
	return 0;
}

static int64_t
bound(int64_t s, int64_t least)
{
	return s < least ? least : s > INT_MAX ? INT_MAX : s;
}

/* A token that has expired by the local clock gets one second, because 0 means unknown. */
static int
get_life(const struct kv_json *root, const char *token, int64_t wall_now, int64_t *life_s)
{
	static const char *const dates[] = { "expires_on", "expiresOn" };
	bool is_given;
	int64_t s, wall_end;
	int err = get_seconds(root, "expires_in", false, &s, &is_given);

	for (size_t i = 0; err == 0 && !is_given && i < sizeof(dates) / sizeof(dates[0]); i++) {
		err = get_seconds(root, dates[i], true, &s, &is_given);
		s -= wall_now;
	}
	if (err == 0 && !is_given && (wall_end = kv_token_answer_jwt_expiry(token)) > 0) {
		is_given = true;
		s = wall_end - wall_now;
	}
	*life_s = is_given ? bound(s, 1) : 0;
	return err;
}

static int
get_refresh(const struct kv_json *root, int64_t *refresh_s)
{
	bool is_given;
	int64_t s;
	const int err = get_seconds(root, "refresh_in", false, &s, &is_given);

	*refresh_s = is_given ? bound(s, 0) : 0;
	return err;
}

static int
get_token(const struct kv_json *root, const char **value)
{
	static const char *const names[] = { "access_token", "accessToken", "token" };
	int err = 0;

	*value = NULL;
	for (size_t i = 0; err == 0 && *value == NULL && i < sizeof(names) / sizeof(names[0]); i++)
		err = kv_json_string(root, names[i], value);
	return err == 0 && !kv_token_answer_is_token(*value) ? -EBADMSG : err;
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
	err = get_token(root, &value);
	if (err == 0)
		err = get_life(root, value, wall_now, &token->life_s);
	if (err == 0)
		err = get_refresh(root, &token->refresh_s);
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

/* The token service's number, from the text or from error_codes. */
static void
read_number(const struct kv_json *root, struct kv_fault *fault)
{
	const struct kv_json *codes, *first;
	int64_t number;

	if (kv_refusal_find_aadsts(fault->message, fault->inner, sizeof(fault->inner)))
		return;
	if (kv_json_member(root, "error_codes", &codes) != 0 || codes == NULL)
		return;
	first = kv_json_first(codes);
	if (first != NULL && kv_json_as_integer(first, &number) == 0 && number > 0 && number <= INT_MAX)
		snprintf(fault->inner, sizeof(fault->inner), "AADSTS%d", (int)number);
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
		kv_fault_line(fault->message, sizeof(fault->message), description, strlen(description));
		read_number(root, fault);
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
