#ifndef KV_FS_RESTORE_CLASSIFY_H
#define KV_FS_RESTORE_CLASSIFY_H
/*
 * Decides what a file of the drop box is restored as, from its bytes and its folder, before anything is sent.
 * Content that cannot be right is refused here; everything else is left to the vault.
 */
#include <stdbool.h>
#include "client/vault/content.h"

struct kv_drop;
struct kv_volume;

/*
 * bytes are the file's, in folder. As kv_content_judge(); and -EACCES with a sentence in why if types= excludes this type.
 */
int kv_classify(const struct kv_volume *volume, const struct kv_buf *bytes, const struct kv_drop *folder,
    struct kv_content *content, struct kv_buf *why) KV_MUST_CHECK;

/*
 * Whether a file in folder may start with these bytes, its first write. A tool that ignores errors from close
 * (`echo x >FILE`) must get its error here. An unknown format is left to the vault if the folder gives the
 * type and the write is long enough to be part of a blob.
 */
bool kv_classify_may_begin(const unsigned char *data, size_t len, const struct kv_drop *folder);
#endif
