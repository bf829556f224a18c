#ifndef KV_CLIENT_HTTP_CA_H
#define KV_CLIENT_HTTP_CA_H
/*
 * The CA certificates that kvfs trusts: one store, shared by all connections. A bundle is parsed once. Of a
 * directory of hashed certificates, a file is read when a server's issuer is first looked up.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_ca;

/* Borrowed strings, NULL if not given. file and folder replace the system's certificates. */
struct kv_ca_options {
	const char *added;		  /* the option cacert: PEM, trusted in addition */
	const char *file, *file_from;	  /* PEM, and the variable that names it */
	const char *folder, *folder_from; /* of hashed certificates (several are separated by ':') */
};

/*
 * Opens the files. -errno, and a sentence in why that names the option or the variable, if one does not
 * exist or has no certificate; -ENOMEM. options' strings must outlive the result.
 */
int kv_ca_new(const struct kv_ca_options *options, struct kv_ca **ca, struct kv_buf *why) KV_MUST_CHECK;
void kv_ca_free(struct kv_ca *ca);
/* Read everything again, for later connections. On failure (as above) the old certificates stay in use. */
int kv_ca_reload(struct kv_ca *ca, struct kv_buf *why) KV_MUST_CHECK;
/* Where the certificates are from: "/etc/ssl/certs", "SSL_CERT_FILE=/a.pem cacert=/b.pem". */
const char *kv_ca_source(const struct kv_ca *ca);

/* Makes a connection use the store. ssl_ctx is an SSL_CTX of OpenSSL; ca must outlive it. */
void kv_ca_use(struct kv_ca *ca, void *ssl_ctx);

/* The last certificate that was refused, for messages. */
struct kv_ca_refusal {
	int error;		   /* X509_V_ERR_…; 0: none was refused yet */
	char issuer[160];	   /* of the refused certificate, printable ASCII */
	char starts[24], ends[24]; /* when it is valid: "2026-01-31T23:59:59Z" */
};
const struct kv_ca_refusal *kv_ca_refusal(const struct kv_ca *ca);

/*
 * Whether libcurl uses OpenSSL for TLS, as kv_ca_use() needs: 0, or -ENOTSUP and a sentence. tls is
 * curl_version_info()'s ssl_version, "OpenSSL/3.0.17".
 */
int kv_ca_check_library(const char *tls, struct kv_buf *why) KV_MUST_CHECK;
#endif
