#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/auth/token_refusal.h"
#include "client/base/buf.h"
#include "client/base/refusal.h"
#include "tests/unit/fake_clock.h"

static const struct kv_audience audience = { .resource = "https://vault.azure.net", .tenant = "t" };

static void
a_text_with_a_number_that_is_known_becomes_a_sentence(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *sentence;
	} rows[] = {
		{ "AADSTS7000222: The provided client secret keys for app 'a' are expired.", -EACCES,
		    ": the client secret of application app has expired: create a new one with az ad app "
		    "credential reset --append --id app (AADSTS7000222)" },
		{ "WARNING: x\nERROR: AADSTS53003: Access has been blocked.\nPlease run: y", -EACCES,
		    ": Conditional Access does not allow this sign-in: sign in again with log in t, or ask the "
		    "tenant's administrator which policy applies (AADSTS53003)" },
		{ "AADSTS90033: A transient error has occurred.", -EIO,
		    ": the token service is temporarily unavailable: try again later (AADSTS90033)" },
		{ "AADSTS1: Something new.", 0, "" },
		{ "Please run 'az login'", 0, "" },
		{ "", 0, "" },
	};
	struct kv_fault fault;
	struct kv_buf why;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_token_refused refused = {
			.fault = &fault, .client = "app", .login = "log in {tenant}"
		};

		kv_buf_init(&why, 1000);
		kv_token_refusal_of_text(rows[i].text, &fault);
		assert_row(kv_token_refusal_say(&audience, &refused, &why) == rows[i].err, i, rows[i].text);
		assert_row(strcmp(kv_buf_str(&why), rows[i].sentence) == 0, i, kv_buf_str(&why));
		kv_buf_release(&why);
	}
}

static void
an_assertion_out_of_its_time_shows_a_wrong_clock(void **state)
{
	struct kv_fault fault;
	const struct kv_token_refused refused = { .fault = &fault, .wall_date = 1700003600 };
	struct kv_buf why;

	(void)state;
	fake_clock_set(1000000, 1700000000);
	kv_buf_init(&why, 1000);
	kv_token_refusal_of_text(
	    "AADSTS700024: Client assertion is not within its valid time range.", &fault);
	assert_int_equal(kv_token_refusal_say(&audience, &refused, &why), -EACCES);
	assert_string_equal(kv_buf_str(&why),
	    ": the signed assertion is not valid at this time: set the clock of this machine, which shows "
	    "2023-11-14 22:13:20 UTC, while that of the token service shows 2023-11-14 23:13:20 UTC "
	    "(AADSTS700024)");
	kv_buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_with_a_number_that_is_known_becomes_a_sentence),
		cmocka_unit_test(an_assertion_out_of_its_time_shows_a_wrong_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
