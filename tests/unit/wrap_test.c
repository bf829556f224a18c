#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "tests/unit/fake_alloc.h"
#include "tests/unit/made_certificate.h"
#include "client/base/buf.h"
#include "client/base/crypto.h"
#include "client/keypair/wrap.h"

static EVP_PKEY *kek_pair, *rsa;
static struct kv_kek *kek;
static struct kv_buf file, why, ciphertext;
static struct kv_wrap_target target;

static void
must(int err)
{
	assert_int_equal(err, 0);
}

static void
put_bio(struct kv_buf *to, BIO *bio)
{
	char *data;
	const long len = BIO_get_mem_data(bio, &data);

	must(kv_buf_append(to, data, (size_t)len));
	BIO_free(bio);
}

static int
make(void **state)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct kv_buf pem;

	(void)state;
	kek_pair = made_rsa(2048);
	rsa = made_rsa(2048);
	kv_buf_init(&pem, 4096);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, kek_pair), 1);
	put_bio(&pem, bio);
	must(kv_kek_of_pem(pem.data, pem.len, &kek, NULL));
	kv_buf_release(&pem);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	kv_kek_free(kek);
	EVP_PKEY_free(kek_pair);
	EVP_PKEY_free(rsa);
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	kv_buf_init(&file, 1 << 16);
	kv_buf_init(&why, 1024);
	kv_buf_init(&ciphertext, 1 << 16);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	assert_int_equal(ERR_peek_error(), 0);
	kv_buf_release(&file);
	kv_buf_release(&why);
	kv_buf_release(&ciphertext);
	return 0;
}

/* What the HSM does. */
static size_t
decrypt(unsigned char *plain)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(kek_pair, NULL);
	EVP_CIPHER_CTX *kwp = EVP_CIPHER_CTX_new();
	unsigned char aes[256];
	size_t n = sizeof(aes);
	int len;

	assert_int_equal(EVP_PKEY_decrypt_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(
	    EVP_PKEY_decrypt(context, aes, &n, ciphertext.data, 256), 1); /* SHA-1 is the default */
	assert_int_equal(n, 32);
	EVP_CIPHER_CTX_set_flags(kwp, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	assert_int_equal(EVP_DecryptInit_ex(kwp, EVP_aes_256_wrap_pad(), NULL, aes, NULL), 1);
	assert_int_equal(
	    EVP_DecryptUpdate(kwp, plain, &len, ciphertext.data + 256, (int)ciphertext.len - 256), 1);
	EVP_PKEY_CTX_free(context);
	EVP_CIPHER_CTX_free(kwp);
	return (size_t)len;
}

static void
assert_transfers(const EVP_PKEY *key, const char *password)
{
	unsigned char plain[8192];
	const unsigned char *p = plain;
	PKCS8_PRIV_KEY_INFO *info;
	EVP_PKEY *arrived;
	size_t n;

	if (kv_wrap_read(file.data, file.len, password, &target, &why) != 0)
		fail_msg("%s", kv_buf_str(&why));
	must(kv_wrap(kek, &target, &ciphertext));
	n = decrypt(plain);
	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)n);
	assert_non_null(info);
	assert_ptr_equal(p, plain + n);
	arrived = EVP_PKCS82PKEY(info);
	assert_non_null(arrived);
	assert_int_equal(EVP_PKEY_eq(arrived, key), 1);
	EVP_PKEY_free(arrived);
	PKCS8_PRIV_KEY_INFO_free(info);
	kv_wrap_target_release(&target);
	kv_buf_clear(&ciphertext);
	kv_buf_clear(&file);
}

static void
assert_refused(int expected, const char *password, const char *sentence)
{
	assert_int_equal(kv_wrap_read(file.data, file.len, password, &target, &why), expected);
	if (strstr(kv_buf_str(&why), sentence) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", sentence, kv_buf_str(&why));
	kv_wrap_target_release(&target);
	kv_buf_clear(&why);
	kv_buf_clear(&file);
}

static void
put_pkcs8_der(const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(i2d_PKCS8PrivateKey_bio(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	put_bio(&file, bio);
}

static void
put_encrypted_der(const EVP_PKEY *key, const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(
	    i2d_PKCS8PrivateKey_bio(bio, key, EVP_aes_256_cbc(), password, (int)strlen(password), NULL, NULL),
	    1);
	put_bio(&file, bio);
}

static void
put_traditional(const EVP_PKEY *key, bool is_pem)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (is_pem)
		assert_int_equal(
		    PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	else
		assert_int_equal(i2d_PrivateKey_bio(bio, key), 1);
	put_bio(&file, bio);
}

static void
an_rsa_key_is_read_in_each_form(void **state)
{
	X509 *certificate = made_certificate(rsa, "a", 30);
	const struct made_pkcs12 pfx = { .key = rsa, .certificate = certificate, .password = "secret" };

	(void)state;
	made_pem_key(&file, rsa, NULL);
	assert_transfers(rsa, NULL);
	made_pem_key(&file, rsa, "secret");
	assert_transfers(rsa, "secret");
	made_pem_rsa(&file, rsa, NULL);
	assert_transfers(rsa, "not needed");
	made_pem_rsa(&file, rsa, "secret");
	assert_transfers(rsa, "secret");
	put_pkcs8_der(rsa);
	assert_transfers(rsa, NULL);
	put_encrypted_der(rsa, "secret");
	assert_transfers(rsa, "secret");
	put_traditional(rsa, false);
	assert_transfers(rsa, NULL);
	made_pkcs12(&file, &pfx);
	assert_transfers(rsa, "secret");
	X509_free(certificate);
}

static void
a_key_on_each_curve_is_read_in_each_form(void **state)
{
	static const char *const curves[][2] = { { "prime256v1", "P-256" }, { "secp384r1", "P-384" },
		{ "secp521r1", "P-521" }, { "secp256k1", "P-256K" } };

	(void)state;
	for (size_t i = 0; i < N_OF(curves); i++) {
		EVP_PKEY *key = EVP_EC_gen(curves[i][0]);

		assert_non_null(key);
		made_pem_key(&file, key, NULL);
		must(kv_wrap_read(file.data, file.len, NULL, &target, &why));
		assert_string_equal(target.kty, "EC-HSM");
		assert_string_equal(target.crv, curves[i][1]);
		kv_wrap_target_release(&target);
		assert_transfers(key, NULL);
		put_traditional(key, true);
		assert_transfers(key, NULL);
		put_traditional(key, false);
		assert_transfers(key, NULL);
		put_encrypted_der(key, "secret");
		assert_transfers(key, "secret");
		EVP_PKEY_free(key);
	}
}

static void
a_curve_whose_numbers_are_spelled_out_gets_its_name(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	size_t named;

	(void)state;
	made_pem_key(&file, key, NULL);
	must(kv_wrap_read(file.data, file.len, NULL, &target, &why));
	named = target.plain.len;
	kv_wrap_target_release(&target);
	kv_buf_clear(&file);
	assert_int_equal(
	    EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT),
	    1);
	made_pem_key(&file, key, NULL);
	must(kv_wrap_read(file.data, file.len, NULL, &target, &why));
	assert_int_equal(target.plain.len, named);
	kv_wrap_target_release(&target);
	assert_transfers(key, NULL);
	EVP_PKEY_free(key);
}

static void
other_keys_are_refused_with_a_sentence(void **state)
{
	EVP_PKEY *small = made_rsa(1024), *odd = made_rsa(2056), *curve = EVP_EC_gen("secp224r1"),
		 *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	(void)state;
	made_pem_key(&file, small, NULL);
	assert_refused(-EACCES, NULL, "contains an RSA key of 1024 bits");
	made_pem_key(&file, odd, NULL);
	assert_refused(-EACCES, NULL, "contains an RSA key of 2056 bits");
	made_pem_key(&file, curve, NULL);
	assert_refused(-EACCES, NULL, "on the curve secp224r1");
	made_pem_key(&file, ed, NULL);
	assert_refused(-EACCES, NULL, "contains a key of type ED25519; only RSA keys, and keys on a curve");
	must(kv_buf_puts(&file, "x"));
	assert_refused(-EACCES, NULL, "is neither PEM nor PKCS#12");
	assert_refused(-EACCES, NULL, "is empty");
	must(kv_buf_puts(&file, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"));
	assert_refused(-EACCES, NULL, "contains no private key");
	made_pem_key(&file, rsa, "secret");
	assert_refused(-EPERM, NULL, "needs a password");
	made_pem_key(&file, rsa, "secret");
	assert_refused(-EPERM, "wrong", "the password is wrong");
	put_encrypted_der(rsa, "secret");
	assert_refused(-EPERM, "", "needs a password");
	EVP_PKEY_free(small);
	EVP_PKEY_free(odd);
	EVP_PKEY_free(curve);
	EVP_PKEY_free(ed);
}

static void
numbers_that_do_not_fit_together_are_refused(void **state)
{
	unsigned char bytes[256], *at;
	BIGNUM *d = NULL;

	(void)state;
	assert_int_equal(EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_D, &d), 1);
	assert_true(BN_num_bytes(d) >= 200);
	BN_bn2bin(d, bytes);
	put_pkcs8_der(rsa);
	at = memmem(file.data, file.len, bytes, (size_t)BN_num_bytes(d));
	assert_non_null(at);
	at[100] ^= 2;
	assert_refused(-EACCES, NULL, "do not fit together");
	BN_clear_free(d);
}

static void
a_symmetric_key_is_its_bytes(void **state)
{
	static const unsigned char bytes[33] = { 1, 2, 3 };
	unsigned char plain[64];

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		const bool is_key = len == 16 || len == 24 || len == 32;

		assert_int_equal(kv_wrap_read_oct(bytes, len, &target, &why), is_key ? 0 : -EACCES);
		assert_row((why.len > 0) != is_key, len, "sentence");
		if (is_key) {
			must(kv_wrap(kek, &target, &ciphertext));
			assert_int_equal(decrypt(plain), len);
			assert_memory_equal(plain, bytes, len);
		}
		kv_wrap_target_release(&target);
		kv_buf_clear(&ciphertext);
		kv_buf_clear(&why);
	}
	assert_int_equal(kv_wrap_read_oct("00112233445566778899aabbccddeeff", 32, &target, &why), -EACCES);
	assert_non_null(strstr(kv_buf_str(&why), "hexadecimal text"));
	kv_wrap_target_release(&target);
}

static void
only_an_rsa_key_of_some_size_is_a_kek(void **state)
{
	EVP_PKEY *keys[] = { made_rsa(1024), made_ec() };
	struct kv_kek *none;

	(void)state;
	for (size_t i = 0; i < N_OF(keys); i++) {
		BIO *bio = BIO_new(BIO_s_mem());

		assert_int_equal(PEM_write_bio_PUBKEY(bio, keys[i]), 1);
		put_bio(&file, bio);
		assert_int_equal(kv_kek_of_pem(file.data, file.len, &none, &why), -EINVAL);
		assert_non_null(strstr(kv_buf_str(&why), "is no key exchange key"));
		assert_null(none);
		kv_buf_clear(&file);
		kv_buf_clear(&why);
		EVP_PKEY_free(keys[i]);
	}
	assert_int_equal(kv_kek_of_pem("x", 1, &none, &why), -EINVAL);
	assert_int_equal(kv_kek_bits(kek), 2048);
}

static int
read_and_wrap(void)
{
	int err = kv_wrap_read(file.data, file.len, "secret", &target, &why);

	kv_buf_release(&ciphertext);
	if (err == 0)
		err = kv_wrap(kek, &target, &ciphertext);
	kv_wrap_target_release(&target);
	return err;
}

/* OpenSSL's own allocations fail here, too: it can do without some, and for others it reports another cause. */
static void
short_of_memory_is_only_a_failure(void **state)
{
	bool has_failed = true;

	(void)state;
	for (int n = 1; has_failed; n += 1 + n / 8) { /* there are thousands */
		int err;

		kv_buf_clear(&file);
		put_pkcs8_der(rsa);
		fake_alloc_fail_at(n);
		err = read_and_wrap();
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		ERR_clear_error();
		assert_true(err == -ENOMEM || err == -EACCES || err == -EPERM || err == -EIO || err == 0);
		assert_true(has_failed || err == 0);
		assert_true(err != 0 || ciphertext.len > 256 + 1200);
	}
}

/* Whatever OpenSSL's decoders and encoders copied. */
static void
no_freed_memory_holds_the_key(void **state)
{
	EVP_PKEY *key = made_rsa(2048);
	char watched[40] = "";
	BIGNUM *p = NULL;

	(void)state;
	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR1, &p), 1);
	{
		unsigned char bytes[128];

		/* as in DER; without a NUL, because it is searched for as a string */
		assert_int_equal(BN_bn2binpad(p, bytes, 128), 128);
		for (size_t i = 0, n = 0; i < 128 && n < 8; i++) {
			watched[n++] = (char)bytes[i];
			if (bytes[i] == 0)
				n = 0;
			watched[n] = '\0';
		}
	}
	made_pem_key(&file, key, "secret");
	fake_alloc_watch(watched);
	must(read_and_wrap());
	assert_int_equal(fake_alloc_unwiped(), 0);
	fake_alloc_watch(NULL);
	BN_clear_free(p);
	EVP_PKEY_free(key);
}

/*
 * OpenSSL loses memory itself if it runs out of it while it makes a library context. Only with all frames of a stack
 * can that be told from leaks of ours.
 */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:OSSL_LIB_CTX_new\n";
}
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(an_rsa_key_is_read_in_each_form),
		TEST(a_key_on_each_curve_is_read_in_each_form),
		TEST(a_curve_whose_numbers_are_spelled_out_gets_its_name),
		TEST(other_keys_are_refused_with_a_sentence),
		TEST(numbers_that_do_not_fit_together_are_refused),
		TEST(a_symmetric_key_is_its_bytes),
		TEST(only_an_rsa_key_of_some_size_is_a_kek),
		TEST(short_of_memory_is_only_a_failure),
		TEST(no_freed_memory_holds_the_key),
	};

	if (!kv_crypto_begin())
		return 1;
	return cmocka_run_group_tests(tests, make, unmake);
}
