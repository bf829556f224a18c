/* What is in vault.json, tests/mount/test_vault_json.py says; here is which answers count. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/base/json.h"
#include "fs/control/fact_text.h" /* which facts uses */
#include "fs/control/facts.h"
#include "fs/control/report.h"
#include "fs/control/vault_log.h" /* which report uses */
#include "tests/unit/rig.h"

static const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cat" };
static struct kv_settings settings;
static struct kv_mount mount;
static struct kv_branch branch;
static struct kv_json *answers[20]; /* given out; freed at the end */
static int n_answers;

/* What the vault answers to a request for a rotation policy. */
static int policy_err;
static long policy_status;
static const char *policy_code, *policy_text;
static const char *code_of_contacts, *code_of_issuers,
    *code_of_issuer; /* of a 404; NULL: there is an answer */
static bool is_of_token;

static struct {
	int n, err;
	char text[2000];
} told;

static struct kv_json *
parse(const char *text)
{
	assert_int_equal(kv_json_parse(text, strlen(text), &answers[n_answers]), 0);
	return answers[n_answers++];
}

static bool
is_missing(const char *code, struct kv_reply *reply)
{
	if (code == NULL)
		return false;
	reply->err = -ENOENT;
	reply->status = 404;
	snprintf(reply->fault.code, sizeof(reply->fault.code), "%s", code);
	return true;
}

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	switch (call->op) {
	case KV_OP_LIST:
		reply->page = fake_vault_page("one two", 1600000000, "");
		break;
	case KV_OP_ROTATION_POLICY:
		reply->err = policy_err;
		reply->status = policy_status;
		reply->is_of_token = is_of_token;
		snprintf(reply->fault.code, sizeof(reply->fault.code), "%s", policy_code);
		if (policy_err == 0)
			reply->json = parse(policy_text);
		break;
	case KV_OP_CONTACTS:
		if (!is_missing(code_of_contacts, reply))
			reply->json = parse("{\"contacts\":[{\"email\":\"a@example.com\"}]}");
		break;
	case KV_OP_ISSUERS:
		if (is_missing(code_of_issuers, reply))
			break;
		reply->page = fake_vault_page(KV_ISSUERS, 0, "");
		snprintf(reply->page->items[0].version, sizeof(reply->page->items[0].version), "digi");
		break;
	case KV_OP_ISSUER:
		if (!is_missing(code_of_issuer, reply))
			reply->json = parse("{\"provider\":\"DigiCert\"}");
		break;
	default:
		assert_int_equal(call->op, -1);
	}
	return 10;
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 200, 8);
	settings = (struct kv_settings){ .timeout_ms = 5000 };
	mount = (struct kv_mount){ .settings = &settings };
	branch = (struct kv_branch){ .mount = &mount, .settings = &settings, .volume = &rig };
	rig_list(KV_KEYS);
	policy_err = 0;
	policy_status = 200;
	policy_code = "";
	policy_text = "{\"attributes\":{\"created\":1600000000}}";
	code_of_contacts = code_of_issuers = code_of_issuer = NULL;
	is_of_token = false;
	memset(&told, 0, sizeof(told));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_end();
	while (n_answers > 0)
		kv_json_free(answers[--n_answers]);
	return 0;
}

static void
facts_answered(void *arg, int err, struct kv_buf *text)
{
	assert_ptr_equal(arg, &told);
	told.n++;
	told.err = err;
	snprintf(told.text, sizeof(told.text), "%s", kv_buf_str(text));
}

static void
ask(void)
{
	struct kv_facts *facts;

	assert_int_equal(kv_facts_begin(&branch, &me, facts_answered, &told, &facts), 0);
	assert_int_equal(told.n, 0);
	fake_loop_run(rig.loop, 20000);
	assert_int_equal(told.n, 1);
}

static void
each_key_with_a_policy_is_a_member(void **state)
{
	(void)state;
	ask();
	assert_int_equal(told.err, 0);
	assert_non_null(strstr(told.text, "\"one\": {"));
	assert_non_null(strstr(told.text, "\"two\": {"));
	assert_null(strstr(told.text, "notShown"));
}

static void
a_refusal_of_key_vault_is_named_and_one_that_has_no_code_is_a_failure(void **state)
{
	static const struct {
		int err;
		long status;
		const char *code;
		bool is_of_token;
		int told;
	} rows[] = {
		{ -EACCES, 403, "Forbidden", false, 0 },
		{ -EINVAL, 400, "BadParameter", false, 0 },
		/* of a proxy */
		{ -EACCES, 403, "", false, -EBADMSG },
		{ -EINVAL, 400, "", false, -EBADMSG },
		/* the credential failed, not the permission */
		{ -EACCES, 401, "Forbidden", true, -EACCES },
		/* time can mend it */
		{ -EIO, 503, "ServiceUnavailable", false, -EIO },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		if (i > 0) {
			tear_down(state);
			set_up(state);
		}
		policy_err = rows[i].err;
		policy_status = rows[i].status;
		policy_code = rows[i].code;
		is_of_token = rows[i].is_of_token;
		ask();
		assert_row(told.err == rows[i].told, i, kv_err_name(told.err));
		assert_row((strstr(told.text, "\"rotationPolicies\": null") != NULL) == (rows[i].told == 0),
		    i, told.text);
		assert_row((strstr(told.text, rows[i].code) != NULL && rows[i].code[0] != '\0') ==
			(rows[i].told == 0),
		    i, told.text);
		assert_row(
		    (caught_line("op=rotation-policy")[0] != '\0') == (rows[i].told != 0), i, "logged");
	}
}

static void
a_listed_key_whose_policy_is_not_found_is_shown_as_null(void **state)
{
	(void)state;
	policy_err = -ENOENT;
	policy_status = 404;
	policy_code = "KeyNotFound";
	ask();
	assert_int_equal(told.err, 0);
	assert_non_null(strstr(told.text, "\"one\": null"));
	assert_non_null(strstr(told.text, "\"rotationPolicies/one\": \"KeyNotFound\""));
	assert_non_null(strstr(told.text, "\"rotationPolicies/two\": \"KeyNotFound\""));
}

/* Of the answers of the whole vault, only the one about contacts may be a 404, with its own code. */
static void
only_a_vault_without_contacts_may_answer_404(void **state)
{
	static const struct {
		const char *contacts, *issuers, *issuer; /* codes of their 404; NULL: they are answered */
		int told;
		const char *text, *log;
	} rows[] = {
		{ NULL, NULL, NULL, 0, "\"digi\": {", "" },
		{ "ContactsNotFound", NULL, NULL, 0, "\"contacts\": []", "" },
		{ "NotFound", NULL, NULL, -EBADMSG, "", "op=contacts object=certificates status=404" },
		{ NULL, "NotFound", NULL, -EBADMSG, "", "op=issuers" },
		{ NULL, NULL, "CertificateIssuerNotFound", 0, "\"digi\": null", "" },
		{ NULL, NULL, "CertificateIssuerNotFound", 0,
		    "\"issuers/digi\": \"CertificateIssuerNotFound\"", "" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		if (i > 0) {
			tear_down(state);
			set_up(state);
		}
		rig_list(KV_CERTIFICATES);
		code_of_contacts = rows[i].contacts;
		code_of_issuers = rows[i].issuers;
		code_of_issuer = rows[i].issuer;
		ask();
		assert_row(told.err == rows[i].told, i, kv_err_name(told.err));
		assert_row(strstr(told.text, rows[i].text) != NULL, i, told.text);
		assert_row(strstr(caught_text(), rows[i].log) != NULL, i, caught_text());
	}
}

static void
a_policy_that_is_malformed_is_not_left_out(void **state)
{
	(void)state;
	policy_text = "{\"attributes\":{\"created\":\"x\"}}";
	ask();
	assert_int_equal(told.err, -EBADMSG);
	assert_string_not_equal(caught_line("op=rotation-policy object=keys/one"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_key_with_a_policy_is_a_member),
		TEST(a_refusal_of_key_vault_is_named_and_one_that_has_no_code_is_a_failure),
		TEST(a_listed_key_whose_policy_is_not_found_is_shown_as_null),
		TEST(only_a_vault_without_contacts_may_answer_404),
		TEST(a_policy_that_is_malformed_is_not_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
