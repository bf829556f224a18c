#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/vault/skiptoken.h"
#include "tests/unit/fake_alloc.h"

/* A nextLink that was recorded. */
#define RECORDED                                                                                           \
	"eyJOZXh0TWFya2VyIjoiMiE4OCFNREF3TURJeElXdGxlUzlEVWtWQlZFVlVSVk5VU2tGV1FWQkZUU0V3TURBd01qZ2hPVGs1" \
	"T1MweE1pMHpNVlF5TXpvMU9UbzFPUzQ1T1RrNU9UazVXaUUtIiwiVGFyZ2V0TG9jYXRpb24iOjB9"
#define BEFORE "https://recorded.vault.azure.net:443/keys?api-version=7.0&$skiptoken="
#define AFTER  "&maxresults=3"

static bool
has_key(const char *token, enum kv_type type, char *key)
{
	return kv_skiptoken_key(token, strlen(token), type, key);
}

static void
the_name_in_a_recorded_token_is_found(void **state)
{
	char key[KV_NAME_MAX + 1];
	size_t len;
	const char *token = kv_skiptoken_find(BEFORE RECORDED AFTER, &len);

	(void)state;
	assert_non_null(token);
	assert_int_equal(len, strlen(RECORDED));
	assert_true(kv_skiptoken_key(token, len, KV_KEYS, key));
	assert_string_equal(key, "CREATETESTJAVAPEM");
	assert_false(kv_skiptoken_key(token, len, KV_SECRETS, key));
	assert_true(kv_skiptoken_is(BEFORE RECORDED AFTER, RECORDED));
	assert_false(kv_skiptoken_is(BEFORE RECORDED AFTER, "eyJO"));
	assert_false(kv_skiptoken_is("https://v/keys?api-version=7.0", RECORDED));
}

static void
a_link_without_a_token_has_none(void **state)
{
	static const char *const links[] = {
		"https://v/keys",
		"https://v/keys?api-version=7.0",
		"https://v/keys?$skiptoken=",
		"https://v/keys?$skiptoken=&maxresults=3",
		"https://v/keys?my$skiptoken=abc",
		"$skiptoken=abc",
	};
	struct kv_buf out;
	size_t len;

	(void)state;
	kv_buf_init(&out, 1000);
	for (size_t i = 0; i < N_OF(links); i++) {
		assert_row(kv_skiptoken_find(links[i], &len) == NULL, i, links[i]);
		assert_row(kv_skiptoken_put(links[i], "abc", &out) == -EINVAL, i, links[i]);
	}
	kv_buf_release(&out);
}

static void
a_token_is_put_in_the_place_of_another(void **state)
{
	struct kv_buf out;

	(void)state;
	kv_buf_init(&out, 1000);
	assert_int_equal(kv_skiptoken_put(BEFORE RECORDED AFTER, "abc", &out), 0);
	assert_string_equal(kv_buf_str(&out), BEFORE "abc" AFTER);
	kv_buf_clear(&out);
	assert_int_equal(kv_skiptoken_put("https://v/keys?$skiptoken=xyz", "abc", &out), 0);
	assert_string_equal(kv_buf_str(&out), "https://v/keys?$skiptoken=abc");
	kv_buf_release(&out);
}

/* The token of this JSON, in which "LEN" is the marker's length and "MARKER" is the marker. */
static const char *
token_of(const char *row, const char *json)
{
	static char text[2000];
	char len[20];
	struct kv_buf marker, full, token;

	kv_buf_init(&marker, 1000);
	kv_buf_init(&full, 1500);
	kv_buf_init(&token, sizeof(text));
	assert_int_equal(kv_base64_encode_standard(row, strlen(row), &marker), 0);
	for (size_t i = marker.len; i > 0 && marker.data[i - 1] == '='; i--)
		marker.data[i - 1] = '-';
	snprintf(len, sizeof(len), "%zu", marker.len);
	while (*json != '\0') {
		const bool is_len = strncmp(json, "LEN", 3) == 0, is_marker = strncmp(json, "MARKER", 6) == 0;
		const char one[] = { *json, '\0' };

		assert_int_equal(kv_buf_puts(&full, is_len ? len : is_marker ? kv_buf_str(&marker) : one), 0);
		json += is_len ? 3 : is_marker ? 6 : 1;
	}
	assert_int_equal(kv_base64_encode(full.data, full.len, &token), 0);
	snprintf(text, sizeof(text), "%s", kv_buf_str(&token));
	kv_buf_release(&marker);
	kv_buf_release(&full);
	kv_buf_release(&token);
	return text;
}

#define JSON "{\"NextMarker\":\"2!LEN!MARKER\",\"TargetLocation\":0}"
#define TIME "!000028!9999-12-31T23:59:59.9999999Z!"

static void
only_a_token_of_exactly_that_form_has_a_name(void **state)
{
	static const struct {
		const char *row, *json, *key; /* key NULL: none */
	} rows[] = {
		{ "000009!secret/DB" TIME, JSON, "DB" },
		{ "000009!secret/DB!000028!9999-12-31T23:59:59.9999998Z!", JSON, "DB" },
		{ "000010!secret/DB-" TIME, JSON, "DB-" },
		{ "000009!secret/db" TIME, JSON, NULL },
		{ "000010!secret/DB" TIME, JSON, NULL },
		{ "000008!secret/DB" TIME, JSON, NULL },
		{ "9!secret/DB" TIME, JSON, NULL },
		{ "-00009!secret/DB" TIME, JSON, NULL },
		{ "000007!secret/" TIME, JSON, NULL },
		{ "000011!secret/DB/1" TIME, JSON, NULL },
		{ "000009!secret/D_" TIME, JSON, NULL },
		{ "000006!key/DB" TIME, JSON, NULL },
		{ "000009!secret/DB!000028!2026-12-31T23:59:59.9999999Z!", JSON, NULL },
		{ "000009!secret/DB" TIME "snapshot!", JSON, NULL },
		{ "000009!secret/DB", JSON, NULL },
		{ "999999!secret/DB" TIME, JSON, NULL },
		{ "", JSON, NULL },
		{ "000009!secret/DB" TIME, "{\"NextMarker\":\"3!LEN!MARKER\",\"TargetLocation\":0}", NULL },
		{ "000009!secret/DB" TIME, "{\"NextMarker\":\"2!1LEN!MARKER\",\"TargetLocation\":0}", NULL },
		{ "000009!secret/DB" TIME, "{\"NextMarker\":\"2!LEN!MARKER\",\"TargetLocation\":1}", NULL },
		{ "000009!secret/DB" TIME, "{\"NextMarker\":LEN,\"x\":\"MARKER\"}", NULL },
		{ "000009!secret/DB" TIME, "{\"x\":LEN,\"y\":\"MARKER\"}", NULL },
		{ "000009!secret/DB" TIME, "[LEN,\"MARKER\"]", NULL },
	};
	char key[KV_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const char *token = token_of(rows[i].row, rows[i].json);

		assert_row(has_key(token, KV_SECRETS, key) == (rows[i].key != NULL), i, rows[i].row);
		assert_row(rows[i].key == NULL || strcmp(key, rows[i].key) == 0, i, rows[i].row);
	}
	assert_false(has_key("", KV_SECRETS, key));
	assert_false(has_key("%%%", KV_SECRETS, key));
	assert_false(has_key("token1", KV_SECRETS, key));
}

static void
the_longest_name_fits_and_none_beyond(void **state)
{
	char key[KV_NAME_MAX + 1], name[KV_NAME_MAX + 2], row[300];

	(void)state;
	for (size_t len = KV_NAME_MAX; len <= KV_NAME_MAX + 1; len++) {
		memset(name, 'X', len);
		name[len] = '\0';
		snprintf(row, sizeof(row), "%06zu!secret/%s" TIME, len + 7, name);
		assert_int_equal(has_key(token_of(row, JSON), KV_SECRETS, key), len == KV_NAME_MAX);
	}
	assert_int_equal(strlen(key), KV_NAME_MAX);
}

static void
without_memory_there_is_no_name(void **state)
{
	char key[KV_NAME_MAX + 1];
	bool has_failed = true;

	(void)state;
	for (int n = 1; has_failed; n++) {
		bool is_found;

		fake_alloc_fail_at(n);
		is_found = has_key(RECORDED, KV_KEYS, key);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_true(is_found || has_failed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_in_a_recorded_token_is_found),
		cmocka_unit_test(a_link_without_a_token_has_none),
		cmocka_unit_test(a_token_is_put_in_the_place_of_another),
		cmocka_unit_test(only_a_token_of_exactly_that_form_has_a_name),
		cmocka_unit_test(the_longest_name_fits_and_none_beyond),
		cmocka_unit_test(without_memory_there_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
