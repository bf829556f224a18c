#ifndef KV_CLIENT_VAULT_BLOB_H
#define KV_CLIENT_VAULT_BLOB_H
/*
 * Backup blobs: immutable, reference-counted bytes, what can be determined without the service's keys,
 * and their text forms. A vault's blob is a length byte, a magic of that length and a compact JWE of
 * five base64url parts. Keys and certificates share the magic; a Managed HSM's blob has none. Other
 * servers may use their own formats, so unknown ones are never refused here.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/crypto.h"
#include "client/base/err.h"

#define KV_BLOB_MAX ((size_t)64 << 20) /* bytes; kvfs's own limit */

struct kv_buf;

struct kv_blob {
	size_t len;
	unsigned char *data;
	unsigned char digest[KV_DIGEST_LEN]; /* SHA-256 of data */
	unsigned int refs;
};

/* A new blob with one reference; takes the content out of b, which is then empty. */
int kv_blob_new(struct kv_buf *b, struct kv_blob **blob) KV_MUST_CHECK;
struct kv_blob *kv_blob_ref(struct kv_blob *blob);
/* The last reference wipes and frees it. NULL does nothing. */
void kv_blob_unref(struct kv_blob *blob);

enum kv_blob_format {
	KV_BLOB_UNKNOWN,     /* no known magic: only the service can check it */
	KV_BLOB_KEY_OR_CERT, /* the magic that keys and certificates share */
	KV_BLOB_SECRET,
	KV_BLOB_HSM, /* no magic, a compact JWE */
};
/*
 * The format, by the first bytes. *is_complete is false if a known format is certainly truncated or
 * damaged: it does not have five parts, a part has characters outside base64url, a part is empty (the
 * second part of a JWE with "dir" must be), or the decoded last part does not have the length of the
 * tag that the header names (16, 24 or 32 bytes). KV_BLOB_UNKNOWN is always complete.
 */
enum kv_blob_format kv_blob_look(const unsigned char *data, size_t len, bool *is_complete);

/* How many bytes at the start of data are a byte order mark and blanks. */
size_t kv_blob_text_start(const unsigned char *data, size_t len);
/*
 * If data is the base64url text of a blob (the service's "value"), appends the decoded bytes to raw
 * and returns 1. Text is data that begins like encoded blobs, or anything in double quotes. A byte
 * order mark, surrounding blanks and line ends are ignored. 0: it is not text, use data itself.
 * -ENOMEM, -EFBIG; -EINVAL if it begins like text but is not base64url.
 */
int kv_blob_from_text(const unsigned char *data, size_t len, struct kv_buf *raw) KV_MUST_CHECK;
/*
 * Whether data can be the first bytes of a blob of a known format or of its text forms. A single
 * double quote or brace can; blanks alone cannot, so that `echo >FILE` is refused.
 */
bool kv_blob_may_begin(const unsigned char *data, size_t len);
#endif
