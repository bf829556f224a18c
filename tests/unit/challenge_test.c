#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/auth/challenge.h"
#include "client/base/buf.h"
#include "client/http/url.h"
#include "tests/unit/fake_alloc.h"

#define TENANT	 "11111111-aaaa-bbbb-cccc-222222222222"
#define OTHER	 "99999999-aaaa-bbbb-cccc-222222222222"
#define LOGIN	 "https://login.microsoftonline.com"
#define RESOURCE "https://vault.azure.net"

static bool
is_text(const char *text, const char *expected)
{
	return strcmp(text != NULL ? text : "-", expected) == 0;
}

static void
the_bearer_challenge_is_read_wherever_it_stands(void **state)
{
	static const struct {
		const char *header;
		int err;
		const char *resource, *scope, *tenant;
	} rows[] = {
		{ "Bearer authorization=\"" LOGIN "/" TENANT "\", resource=\"" RESOURCE "\"", 0, RESOURCE,
		    RESOURCE "/.default", TENANT },
		{ "bearer resource=" RESOURCE "/", 0, RESOURCE, RESOURCE "/.default", "-" },
		{ "Bearer scope=\"" RESOURCE "/.default\"", 0, RESOURCE, RESOURCE "/.default", "-" },
		{ "Bearer scope=\"a\", resource=\"b\"", 0, "b", "a", "-" },
		{ "Bearer resource=\"a\", resource=\"b\"", 0, "a", "a/.default", "-" },
		{ "Basic realm=\"x\", Bearer RESOURCE = \"" RESOURCE "\"", 0, RESOURCE, RESOURCE "/.default",
		    "-" },
		{ "Bearer authorization_uri=\"" LOGIN "/contoso.com/x\", resource=a", 0, "a", "a/.default",
		    "contoso.com" },
		{ "Bearer authorization=\"" LOGIN "/common\", resource=a", 0, "a", "a/.default", "-" },
		{ "Bearer authorization=\"not a URL\", resource=\"a\\\"b\"", 0, "a\"b", "a\"b/.default",
		    "-" },
		{ "Bearer", 0, "-", "-", "-" },
		{ "Bearer claims=\"e30\"", 0, "-", "-", "-" },
		{ "", -EBADMSG, "-", "-", "-" },
		{ ", ,", -EBADMSG, "-", "-", "-" },
		{ "Basic resource=\"" RESOURCE "\"", -EBADMSG, "-", "-", "-" },
		{ "Bearer resource=\"" RESOURCE, 0, RESOURCE, RESOURCE "/.default", "-" },
	};
	struct kv_challenge ch;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(kv_challenge_parse(rows[i].header, &ch) == rows[i].err, i, rows[i].header);
		assert_row(is_text(ch.resource, rows[i].resource), i, ch.resource);
		assert_row(is_text(ch.scope, rows[i].scope), i, ch.scope);
		assert_row(is_text(ch.tenant, rows[i].tenant), i, ch.tenant);
		kv_challenge_release(&ch);
	}
}

static void
a_challenge_must_fit_to_the_vault_and_the_tenant(void **state)
{
	static const struct {
		const char *header, *allow_tenant;
		bool no_verify;
		int err;
	} rows[] = {
		{ "Bearer resource=\"" RESOURCE "\"", NULL, false, 0 },
		{ "Bearer resource=\"https://myvault.vault.azure.net\"", NULL, false, 0 },
		{ "Bearer resource=\"https://management.azure.com\"", NULL, false, -EACCES },
		{ "Bearer resource=\"https://management.azure.com\"", NULL, true, 0 },
		{ "Bearer resource=\"" RESOURCE "\", scope=\"https://graph.microsoft.com/.default\"", NULL,
		    false, -EACCES },
		{ "Bearer", NULL, false, -EBADMSG },
		{ "Bearer resource=\"" RESOURCE "\", authorization=\"" LOGIN "/" TENANT "\"", NULL, false,
		    0 },
		{ "Bearer resource=\"" RESOURCE "\", authorization=\"" LOGIN "/" OTHER "\"", NULL, false,
		    -EACCES },
		{ "Bearer resource=\"" RESOURCE "\", authorization=\"" LOGIN "/" OTHER "\"", OTHER, false,
		    0 },
		{ "Bearer resource=\"" RESOURCE "\", authorization=\"" LOGIN "/" OTHER "\"", "*", false, 0 },
		{ "Bearer resource=\"" RESOURCE "\", authorization=\"" LOGIN "/contoso.com\"", NULL, false,
		    0 },
	};
	struct kv_challenge ch;
	struct kv_url vault;
	struct kv_buf why;

	(void)state;
	assert_int_equal(kv_url_parse("https://myvault.vault.azure.net", &vault, NULL), 0);
	kv_buf_init(&why, 1000);
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_challenge_rules rules = { .vault = &vault,
			.tenant = TENANT,
			.allow_tenant = rows[i].allow_tenant,
			.no_verify = rows[i].no_verify };

		kv_buf_clear(&why);
		assert_int_equal(kv_challenge_parse(rows[i].header, &ch), 0);
		assert_row(kv_challenge_check(&ch, &rules, &why) == rows[i].err, i, rows[i].header);
		assert_row((why.len > 0) == (rows[i].err == -EACCES), i, kv_buf_str(&why));
		kv_challenge_release(&ch);
	}
	kv_buf_release(&why);
}

static void
a_configured_resource_is_the_only_one(void **state)
{
	static const struct {
		const char *configured, *resource, *scope;
		int err;
	} rows[] = {
		{ "https://keys.corp", "https://keys.corp", NULL, 0 },
		{ "https://keys.corp", "https://KEYS.corp:443/", NULL, 0 },
		{ "https://keys.corp", NULL, "https://keys.corp/.default", 0 },
		{ "https://keys.corp/a1b2", "https://keys.corp/a1b2", NULL, 0 },
		{ "https://keys.corp/a1b2", "https://keys.corp/a1b2/", NULL, 0 },
		{ "https://keys.corp/a1b2", NULL, "https://keys.corp/a1b2/.default", 0 },
		{ "https://keys.corp", "https://keys.corp/a1b2", NULL, -EACCES },
		{ "https://keys.corp", "https://vault.azure.net", NULL, -EACCES },
		{ "https://keys.corp", "http://keys.corp", NULL, -EACCES },
		{ "https://keys.corp", "https://keys.corp", "https://other.corp/.default", -EACCES },
	};
	struct kv_url vault;
	struct kv_buf why;

	(void)state;
	assert_int_equal(kv_url_parse("https://myvault.vault.azure.net", &vault, NULL), 0);
	kv_buf_init(&why, 1000);
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_challenge_rules rules = { .vault = &vault, .resource = rows[i].configured };
		struct kv_challenge ch;
		char header[300];

		snprintf(header, sizeof(header), "Bearer %s%s%s %s%s%s",
		    rows[i].resource != NULL ? "resource=\"" : "",
		    rows[i].resource != NULL ? rows[i].resource : "", rows[i].resource != NULL ? "\"," : "",
		    rows[i].scope != NULL ? "scope=\"" : "", rows[i].scope != NULL ? rows[i].scope : "",
		    rows[i].scope != NULL ? "\"" : "");
		kv_buf_clear(&why);
		assert_int_equal(kv_challenge_parse(header, &ch), 0);
		assert_row(kv_challenge_check(&ch, &rules, &why) == rows[i].err, i, header);
		kv_challenge_release(&ch);
	}
	kv_buf_release(&why);
}

static void
the_reason_of_a_refusal_is_one_line(void **state)
{
	static const struct {
		const char *header, *code, *message;
	} rows[] = {
		{ "Bearer error=\"invalid_token\", error_description=\"AKV10022: Invalid  audience.\"",
		    "invalid_token", "AKV10022: Invalid audience." },
		{ "Bearer error_description=\"a \\\"b\\\"\", resource=\"x\"", "", "a \"b\"" },
		{ "Bearer resource=\"x\"", "", "" },
		{ "Basic error=\"x\"", "", "" },
		{ "", "", "" },
	};
	struct kv_fault fault;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memset(&fault, 'x', sizeof(fault));
		kv_challenge_fault(rows[i].header, &fault);
		assert_row(strcmp(fault.code, rows[i].code) == 0, i, fault.code);
		assert_row(strcmp(fault.message, rows[i].message) == 0, i, fault.message);
	}
}

static int
parse(void)
{
	struct kv_challenge ch;
	const int err = kv_challenge_parse(
	    "Bearer authorization=\"" LOGIN "/" TENANT "\", resource=\"" RESOURCE "\", claims=\"e30\"", &ch);

	kv_challenge_release(&ch);
	return err;
}

static void
each_allocation_that_fails_is_enomem(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(parse());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bearer_challenge_is_read_wherever_it_stands),
		cmocka_unit_test(a_challenge_must_fit_to_the_vault_and_the_tenant),
		cmocka_unit_test(a_configured_resource_is_the_only_one),
		cmocka_unit_test(the_reason_of_a_refusal_is_one_line),
		cmocka_unit_test(each_allocation_that_fails_is_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
