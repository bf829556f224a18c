#ifndef KV_CACHE_BLOB_SPILL_H
#define KV_CACHE_BLOB_SPILL_H
/*
 * An unlinked file for blobs that do not fit in memory: it vanishes with the process, however that ends.
 * Tools stat a whole directory before they read its first file, and a blob fetched for its size must not be
 * fetched again.
 */
#include <stddef.h>
#include <stdint.h>
#include "client/vault/blob.h"

struct kv_spill;

#define KV_SPILL_BLOCK ((size_t)4096)

/* Where a blob is in the file. n 0: nowhere. */
struct kv_slot {
	uint32_t first, n; /* blocks of KV_SPILL_BLOCK bytes */
};

/* room: most bytes of the file, which is created when it is first needed. NULL: out of memory. */
struct kv_spill *kv_spill_new(const char *folder, size_t room);
void kv_spill_free(struct kv_spill *spill);

/* -ENOSPC: there is no contiguous room; or the -errno of the folder or the disk. */
int kv_spill_put(struct kv_spill *spill, const struct kv_blob *blob, struct kv_slot *slot) KV_MUST_CHECK;
/* Reads back the blob of len bytes. -EBADMSG: its SHA-256 is not digest. The slot stays in use. */
int kv_spill_get(struct kv_spill *spill, const struct kv_slot *slot, size_t len,
    const unsigned char digest[KV_DIGEST_LEN], struct kv_blob **blob) KV_MUST_CHECK;
/* Frees the slot; its disk space too, once the MiB around it is free. */
void kv_spill_drop(struct kv_spill *spill, struct kv_slot *slot);
/* Free bytes, not necessarily contiguous. */
size_t kv_spill_left(const struct kv_spill *spill);
size_t kv_spill_used(const struct kv_spill *spill);

/* Asserts that the map has as many used blocks as are counted. */
void kv_spill_check(const struct kv_spill *spill);
#endif
