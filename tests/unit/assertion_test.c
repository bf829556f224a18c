#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "client/auth/assertion.h"
#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/keypair/keypair.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/made_certificate.h"

#define URL    "https://login.example/tenant/oauth2/v2.0/token"
#define CLIENT "11111111-2222-3333-4444-555555555555"

static EVP_PKEY *key;
static struct kv_keypair *pair;
static struct kv_assertion assertion;

static int
make(void **state)
{
	EVP_PKEY *other_key = made_rsa(1024);
	X509 *certificate, *other;
	struct kv_buf file;

	(void)state;
	key = made_rsa(2048);
	certificate = made_certificate(key, "mine", 30);
	other = made_certificate(other_key, "issuer", 30);
	kv_buf_init(&file, 1 << 20);
	made_pem_certificate(&file, other);
	made_pem_certificate(&file, certificate);
	made_pem_key(&file, key, NULL);
	assert_int_equal(kv_keypair_parse(file.data, file.len, NULL, &pair, NULL), 0);
	assertion = (struct kv_assertion){ .pair = pair, .token_url = URL, .client_id = CLIENT };
	kv_buf_release(&file);
	X509_free(other);
	X509_free(certificate);
	EVP_PKEY_free(other_key);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	kv_keypair_free(pair);
	EVP_PKEY_free(key);
	return 0;
}

/* A JWT in its parts. */
struct jwt {
	struct kv_buf text, bytes[3];
	struct kv_json *header, *claims;
};

static void
check_signature(const struct kv_buf *signature, const char *text, size_t len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;

	assert_int_equal(EVP_DigestVerifyInit(context, &options, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 32), 1);
	assert_int_equal(
	    EVP_DigestVerify(context, signature->data, signature->len, (const unsigned char *)text, len), 1);
	EVP_MD_CTX_free(context);
}

static void
take_apart(struct jwt *jwt)
{
	const char *p;
	size_t len = 0;

	kv_buf_init(&jwt->text, 1 << 20);
	assert_int_equal(kv_assertion_make(&assertion, &jwt->text), 0);
	p = kv_buf_str(&jwt->text);
	for (int i = 0; i < 3; i++) {
		len = strcspn(p, ".");
		assert_true(kv_base64_is_url((const unsigned char *)p, len)); /* no padding */
		kv_buf_init(&jwt->bytes[i], 1 << 20);
		assert_int_equal(kv_base64_decode(p, len, &jwt->bytes[i]), 0);
		if (i < 2)
			p += len + 1;
	}
	assert_int_equal(strlen(p), len);
	check_signature(&jwt->bytes[2], kv_buf_str(&jwt->text), (size_t)(p - 1 - kv_buf_str(&jwt->text)));
	assert_int_equal(kv_json_parse(kv_buf_str(&jwt->bytes[0]), jwt->bytes[0].len, &jwt->header), 0);
	assert_int_equal(kv_json_parse(kv_buf_str(&jwt->bytes[1]), jwt->bytes[1].len, &jwt->claims), 0);
}

static void
forget(struct jwt *jwt)
{
	kv_json_free(jwt->header);
	kv_json_free(jwt->claims);
	for (int i = 0; i < 3; i++)
		kv_buf_release(&jwt->bytes[i]);
	kv_buf_release(&jwt->text);
}

static void
assert_member(const struct kv_json *object, const char *name, const char *expected)
{
	const char *value;

	assert_int_equal(kv_json_string(object, name, &value), 0);
	assert_non_null(value);
	assert_string_equal(value, expected);
}

static void
an_assertion_is_what_entra_documents(void **state)
{
	struct jwt jwt;
	struct kv_buf thumbprint;
	const struct kv_json *chain;
	int64_t n;

	(void)state;
	fake_clock_set(0, 1800000000);
	assertion.sends_chain = false;
	take_apart(&jwt);
	kv_buf_init(&thumbprint, 100);
	assert_int_equal(kv_base64_encode(kv_keypair_thumbprint(pair), KV_DIGEST_LEN, &thumbprint), 0);
	assert_member(jwt.header, "alg", "PS256");
	assert_member(jwt.header, "typ", "JWT");
	assert_member(jwt.header, "x5t#S256", kv_buf_str(&thumbprint));
	assert_int_equal(kv_json_member(jwt.header, "x5c", &chain), 0);
	assert_null(chain);
	assert_member(jwt.claims, "aud", URL);
	assert_member(jwt.claims, "iss", CLIENT);
	assert_member(jwt.claims, "sub", CLIENT);
	assert_int_equal(kv_json_integer(jwt.claims, "nbf", &n), 0);
	assert_int_equal(n, 1800000000);
	assert_int_equal(kv_json_integer(jwt.claims, "iat", &n), 0);
	assert_int_equal(n, 1800000000);
	assert_int_equal(kv_json_integer(jwt.claims, "exp", &n), 0);
	assert_int_equal(n, 1800000600);
	kv_buf_release(&thumbprint);
	forget(&jwt);
}

static void
the_chain_is_in_ordinary_base64_with_the_own_certificate_first(void **state)
{
	struct jwt jwt;
	const struct kv_json *chain, *element;
	struct kv_buf text;
	const unsigned char *der;
	size_t len;

	(void)state;
	assertion.sends_chain = true;
	take_apart(&jwt);
	assert_int_equal(kv_json_member(jwt.header, "x5c", &chain), 0);
	assert_int_equal(kv_json_count(chain), 2);
	element = kv_json_first(chain);
	kv_buf_init(&text, 1 << 20);
	for (size_t i = 0; i < 2; i++, element = kv_json_next(element)) {
		der = kv_keypair_der(pair, i, &len);
		kv_buf_clear(&text);
		assert_int_equal(kv_base64_encode_standard(der, len, &text), 0);
		assert_string_equal(kv_json_as_string(element), kv_buf_str(&text));
	}
	kv_buf_release(&text);
	forget(&jwt);
}

static void
each_assertion_has_an_identifier_of_its_own(void **state)
{
	struct jwt a, b;
	const char *id;

	(void)state;
	assertion.sends_chain = false;
	take_apart(&a);
	take_apart(&b);
	assert_int_equal(kv_json_string(a.claims, "jti", &id), 0);
	assert_int_equal(strlen(id), 36);
	assert_null(strstr(kv_buf_str(&b.bytes[1]), id));
	forget(&a);
	forget(&b);
}

static void
names_cannot_break_out_of_the_claims(void **state)
{
	struct jwt jwt;

	(void)state;
	assertion.client_id = "\",\"sub\":\"somebody else";
	take_apart(&jwt);
	assert_member(jwt.claims, "sub", assertion.client_id);
	assertion.client_id = CLIENT;
	forget(&jwt);
}

static int
make_one(void)
{
	struct kv_buf text;
	int err;

	kv_buf_init(&text, 1 << 20);
	err = kv_assertion_make(&assertion, &text);
	kv_buf_release(&text);
	return err;
}

static void
a_failing_allocation_is_only_that(void **state)
{
	(void)state;
	assertion.sends_chain = true;
	EACH_ALLOCATION_FAILS(make_one());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_assertion_is_what_entra_documents),
		cmocka_unit_test(the_chain_is_in_ordinary_base64_with_the_own_certificate_first),
		cmocka_unit_test(each_assertion_has_an_identifier_of_its_own),
		cmocka_unit_test(names_cannot_break_out_of_the_claims),
		cmocka_unit_test(a_failing_allocation_is_only_that),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
