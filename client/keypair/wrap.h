#ifndef KV_CLIENT_KEYPAIR_WRAP_H
#define KV_CLIENT_KEYPAIR_WRAP_H
/*
 * Encrypts a private key with the public key of a key exchange key (KEK), as the HSM of a vault decrypts it:
 * CKM_RSA_AES_KEY_WRAP of PKCS#11, which is RSA-OAEP (SHA-1, MGF1 with SHA-1, no label) of a fresh AES-256 key and, with
 * that, AES-KWP (RFC 5649) of the PKCS#8 form of the key, or of the bytes of a symmetric key.
 *
 * All memory that held a private key is wiped, that of OpenSSL too if kv_crypto_begin() was called.
 */
#include <stddef.h>
#include "client/base/buf.h"
#include "client/base/err.h"

struct kv_json;
struct kv_kek;

/*
 * The KEK, from a JSON Web Key or from PEM. -EINVAL and a sentence in why whose subject is the file if it is no RSA key of
 * 2048, 3072 or 4096 bits. -ENOMEM.
 */
int kv_kek_of_jwk(const struct kv_json *jwk, struct kv_kek **kek, struct kv_buf *why) KV_MUST_CHECK;
int kv_kek_of_pem(const void *pem, size_t len, struct kv_kek **kek, struct kv_buf *why) KV_MUST_CHECK;
void kv_kek_free(struct kv_kek *kek);
int kv_kek_bits(const struct kv_kek *kek);

#define KV_WRAP_TARGET_MAX 8192 /* bytes */

/* The key to be transferred. */
struct kv_wrap_target {
	struct kv_buf plain;   /* what is encrypted */
	const char *kty, *crv; /* "RSA-HSM", "EC-HSM", "oct-HSM"; crv NULL: none */
	int bits;
};
/*
 * Read a private key from the bytes of a file: PEM, DER or PKCS#12, encrypted or not. It must be RSA of 2048, 3072 or
 * 4096 bits, or on P-256, P-384, P-521 or P-256K. password: NULL if there is none. -EPERM if the password is missing or
 * wrong, -EACCES for anything else that is wrong, with a sentence in why whose subject is the file. -ENOMEM. Release
 * target in any case.
 */
int kv_wrap_read(const void *data, size_t len, const char *password, struct kv_wrap_target *target,
    struct kv_buf *why) KV_MUST_CHECK;
/* The same for the bytes of an AES key. */
int kv_wrap_read_oct(
    const void *data, size_t len, struct kv_wrap_target *target, struct kv_buf *why) KV_MUST_CHECK;
void kv_wrap_target_release(struct kv_wrap_target *target);

/* Append the ciphertext. -EIO without random bytes, or if OpenSSL lacks an algorithm; -ENOMEM, -EFBIG. */
int kv_wrap(
    const struct kv_kek *kek, const struct kv_wrap_target *target, struct kv_buf *ciphertext) KV_MUST_CHECK;
#endif
