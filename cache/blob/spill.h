#ifndef KV_CACHE_BLOB_SPILL_H
#define KV_CACHE_BLOB_SPILL_H
/*
 * A file without a name for blobs that have no room in memory: it is gone with the process, however
 * that ends. Tools stat a whole directory before they read its first file, and what was fetched for
 * its size must not be fetched again.
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

/* room: bytes of the file at most. The file is made when it is first needed. NULL: out of memory. */
struct kv_spill *kv_spill_new(const char *folder, size_t room);
void kv_spill_free(struct kv_spill *spill);

/* -ENOSPC where there is no room in one piece; -errno of the folder or the disk. */
int kv_spill_put(struct kv_spill *spill, const struct kv_blob *blob, struct kv_slot *slot) KV_MUST_CHECK;
/* The blob of len bytes again, whose SHA-256 must be digest: else -EBADMSG. The slot stays. */
int kv_spill_get(struct kv_spill *spill, const struct kv_slot *slot, size_t len,
    const unsigned char digest[KV_DIGEST_LEN], struct kv_blob **blob) KV_MUST_CHECK;
/* The room is free again; on the disk too, once the MiB around it is. */
void kv_spill_drop(struct kv_spill *spill, struct kv_slot *slot);
/* Bytes that are free, in whatever pieces. */
size_t kv_spill_left(const struct kv_spill *spill);
size_t kv_spill_used(const struct kv_spill *spill);

/* Asserts that the map has as many blocks as are counted. */
void kv_spill_check(const struct kv_spill *spill);
#endif
