#ifndef KV_CLIENT_KEYPAIR_KEYPAIR_H
#define KV_CLIENT_KEYPAIR_KEYPAIR_H
/*
 * A certificate with its private RSA key, as a client authenticates itself with. The private key is wiped when it is
 * freed. Not one of these functions ever asks for a password on the terminal.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/crypto.h"
#include "client/base/err.h"

struct kv_buf;
struct kv_keypair;

/*
 * Parses the bytes of a file, PEM or PKCS#12. password is NULL or "" if there is none; a password that is not needed is
 * ignored. The certificate that belongs to the key becomes the first of the chain, the others keep their order.
 *
 * -EPERM if the password is missing or wrong, -EACCES for anything else that is wrong with the file: why then
 * has a sentence whose subject is the file ("contains no private key"). -ENOMEM. It may take seconds if the file asks
 * for many rounds of hashing the password (client/keypair/pbe.h).
 */
int kv_keypair_parse(const void *data, size_t len, const char *password, struct kv_keypair **pair,
    struct kv_buf *why) KV_MUST_CHECK;
void kv_keypair_free(struct kv_keypair *pair);

/*
 * Append to signature the signature PS256 (RSASSA-PSS with SHA-256, MGF1 with SHA-256, a salt of 32 bytes; RFC 7518,
 * 3.5). -EACCES: the key is too short or damaged. -ENOMEM, -EFBIG.
 */
int kv_keypair_sign(
    const struct kv_keypair *pair, const void *data, size_t len, struct kv_buf *signature) KV_MUST_CHECK;
/* The SHA-256 digest of the first certificate's DER. */
const unsigned char *kv_keypair_thumbprint(const struct kv_keypair *pair);
/* The certificates of the chain, at least one; the DER of the i-th. */
size_t kv_keypair_count(const struct kv_keypair *pair);
const unsigned char *kv_keypair_der(const struct kv_keypair *pair, size_t i, size_t *len);
/*
 * Whether the first certificate is valid at an instant in Unix seconds; if not, why has a sentence: "the certificate
 * expired on 2026-01-31". The token service refuses such a certificate (AADSTS700027).
 */
bool kv_keypair_is_valid(const struct kv_keypair *pair, int64_t wall_s, struct kv_buf *why);
#endif
