#include "tests/unit/unit.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "tests/unit/fake_alloc.h"
#include "tests/unit/made_certificate.h"
#include "client/base/buf.h"
#include "client/keypair/keypair.h"

static EVP_PKEY *key, *other_key, *ec_key;
static X509 *certificate, *other, *ec_certificate;
static struct kv_buf file, why;

static int
make(void **state)
{
	(void)state;
	key = made_rsa(2048);
	other_key = made_rsa(2048);
	ec_key = made_ec();
	certificate = made_certificate(key, "mine", 30);
	other = made_certificate(other_key, "other", 30);
	ec_certificate = made_certificate(ec_key, "ec", 30);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	X509_free(certificate);
	X509_free(other);
	X509_free(ec_certificate);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	EVP_PKEY_free(ec_key);
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	kv_buf_init(&file, 1 << 20);
	kv_buf_init(&why, 4096);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	assert_int_equal(ERR_peek_error(), 0); /* TLS looks at this queue */
	kv_buf_release(&file);
	kv_buf_release(&why);
	return 0;
}

static struct kv_keypair *
parse(const char *password)
{
	struct kv_keypair *pair;

	if (kv_keypair_parse(file.data, file.len, password, &pair, &why) != 0)
		fail_msg("%s", kv_buf_str(&why));
	assert_int_equal(why.len, 0);
	return pair;
}

static void
assert_refused(const char *password, int expected, const char *sentence)
{
	struct kv_keypair *pair;
	const int err = kv_keypair_parse(file.data, file.len, password, &pair, &why);

	if (err != expected || strstr(kv_buf_str(&why), sentence) == NULL)
		fail_msg("%d, \"%s\" instead of %d, \"%s\"", err, kv_buf_str(&why), expected, sentence);
	assert_null(pair);
	kv_buf_clear(&why);
	kv_buf_clear(&file);
}

/* The file has the certificate of key first, and verifies what it signs. */
static void
assert_works(const char *password, size_t count)
{
	struct kv_keypair *pair = parse(password);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;
	struct kv_buf signature;
	unsigned char digest[KV_DIGEST_LEN], *der = NULL;
	const int der_len = i2d_X509(certificate, &der);
	size_t len;

	assert_int_equal(kv_keypair_count(pair), count);
	assert_memory_equal(kv_keypair_der(pair, 0, &len), der, (size_t)der_len);
	assert_int_equal(len, der_len);
	assert_int_equal(kv_crypto_sha256(der, len, digest), 0);
	assert_memory_equal(kv_keypair_thumbprint(pair), digest, sizeof(digest));
	assert_true(kv_keypair_is_valid(pair, time(NULL), &why));

	kv_buf_init(&signature, 1024);
	assert_int_equal(kv_keypair_sign(pair, "some bytes", 10, &signature), 0);
	assert_int_equal(EVP_DigestVerifyInit(context, &options, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 32), 1);
	assert_int_equal(
	    EVP_DigestVerify(context, signature.data, signature.len, (const unsigned char *)"some bytes", 10),
	    1);
	kv_buf_release(&signature);
	EVP_MD_CTX_free(context);
	OPENSSL_free(der);
	kv_keypair_free(pair);
	kv_buf_clear(&file);
}

static void
every_form_of_pem_key_is_read(void **state)
{
	static const char *const passwords[] = { NULL, "geheim" };
	static void (*const forms[])(
	    struct kv_buf *, EVP_PKEY *, const char *) = { made_pem_key, made_pem_rsa };

	(void)state;
	for (size_t i = 0; i < N_OF(passwords); i++)
		for (size_t k = 0; k < N_OF(forms); k++) {
			forms[k](&file, key, passwords[i]);
			made_pem_certificate(&file, certificate);
			assert_works(passwords[i], 1);
		}
}

static void
what_is_around_pem_blocks_does_not_matter(void **state)
{
	(void)state;
	assert_int_equal(kv_buf_puts(&file, "\xef\xbb\xbf"), 0); /* a byte order mark */
	made_pem_key(&file, key, NULL);
	assert_int_equal(kv_buf_puts(&file, "Bag Attributes\r\n    friendlyName: mine\r\n"), 0);
	assert_int_equal(kv_buf_puts(&file, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"), 0);
	made_pem_certificate(&file, certificate);
	assert_works(NULL, 1);
}

static void
the_certificate_of_the_key_becomes_the_first(void **state)
{
	(void)state;
	made_pem_certificate(&file, other);
	made_pem_certificate(&file, ec_certificate);
	made_pem_certificate(&file, certificate);
	made_pem_key(&file, key, NULL);
	assert_works(NULL, 3);
}

static void
every_form_of_pkcs12_is_read(void **state)
{
	static const struct {
		const char *made_with, *given;
		int cipher;
	} rows[] = {
		{ "geheim", "geheim", 0 },
		{ "geheim", "geheim", NID_pbe_WithSHA1And40BitRC2_CBC },
		{ "geheim", "geheim", NID_pbe_WithSHA1And3_Key_TripleDES_CBC },
		{ "geheim", "geheim", -1 }, /* a MAC only */
		{ "geh\xc3\xa9im", "geh\xc3\xa9im", 0 },
		{ NULL, NULL, 0 },
		{ "", NULL, 0 },
		{ "", NULL, NID_pbe_WithSHA1And40BitRC2_CBC },
		{ NULL, NULL, NID_pbe_WithSHA1And40BitRC2_CBC },
		{ "", "", 0 },
		{ NULL, "not needed", 0 },
		{ "", "not needed", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		made_pkcs12(&file,
		    &(struct made_pkcs12){ .key = key,
			.certificate = certificate,
			.other = other,
			.password = rows[i].made_with,
			.cipher = rows[i].cipher });
		assert_works(rows[i].given, 2);
	}
}

static void
a_password_that_is_not_needed_is_ignored(void **state)
{
	(void)state;
	made_pem_key(&file, key, NULL);
	made_pem_certificate(&file, certificate);
	assert_works("not needed", 1);
}

static void
the_wrong_password_and_none_have_a_sentence_each(void **state)
{
	(void)state;
	for (int form = 0; form < 6; form++) {
		const char *given = form % 2 == 0 ? "wrong" : NULL;

		if (form < 2)
			made_pem_key(&file, key, "geheim");
		else if (form < 4)
			made_pem_rsa(&file, key, "geheim");
		else
			made_pkcs12(&file,
			    &(struct made_pkcs12){
				.key = key, .certificate = certificate, .password = "geheim" });
		if (form < 4)
			made_pem_certificate(&file, certificate);
		assert_refused(given, -EPERM, given != NULL ? "the password is wrong" : "needs a password");
	}
}

static void
each_incomplete_file_has_its_sentence(void **state)
{
	(void)state;
	assert_refused(NULL, -EACCES, "is empty");
	made_pem_key(&file, key, NULL);
	assert_refused(NULL, -EACCES, "contains no certificate");
	made_pem_certificate(&file, certificate);
	assert_refused(NULL, -EACCES, "contains no private key");
	made_pem_certificate(&file, other);
	made_pem_key(&file, key, NULL);
	assert_refused(NULL, -EACCES, "belongs to none of its certificates");
	made_pem_certificate(&file, certificate);
	made_pem_key(&file, key, NULL);
	made_pem_rsa(&file, other_key, NULL);
	assert_refused(NULL, -EACCES, "several private keys");
	made_pem_certificate(&file, certificate);
	made_pem_key(&file, key, NULL);
	made_pem_rsa(&file, key, NULL); /* twice the same */
	assert_works(NULL, 1);
}

static void
an_ec_key_has_a_sentence_in_every_form(void **state)
{
	(void)state;
	made_pem_key(&file, ec_key, NULL);
	made_pem_certificate(&file, ec_certificate);
	assert_refused(NULL, -EACCES, "contains a key of type EC; the token service accepts only RSA");
	made_pem_rsa(&file, ec_key, NULL);
	made_pem_certificate(&file, ec_certificate);
	assert_refused(NULL, -EACCES, "\"EC PRIVATE KEY\"; the token service accepts only RSA");
	made_pkcs12(&file,
	    &(struct made_pkcs12){ .key = ec_key, .certificate = ec_certificate, .password = "geheim" });
	assert_refused("geheim", -EACCES, "contains a key of type EC");
}

static void
what_is_not_a_certificate_file_has_its_sentence(void **state)
{
	struct kv_buf text;

	(void)state;
	assert_int_equal(kv_buf_puts(&file, "hello\n"), 0);
	assert_refused(NULL, -EACCES, "is neither PEM nor PKCS#12");
	assert_int_equal(kv_buf_puts(&file, "MIIJqQIBAzCCCW8GCSqGSIb3DQEHAaCC"), 0);
	assert_refused(NULL, -EACCES, "it looks like base64");
	assert_int_equal(kv_buf_puts(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n"), 0);
	assert_refused(NULL, -EACCES, "contains a block that is damaged");
	assert_int_equal(
	    kv_buf_puts(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0);
	assert_refused(NULL, -EACCES, "contains a certificate that is damaged");
	assert_int_equal(
	    kv_buf_puts(&file, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0);
	assert_refused(NULL, -EACCES, "contains a private key that is damaged");
	kv_buf_init(&text, 1 << 20);
	made_pkcs12(&text, &(struct made_pkcs12){ .key = key, .certificate = certificate });
	assert_int_equal(kv_buf_append(&file, text.data, text.len / 2), 0);
	assert_refused(NULL, -EACCES, "is neither PEM nor PKCS#12");
	kv_buf_release(&text);
}

static void
a_pkcs12_without_mac_is_refused_with_the_command_that_converts(void **state)
{
	(void)state;
	made_pkcs12(&file,
	    &(struct made_pkcs12){
		.key = key, .certificate = certificate, .password = "geheim", .has_no_mac = 1 });
	assert_refused("geheim", -EACCES, "has no MAC");
}

static void
a_changed_pkcs12_is_refused(void **state)
{
	(void)state;
	made_pkcs12(
	    &file, &(struct made_pkcs12){ .key = key, .certificate = certificate, .password = "geheim" });
	file.data[file.len / 2] ^= 1;
	assert_refused("geheim", -EPERM, "the file is damaged");
}

static void
a_file_cannot_ask_for_minutes_of_hashing(void **state)
{
	const X509_ALGOR *algorithm;
	const ASN1_INTEGER *rounds;
	const unsigned char *p;
	unsigned char *der = NULL;
	PKCS12 *p12;
	int len;

	(void)state;
	made_pkcs12(
	    &file, &(struct made_pkcs12){ .key = key, .certificate = certificate, .password = "geheim" });
	p = file.data;
	p12 = d2i_PKCS12(NULL, &p, (long)file.len);
	PKCS12_get0_mac(NULL, &algorithm, NULL, &rounds, p12);
	/* only the number is changed: to make such a file takes as long as to read it */
	for (int64_t n = -1; n < INT64_MAX / 2; n = n < 0 ? 3000001 : n * 100000) {
		assert_int_equal(ASN1_INTEGER_set_int64((ASN1_INTEGER *)(uintptr_t)rounds, n), 1);
		len = i2d_PKCS12(p12, &der);
		kv_buf_clear(&file);
		assert_int_equal(kv_buf_append(&file, der, (size_t)len), 0);
		OPENSSL_free(der);
		der = NULL;
		assert_refused("geheim", -EACCES, "rounds of hashing the password");
		if (n > INT64_MAX / 100000)
			break;
	}
	PKCS12_free(p12);
}

/* A key that claims to be encrypted in this way; the ciphertext is nothing. */
static void
write_claim(X509_ALGOR *algorithm)
{
	X509_SIG *claim = X509_SIG_new();
	X509_ALGOR *own;
	ASN1_OCTET_STRING *content;
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	assert_non_null(algorithm);
	X509_SIG_getm(claim, &own, &content);
	assert_int_equal(X509_ALGOR_copy(own, algorithm), 1);
	assert_int_equal(ASN1_OCTET_STRING_set(content, (const unsigned char *)"0123456789abcdef", 16), 1);
	assert_int_equal(PEM_write_bio_PKCS8(bio, claim), 1);
	len = BIO_get_mem_data(bio, &data);
	assert_int_equal(kv_buf_append(&file, data, (size_t)len), 0);
	BIO_free(bio);
	X509_SIG_free(claim);
	X509_ALGOR_free(algorithm);
}

static void
nor_can_an_encrypted_key(void **state)
{
	const EVP_CIPHER *aes = EVP_aes_256_cbc();

	(void)state;
	write_claim(PKCS5_pbe2_set(aes, 3000001, NULL, 0));
	assert_refused("geheim", -EACCES, "rounds of hashing the password");
	write_claim(PKCS5_pbe2_set(aes, INT_MAX, NULL, 0));
	assert_refused("geheim", -EACCES, "rounds of hashing the password");
	write_claim(PKCS5_pbe2_set_scrypt(aes, NULL, 0, NULL, 16384, 8, 1000));
	assert_refused("geheim", -EACCES, "rounds of hashing the password");
	write_claim(PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC, INT_MAX, NULL, 0));
	assert_refused("geheim", -EACCES, "rounds of hashing the password");
	write_claim(PKCS5_pbe2_set(aes, 1000, NULL, 0));
	assert_refused("geheim", -EPERM, "the password is wrong");
}

static void
without_the_legacy_provider_the_sentence_has_the_command(void **state)
{
	(void)state;
	made_pkcs12(&file,
	    &(struct made_pkcs12){ .key = key,
		.certificate = certificate,
		.password = "geheim",
		.cipher = NID_pbe_WithSHA1And40BitRC2_CBC });
	assert_int_equal(setenv("OPENSSL_MODULES", "/nonexistent", 1), 0);
	assert_refused("geheim", -EACCES, "openssl pkcs12 -legacy -in FILE -nodes -out FILE.pem");
	made_pkcs12(
	    &file, &(struct made_pkcs12){ .key = key, .certificate = certificate, .password = "geheim" });
	assert_works("geheim", 1);
	assert_int_equal(unsetenv("OPENSSL_MODULES"), 0);
}

static void
old_algorithms_do_not_come_into_the_process(void **state)
{
	EVP_CIPHER *cipher;

	(void)state;
	made_pkcs12(&file,
	    &(struct made_pkcs12){
		.key = key, .certificate = certificate, .cipher = NID_pbe_WithSHA1And40BitRC2_CBC });
	assert_works(NULL, 1);
	cipher = EVP_CIPHER_fetch(NULL, "RC2-40-CBC", NULL);
	assert_null(cipher);
	ERR_clear_error();
}

static void
a_certificate_that_is_not_valid_names_the_date(void **state)
{
	X509 *old = made_certificate(key, "old", -10);
	struct kv_keypair *pair;
	struct tm tm;
	char expected[64];
	const time_t now = time(NULL), until = now - (time_t)10 * 86400;

	(void)state;
	made_pem_key(&file, key, NULL);
	made_pem_certificate(&file, old);
	pair = parse(NULL);
	strftime(expected, sizeof(expected), "the certificate expired on %Y-%m-%d", gmtime_r(&until, &tm));
	assert_false(kv_keypair_is_valid(pair, now, &why));
	assert_string_equal(kv_buf_str(&why), expected);
	kv_buf_clear(&why);
	assert_false(kv_keypair_is_valid(pair, 0, &why));
	assert_non_null(strstr(kv_buf_str(&why), "the certificate is not valid before "));
	kv_keypair_free(pair);
	X509_free(old);
}

static void
a_key_too_short_to_sign_is_an_error(void **state)
{
	EVP_PKEY *shorter = made_rsa(512);
	X509 *c = made_certificate(shorter, "short", 30);
	struct kv_keypair *pair;
	struct kv_buf signature;

	(void)state;
	made_pem_key(&file, shorter, NULL);
	made_pem_certificate(&file, c);
	pair = parse(NULL);
	kv_buf_init(&signature, 1024);
	assert_int_equal(kv_keypair_sign(pair, "x", 1, &signature), -EACCES);
	assert_int_equal(signature.len, 0);
	kv_buf_release(&signature);
	kv_keypair_free(pair);
	X509_free(c);
	EVP_PKEY_free(shorter);
}

static int
parse_and_sign(void)
{
	struct kv_keypair *pair;
	struct kv_buf signature;
	int err = kv_keypair_parse(file.data, file.len, "geheim", &pair, &why);

	kv_buf_init(&signature, 1024);
	if (err == 0)
		err = kv_keypair_sign(pair, "x", 1, &signature);
	kv_buf_release(&signature);
	kv_keypair_free(pair);
	return err;
}

static void
make_form(int form)
{
	if (form < 2)
		made_pem_key(&file, key, form == 0 ? NULL : "geheim");
	else if (form < 4)
		made_pem_rsa(&file, key, form == 2 ? NULL : "geheim");
	else
		made_pkcs12(&file,
		    &(struct made_pkcs12){ .key = key,
			.certificate = certificate,
			.password = "geheim",
			.cipher = form == 4 ? 0 : -1 });
	if (form < 4)
		made_pem_certificate(&file, certificate);
}

static void
a_failing_allocation_is_only_that(void **state)
{
	(void)state;
	for (int form = 0; form < 6; form++) {
		make_form(form);
		EACH_ALLOCATION_FAILS(parse_and_sign());
		kv_buf_clear(&file);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(every_form_of_pem_key_is_read),
		TEST(what_is_around_pem_blocks_does_not_matter),
		TEST(the_certificate_of_the_key_becomes_the_first),
		TEST(every_form_of_pkcs12_is_read),
		TEST(a_password_that_is_not_needed_is_ignored),
		TEST(the_wrong_password_and_none_have_a_sentence_each),
		TEST(each_incomplete_file_has_its_sentence),
		TEST(an_ec_key_has_a_sentence_in_every_form),
		TEST(what_is_not_a_certificate_file_has_its_sentence),
		TEST(a_pkcs12_without_mac_is_refused_with_the_command_that_converts),
		TEST(a_changed_pkcs12_is_refused),
		TEST(a_file_cannot_ask_for_minutes_of_hashing),
		TEST(nor_can_an_encrypted_key),
		TEST(without_the_legacy_provider_the_sentence_has_the_command),
		TEST(old_algorithms_do_not_come_into_the_process),
		TEST(a_certificate_that_is_not_valid_names_the_date),
		TEST(a_key_too_short_to_sign_is_an_error),
		TEST(a_failing_allocation_is_only_that),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
