#ifndef KV_CLIENT_VAULT_BYOK_H
#define KV_CLIENT_VAULT_BYOK_H
/*
 * Key-transfer packages ("bring your own key"): files with a private key that is encrypted with a key exchange key (KEK)
 * of the vault that it is for. Only the HSM of that vault can decrypt it. The form is JSON (articles/key-vault/keys/
 * byok-specification.md of Microsoft's documentation):
 *
 *	{"schema_version":"1.0.0",
 *	 "header":{"kid":"https://VAULT/keys/KEK/VERSION","alg":"dir","enc":"CKM_RSA_AES_KEY_WRAP"},
 *	 "ciphertext":"<base64url>","generator":"<free text>"}
 *
 * The ciphertext is RSA-OAEP(KEK, an AES key), as long as the KEK's modulus, and AES-KWP(that key, the private key), a
 * multiple of 8. Packages of the tool set of 2016 are binary, in a form that is not published: these are opaque, and
 * only the service can judge them.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"
#include "client/vault/item.h"

struct kv_buf;
struct kv_url;

#define KV_BYOK_MAX ((size_t)256 << 10) /* bytes of a package; a large one has 4 KiB */

/* As what a package can be imported. */
struct kv_byok_type {
	const char *kty, *crv; /* in the request; crv NULL: it has no curve */
	const char *key_ops;   /* JSON: all that the service allows for it, but import and export */
	bool is_hsm;
};
/* crv may be NULL. NULL: there is no such type. */
const struct kv_byok_type *kv_byok_type(const char *kty, const char *crv);
bool kv_byok_is_kty(const char *word);
bool kv_byok_is_crv(const char *word);

#define KV_BYOK_HOST	  300
#define KV_BYOK_GENERATOR 200

struct kv_byok {
	bool is_opaque; /* then nothing else is known */
	size_t
	    start; /* where the JSON begins: after a byte order mark and blanks, which JSON must not have */
	struct kv_item kek;		   /* its name and version */
	char host[KV_BYOK_HOST];	   /* of the vault, with a port other than 443 */
	size_t ciphertext;		   /* bytes */
	char generator[KV_BYOK_GENERATOR]; /* one printable line, cut to fit; "" if there is none */
};

/*
 * Check what can be checked without keys. -EINVAL with a sentence in why whose subject is the file: "is …". -ENOMEM. A
 * file that contains an unencrypted private key is never a package.
 */
int kv_byok_parse(const void *data, size_t len, struct kv_byok *byok, struct kv_buf *why) KV_MUST_CHECK;
/*
 * Whether it can be imported into vault (NULL: any) as type. Otherwise -EINVAL and a sentence in why, as above. An opaque
 * package always can.
 */
int kv_byok_check(const struct kv_byok *byok, const struct kv_url *vault, const struct kv_byok_type *type,
    struct kv_buf *why) KV_MUST_CHECK;
/*
 * Whether a package may begin with these bytes, the first write of a file: a brace, also after blanks, or as many bytes
 * of binary data as an opaque package at least has.
 */
bool kv_byok_may_begin(const unsigned char *data, size_t len);

/* Append the body of the request that imports the package. -EFBIG, -ENOMEM. */
int kv_byok_put_request(const struct kv_byok_type *type, const void *data, size_t len,
    const struct kv_byok *byok, struct kv_buf *body) KV_MUST_CHECK;
/* Append the body of the request that creates a KEK of so many bits, not exportable, which expires at wall_expires (0:
 * never). */
int kv_byok_put_create(int bits, int64_t wall_expires, struct kv_buf *body) KV_MUST_CHECK;
/* Append a package. -EFBIG, -ENOMEM. */
int kv_byok_put_package(
    const char *kid, const struct kv_buf *ciphertext, struct kv_buf *package) KV_MUST_CHECK;
/* Append what the lengths tell about the keys: "an RSA key of 2048 bits, encrypted with a KEK of 4096 bits". */
void kv_byok_guess(const struct kv_byok *byok, struct kv_buf *text);
#endif
