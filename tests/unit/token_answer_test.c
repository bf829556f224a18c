#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/auth/token_answer.h"
#include "tests/unit/fake_alloc.h"

static void
a_token_is_read_from_every_source(void **state)
{
	static const struct {
		const char *text, *value;
		int64_t life_s;
	} rows[] = {
		/* Entra, IMDS, App Service of two ages, the az CLI of two ages */
		{ "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"ext_expires_in\":3599,\"access_token\":\"eyJ.a.b\"}",
		    "eyJ.a.b", 3599 },
		{ "{\"access_token\":\"t\",\"expires_in\":\"86000\",\"expires_on\":\"1700086000\",\"not_before\":\"1\"}",
		    "t", 86000 },
		{ "{\"access_token\":\"t\",\"expires_on\":\"1700000500\"}", "t", 500 },
		{ "{\"access_token\":\"t\",\"expires_on\":1700000500}", "t", 500 },
		/* dates: 1700000500 is 2023-11-14 22:21:40 UTC */
		{ "{\"access_token\":\"t\",\"expires_on\":\"11/14/2023 22:21:40 +00:00\"}", "t", 500 },
		{ "{\"access_token\":\"t\",\"expires_on\":\"11/14/2023 10:21:40 PM +00:00\"}", "t", 500 },
		{ "{\"access_token\":\"t\",\"expires_on\":\"1/5/2024 12:01:00 AM +00:00\"}", "t", 4412860 },
		{ "{\"access_token\":\"t\",\"expires_on\":\"1/5/2024 12:01:00 PM +00:00\"}", "t", 4456060 },
		{ "{\"access_token\":\"t\",\"expires_on\":\"09/14/2017 00:00:00 PM +00:00\"}", "t", 0 },
		{ "{\"access_token\":\"t\",\"expires_on\":\"11/14/2023 22:21:40\"}", "t", 0 },
		{ "{\"access_token\":\"t\",\"expires_on\":\"11/14/2023 22:21:40 +01:00\"}", "t", 0 },
		{ "{\"token\":\"t\",\"expiresOn\":\"2023-11-14T22:21:40Z\"}", "t", 500 },
		/* the end in a JWT, {"exp":1700000500} */
		{ "{\"access_token\":\"e30.eyJleHAiOjE3MDAwMDA1MDB9.x\"}", "e30.eyJleHAiOjE3MDAwMDA1MDB9.x",
		    500 },
		{ "{\"access_token\":\"e30.eyJleHAiOjE3MDAwMDA1MDB9.x\",\"expires_in\":60}",
		    "e30.eyJleHAiOjE3MDAwMDA1MDB9.x", 60 },
		{ "{\"accessToken\":\"t\",\"expiresOn\":\"2023-11-14 23:13:20.000000\",\"expires_on\":1700000500}",
		    "t", 500 },
		{ "{\"accessToken\":\"t\",\"expiresOn\":\"2023-11-14 23:13:20.000000\",\"tenant\":\"x\"}",
		    "t", 0 },
		{ "{\"access_token\":\"t\"}", "t", 0 },
		{ "{\"access_token\":\"t\",\"expires_in\":null,\"expires_on\":null}", "t", 0 },
		/* strange lives */
		{ "{\"access_token\":\"t\",\"expires_in\":0}", "t", 1 },
		{ "{\"access_token\":\"t\",\"expires_on\":1699999999}", "t", 1 },
		{ "{\"access_token\":\"t\",\"expires_in\":-5}", "t", 0 },
		{ "{\"access_token\":\"t\",\"expires_in\":\"-5\"}", "t", 0 },
		{ "{\"access_token\":\"t\",\"expires_in\":\"1h\",\"expires_on\":1700000500}", "t", 500 },
		{ "{\"access_token\":\"t\",\"expires_in\":9007199254740992}", "t", INT32_MAX },
		{ "{\"access_token\":\"t\",\"expires_in\":\"99999999999999999999\"}", "t", 0 },
		{ "{\"access_token\":\"t\",\"expires_in\":[1]}", "t", 0 },
	};
	struct kv_token_answer token;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(kv_token_answer_parse(rows[i].text, strlen(rows[i].text), 1700000000, &token) == 0,
		    i, rows[i].text);
		assert_string_equal(token.value, rows[i].value);
		assert_row(token.life_s == rows[i].life_s, i, rows[i].text);
		kv_token_answer_release(&token);
		assert_null(token.value);
	}
}

static void
what_cannot_be_a_token_is_refused(void **state)
{
	static const char *const rows[] = { "", "{}", "null", "{\"access_token\":\"\"}",
		"{\"access_token\":null}", "{\"access_token\":5}", "{\"access_token\":\"a b\"}",
		"{\"access_token\":\"a\\r\\nX: y\"}", "{\"access_token\":\"a\\u0000b\"}",
		"{\"access_token\":\"\xc3\xa4\"}", "{\"access_token\":\"a\",\"access_token\":\"b\"}",
		"{\"error\":\"invalid_client\"}", "{\"access_token\":\"abc", "a.b.c" };
	struct kv_token_answer token;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memset(&token, 'x', sizeof(token));
		assert_row(
		    kv_token_answer_parse(rows[i], strlen(rows[i]), 0, &token) == -EBADMSG, i, rows[i]);
		assert_null(token.value);
		assert_int_equal(token.life_s, 0);
	}
}

static void
a_token_services_error_has_its_number(void **state)
{
	static const struct {
		const char *text, *code, *message, *inner;
	} rows[] = {
		{ "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret provided.\\r\\nTrace ID: x\"}",
		    "invalid_client", "AADSTS7000215: Invalid client secret provided. Trace ID: x",
		    "AADSTS7000215" },
		{ "{\"error\":\"invalid_client\",\"error_description\":\"m\",\"error_codes\":[50076,1]}",
		    "invalid_client", "m", "AADSTS50076" },
		{ "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS1: m\",\"error_codes\":[50076]}",
		    "invalid_client", "AADSTS1: m", "AADSTS1" },
		{ "{\"error\":\"e\",\"error_codes\":[]}", "e", "", "" },
		{ "{\"error\":\"e\",\"error_codes\":[-1]}", "e", "", "" },
		{ "{\"error\":\"e\",\"error_codes\":[1e300]}", "e", "", "" },
		{ "{\"error\":\"e\",\"error_codes\":[\"1\"]}", "e", "", "" },
		{ "{\"error\":\"e\",\"error_codes\":1}", "e", "", "" },
		{ "{\"error\":\"e\",\"error_codes\":null}", "e", "", "" },
		{ "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}",
		    "invalid_request", "Identity not found", "" },
		{ "{\"error\":\"invalid_request\"}", "invalid_request", "", "" },
		{ "{\"error\":{\"code\":\"NotFound\",\"message\":\"m\"}}", "NotFound", "m", "" },
		{ "{\"error_description\":5}", "", "", "" },
		{ "", "", "", "" },
		{ "Bad Gateway", "", "", "" },
	};
	struct kv_fault fault;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memset(&fault, 'x', sizeof(fault));
		kv_token_answer_fault(rows[i].text, strlen(rows[i].text), &fault);
		assert_row(strcmp(fault.code, rows[i].code) == 0, i, fault.code);
		assert_row(strcmp(fault.message, rows[i].message) == 0, i, fault.message);
		assert_row(strcmp(fault.inner, rows[i].inner) == 0, i, fault.inner);
	}
}

static void
the_end_of_a_jwt_is_read(void **state)
{
	static const struct {
		const char *token;
		int64_t wall_end;
	} rows[] = {
		{ "e30.eyJleHAiOjE3MDAwMDA1MDB9.x", 1700000500 },
		{ "e30.eyJleHAiOjE3MDAwMDA1MDB9.", 1700000500 },
		{ "..", 0 },
		{ "", 0 },
		{ "opaque", 0 },
		{ "e30.eyJleHAiOjE3MDAwMDA1MDB9", 0 },
		{ "e30.e30.x", 0 },
		{ "e30.eyJleHAiOiJ4In0.x", 0 },
		{ "e30.!!!.x", 0 },
		{ "e30.eyJleHAiOjE3MDAwMDA1M.x", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_token_answer_jwt_expiry(rows[i].token) == rows[i].wall_end, i, rows[i].token);
}

static void
no_token_is_left_in_freed_memory(void **state)
{
	static const char text[] = "{\"access_token\":\"s3cret-access-token\",\"expires_in\":1}";
	struct kv_token_answer token;

	(void)state;
	fake_alloc_watch("s3cret-access-token");
	assert_int_equal(kv_token_answer_parse(text, strlen(text), 0, &token), 0);
	kv_token_answer_release(&token);
	assert_int_equal(fake_alloc_unwiped(), 0);
	fake_alloc_watch(NULL);
}

static int
read_token(void)
{
	static const char text[] = "{\"access_token\":\"t\",\"expires_in\":\"5\"}";
	struct kv_token_answer token;
	int err = kv_token_answer_parse(text, strlen(text), 0, &token);

	assert_true((err == 0) == (token.value != NULL));
	kv_token_answer_release(&token);
	return err;
}

static void
each_allocation_that_fails_is_enomem(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(read_token());
}

static void
what_cannot_fail_is_empty_without_memory(void **state)
{
	struct kv_fault fault;
	int64_t wall_end;

	(void)state;
	for (int n = 1; n < 50; n++) {
		fake_alloc_fail_at(n);
		kv_token_answer_fault("{\"error\":\"a\"}", 13, &fault);
		assert_string_equal(fault.code, fake_alloc_has_failed() ? "" : "a");
		fake_alloc_fail_at(n);
		wall_end = kv_token_answer_jwt_expiry("e30.eyJleHAiOjE3MDAwMDA1MDB9.x");
		assert_int_equal(wall_end, fake_alloc_has_failed() ? 0 : 1700000500);
	}
	fake_alloc_fail_at(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_read_from_every_source),
		cmocka_unit_test(what_cannot_be_a_token_is_refused),
		cmocka_unit_test(a_token_services_error_has_its_number),
		cmocka_unit_test(the_end_of_a_jwt_is_read),
		cmocka_unit_test(no_token_is_left_in_freed_memory),
		cmocka_unit_test(each_allocation_that_fails_is_enomem),
		cmocka_unit_test(what_cannot_fail_is_empty_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
