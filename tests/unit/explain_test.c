#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/refusal_rows.h"
#include "client/vault/explain.h"
#include "client/vault/vault.h"
#include "tests/unit/fake_clock.h"

static void
a_reply_is_explained_by_what_decided_it(void **state)
{
	static const struct {
		struct kv_reply reply;
		const char *text;
	} rows[] = {
		/* the table, and what else is known */
		{ { .err = -EACCES, .status = 403, .fault = { "Forbidden", "SecretDisabled", "m" } },
		    "the secret is disabled: enable it" },
		{ { .err = -EIO, .status = 503, .why = "no success until the time-out" },
		    "the vault is temporarily unavailable: try again later (no success until the time-out)" },
		{ { .err = -EBADMSG, .status = 404, .why = "an HTML page: is v.example a vault?" },
		    "this is no 404 of Azure Key Vault (an HTML page: is v.example a vault?)" },
		{ { .err = -EBADMSG, .status = 404, .why = "" },
		    "this is no 404 of Azure Key Vault: check whether v.example is the vault's name, and "
		    "whether a proxy answers" },
		/* a cause that the answer does not name */
		{ { .err = -EFBIG,
		      .status = 400,
		      .cause = &kv_refusal_too_many_versions,
		      .n_versions = 777,
		      .why = "" },
		    "it has 777 versions, and the service backs up at most 500: delete it and create it again" },
		{ { .err = -EFBIG, .cause = &kv_refusal_too_many_versions },
		    "it has more than 500 versions, and the service backs up at most 500: delete it and create "
		    "it again" },
		/* no refusal of the vault */
		{ { .err = -EACCES, .status = 401, .is_of_token = true, .why = "no token" }, "no token" },
		{ { .err = -EIO, .why = "connection reset" }, "connection reset" },
		{ { .err = -EBADMSG, .status = 200, .why = "not a backup" }, "not a backup" },
		{ { .err = -ENOMEM }, "Cannot allocate memory" },
	};
	struct kv_buf why;

	(void)state;
	fake_clock_set(1000000, 1700000000);
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&why, 1000);
		kv_explain(&rows[i].reply, "v.example", &why);
		assert_row(strcmp(kv_buf_str(&why), rows[i].text) == 0, i, kv_buf_str(&why));
		kv_buf_release(&why);
	}
}

static void
a_wrong_clock_is_in_the_explanation_of_an_expired_token(void **state)
{
	const struct kv_reply reply = { .err = -EACCES,
		.status = 401,
		.fault = { "Unauthorized", "", "[TokenExpired] Error validating token: 'S2S12086'." },
		.wall_date = 1700000000 + 86400 };
	struct kv_buf why;

	(void)state;
	fake_clock_set(1000000, 1700000000);
	kv_buf_init(&why, 1000);
	kv_explain(&reply, "v.example", &why);
	assert_non_null(strstr(kv_buf_str(&why), "2023-11-14 22:13:20 UTC"));
	assert_non_null(strstr(kv_buf_str(&why), "that of v.example shows 2023-11-15 22:13:20 UTC"));
	kv_buf_release(&why);
}

static void
only_a_refusal_with_a_code_of_key_vault_proves_something(void **state)
{
	static const struct {
		struct kv_reply reply;
		int wanted;
	} rows[] = {
		{ { .err = -EACCES, .status = 403, .fault = { "Forbidden", "", "" } }, 1 },
		{ { .err = -EINVAL, .status = 400, .fault = { "BadParameter", "", "" } }, 1 },
		{ { .err = -EBADMSG, .status = 404 }, -EBADMSG },
		{ { .err = -EACCES, .status = 403 }, -EBADMSG },
		/* time can mend it, or it is no answer of the vault */
		{ { .err = -EBUSY, .status = 429, .fault = { "Throttled", "", "" } }, 0 },
		{ { .err = -EIO, .status = 408 }, 0 },
		{ { .err = -EIO, .status = 503, .fault = { "ServiceUnavailable", "", "" } }, 0 },
		{ { .err = -EACCES, .status = 401, .is_of_token = true, .fault = { "Forbidden", "", "" } },
		    0 },
		{ { .err = -ETIMEDOUT }, 0 },
		{ { .err = -EBADMSG, .status = 200 }, 0 },
		{ { .status = 200 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_explain_refusal(&rows[i].reply) == rows[i].wanted, i, "refusal");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_is_explained_by_what_decided_it),
		cmocka_unit_test(a_wrong_clock_is_in_the_explanation_of_an_expired_token),
		cmocka_unit_test(only_a_refusal_with_a_code_of_key_vault_proves_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
