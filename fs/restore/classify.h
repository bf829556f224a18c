#ifndef KV_FS_RESTORE_CLASSIFY_H
#define KV_FS_RESTORE_CLASSIFY_H
/*
 * Decides what a file of the drop box is restored as, from its bytes and its folder, before anything is sent.
 * Content that cannot be right is refused here; everything else is left to the vault.
 */
#include <stdbool.h>
#include "client/base/buf.h"
#include "client/vault/type.h"

struct kv_drop;
struct kv_volume;

struct kv_verdict {
	enum kv_type type;
	bool is_guess;	       /* keys and certificates have the same form: try certificate first, then key */
	struct kv_buf decoded; /* the blob, if the file contains it as text; else empty */
};

/*
 * content is the file's, in folder. Release verdict after a failure too. -EINVAL: not a blob, truncated, or
 * of another type than the folder's. -EFBIG. -EACCES: types= excludes this type. Each of these with a
 * sentence in why; -ENOMEM without one.
 */
int kv_classify(const struct kv_volume *volume, const struct kv_buf *content, const struct kv_drop *folder,
    struct kv_verdict *verdict, struct kv_buf *why) KV_MUST_CHECK;
void kv_verdict_release(struct kv_verdict *verdict);

/*
 * Whether a file in folder may start with these bytes, its first write. A tool that ignores errors from close
 * (`echo x >FILE`) must get its error here. An unknown format is left to the vault if the folder gives the
 * type and the write is long enough to be part of a blob.
 */
bool kv_classify_may_begin(const unsigned char *data, size_t len, const struct kv_drop *folder);
#endif
