#ifndef KV_CLIENT_BASE_CRYPTO_H
#define KV_CLIENT_BASE_CRYPTO_H
/*
 * Digests and random identifiers, from OpenSSL and the kernel.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

#define KV_DIGEST_LEN 32 /* bytes */

/*
 * From now on OpenSSL wipes all memory that it frees: its decoders leave copies of private keys, and TLS passes tokens
 * and blobs. To be called before anything else uses OpenSSL; false: too late, and nothing is changed.
 */
bool kv_crypto_wipe_freed(void);
/* SHA-256. -ENOMEM. The first call loads the algorithm, and can take a millisecond. */
int kv_crypto_sha256(const void *data, size_t len, unsigned char digest[KV_DIGEST_LEN]) KV_MUST_CHECK;
/* A random version-4 UUID in lower-case text. -EIO if the kernel has no random bytes. */
int kv_crypto_uuid(char uuid[37]) KV_MUST_CHECK;
#endif
