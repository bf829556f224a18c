#include "tests/unit/unit.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

#include "client/http/tls_error.h"

static void
a_certificates_problem_is_openssls_result(void **state)
{
	static const struct {
		long verified;
		enum kv_tls_problem problem;
	} rows[] = {
		{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, KV_TLS_CA },
		{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, KV_TLS_CA },
		{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, KV_TLS_CA },
		{ X509_V_ERR_CERT_SIGNATURE_FAILURE, KV_TLS_CA },
		{ X509_V_ERR_CERT_HAS_EXPIRED, KV_TLS_EXPIRED },
		{ X509_V_ERR_CERT_NOT_YET_VALID, KV_TLS_NOT_YET },
		{ X509_V_OK, KV_TLS_NAME },
		{ X509_V_ERR_UNSPECIFIED, KV_TLS_NAME },
		{ X509_V_ERR_IP_ADDRESS_MISMATCH, KV_TLS_NAME },
		{ X509_V_ERR_CERT_REVOKED, KV_TLS_REFUSED },
		{ X509_V_ERR_INVALID_PURPOSE, KV_TLS_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_tls_problem(rows[i].verified, true, "") == rows[i].problem, i, "problem");
	assert_non_null(strstr(kv_tls_verified_words(X509_V_ERR_CERT_REVOKED), "revoked"));
}

static void
another_problem_is_the_number_in_libcurls_words(void **state)
{
	static const struct {
		int reason;
		enum kv_tls_problem problem;
	} rows[] = {
		{ SSL_R_UNSUPPORTED_PROTOCOL, KV_TLS_VERSION },
		{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, KV_TLS_VERSION },
		{ SSL_R_WRONG_VERSION_NUMBER, KV_TLS_NOT_TLS },
		{ SSL_R_PACKET_LENGTH_TOO_LONG, KV_TLS_NOT_TLS },
		{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, KV_TLS_CLIENT },
		{ SSL_R_UNEXPECTED_EOF_WHILE_READING, KV_TLS_CLOSED },
		{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, KV_TLS_UNKNOWN },
	};
	char text[300], words[400];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		ERR_error_string_n(ERR_PACK(ERR_LIB_SSL, 0, rows[i].reason), text, sizeof(text));
		snprintf(words, sizeof(words), "OpenSSL/3.0.17: %s", text);
		assert_row(kv_tls_problem(X509_V_OK, false, words) == rows[i].problem, i, words);
	}
	assert_int_equal(kv_tls_problem(1, false, "Recv failure: Connection reset by peer"), KV_TLS_CLOSED);
	assert_int_equal(kv_tls_problem(1, false, "error:"), KV_TLS_UNKNOWN);
	assert_int_equal(kv_tls_problem(1, false, "error:zz"), KV_TLS_UNKNOWN);
	assert_int_equal(kv_tls_problem(1, false, ""), KV_TLS_CLOSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificates_problem_is_openssls_result),
		cmocka_unit_test(another_problem_is_the_number_in_libcurls_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
