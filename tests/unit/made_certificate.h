#ifndef KV_TESTS_UNIT_MADE_CERTIFICATE_H
#define KV_TESTS_UNIT_MADE_CERTIFICATE_H
/* Keys, certificates and files with them, made at run time for tests. A failure aborts the test. */
#include <stddef.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

struct kv_buf;

EVP_PKEY *made_rsa(unsigned int bits);
EVP_PKEY *made_ec(void);
/* Signed by itself, valid from a day before now until days after now; with days < 0, a time that is over. */
X509 *made_certificate(EVP_PKEY *key, const char *name, int days);

/* Append PEM blocks. password NULL: not encrypted. */
void made_pem_certificate(struct kv_buf *file, X509 *certificate);
void made_pem_key(struct kv_buf *file, EVP_PKEY *key, const char *password); /* PKCS#8 */
void made_pem_rsa(struct kv_buf *file, EVP_PKEY *key, const char *password); /* "RSA PRIVATE KEY" */

struct made_pkcs12 {
	EVP_PKEY *key;
	X509 *certificate, *other; /* other may be NULL */
	const char *password;	   /* NULL and "" are two forms of none */
	int cipher;		   /* NID_pbe_WithSHA1And40BitRC2_CBC; 0: AES */
	int rounds;		   /* 0: few */
	int has_no_mac;
};
void made_pkcs12(struct kv_buf *file, const struct made_pkcs12 *of);
#endif
