#ifndef KV_CLIENT_KEYPAIR_MATERIAL_H
#define KV_CLIENT_KEYPAIR_MATERIAL_H
/*
 * What was found in a file: one private key and any number of certificates. Used only by this folder:
 * pem, pkcs8 and pkcs12 add to it, keypair and wrap take it over.
 *
 * Functions return 0, -ENOMEM, -EPERM if the password is missing or wrong, or -EACCES for anything else that is wrong
 * with the file; with the last two, why has a sentence whose subject is the file: "contains no private key".
 */
#include <stdbool.h>
#include <stdint.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include "client/base/err.h"

struct kv_buf;

struct kv_material {
	EVP_PKEY *key;
	STACK_OF(X509) * certificates; /* in the order of the file */
	const char *password;	       /* NULL: none */
	bool takes_ec;		       /* the key may be on an elliptic curve; else only RSA */
	struct kv_buf *why;
	/*
	 * Files are decrypted in a context of their own. A file that needs the algorithms of 40 bit and DES that
	 * Windows and OpenSSL 1 write has them loaded there; the rest of the process, TLS above all, never has them.
	 */
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *defaults, *legacy; /* legacy is NULL until it is needed */
	uint64_t work;			  /* rounds of hashing that the file asked for; see pbe.h */
};

int kv_material_init(struct kv_material *m, const char *password, struct kv_buf *why) KV_MUST_CHECK;
void kv_material_release(struct kv_material *m);

/* Load the old algorithms; false where OpenSSL is installed without them. */
bool kv_material_load_legacy(struct kv_material *m);

/* Add a key and take it over, also on failure; NULL stands for an OpenSSL function that failed. */
int kv_material_take_key(struct kv_material *m, EVP_PKEY *key) KV_MUST_CHECK;
int kv_material_add_pkcs8(struct kv_material *m, const PKCS8_PRIV_KEY_INFO *info) KV_MUST_CHECK;
/* Likewise. */
int kv_material_take_certificate(struct kv_material *m, X509 *certificate) KV_MUST_CHECK;

/* Which keys are accepted, as the second half of a sentence. */
const char *kv_material_wanted(const struct kv_material *m);
/* Append a sentence to why; -EACCES. */
int kv_material_refuse(struct kv_material *m, const char *format, ...) KV_PRINTF(2, 3) KV_MUST_CHECK;
/* The sentence for something that is encrypted and could not be decrypted with the password; -EPERM. */
int kv_material_refuse_password(struct kv_material *m) KV_MUST_CHECK;
/* Whether OpenSSL's last function failed for lack of memory. Empties its queue of errors, which TLS looks at. */
bool kv_material_lacks_memory(void);
#endif
