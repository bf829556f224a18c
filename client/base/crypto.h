#ifndef KV_CLIENT_BASE_CRYPTO_H
#define KV_CLIENT_BASE_CRYPTO_H
/*
 * Digests and random identifiers, from OpenSSL and the kernel.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

#define KV_DIGEST_LEN 32 /* bytes */

/* Makes kv_crypto_wipe_freed() possible. To be called before anything else uses OpenSSL; false: too late. */
bool kv_crypto_begin(void);
/*
 * While it is on, OpenSSL wipes all memory that it frees, because its decoders leave copies of private keys. (If it
 * were always on, an archive would cost a tenth more CPU: callgrind/archive of tests/bench.)
 */
void kv_crypto_wipe_freed(bool is_on);
/* OpenSSL's version, "3.0.15". */
const char *kv_crypto_library(void);
/* SHA-256. -ENOMEM. The first call loads the algorithm, and can take a millisecond. */
int kv_crypto_sha256(const void *data, size_t len, unsigned char digest[KV_DIGEST_LEN]) KV_MUST_CHECK;
/* A random version-4 UUID in lower-case text. -EIO if the kernel has no random bytes. */
int kv_crypto_uuid(char uuid[37]) KV_MUST_CHECK;
#endif
