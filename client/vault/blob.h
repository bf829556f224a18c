#ifndef KV_CLIENT_VAULT_BLOB_H
#define KV_CLIENT_VAULT_BLOB_H
/*
 * Backup blobs: immutable counted bytes, what can be told of them without the service's keys, and
 * the two encodings around them. A blob of a vault is a length byte, a magic of that length and a
 * compact JWE of five base64url parts; keys and certificates share the magic; a Managed HSM's has
 * no magic. Servers may use formats of their own, so nothing here refuses an unknown one.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/crypto.h"
#include "client/base/err.h"

#define KV_BLOB_MAX ((size_t)64 << 20) /* bytes; kvfs' own limit */

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
/* The last one wipes. NULL does nothing. */
void kv_blob_unref(struct kv_blob *blob);

enum kv_blob_format {
	KV_BLOB_UNKNOWN,     /* no known magic: only the service can judge */
	KV_BLOB_KEY_OR_CERT, /* the magic that keys and certificates share */
	KV_BLOB_SECRET,
	KV_BLOB_HSM, /* no magic, a compact JWE */
};
/*
 * What the first bytes say. *is_complete: false where a known magic is followed by something that
 * is surely cut: not five parts, a part with other characters than base64url, an empty part (the
 * second one of a JWE with "dir" is empty by right), or a last part whose decoded length is not that of
 * the tag that the header names (16, 24 or 32 bytes). KV_BLOB_UNKNOWN is always complete.
 */
enum kv_blob_format kv_blob_look(const unsigned char *data, size_t len, bool *is_complete);

/* How many bytes of data are a byte order mark and blanks in front. */
size_t kv_blob_text_start(const unsigned char *data, size_t len);
/*
 * Whether data is the base64url text of a blob (the service's own "value"): what begins as one, or anything
 * in double quotes. A byte order mark, blanks around it and line ends within are left out. Then its bytes are
 * appended to raw. 1, 0 (it is not: use data as it is), -ENOMEM or -EFBIG. A text that begins so and is not
 * base64url is -EINVAL.
 */
int kv_blob_from_text(const unsigned char *data, size_t len, struct kv_buf *raw) KV_MUST_CHECK;
/*
 * Whether data can be the first bytes of a blob of a known kind or of one of its text forms. A single quote
 * character or brace can be; blanks alone cannot, so that `echo >FILE` is refused.
 */
bool kv_blob_may_begin(const unsigned char *data, size_t len);
#endif
