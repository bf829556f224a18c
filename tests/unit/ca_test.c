#include "tests/unit/unit.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/http/ca.h"

static char folder[] = "/tmp/kvfs-ca_test.XXXXXX";
static struct kv_buf why;
static X509 *ca_certificate;
static EVP_PKEY *ca_key;

/* name's certificate, signed by the CA's key; is_ca: by its own. start_s and end_s count from now. */
static X509 *
make_certificate(const char *name, EVP_PKEY *key, bool is_ca, long start_s, long end_s)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_NAME_new();

	assert_non_null(x);
	assert_non_null(subject);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_version(x, 0); /* as old roots: a CA without extensions */
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1 + is_ca);
	X509_gmtime_adj(X509_getm_notBefore(x), start_s);
	X509_gmtime_adj(X509_getm_notAfter(x), end_s);
	X509_set_subject_name(x, subject);
	X509_set_issuer_name(x, is_ca ? subject : X509_get_subject_name(ca_certificate));
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, is_ca ? key : ca_key, EVP_sha256()) > 0);
	X509_NAME_free(subject);
	return x;
}

static const char *
file(const char *name)
{
	static char path[16][100];
	static int n;

	n = (n + 1) % 16;
	snprintf(path[n], sizeof(path[n]), "%s/%s", folder, name);
	return path[n];
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void
write_certificate(const char *path, X509 *x)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, x), 1);
	assert_int_equal(fclose(f), 0);
}

static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	kv_buf_init(&why, 1000);
	ca_key = EVP_EC_gen("P-256");
	assert_non_null(ca_key);
	ca_certificate = make_certificate("a CA", ca_key, true, -3600, 86400);
	write_certificate(file("ca.pem"), ca_certificate);
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "ca.pem", "x.pem", "fifo", "hashed/12345678.0", "hashed" };

	(void)state;
	X509_free(ca_certificate);
	EVP_PKEY_free(ca_key);
	kv_buf_release(&why);
	for (size_t i = 0; i < N_OF(names); i++)
		(void)remove(file(names[i]));
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

/* Whether a connection that uses ca would accept the certificate. */
static bool
is_trusted(struct kv_ca *ca, X509 *x)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	bool result;

	assert_non_null(context);
	assert_non_null(check);
	kv_ca_use(ca, context);
	assert_int_equal(X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(context), x, NULL), 1);
	X509_STORE_CTX_set_default(check, "ssl_server"); /* as a client does */
	result = X509_verify_cert(check) == 1;
	X509_STORE_CTX_free(check);
	SSL_CTX_free(context);
	return result;
}

static int
make(const struct kv_ca_options *options, struct kv_ca **ca)
{
	kv_buf_clear(&why);
	return kv_ca_new(options, ca, &why);
}

static void
a_file_that_cannot_be_used_is_named_with_its_option_or_variable(void **state)
{
	static const struct {
		const char *content; /* NULL: there is no file */
		int err;
		const char *words;
	} rows[] = {
		{ NULL, -ENOENT, "No such file" },
		{ "", -EINVAL, "no certificate in this file" },
		{ "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", -EINVAL, "must be PEM" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", -EINVAL,
		    "a damaged one" },
		{ "\x30\x82\x01\x0a binary", -EINVAL, "must be PEM" },
	};
	struct kv_ca *ca;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_ca_options added = { .added = file("x.pem") },
					   given = { .file = file("x.pem"), .file_from = "CURL_CA_BUNDLE" };

		if (rows[i].content != NULL)
			write_text(file("x.pem"), rows[i].content);
		assert_row(make(&added, &ca) == rows[i].err, i, kv_buf_str(&why));
		assert_row(strncmp(kv_buf_str(&why), "cacert=/tmp/", 12) == 0, i, kv_buf_str(&why));
		assert_row(strstr(kv_buf_str(&why), rows[i].words) != NULL, i, kv_buf_str(&why));
		assert_null(ca);
		assert_row(make(&given, &ca) == rows[i].err, i, kv_buf_str(&why));
		assert_row(strncmp(kv_buf_str(&why), "CURL_CA_BUNDLE=/tmp/", 20) == 0, i, kv_buf_str(&why));
	}
}

static void
a_directory_and_a_fifo_are_no_file(void **state)
{
	const struct kv_ca_options directory = { .file = folder, .file_from = "SSL_CERT_FILE" };
	const struct kv_ca_options fifo = { .added = file("fifo") };
	struct kv_ca *ca;

	(void)state;
	assert_int_equal(make(&directory, &ca), -EISDIR);
	assert_non_null(strstr(kv_buf_str(&why), "SSL_CERT_FILE="));
	assert_non_null(strstr(kv_buf_str(&why), "SSL_CERT_DIR names a directory"));
	assert_int_equal(mkfifo(file("fifo"), 0600), 0);
	assert_int_equal(make(&fifo, &ca), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "not a regular file"));
}

static void
a_damaged_certificate_in_a_bundle_is_counted(void **state)
{
	const struct kv_ca_options options = { .added = file("x.pem") };
	struct kv_ca *ca;
	FILE *f;

	(void)state;
	write_certificate(file("x.pem"), ca_certificate);
	f = fopen(file("x.pem"), "ae");
	assert_non_null(f);
	fputs("# text\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", f);
	fclose(f);
	assert_int_equal(make(&options, &ca), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "certificate 2 of this file is damaged"));
}

static void
a_variable_replaces_the_systems_and_cacert_adds(void **state)
{
	const struct kv_ca_options system = { .added = NULL }, added = { .added = file("ca.pem") },
				   other = { .file = file("x.pem"), .file_from = "SSL_CERT_FILE" },
				   both = { .added = file("ca.pem"),
					   .file = file("x.pem"),
					   .file_from = "SSL_CERT_FILE" };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *server = make_certificate("server", key, false, -60, 3600);
	X509 *own = make_certificate("another CA", key, true, -60, 3600);
	struct kv_ca *ca;

	(void)state;
	write_certificate(file("x.pem"), own);
	assert_int_equal(make(&system, &ca), 0);
	assert_false(is_trusted(ca, server));
	kv_ca_free(ca);
	assert_int_equal(make(&added, &ca), 0);
	assert_true(is_trusted(ca, server));
	assert_non_null(strstr(kv_ca_source(ca), " cacert=/tmp/"));
	kv_ca_free(ca);
	assert_int_equal(make(&other, &ca), 0);
	assert_false(is_trusted(ca, server));
	assert_true(is_trusted(ca, own));
	assert_true(strncmp(kv_ca_source(ca), "SSL_CERT_FILE=", 14) == 0);
	assert_null(strchr(kv_ca_source(ca), ' '));
	kv_ca_free(ca);
	assert_int_equal(make(&both, &ca), 0);
	assert_true(is_trusted(ca, server) && is_trusted(ca, own));
	kv_ca_free(ca);
	X509_free(own);
	X509_free(server);
	EVP_PKEY_free(key);
}

/* The file's name is the hash that OpenSSL looks for. */
static void
a_directory_of_hashed_certificates_is_looked_up(void **state)
{
	const struct kv_ca_options options = { .folder = file("hashed"), .folder_from = "SSL_CERT_DIR" };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *server = make_certificate("server", key, false, -60, 3600);
	char name[200];
	struct kv_ca *ca;

	(void)state;
	assert_int_equal(make(&options, &ca), -ENOENT);
	assert_non_null(strstr(kv_buf_str(&why), "SSL_CERT_DIR=/tmp/"));
	assert_int_equal(mkdir(file("hashed"), 0700), 0);
	assert_int_equal(make(&options, &ca), -ENOENT);
	assert_non_null(strstr(kv_buf_str(&why), "openssl rehash"));
	snprintf(name, sizeof(name), "%s/%08lx.0", file("hashed"),
	    X509_NAME_hash_ex(X509_get_subject_name(ca_certificate), NULL, NULL, NULL));
	write_certificate(name, ca_certificate);
	assert_int_equal(make(&options, &ca), 0);
	assert_true(is_trusted(ca, server));
	kv_ca_free(ca);
	unlink(name);
	X509_free(server);
	EVP_PKEY_free(key);
}

static void
a_renewed_file_is_used_after_a_reload_and_a_bad_one_is_not(void **state)
{
	const struct kv_ca_options options = { .file = file("x.pem"), .file_from = "SSL_CERT_FILE" };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *server = make_certificate("server", key, false, -60, 3600);
	X509 *own = make_certificate("another CA", key, true, -60, 3600);
	struct kv_ca *ca;

	(void)state;
	write_certificate(file("x.pem"), own);
	assert_int_equal(make(&options, &ca), 0);
	assert_false(is_trusted(ca, server));
	write_text(file("x.pem"), "");
	assert_int_equal(kv_ca_reload(ca, &why), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "SSL_CERT_FILE="));
	assert_true(is_trusted(ca, own));
	assert_true(strncmp(kv_ca_source(ca), "SSL_CERT_FILE=", 14) == 0);
	write_certificate(file("x.pem"), ca_certificate);
	assert_int_equal(kv_ca_reload(ca, &why), 0);
	assert_true(is_trusted(ca, server));
	assert_false(is_trusted(ca, own));
	kv_ca_free(ca);
	X509_free(own);
	X509_free(server);
	EVP_PKEY_free(key);
}

/* TRUSTED CERTIFICATE blocks, as update-ca-trust writes them, keep what they are trusted for. */
static void
a_trusted_certificate_is_one_for_its_purposes(void **state)
{
	const struct kv_ca_options options = { .file = file("x.pem"), .file_from = "SSL_CERT_FILE" };
	static const int purposes[] = { NID_server_auth, NID_email_protect };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *server = make_certificate("server", key, false, -60, 3600);

	(void)state;
	for (size_t i = 0; i < N_OF(purposes); i++) {
		X509 *x = X509_dup(ca_certificate);
		struct kv_ca *ca;
		FILE *f;

		assert_int_equal(X509_add1_trust_object(x, OBJ_nid2obj(purposes[i])), 1);
		f = fopen(file("x.pem"), "we");
		assert_non_null(f);
		assert_int_equal(PEM_write_X509_AUX(f, x), 1);
		fclose(f);
		assert_int_equal(make(&options, &ca), 0);
		assert_row(is_trusted(ca, server) == (purposes[i] == NID_server_auth), i, "server");
		kv_ca_free(ca);
		X509_free(x);
	}
	X509_free(server);
	EVP_PKEY_free(key);
}

static void
only_openssl_will_do(void **state)
{
	static const char *const others[] = { NULL, "GnuTLS/3.7.9", "(OpenSSL/3.0.2) GnuTLS/3.7.9",
		"LibreSSL/3.8.2", "BoringSSL", "mbedTLS/2.28.3" };

	(void)state;
	assert_int_equal(kv_ca_check_library("OpenSSL/3.0.17", &why), 0);
	assert_int_equal(kv_ca_check_library("OpenSSL/3.0.17 (GnuTLS/3.7.9)", &why), 0);
	for (size_t i = 0; i < N_OF(others); i++) {
		kv_buf_clear(&why);
		assert_row(kv_ca_check_library(others[i], &why) == -ENOTSUP, i, "refused");
		assert_row(
		    strstr(kv_buf_str(&why), "needs a libcurl with OpenSSL") != NULL, i, kv_buf_str(&why));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_that_cannot_be_used_is_named_with_its_option_or_variable),
		TEST(a_directory_and_a_fifo_are_no_file),
		TEST(a_damaged_certificate_in_a_bundle_is_counted),
		TEST(a_variable_replaces_the_systems_and_cacert_adds),
		TEST(a_directory_of_hashed_certificates_is_looked_up),
		TEST(a_renewed_file_is_used_after_a_reload_and_a_bad_one_is_not),
		TEST(a_trusted_certificate_is_one_for_its_purposes),
		TEST(only_openssl_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
