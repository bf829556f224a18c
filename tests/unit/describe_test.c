#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/blob/describe.h"
#include "cache/object.h"
#include "client/base/json.h"
#include "client/http/url.h"
#include "client/vault/page.h"
#include "tests/unit/caught.h"
#include "tests/unit/rig.h"

#define V1 "11111111111111111111111111111111"
#define EC                                                                                        \
	"{\"key\":{\"kid\":\"https://v.example/keys/a/" V1 "\",\"kty\":\"EC\",\"crv\":\"P-256\"," \
	"\"x\":\"mkvDQ0MhmVuHc3HG_xCsvEII81K5qY6lccmxtsEWgKw\",\"y\":\"u2c7v-b50KFpwe4mOHz3L7_Tbneh0yHWXuA7e-R_2FM\"}}"
#define OCT "{\"key\":{\"kid\":\"https://v.example/keys/a/" V1 "\",\"kty\":\"oct-HSM\"}}"

/* What the vault answers to each operation: 0, or -errno with this status. */
static struct {
	int err[KV_OPS];
	long status[KV_OPS];
	const char *code; /* of refusals; or NULL */
	const char *get;
	const char *versions;
} vault;
static struct kv_json *answers[100]; /* given out; freed at the end */
static int n_answers;

static struct kv_object *object, *sibling;
static struct kv_question question;
static struct kv_describe *describe; /* under way */
static int n_done;
static struct kv_described result;

static struct kv_json *
parse(const char *text)
{
	assert_int_equal(kv_json_parse(text, strlen(text), &answers[n_answers]), 0);
	return answers[n_answers++];
}

static struct kv_page *
page_of(const struct kv_call *call)
{
	struct kv_page *page = calloc(1, sizeof(*page));
	struct kv_url host;
	const struct kv_page_asked asked = { .type = call->type, .name = call->name, .vault = &host };

	assert_int_equal(kv_url_parse("https://v.example", &host, NULL), 0);
	assert_int_equal(kv_page_parse(vault.versions, strlen(vault.versions), &asked, NULL, page), 0);
	return page;
}

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	reply->err = vault.err[call->op];
	if (reply->err != 0) {
		reply->status = vault.status[call->op];
		if (vault.code != NULL)
			snprintf(reply->fault.code, sizeof(reply->fault.code), "%s", vault.code);
		return 10;
	}
	if (call->op == KV_OP_VERSIONS) {
		reply->page = page_of(call);
		reply->json = reply->page->json;
	} else {
		reply->json =
		    parse(call->op == KV_OP_ROTATION_POLICY ? "{\"lifetimeActions\":[]}" : vault.get);
	}
	return 10;
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 200, 8);
	memset(&vault, 0, sizeof(vault));
	vault.get = EC;
	vault.versions = "{\"value\":[{\"kid\":\"https://v.example/keys/a/" V1 "\"}]}";
	object = kv_object_new(KV_KEYS, "a");
	sibling = NULL;
	n_done = n_answers = 0;
	memset(&question, 0, sizeof(question));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_blob_unref(result.blob);
	result.blob = NULL;
	kv_object_unref(sibling);
	kv_object_unref(object);
	rig_end();
	while (n_answers > 0)
		kv_json_free(answers[--n_answers]);
	return 0;
}

static void
done(void *arg, const struct kv_described *d)
{
	assert_ptr_equal(arg, &n_done);
	n_done++;
	describe = NULL;
	result = *d;
	if (result.blob != NULL)
		kv_blob_ref(result.blob);
}

static void
begin(enum kv_kind kind)
{
	sibling = kv_object_new_sibling(object, kind);
	assert_int_equal(kv_describe_begin(rig.throttle, sibling, &question, done, &n_done, &describe), 0);
	assert_int_equal(n_done, 0);
}

static void
run(enum kv_kind kind)
{
	begin(kind);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_done, 1);
}

static void
a_json_is_three_requests_side_by_side(void **state)
{
	(void)state;
	begin(KV_KIND_JSON);
	fake_loop_run(rig.loop, 25); /* one after the other would take 30 ms */
	assert_int_equal(n_done, 1);
	assert_int_equal(result.err, 0);
	assert_non_null(strstr((const char *)result.blob->data, "\"rotationPolicy\""));
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_GET), 1);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 1);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_ROTATION_POLICY), 1);
}

static void
a_pem_is_one_request(void **state)
{
	(void)state;
	run(KV_KIND_PEM);
	assert_int_equal(result.err, 0);
	assert_memory_equal(result.blob->data, "-----BEGIN PUBLIC KEY-----\n", 27);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 0);
}

static void
a_symmetric_key_has_no_pem_and_that_is_no_failure(void **state)
{
	(void)state;
	vault.get = OCT;
	run(KV_KIND_PEM);
	assert_int_equal(result.err, -ENOENT);
	assert_false(result.is_lost);
	assert_null(strstr(caught_text(), "op=get"));
}

static void
only_the_version_list_makes_an_object_lost(void **state)
{
	static const struct {
		enum kv_kind kind;
		int get, versions, want;
		bool is_lost;
	} rows[] = {
		{ KV_KIND_PEM, -ENOENT, -ENOENT, -ENOENT, true },
		{ KV_KIND_PEM, -ENOENT, 0, -EBADMSG, false },
		{ KV_KIND_JSON, -ENOENT, -ENOENT, -ENOENT, true },
		{ KV_KIND_JSON, -ENOENT, 0, -EBADMSG, false },
		{ KV_KIND_JSON, 0, -ENOENT, -ENOENT, true },
		{ KV_KIND_PEM, -ENOENT, -EACCES, -EACCES, false },
		{ KV_KIND_JSON, -EACCES, -ENOENT, -EACCES, false },
	};

	for (size_t i = 0; i < N_OF(rows); i++) {
		if (i > 0)
			set_up(state);
		vault.err[KV_OP_GET] = rows[i].get;
		vault.err[KV_OP_VERSIONS] = rows[i].versions;
		vault.status[KV_OP_GET] = rows[i].get == -EACCES ? 403 : 404;
		vault.status[KV_OP_VERSIONS] = rows[i].versions == -EACCES ? 403 : 404;
		run(rows[i].kind);
		assert_row(result.err == rows[i].want, i, "errno");
		assert_row(result.is_lost == rows[i].is_lost, i, "lost");
		if (i + 1 < N_OF(rows))
			tear_down(state);
	}
}

static void
a_refused_policy_is_shown_as_such_and_one_that_may_come_is_not(void **state)
{
	(void)state;
	vault.err[KV_OP_ROTATION_POLICY] = -EACCES;
	vault.status[KV_OP_ROTATION_POLICY] = 403;
	vault.code = "Forbidden";
	run(KV_KIND_JSON);
	assert_int_equal(result.err, 0);
	assert_non_null(
	    strstr((const char *)result.blob->data, "\"notShown\": { \"rotationPolicy\": \"Forbidden\" }"));
	tear_down(state);
	set_up(state);
	vault.err[KV_OP_ROTATION_POLICY] = -EIO;
	vault.status[KV_OP_ROTATION_POLICY] = 0;
	begin(KV_KIND_JSON);
	fake_loop_run(rig.loop, 1000000);
	assert_int_equal(n_done, 1);
	assert_int_equal(result.err, -EIO);
	assert_null(result.blob);
}

static void
a_refusal_of_a_policy_that_is_not_key_vaults_is_a_failure(void **state)
{
	static const struct {
		int err;
		long status;
	} rows[] = { { -EBADMSG, 404 }, { -EACCES, 403 }, { -EINVAL, 400 } };

	for (size_t i = 0; i < N_OF(rows); i++) {
		if (i > 0)
			set_up(state);
		vault.err[KV_OP_ROTATION_POLICY] = rows[i].err;
		vault.status[KV_OP_ROTATION_POLICY] = rows[i].status;
		run(KV_KIND_JSON);
		assert_row(result.err == -EBADMSG && result.blob == NULL, i, "errno");
		if (i + 1 < N_OF(rows))
			tear_down(state);
	}
}

static void
a_certificate_called_issuers_is_found_by_its_version_and_never_lost(void **state)
{
	(void)state;
	kv_object_unref(object);
	object = kv_object_new(KV_CERTIFICATES, "Issuers");
	vault.get = "{\"id\":\"https://v.example/certificates/Issuers/" V1 "\",\"cer\":\"AAAA\"}";
	vault.versions = "{\"value\":[{\"id\":\"https://v.example/certificates/Issuers/" V1 "\"}]}";
	run(KV_KIND_PEM);
	assert_int_equal(result.err, 0);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_GET), 0);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_GET_VERSION), 1);
	kv_blob_unref(result.blob);
	result.blob = NULL;
	kv_object_unref(sibling);
	n_done = 0;
	vault.err[KV_OP_VERSIONS] = -ENOENT;
	vault.status[KV_OP_VERSIONS] = 404;
	run(KV_KIND_JSON);
	assert_int_equal(result.err, -EBADMSG);
	assert_false(result.is_lost);
}

static void
a_description_can_be_cancelled_at_any_time(void **state)
{
	(void)state;
	for (int64_t ms = 0; ms < 30; ms++) {
		begin(KV_KIND_JSON);
		fake_loop_run(rig.loop, ms);
		if (n_done > 0)
			break;
		kv_describe_cancel(describe);
		kv_object_unref(sibling);
	}
	assert_int_equal(n_done, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_json_is_three_requests_side_by_side),
		TEST(a_pem_is_one_request),
		TEST(a_symmetric_key_has_no_pem_and_that_is_no_failure),
		TEST(only_the_version_list_makes_an_object_lost),
		TEST(a_refused_policy_is_shown_as_such_and_one_that_may_come_is_not),
		TEST(a_refusal_of_a_policy_that_is_not_key_vaults_is_a_failure),
		TEST(a_certificate_called_issuers_is_found_by_its_version_and_never_lost),
		TEST(a_description_can_be_cancelled_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
