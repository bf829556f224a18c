#include "tests/unit/unit.h"

#include <string.h>

#include "client/base/crypto.h"

static void
a_digest_is_sha_256(void **state)
{
	static const struct {
		const char *data;
		const char *start;
	} rows[] = { { "", "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14" },
		{ "abc", "\xba\x78\x16\xbf\x8f\x01\xcf\xea" } };
	unsigned char digest[KV_DIGEST_LEN];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_int_equal(kv_crypto_sha256(rows[i].data, strlen(rows[i].data), digest), 0);
		assert_memory_equal(digest, rows[i].start, 8);
	}
}

static void
uuids_are_of_version_4_and_differ(void **state)
{
	char a[37], b[37];

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(kv_crypto_uuid(a), 0);
		assert_int_equal(kv_crypto_uuid(b), 0);
		assert_int_equal(strlen(a), 36);
		assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
		assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
		assert_int_equal(a[14], '4');
		assert_non_null(strchr("89ab", a[19]));
		assert_string_not_equal(a, b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_digest_is_sha_256),
		cmocka_unit_test(uuids_are_of_version_4_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
