#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "tests/unit/fake_alloc.h"
#include "tests/unit/made_certificate.h"
#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/keypair/jwk.h"

static struct kv_buf text, pem, why;

static int
begin(void **state)
{
	(void)state;
	kv_buf_init(&text, 1 << 16);
	kv_buf_init(&pem, 1 << 16);
	kv_buf_init(&why, 512);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	assert_int_equal(ERR_peek_error(), 0);
	kv_buf_release(&text);
	kv_buf_release(&pem);
	kv_buf_release(&why);
	return 0;
}

static void
must(int err)
{
	assert_int_equal(err, 0);
}

static void
put_number(const EVP_PKEY *key, const char *param, const char *member)
{
	unsigned char bytes[1024];
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, param, &n), 1);
	must(kv_buf_printf(&text, ",\"%s\":\"", member));
	must(kv_base64_encode(bytes, (size_t)BN_bn2bin(n, bytes), &text));
	must(kv_buf_puts(&text, "\""));
	BN_free(n);
}

static void
write_jwk(const EVP_PKEY *key, const char *kty, const char *crv)
{
	must(kv_buf_printf(&text, "{\"kty\":\"%s\"", kty));
	if (crv == NULL) {
		put_number(key, OSSL_PKEY_PARAM_RSA_N, "n");
		put_number(key, OSSL_PKEY_PARAM_RSA_E, "e");
	} else {
		must(kv_buf_printf(&text, ",\"crv\":\"%s\"", crv));
		put_number(key, OSSL_PKEY_PARAM_EC_PUB_X, "x");
		put_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, "y");
	}
	must(kv_buf_puts(&text, "}"));
}

static int
convert(void)
{
	struct kv_json *jwk;
	int err = kv_json_parse(kv_buf_str(&text), text.len, &jwk);

	kv_buf_clear(&pem);
	if (err == 0)
		err = kv_jwk_pem(jwk, &pem, &why);
	kv_json_free(jwk);
	return err;
}

static void
assert_is_key(const EVP_PKEY *key)
{
	BIO *bio;
	EVP_PKEY *read;

	if (convert() != 0)
		fail_msg("%s", kv_buf_str(&why));
	bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	read = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	assert_non_null(read);
	assert_int_equal(EVP_PKEY_eq(read, key), 1);
	EVP_PKEY_free(read);
	BIO_free(bio);
}

static void
an_rsa_key_becomes_pem(void **state)
{
	static const char *const names[] = { "RSA", "RSA-HSM" };
	EVP_PKEY *key = made_rsa(2048);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		kv_buf_clear(&text);
		write_jwk(key, names[i], NULL);
		assert_is_key(key);
	}
	EVP_PKEY_free(key);
}

/* The numbers are written without leading zeros here, so every 128th key has a short coordinate: padded all the same. */
static void
a_key_on_each_curve_becomes_pem(void **state)
{
	static const char *const curves[][2] = { { "P-256", "prime256v1" }, { "P-384", "secp384r1" },
		{ "P-521", "secp521r1" }, { "P-256K", "secp256k1" }, { "SECP256K1", "secp256k1" } };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (int n = 0; n < 20; n++) {
			EVP_PKEY *key = EVP_EC_gen(curves[i][1]);

			assert_non_null(key);
			kv_buf_clear(&text);
			write_jwk(key, n % 2 == 0 ? "EC-HSM" : "EC", curves[i][0]);
			assert_is_key(key);
			EVP_PKEY_free(key);
		}
}

static void
what_is_no_public_key_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *sentence;
	} cases[] = {
		{ "{}", -EBADMSG, "has no valid member \"kty\"" },
		{ "{\"kty\":1}", -EBADMSG, "has no valid member \"kty\"" },
		{ "{\"kty\":\"oct-HSM\"}", -EOPNOTSUPP, "has no public part, because it is symmetric" },
		{ "{\"kty\":\"OKP\"}", -EOPNOTSUPP, "has the type OKP, which kvfs does not support" },
		{ "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", -EBADMSG, "has no valid member \"n\"" },
		{ "{\"kty\":\"RSA\",\"n\":\"AAAA\",\"e\":\"AQAB\"}", -EBADMSG, "has no valid member \"n\"" },
		{ "{\"kty\":\"RSA\",\"n\":\"!\",\"e\":\"AQAB\"}", -EBADMSG, "has no valid member \"n\"" },
		{ "{\"kty\":\"RSA\",\"n\":\"3333\"}", -EBADMSG, "has no valid member \"e\"" },
		{ "{\"kty\":\"EC\",\"x\":\"AQAB\",\"y\":\"AQAB\"}", -EBADMSG, "has no valid member \"crv\"" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-192\"}", -EOPNOTSUPP,
		    "is on the curve P-192, which kvfs does not support" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}", -EBADMSG,
		    "is not a valid public key: its numbers do not fit together" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"AQAB\","
		  "\"x\":\"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MA\"}",
		    -EBADMSG, "has a coordinate that is too large for its curve" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kv_buf_clear(&text);
		kv_buf_clear(&why);
		must(kv_buf_puts(&text, cases[i].text));
		assert_int_equal(convert(), cases[i].err);
		assert_string_equal(kv_buf_str(&why), cases[i].sentence);
		assert_int_equal(pem.len, 0);
	}
}

static void
short_of_memory_is_enomem(void **state)
{
	EVP_PKEY *key = made_rsa(2048);

	(void)state;
	write_jwk(key, "RSA", NULL);
	EACH_ALLOCATION_FAILS(convert());
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_rsa_key_becomes_pem, begin, end),
		cmocka_unit_test_setup_teardown(a_key_on_each_curve_becomes_pem, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_public_key_is_refused_with_a_sentence, begin, end),
		cmocka_unit_test_setup_teardown(short_of_memory_is_enomem, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
