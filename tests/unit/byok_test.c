#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/fake_alloc.h"
#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/http/url.h"
#include "client/vault/byok.h"

#define KID "https://v.vault.azure.net/keys/KEK/083cf1b67d314d15b1fa46915cde3217"

static const struct kv_url vault = { .host = "v.vault.azure.net", .port = 443, .is_https = true };
static struct kv_buf file, why, body;

static int
begin(void **state)
{
	(void)state;
	kv_buf_init(&file, 1 << 20);
	kv_buf_init(&why, 1024);
	kv_buf_init(&body, 1 << 20);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	kv_buf_release(&file);
	kv_buf_release(&why);
	kv_buf_release(&body);
	return 0;
}

/* A package with so many bytes of ciphertext. */
static void
write_package(const char *kid, size_t n)
{
	struct kv_buf ciphertext;

	kv_buf_clear(&file);
	kv_buf_init(&ciphertext, 1 << 16);
	assert_int_equal(kv_buf_resize(&ciphertext, n), 0);
	assert_int_equal(kv_byok_put_package(kid, &ciphertext, &file), 0);
	kv_buf_release(&ciphertext);
}

static void
write_text(const char *text)
{
	kv_buf_clear(&file);
	assert_int_equal(kv_buf_puts(&file, text), 0);
}

static int
parse(struct kv_byok *byok)
{
	kv_buf_clear(&why);
	return kv_byok_parse(file.data, file.len, byok, &why);
}

static void
assert_refused(const char *sentence)
{
	struct kv_byok byok;

	assert_int_equal(parse(&byok), -EINVAL);
	if (strstr(kv_buf_str(&why), sentence) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", sentence, kv_buf_str(&why));
}

static void
what_is_written_is_read(void **state)
{
	struct kv_byok byok;

	(void)state;
	write_package(KID, 512 + 1232);
	assert_int_equal(parse(&byok), 0);
	assert_int_equal(why.len, 0);
	assert_false(byok.is_opaque);
	assert_string_equal(byok.kek.name, "KEK");
	assert_string_equal(byok.kek.version, "083cf1b67d314d15b1fa46915cde3217");
	assert_string_equal(byok.host, "v.vault.azure.net");
	assert_int_equal(byok.ciphertext, 512 + 1232);
	assert_string_equal(byok.generator, "kvfs " KV_VERSION);
	kv_byok_guess(&byok, &why);
	assert_string_equal(kv_buf_str(&why), "an RSA key of 2048 bits, encrypted with a KEK of 4096 bits");
}

static void
the_request_has_the_package_without_a_byte_order_mark(void **state)
{
	static const char want[] =
	    "{\"key\":{\"kty\":\"EC-HSM\",\"crv\":\"P-256\",\"key_ops\":[\"sign\",\"verify\"],\"key_hsm\":\"";
	struct kv_buf plain, sent;
	struct kv_byok byok;
	char *at, *end_of;

	(void)state;
	write_package(KID, 512 + 152);
	kv_buf_init(&plain, 1 << 16);
	kv_buf_init(&sent, 1 << 16);
	assert_int_equal(kv_buf_append(&plain, file.data, file.len), 0);
	kv_buf_clear(&file);
	assert_int_equal(kv_buf_printf(&file, "\xef\xbb\xbf\r\n %s", kv_buf_str(&plain)), 0);
	assert_int_equal(parse(&byok), 0);
	assert_int_equal(
	    kv_byok_put_request(kv_byok_type("EC-HSM", "P-256"), file.data, file.len, &byok, &body), 0);
	assert_memory_equal(body.data, want, strlen(want));
	at = (char *)body.data + strlen(want);
	end_of = strchr(at, '"');
	assert_string_equal(end_of, "\"},\"Hsm\":true,\"attributes\":{\"enabled\":true}}");
	assert_int_equal(kv_base64_decode(at, (size_t)(end_of - at), &sent), 0);
	assert_int_equal(sent.len, plain.len);
	assert_memory_equal(sent.data, plain.data, plain.len);
	kv_buf_release(&plain);
	kv_buf_release(&sent);
}

static void
a_padded_ciphertext_is_accepted(void **state)
{
	struct kv_byok byok;
	char *quote;

	(void)state;
	write_package(KID, 256 + 1232); /* is 496 times 3 */
	write_package(KID, 256 + 1224); /* has 1 byte too many */
	quote = strstr((char *)file.data, "\",\"generator");
	assert_non_null(quote);
	{
		struct kv_buf rest;

		kv_buf_init(&rest, 1 << 12);
		assert_int_equal(kv_buf_puts(&rest, quote), 0);
		assert_int_equal(kv_buf_resize(&file, (size_t)((unsigned char *)quote - file.data)), 0);
		assert_int_equal(kv_buf_printf(&file, "==%s", kv_buf_str(&rest)), 0);
		kv_buf_release(&rest);
	}
	assert_int_equal(parse(&byok), 0);
	assert_int_equal(byok.ciphertext, 256 + 1224);
}

static void
what_is_no_package_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *text, *sentence;
	} cases[] = {
		{ "", "is empty" },
		{ "x\n", "is text" },
		{ "{", "begins like JSON, and is none" },
		{ "{}", "without the member \"schema_version\"" },
		{ "{\"schema_version\":1}", "\"schema_version\" is no string" },
		{ "{\"schema_version\":\"1.0.0\",\"schema_version\":\"1.0.0\"}", "or there twice" },
		{ "{\"schema_version\":\"2.0.0\"}", "has the schema_version \"2.0.0\"" },
		{ "{\"schema_version\":\"1.0.0\"}", "without the \"header\"" },
		{ "{\"schema_version\":\"1.0.0\",\"header\":[]}", "without the \"header\"" },
		{ "{\"schema_version\":\"1.0.0\",\"header\":{}}", "no \"kid\"" },
		{ "{\"schema_version\":\"1.0.0\",\"header\":{\"kid\":\"KEK\"}}", "is not the id of a key" },
		{ "{\"schema_version\":\"1.0.0\",\"header\":{\"kid\":\"http://v/keys/K/1\"}}",
		    "is not the id of a key" },
		{ "{\"schema_version\":\"1.0.0\",\"header\":{\"kid\":\"https://v/secrets/K/1\"}}",
		    "is not the id of a key" },
		{ "{\"schema_version\":\"1.0.0\",\"header\":{\"kid\":\"" KID "\"}}", "member \"alg\"" },
		{ "{\"schema_version\":\"1.0.0\",\"header\":{\"kid\":\"" KID "\",\"alg\":\"RSA-OAEP\"}}",
		    "has the alg \"RSA-OAEP\"" },
		{ "{\"schema_version\":\"1.0.0\",\"header\":{\"kid\":\"" KID
		  "\",\"alg\":\"dir\",\"enc\":\"A256GCM\"}}",
		    "has the enc \"A256GCM\"" },
		{ "{\"schema_version\":\"1.0.0\",\"header\":{\"kid\":\"" KID
		  "\",\"alg\":\"dir\",\"enc\":\"CKM_RSA_AES_KEY_WRAP\"}}",
		    "has no ciphertext" },
		{ "{\"schema_version\":\"1.0.0\",\"header\":{\"kid\":\"" KID
		  "\",\"alg\":\"dir\",\"enc\":\"CKM_RSA_AES_KEY_WRAP\"},\"ciphertext\":\"!\"}",
		    "is no base64url" },
		{ "{\"kty\":\"RSA\",\"d\":\"AQAB\"}", "without the member \"schema_version\"" },
		{ "{\"value\":\"AQAB\"}", "without the member \"schema_version\"" },
		{ "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n", "kvfs byok wrap" },
		{ "&AzureKeyVaultKeyBackupV1.microsoft.comeyJ", "copy it into restore/" },
		{ "JkF6dXJlS2V5VmF1bHRLZXlCYWNrdXBWMS5taWNyb3NvZnQuY29tZXlK", "copy it into restore/" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		write_text(cases[i].text);
		assert_refused(cases[i].sentence);
	}
}

static void
a_length_that_no_encrypted_key_has_is_refused(void **state)
{
	static const size_t lengths[] = { 0, 16, 256, 264, 256 + 17, 512 + 1233 };

	(void)state;
	for (size_t i = 0; i < N_OF(lengths); i++) {
		write_package(KID, lengths[i]);
		assert_refused("damaged or cut");
	}
}

static void
only_binary_data_of_some_length_is_opaque(void **state)
{
	static const struct {
		const char *start;
		size_t n_start, len;
		bool is_opaque;
	} cases[] = {
		{ "\0\1\2\3", 4, 2000, true },
		{ "\0\1\2\3", 4, 512, true },
		{ "\0\1\2\3", 4, 511, false },
		{ "\x30\x82\x04\xbd\2\1\0", 7, 1217, false }, /* PKCS#8 */
		{ "\x30\x82\x04\xbd\2\1\0", 7, 1218, true },
		{ "\x30\x81\xfd\2\1\0", 6, 256, false },
		{ "\xff\xfe{\0", 4, 2000, false },
		{ "PK\3\4", 4, 2000, false },
		{ "\x1f\x8b\x08\0", 4, 2000, false },
		{ "\0-----BEGIN RSA PRIVATE KEY", 27, 2000, false },
	};
	struct kv_byok byok;

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		kv_buf_clear(&file);
		assert_int_equal(kv_buf_append(&file, cases[i].start, cases[i].n_start), 0);
		assert_int_equal(kv_buf_resize(&file, cases[i].len), 0);
		assert_row((parse(&byok) == 0) == cases[i].is_opaque, i, kv_buf_str(&why));
		assert_row(kv_byok_may_begin(file.data, file.len) == cases[i].is_opaque, i, "may begin");
		assert_row(!cases[i].is_opaque || byok.is_opaque, i, "opaque");
	}
}

static void
a_first_write_may_be_the_start_of_a_package(void **state)
{
	(void)state;
	assert_true(kv_byok_may_begin((const unsigned char *)"{", 1));
	assert_true(kv_byok_may_begin((const unsigned char *)"\xef\xbb\xbf\n {\"", 8));
	assert_false(kv_byok_may_begin((const unsigned char *)"x\n", 2));
	assert_false(kv_byok_may_begin((const unsigned char *)"\n", 1));
	assert_false(kv_byok_may_begin((const unsigned char *)"", 0));
}

static void
it_is_for_one_vault_and_fits_its_type(void **state)
{
	static const struct {
		const char *kid;
		size_t n;
		const char *kty, *crv, *sentence;
	} cases[] = {
		{ KID, 512 + 1232, "RSA-HSM", NULL, NULL },
		{ KID, 256 + 1224, "RSA-HSM", NULL, NULL },
		{ KID, 512 + 2384, "RSA", NULL, NULL },
		{ "https://v.vault.azure.net:443/keys/KEK/1", 512 + 1232, "RSA-HSM", NULL, NULL },
		{ "https://V.vault.azure.net/keys/KEK/1", 512 + 1232, "RSA-HSM", NULL, NULL },
		{ "https://w.vault.azure.net/keys/KEK/1", 512 + 1232, "RSA-HSM", NULL,
		    "is encrypted with the key KEK of w.vault.azure.net, and this is v.vault.azure.net" },
		{ KID, 512 + 40, "oct-HSM", NULL, NULL },
		{ KID, 256 + 24, "oct-HSM", NULL, NULL },
		{ KID, 512 + 48, "oct-HSM", NULL, "has not the length of an AES key" },
		{ KID, 512 + 152, "EC-HSM", "P-256", NULL },
		{ KID, 512 + 152, "RSA-HSM", NULL, "is too short for an RSA key" },
		{ KID, 512 + 1232, "EC-HSM", "P-256", "is too long for a key of this type" },
	};
	struct kv_byok byok;

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		const struct kv_byok_type *type = kv_byok_type(cases[i].kty, cases[i].crv);
		int err;

		write_package(cases[i].kid, cases[i].n);
		assert_int_equal(parse(&byok), 0);
		err = kv_byok_check(&byok, &vault, type, &why);
		assert_row((err == 0) == (cases[i].sentence == NULL), i, kv_buf_str(&why));
		if (cases[i].sentence != NULL)
			assert_row(strstr(kv_buf_str(&why), cases[i].sentence) != NULL, i, kv_buf_str(&why));
	}
	write_package("https://w/keys/K/1", 512 + 1232);
	assert_int_equal(parse(&byok), 0);
	assert_int_equal(kv_byok_check(&byok, NULL, kv_byok_type("RSA-HSM", NULL), &why), 0);
}

static void
no_type_has_the_operations_of_a_kek(void **state)
{
	static const char *const types[][2] = { { "RSA-HSM", NULL }, { "EC-HSM", "P-256" },
		{ "EC-HSM", "P-384" }, { "EC-HSM", "P-521" }, { "EC-HSM", "P-256K" }, { "oct-HSM", NULL },
		{ "RSA", NULL }, { "EC", "P-256" } };

	(void)state;
	for (size_t i = 0; i < N_OF(types); i++) {
		const struct kv_byok_type *type = kv_byok_type(types[i][0], types[i][1]);

		assert_non_null(type);
		assert_null(strstr(type->key_ops, "import"));
		assert_null(strstr(type->key_ops, "export"));
	}
	assert_null(kv_byok_type("EC-HSM", NULL));
	assert_null(kv_byok_type("RSA-HSM", "P-256"));
	assert_null(kv_byok_type("oct", NULL));
	assert_true(kv_byok_is_kty("EC-HSM") && kv_byok_is_crv("P-256K"));
	assert_false(kv_byok_is_kty("P-256") || kv_byok_is_crv("EC-HSM"));
}

static int
parse_and_send(void)
{
	struct kv_byok byok;
	int err = parse(&byok);

	kv_buf_release(&body);
	return err == 0 ?
	    kv_byok_put_request(kv_byok_type("RSA-HSM", NULL), file.data, file.len, &byok, &body) :
	    err;
}

static void
short_of_memory_is_enomem(void **state)
{
	(void)state;
	write_package(KID, 512 + 1232);
	EACH_ALLOCATION_FAILS(parse_and_send());
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(the_request_has_the_package_without_a_byte_order_mark),
		TEST(a_padded_ciphertext_is_accepted),
		TEST(what_is_no_package_is_refused_with_a_sentence),
		TEST(a_length_that_no_encrypted_key_has_is_refused),
		TEST(only_binary_data_of_some_length_is_opaque),
		TEST(a_first_write_may_be_the_start_of_a_package),
		TEST(it_is_for_one_vault_and_fits_its_type),
		TEST(no_type_has_the_operations_of_a_kek),
		TEST(short_of_memory_is_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
