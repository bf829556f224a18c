#ifndef KV_CLIENT_VAULT_CONTENT_H
#define KV_CLIENT_VAULT_CONTENT_H
/*
 * Decides from the bytes of a file, and from the folder that it is in, what it could be restored as. Content that cannot
 * be right is refused here; everything else is left to the vault.
 */
#include <stdbool.h>
#include "client/base/buf.h"
#include "client/base/err.h"
#include "client/vault/type.h"

struct kv_content {
	enum kv_type type;
	bool is_guess; /* keys and certificates have the same form: try certificate first, then key */
	bool is_known; /* a form that kvfs recognises, so that damage shows; else only the vault can tell */
	struct kv_buf decoded; /* the blob, if the file contains it as text; else empty */
};

/*
 * folder: its type, NULL without one. Release content after a failure too. -EINVAL: not a blob, truncated, or of another
 * type than the folder's. -EFBIG. Each of these with a sentence in why; -ENOMEM without one.
 */
int kv_content_judge(const struct kv_buf *bytes, const enum kv_type *folder, struct kv_content *content,
    struct kv_buf *why) KV_MUST_CHECK;
/* The blob itself: decoded, or bytes. */
const struct kv_buf *kv_content_blob(const struct kv_content *content, const struct kv_buf *bytes);
void kv_content_release(struct kv_content *content);
#endif
