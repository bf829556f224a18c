#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/vault/blob.h"
#include "tests/unit/fake_alloc.h"

#define KEY_MAGIC    "&AzureKeyVaultKeyBackupV1.microsoft.com"
#define SECRET_MAGIC ")AzureKeyVaultSecretBackupV1.microsoft.com"
/* {"kid":"k","alg":"RSA-OAEP","enc":"A128CBC-HS256"} */
#define HEADER "eyJraWQiOiJrIiwiYWxnIjoiUlNBLU9BRVAiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0"
/* the same with A192CBC-HS384 and A256CBC-HS512 */
#define HEADER384 "eyJraWQiOiJrIiwiYWxnIjoiUlNBLU9BRVAiLCJlbmMiOiJBMTkyQ0JDLUhTMzg0In0"
#define HEADER512 "eyJraWQiOiJrIiwiYWxnIjoiUlNBLU9BRVAiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0"
/* {"alg":"dir","enc":"A256CBC-HS512","kid":"backup-protection-key"} */
#define DIR_HEADER "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiYmFja3VwLXByb3RlY3Rpb24ta2V5In0"
/* {"alg":"RS256","typ":"JWT"}: signed, not encrypted */
#define JWS_HEADER "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"
#define TAG16	   "0123456789-_abcdefABCg"
#define TAG24	   "0123456789-_abcdefABCDEFGHIJKLMN"
#define TAG32	   "0123456789-_abcdefABCDEFGHIJKLMNOPQRSTUVWXY"
#define JWE	   HEADER ".AAAA.BBBB.CCCC." TAG16

static void
format_and_completeness_are_told_by_the_bytes(void **state)
{
	static const struct {
		const char *data;
		enum kv_blob_format format;
		bool is_complete;
	} rows[] = {
		{ KEY_MAGIC JWE, KV_BLOB_KEY_OR_CERT, true },
		{ SECRET_MAGIC JWE, KV_BLOB_SECRET, true },
		{ SECRET_MAGIC HEADER384 ".AAAA.BBBB.CCCC." TAG24, KV_BLOB_SECRET, true },
		{ SECRET_MAGIC HEADER512 ".AAAA.BBBB.CCCC." TAG32, KV_BLOB_SECRET, true },
		{ DIR_HEADER "..BBBB.CCCC." TAG32, KV_BLOB_HSM, true },
		{ KEY_MAGIC DIR_HEADER "..BBBB.CCCC." TAG32, KV_BLOB_KEY_OR_CERT, true },
		/* cut */
		{ "&", KV_BLOB_KEY_OR_CERT, false },
		{ "&AzureKeyVault", KV_BLOB_KEY_OR_CERT, false },
		{ ")AzureKeyVaultSecretBackupV1.microsoft.co", KV_BLOB_SECRET, false },
		{ KEY_MAGIC, KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER, KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER ".AAAA.BBBB.CCCC", KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER ".AAAA.BBBB.CCCC.", KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER ".AAAA.BBBB.CCCC.0123456789-_abcdefABC", KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER ".AAAA.BBBB.CCCC." TAG16 "AA", KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER384 ".AAAA.BBBB.CCCC." TAG16, KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER512 ".AAAA.BBBB.CCCC." TAG24, KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER ".AAAA.BBBB.CCCC." TAG24, KV_BLOB_KEY_OR_CERT, false },
		{ DIR_HEADER "..BBBB.CCCC." TAG16, KV_BLOB_HSM, false },
		{ DIR_HEADER "..BBBB.CCCC.AAAA", KV_BLOB_HSM, false },
		{ DIR_HEADER ".", KV_BLOB_HSM, false },
		{ DIR_HEADER "..BBBB", KV_BLOB_HSM, false },
		/* damaged */
		{ KEY_MAGIC JWE ".AAAA", KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC JWE "\n", KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC JWE "==", KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC " " JWE, KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER ".AA+A.BBBB.CCCC." TAG16, KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER ".AAAA.BBBB.CCCCC." TAG16, KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER "..BBBB.CCCC." TAG16, KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER ".AAAA..CCCC." TAG16, KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC HEADER ".AAAA.BBBB.." TAG16, KV_BLOB_KEY_OR_CERT, false },
		{ KEY_MAGIC ".AAAA.BBBB.CCCC." TAG16, KV_BLOB_KEY_OR_CERT, false },
		{ DIR_HEADER "...CCCC." TAG32, KV_BLOB_HSM, false },
		/* nobody's, or another server's */
		{ "", KV_BLOB_UNKNOWN, true },
		{ "x", KV_BLOB_UNKNOWN, true },
		{ "%AzureKeyVaultKeyBackupV1.microsoft.com" JWE, KV_BLOB_UNKNOWN, true },
		{ "&AzureKeyVaultKeyBackupV2.microsoft.com" JWE, KV_BLOB_UNKNOWN, true },
		{ "AzureKeyVaultKeyBackupV1.microsoft.com" JWE, KV_BLOB_UNKNOWN, true },
		{ "\x1f\x8b\x08", KV_BLOB_UNKNOWN, true },
		{ "eyJ", KV_BLOB_UNKNOWN, true },
		{ JWS_HEADER ".AAAA.BBBB", KV_BLOB_UNKNOWN, true },
		{ "eyJ!!.x", KV_BLOB_UNKNOWN, true },
		{ "{\"value\":1}", KV_BLOB_UNKNOWN, true },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const size_t len = strlen(rows[i].data);
		unsigned char *exact = malloc(len + 1);
		bool is_complete = !rows[i].is_complete;

		/* nothing behind it, so that a sanitizer sees who reads on */
		memcpy(exact, rows[i].data, len);
		exact = realloc(exact, len > 0 ? len : 1);
		assert_row(kv_blob_look(exact, len, &is_complete) == rows[i].format, i, rows[i].data);
		assert_row(is_complete == rows[i].is_complete, i, rows[i].data);
		free(exact);
	}
}

static void
no_part_of_a_blob_is_complete(void **state)
{
	static const char *const blobs[] = { KEY_MAGIC JWE, SECRET_MAGIC HEADER384 ".AAAA.BBBB.CCCC." TAG24,
		KEY_MAGIC HEADER512 ".AAAA.BBBB.CCCC." TAG32 };
	bool is_complete;

	(void)state;
	for (size_t i = 0; i < N_OF(blobs); i++) {
		const size_t len = strlen(blobs[i]);

		for (size_t n = 1; n < len; n++) {
			(void)kv_blob_look((const unsigned char *)blobs[i], n, &is_complete);
			assert_row(!is_complete, n, blobs[i]);
		}
	}
}

static void
a_long_header_is_looked_at_in_its_beginning(void **state)
{
	struct kv_buf json, blob;
	bool is_complete;

	(void)state;
	for (size_t padding = 900; padding < 5000; padding += 41) {
		kv_buf_init(&json, 10000);
		kv_buf_init(&blob, 10000);
		assert_int_equal(
		    kv_buf_printf(&json, "{\"alg\":\"dir\",\"enc\":\"A\",\"x\":\"%0*d\"}", (int)padding, 0),
		    0);
		assert_int_equal(kv_base64_encode(json.data, json.len, &blob), 0);
		assert_int_equal(kv_buf_puts(&blob, "..BBBB.CCCC." TAG16), 0);
		assert_int_equal(kv_blob_look(blob.data, blob.len, &is_complete), KV_BLOB_HSM);
		assert_true(is_complete);
		kv_buf_release(&json);
		kv_buf_release(&blob);
	}
}

static void
text_of_a_blob_is_told_from_a_blob(void **state)
{
	static const struct {
		const char *data;
		int result;
		const char *raw;
	} rows[] = {
		{ "JkF6dXJl", 1, "&Azure" },
		{ "KUF6dXJl\n", 1, ")Azure" },
		{ "ZXlK \t\r\n\n", 1, "eyJ" },
		{ "JkF6dXI=", 1, "&Azur" },
		{ " JkF6", 1, "&Az" },
		{ "\xef\xbb\xbfJkF6", 1, "&Az" },
		{ "\xef\xbb\xbf\r\nJkF6", 1, "&Az" },
		{ "JkF6\r\ndX\nJl\n", 1, "&Azure" },
		{ "\"JkF6dXJl\"", 1, "&Azure" },
		{ " \"JkF6\ndXJl\" \n", 1, "&Azure" },
		{ "\"Zm9v\"", 1, "foo" },    /* whoever quotes it says that it is text */
		{ "KkF6dXJl", 1, "*Azure" }, /* the length byte of a magic to come */
		{ "", 0, "" },
		{ "Jk", 0, "" },
		{ "JkF", 0, "" },
		{ "&Azure", 0, "" },
		{ "eyJ", 0, "" },
		{ "\xef\xbb\xbf", 0, "" },
		{ "jkF6", 0, "" },
		{ "JkF6\nA", -EINVAL, "" },
		{ "JkF6A", -EINVAL, "" },
		{ "JkF6*", -EINVAL, "" },
		{ "\"", -EINVAL, "" },
		{ "\"\"", -EINVAL, "" },
		{ "\"JkF6", -EINVAL, "" },
		{ "\" \t \"", -EINVAL, "" },
		{ "\"JkF6\"x", -EINVAL, "" },
	};
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&b, 6);
		assert_row(kv_blob_from_text((const unsigned char *)rows[i].data, strlen(rows[i].data), &b) ==
			rows[i].result,
		    i, rows[i].data);
		assert_string_equal(kv_buf_str(&b), rows[i].raw);
		kv_buf_release(&b);
	}
	kv_buf_init(&b, 2);
	assert_int_equal(kv_blob_from_text((const unsigned char *)"JkF6", 4, &b), -EFBIG);
	kv_buf_release(&b);
}

static void
what_can_begin_a_blob_is_told_by_its_first_bytes(void **state)
{
	static const struct {
		const char *data;
		bool may;
	} rows[] = {
		{ "&", true },
		{ ")", true },
		{ "&AzureKeyVaultKeyBackupV1.microsoft.com", true },
		{ "/AzureKeyVaultSomethingToCome", true },
		{ "e", true },
		{ "eyJ", true },
		{ "eyJhbGci", true },
		{ "J", true },
		{ "JkF6", true },
		{ "KUF6dXJlS2V5VmF1bHRTZWNyZXQ", true },
		{ "ZXlK", true },
		{ "\xef\xbb\xbf JkF6", true },
		{ "\"", true },
		{ "{", true },
		{ "\n&Azure", true },
		{ "", false },
		{ "\n", false },
		{ " \t\r\n", false },
		{ "\xef\xbb\xbf", false },
		{ "x\n", false },
		{ "hello", false },
		{ "&B", false },
		{ "eyK", false },
		{ "JkF7", false },
		{ "KUF6dXJlIGlzIGJsdWU", false }, /* ")Azure is blue" */
		{ "5\n", false },
		{ "\x1f\x8b", false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_blob_may_begin((const unsigned char *)rows[i].data, strlen(rows[i].data)) ==
			rows[i].may,
		    i, rows[i].data);
}

static void
a_blob_lives_until_its_last_reference(void **state)
{
	unsigned char digest[KV_DIGEST_LEN];
	struct kv_blob *blob;
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 100);
	assert_int_equal(kv_buf_puts(&b, "content-of-a-blob"), 0);
	fake_alloc_watch("content-of-a-blob");
	assert_int_equal(kv_blob_new(&b, &blob), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(blob->len, 17);
	assert_memory_equal(blob->data, "content-of-a-blob", 17);
	assert_int_equal(kv_crypto_sha256("content-of-a-blob", 17, digest), 0);
	assert_memory_equal(blob->digest, digest, sizeof(digest));
	assert_ptr_equal(kv_blob_ref(blob), blob);
	kv_blob_unref(blob);
	assert_memory_equal(blob->data, "content-of-a-blob", 17);
	kv_blob_unref(blob);
	kv_blob_unref(NULL);
	assert_int_equal(fake_alloc_unwiped(), 0);
	fake_alloc_watch(NULL);
	/* an empty one too */
	assert_int_equal(kv_blob_new(&b, &blob), 0);
	assert_int_equal(blob->len, 0);
	kv_blob_unref(blob);
	kv_buf_release(&b);
}

static int
make_blob(struct kv_buf *b)
{
	struct kv_blob *blob = NULL;
	int err = kv_blob_new(b, &blob);

	assert_true((err == 0) == (blob != NULL));
	kv_blob_unref(blob);
	return err;
}

/* Of content there is one allocation, and what fails leaves the content in its buffer. */
static int
make_full_blob(void)
{
	struct kv_buf b;
	int err;

	kv_buf_init(&b, 100);
	err = kv_buf_puts(&b, "abc");
	if (err == 0) {
		err = make_blob(&b);
		assert_string_equal(kv_buf_str(&b), err == 0 ? "" : "abc");
	}
	kv_buf_release(&b);
	return err;
}

static int
make_empty_blob(void)
{
	struct kv_buf b;

	kv_buf_init(&b, 100);
	return make_blob(&b);
}

static int
read_wrapped_text(void)
{
	struct kv_buf b;
	int err;

	kv_buf_init(&b, 1000);
	err = kv_blob_from_text((const unsigned char *)"JkF6\nAAAA", 9, &b);
	kv_buf_release(&b);
	return err > 0 ? 0 : err;
}

static void
each_allocation_that_fails_is_enomem(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(make_full_blob());
	EACH_ALLOCATION_FAILS(make_empty_blob());
	EACH_ALLOCATION_FAILS(read_wrapped_text());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_and_completeness_are_told_by_the_bytes),
		cmocka_unit_test(no_part_of_a_blob_is_complete),
		cmocka_unit_test(a_long_header_is_looked_at_in_its_beginning),
		cmocka_unit_test(text_of_a_blob_is_told_from_a_blob),
		cmocka_unit_test(what_can_begin_a_blob_is_told_by_its_first_bytes),
		cmocka_unit_test(a_blob_lives_until_its_last_reference),
		cmocka_unit_test(each_allocation_that_fails_is_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
