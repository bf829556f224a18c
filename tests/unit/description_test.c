#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "cache/blob/description.h"
#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/http/url.h"
#include "client/vault/page.h"
#include "tests/unit/fake_alloc.h"

#define V1 "11111111111111111111111111111111"
#define V2 "22222222222222222222222222222222"
#define KEY                                                                                           \
	"{\"key\":{\"kid\":\"https://v.example/keys/db/" V2 "\",\"kty\":\"EC\",\"crv\":\"P-256\","    \
	"\"key_ops\":[\"verify\",\"sign\"],\"x\":\"mkvDQ0MhmVuHc3HG_xCsvEII81K5qY6lccmxtsEWgKw\","    \
	"\"y\":\"u2c7v-b50KFpwe4mOHz3L7_Tbneh0yHWXuA7e-R_2FM\",\"d\":\"PRIVATE\",\"k\":\"PRIVATE\"}," \
	"\"attributes\":{\"enabled\":true,\"created\":2},\"value\":\"PRIVATE\",\"tags\":{\"value\":\"mine\"}}"
#define CERTIFICATE                                                                  \
	"{\"id\":\"https://v.example/certificates/web/" V1 "\",\"cer\":\"" CER "\"," \
	"\"policy\":{\"issuer\":{\"name\":\"Self\"}}}"
/* 70 bytes, which need not be a certificate here */
#define CER "MIIBnzCCAUagAwIBAgIQFzAMUQ9GYOXjU91MtAmETjAKBggqhkjOPQQDAjAlMSMwIQYDVQQDDBpjLUNSTS0wMDAtc210cA=="

static struct kv_json *
parse(const char *text)
{
	struct kv_json *root;

	assert_int_equal(kv_json_parse(text, strlen(text), &root), 0);
	return root;
}

static int
add_object(struct kv_description *d, const char *text, struct kv_buf *why)
{
	struct kv_json *root = parse(text);
	const int err = kv_description_object(d, root, why);

	kv_json_free(root);
	return err;
}

/* A page of versions of an object called name. */
static int
add_versions(struct kv_description *d, enum kv_type type, const char *name, const char *text)
{
	struct kv_url vault;
	const struct kv_page_asked asked = { .type = type, .name = name, .vault = &vault };
	struct kv_page page;
	int err;

	assert_int_equal(kv_url_parse("https://v.example", &vault, NULL), 0);
	err = kv_page_parse(text, strlen(text), &asked, NULL, &page);
	if (err == 0)
		err = kv_description_versions(d, &page);
	kv_page_release(&page);
	return err;
}

static void
assert_content(struct kv_description *d, const char *want)
{
	struct kv_buf out;

	kv_buf_init(&out, 10000);
	assert_int_equal(kv_description_put(d, &out), 0);
	assert_string_equal(kv_buf_str(&out), want);
	kv_buf_release(&out);
}

#define VERSIONS                                                                                     \
	"{\"value\":[{\"kid\":\"https://v.example/keys/db/" V1 "\",\"attributes\":{\"created\":1}}," \
	"{\"kid\":\"https://v.example/keys/db/" V2                                                   \
	"\",\"attributes\":{\"created\":2},\"value\":\"PRIVATE\"}]}"

static void
a_key_has_its_public_part_its_policy_and_its_versions_newest_first(void **state)
{
	struct kv_description *d = kv_description_new(KV_KEYS, KV_KIND_JSON);
	struct kv_json *policy = parse("{\"lifetimeActions\":[],\"attributes\":{}}");

	(void)state;
	assert_int_equal(kv_description_policy(d, policy), 0);
	assert_int_equal(add_versions(d, KV_KEYS, "db", VERSIONS), 0);
	assert_int_equal(add_object(d, KEY, NULL), 0);
	assert_string_equal(kv_description_newest(d), V2);
	assert_int_equal(kv_description_n_versions(d), 2);
	assert_content(d,
	    "{\n  \"key\": {\n    \"kid\": \"https://v.example/keys/db/" V2
	    "\",\n    \"kty\": \"EC\",\n    \"crv\": \"P-256\",\n    \"key_ops\": [\"sign\", \"verify\"],\n"
	    "    \"x\": \"mkvDQ0MhmVuHc3HG_xCsvEII81K5qY6lccmxtsEWgKw\",\n"
	    "    \"y\": \"u2c7v-b50KFpwe4mOHz3L7_Tbneh0yHWXuA7e-R_2FM\"\n  },\n"
	    "  \"attributes\": {\n    \"created\": 2,\n    \"enabled\": true\n  },\n"
	    "  \"tags\": {\n    \"value\": \"mine\"\n  },\n"
	    "  \"rotationPolicy\": {\n    \"attributes\": {},\n    \"lifetimeActions\": []\n  },\n"
	    "  \"versions\": [\n    {\n      \"kid\": \"https://v.example/keys/db/" V2
	    "\",\n      \"attributes\": {\n        \"created\": 2\n      }\n    },\n"
	    "    {\n      \"kid\": \"https://v.example/keys/db/" V1
	    "\",\n      \"attributes\": {\n        \"created\": 1\n      }\n    }\n  ]\n}\n");
	kv_json_free(policy);
	kv_description_free(d);
}

static void
a_refused_policy_is_null_and_named(void **state)
{
	static const struct {
		struct kv_fault fault;
		const char *want;
	} rows[] = {
		{ { .code = "Forbidden", .inner = "ForbiddenByRbac" }, "\"ForbiddenByRbac\"" },
		{ { .code = "Forbidden" }, "\"Forbidden\"" },
		{ { .code = "" }, "\"403\"" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_description *d = kv_description_new(KV_KEYS, KV_KIND_JSON);
		struct kv_buf out;

		kv_buf_init(&out, 10000);
		assert_int_equal(add_object(d, KEY, NULL), 0);
		assert_int_equal(kv_description_no_policy(d, 403, &rows[i].fault), 0);
		assert_int_equal(kv_description_put(d, &out), 0);
		assert_non_null(strstr(kv_buf_str(&out), "\"rotationPolicy\": null,\n"));
		assert_row(strstr(kv_buf_str(&out), rows[i].want) != NULL, i, kv_buf_str(&out));
		kv_buf_release(&out);
		kv_description_free(d);
	}
}

static void
a_secret_has_its_newest_version_and_no_value(void **state)
{
	struct kv_description *d = kv_description_new(KV_SECRETS, KV_KIND_JSON);
	struct kv_buf out;

	(void)state;
	kv_buf_init(&out, 10000);
	assert_int_equal(
	    add_versions(d, KV_SECRETS, "pw",
		"{\"value\":[{\"id\":\"https://v.example/secrets/pw/" V1
		"\",\"attributes\":{\"created\":5},\"contentType\":\"new\",\"value\":\"PRIVATE\"}]}"),
	    0);
	assert_int_equal(add_versions(d, KV_SECRETS, "pw",
			     "{\"value\":[{\"id\":\"https://v.example/secrets/pw/" V2
			     "\",\"attributes\":{\"created\":4},\"contentType\":\"old\"}]}"),
	    0);
	assert_int_equal(kv_description_put(d, &out), 0);
	assert_ptr_equal(strstr(kv_buf_str(&out), "{\n  \"id\": \"https://v.example/secrets/pw/" V1 "\""),
	    kv_buf_str(&out));
	assert_null(strstr(kv_buf_str(&out), "PRIVATE"));
	kv_buf_release(&out);
	kv_description_free(d);
}

static void
a_pem_has_lines_of_64_characters(void **state)
{
	struct kv_description *d = kv_description_new(KV_CERTIFICATES, KV_KIND_PEM);

	(void)state;
	assert_int_equal(add_object(d, CERTIFICATE, NULL), 0);
	assert_content(d,
	    "-----BEGIN CERTIFICATE-----\n"
	    "MIIBnzCCAUagAwIBAgIQFzAMUQ9GYOXjU91MtAmETjAKBggqhkjOPQQDAjAlMSMw\n"
	    "IQYDVQQDDBpjLUNSTS0wMDAtc210cA==\n"
	    "-----END CERTIFICATE-----\n");
	kv_description_free(d);
}

static void
what_has_no_public_part_is_told_from_what_is_damaged(void **state)
{
	static const struct {
		enum kv_type type;
		const char *text;
		int err;
	} rows[] = {
		{ KV_KEYS, "{\"key\":{\"kty\":\"oct-HSM\",\"kid\":\"https://v.example/keys/a/1\"}}",
		    -EOPNOTSUPP },
		{ KV_KEYS, "{}", -EBADMSG },
		{ KV_KEYS, "{\"key\":\"x\"}", -EBADMSG },
		{ KV_CERTIFICATES, "{\"id\":\"x\"}", -EOPNOTSUPP }, /* pending */
		{ KV_CERTIFICATES, "{\"cer\":\"%\"}", -EBADMSG },
		{ KV_CERTIFICATES, "{\"cer\":\"\"}", -EBADMSG },
		{ KV_CERTIFICATES, "{\"cer\":1}", -EBADMSG },
	};
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 1000);
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_description *d = kv_description_new(rows[i].type, KV_KIND_PEM);

		assert_row(add_object(d, rows[i].text, &why) == rows[i].err, i, rows[i].text);
		kv_description_free(d);
	}
	kv_buf_release(&why);
}

static void
a_description_survives_the_want_of_memory(void **state)
{
	bool has_failed = true;

	(void)state;
	for (int n = 1; has_failed; n++) {
		struct kv_json *key = parse(KEY);
		struct kv_description *d;
		struct kv_buf out;
		int err;

		kv_buf_init(&out, 10000);
		fake_alloc_fail_at(n);
		d = kv_description_new(KV_KEYS, KV_KIND_JSON);
		err = d != NULL ? kv_description_object(d, key, NULL) : -ENOMEM;
		if (err == 0)
			err = add_versions(d, KV_KEYS, "db", VERSIONS);
		if (err == 0)
			err = kv_description_put(d, &out);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_int_equal(err, has_failed ? -ENOMEM : 0);
		kv_description_free(d);
		kv_buf_release(&out);
		kv_json_free(key);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_its_public_part_its_policy_and_its_versions_newest_first),
		cmocka_unit_test(a_refused_policy_is_null_and_named),
		cmocka_unit_test(a_secret_has_its_newest_version_and_no_value),
		cmocka_unit_test(a_pem_has_lines_of_64_characters),
		cmocka_unit_test(what_has_no_public_part_is_told_from_what_is_damaged),
		cmocka_unit_test(a_description_survives_the_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
