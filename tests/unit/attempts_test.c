#include "tests/unit/unit.h"

#include <string.h>

#include "client/vault/attempts.h"

static void
only_akv10046_is_repeated_with_the_same_token(void **state)
{
	static const struct {
		struct kv_fault fault;
		bool is;
	} rows[] = {
		{ { .message = "AKV10046: Unable to resolve the key used for signature validation." }, true },
		{ { .message = "AKV10046" }, true },
		{ { .message = "AKV10022: Invalid audience." }, false },
		{ { .message = "AKV1004" }, false },
		{ { .code = "AKV10046" }, false },
		{ { .message = "" }, false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_attempts_is_unresolved(&rows[i].fault) == rows[i].is, i, rows[i].fault.message);
}

static void
the_pauses_are_2_5_and_10_seconds(void **state)
{
	static const int pauses[] = { 2000, 5000, 10000, -1, -1 };
	struct kv_attempts a = { 0 };

	(void)state;
	for (size_t i = 0; i < N_OF(pauses); i++)
		assert_int_equal(kv_attempts_pause_ms(&a), pauses[i]);
}

/* p: an ordinary challenge, c: one that requires claims. */
static void
a_new_token_is_tried_once_and_once_more_with_claims(void **state)
{
	static const struct {
		const char *challenges;
		int n; /* further attempts */
	} rows[] = { { "p", 1 }, { "pp", 1 }, { "c", 1 }, { "cp", 1 }, { "cc", 1 }, { "pc", 2 }, { "pcp", 2 },
		{ "pcc", 2 }, { "ppc", 1 } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_attempts a = { 0 };
		const char *at = rows[i].challenges;
		int n = 0;

		while (*at != '\0' &&
		    kv_attempts_again(&a,
			*at++ == 'c' ? "Bearer realm=\"\", error=\"insufficient_claims\", claims=\"e30=\"" :
				       "Bearer authorization=\"https://x/t\", resource=\"https://y\""))
			n++;
		assert_row(n == rows[i].n, i, rows[i].challenges);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_akv10046_is_repeated_with_the_same_token),
		cmocka_unit_test(the_pauses_are_2_5_and_10_seconds),
		cmocka_unit_test(a_new_token_is_tried_once_and_once_more_with_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
