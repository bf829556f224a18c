/*
 * libcurl passes OpenSSL's error on as text, "…error:0A000102:SSL routines::unsupported protocol". The number is
 * part of OpenSSL's interface, the words are not.
 */
#include "client/http/tls_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

static enum kv_tls_problem
problem_of_certificate(long verified)
{
	switch (verified) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE: /* a CA of the same name with another key */
		return KV_TLS_CA;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return KV_TLS_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return KV_TLS_NOT_YET;
	case X509_V_OK:
	case X509_V_ERR_UNSPECIFIED: /* what libcurl begins with: it compares the name itself */
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return KV_TLS_NAME;
	default:
		return KV_TLS_REFUSED;
	}
}

enum kv_tls_problem
kv_tls_problem(long verified, bool is_verification, const char *words)
{
	const char *number = strstr(words, "error:");

	if (is_verification)
		return problem_of_certificate(verified);
	if (number == NULL) /* a broken connection, not an error of OpenSSL */
		return KV_TLS_CLOSED;
	switch (ERR_GET_REASON(strtoul(number + strlen("error:"), NULL, 16))) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_NO_PROTOCOLS_AVAILABLE:
	case SSL_R_UNKNOWN_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
		return KV_TLS_VERSION;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_HTTP_REQUEST:
		return KV_TLS_NOT_TLS;
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return KV_TLS_CLIENT;
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return KV_TLS_CLOSED;
#endif
	default:
		return KV_TLS_UNKNOWN;
	}
}

const char *
kv_tls_verified_words(long verified)
{
	return X509_verify_cert_error_string(verified);
}
