#include "tests/unit/unit.h"

#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "tests/unit/fake_alloc.h"
#include "tests/unit/made_certificate.h"
#include "client/base/buf.h"
#include "client/base/crypto.h"
#include "client/keypair/keypair.h"

static void
a_digest_is_sha_256(void **state)
{
	static const struct {
		const char *data;
		const char *start;
	} rows[] = { { "", "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14" },
		{ "abc", "\xba\x78\x16\xbf\x8f\x01\xcf\xea" } };
	unsigned char digest[KV_DIGEST_LEN];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_int_equal(kv_crypto_sha256(rows[i].data, strlen(rows[i].data), digest), 0);
		assert_memory_equal(digest, rows[i].start, 8);
	}
}

static void
uuids_are_of_version_4_and_differ(void **state)
{
	char a[37], b[37];

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(kv_crypto_uuid(a), 0);
		assert_int_equal(kv_crypto_uuid(b), 0);
		assert_int_equal(strlen(a), 36);
		assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
		assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
		assert_int_equal(a[14], '4');
		assert_non_null(strchr("89ab", a[19]));
		assert_string_not_equal(a, b);
	}
}

/* A part of the key that has no NUL, as DER or as numbers of the machine have it. */
static void
find_part(const unsigned char prime[128], char part[17])
{
	for (size_t i = 0; i + 16 <= 128; i++)
		if (memchr(prime + i, '\0', 16) == NULL) {
			memcpy(part, prime + i, 16);
			part[16] = '\0';
			return;
		}
	fail();
}

static void
make_form(struct kv_buf *file, int form, EVP_PKEY *key, X509 *certificate)
{
	if (form < 2)
		made_pem_key(file, key, form == 0 ? NULL : "geheim");
	else if (form < 4)
		made_pem_rsa(file, key, form == 2 ? NULL : "geheim");
	else
		made_pkcs12(file,
		    &(struct made_pkcs12){ .key = key,
			.certificate = certificate,
			.password = "geheim",
			.cipher = form == 4 ? 0 : -1 });
	if (form < 4)
		made_pem_certificate(file, certificate);
}

static void
use(const struct kv_buf *file)
{
	struct kv_keypair *pair;
	struct kv_buf signature;

	kv_buf_init(&signature, 1024);
	assert_int_equal(kv_keypair_parse(file->data, file->len, "geheim", &pair, NULL), 0);
	assert_int_equal(kv_keypair_sign(pair, "x", 1, &signature), 0);
	kv_buf_release(&signature);
	kv_keypair_free(pair);
}

static void
memory_that_openssl_frees_holds_no_private_key(void **state)
{
	EVP_PKEY *key = made_rsa(2048);
	X509 *certificate = made_certificate(key, "mine", 30);
	unsigned char prime[128];
	char part[17];
	struct kv_buf file;
	BIGNUM *p = NULL;

	(void)state;
	kv_buf_init(&file, 1 << 20);
	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR1, &p), 1);
	for (int form = 0; form < 12; form++) {
		assert_int_equal(
		    (form % 2 == 0 ? BN_bn2binpad : BN_bn2lebinpad)(p, prime, sizeof(prime)), 128);
		find_part(prime, part);
		make_form(&file, form / 2, key, certificate);
		fake_alloc_watch(part);
		use(&file);
		assert_row(fake_alloc_unwiped() == 0, form, "unwiped");
		fake_alloc_watch(NULL);
		kv_buf_clear(&file);
	}
	BN_clear_free(p);
	kv_buf_release(&file);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_digest_is_sha_256),
		cmocka_unit_test(uuids_are_of_version_4_and_differ),
		cmocka_unit_test(memory_that_openssl_frees_holds_no_private_key),
	};

	if (!kv_crypto_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
