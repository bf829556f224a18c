#ifndef KV_CACHE_BLOB_DISK_H
#define KV_CACHE_BLOB_DISK_H
/*
 * Blobs kept on disk from one mount to the next: a file of mode 0600 for each object. A file is used
 * only if its SHA-256 is the one that the index has for the object, so one that is cut or another
 * mount's is as good as none.
 *
 * With cache=disk all are kept, else those of each type's newest objects: borg never caches the files
 * of the newest ctime that it saw, and reads them again each time.
 */
#include <stdbool.h>
#include "cache/object.h"
#include "client/vault/blob.h"

struct kv_buf;
struct kv_disk;

/* In a folder of vault's own below folder, made 0700 where it is missing. -errno and a sentence in why. */
int kv_disk_new(const char *folder, const char *vault, bool keeps_all, struct kv_disk **disk,
    struct kv_buf *why) KV_MUST_CHECK;
void kv_disk_free(struct kv_disk *disk);

/* Whether object's blob is to be kept. False for disk NULL. */
bool kv_disk_keeps(const struct kv_disk *disk, const struct kv_object *object);
/*
 * These are all objects of type: which of them are the newest, that is updated in the same second; none
 * where these are more than 16, as somebody has imported them. Other files go.
 */
void kv_disk_keep_newest(struct kv_disk *disk, enum kv_type type, struct kv_object *const *objects, size_t n);

/* The first failure is logged, as one line. */
void kv_disk_put(struct kv_disk *disk, const struct kv_object *object, const struct kv_blob *blob);
/* The blob with object's size and digest; NULL where it is not there. */
struct kv_blob *kv_disk_get(struct kv_disk *disk, const struct kv_object *object);
/* Whether there is a file of object's size. */
bool kv_disk_has(const struct kv_disk *disk, const struct kv_object *object);
void kv_disk_drop(struct kv_disk *disk, const struct kv_object *object);
/* What the vault no longer has goes (is_listed is asked for upper-cased names), and what a crash left half-written. */
void kv_disk_prune(struct kv_disk *disk, enum kv_type type,
    bool (*is_listed)(const void *arg, const char *key), const void *arg);
#endif
