#ifndef KV_CLIENT_HTTP_TLS_ERROR_H
#define KV_CLIENT_HTTP_TLS_ERROR_H
/*
 * Why a TLS handshake failed, as far as OpenSSL reports it. Part of client/http/curl_error.
 */

#include <stdbool.h>

enum kv_tls_problem {
	KV_TLS_UNKNOWN, /* none of the others */
	KV_TLS_CA,	/* the certificate is from a CA that is not trusted */
	KV_TLS_EXPIRED, /* the certificate, or its issuer's */
	KV_TLS_NOT_YET, /* the certificate is not valid yet */
	KV_TLS_NAME,	/* the certificate is for another host */
	KV_TLS_REFUSED, /* the certificate is refused for another reason */
	KV_TLS_VERSION, /* no version in common */
	KV_TLS_NOT_TLS, /* the other side speaks another protocol */
	KV_TLS_CLIENT,	/* the server requires a certificate of the client */
	KV_TLS_CLOSED,	/* the other side ended the connection */
	KV_TLS_PROBLEMS,
};

/*
 * verified: CURLINFO_SSL_VERIFYRESULT; is_verification: libcurl reports a problem of the certificate. words:
 * libcurl's message, in which OpenSSL's error number is found.
 */
enum kv_tls_problem kv_tls_problem(long verified, bool is_verification, const char *words);
/* OpenSSL's words for a verification result. */
const char *kv_tls_verified_words(long verified);
#endif
