#ifndef KV_CACHE_BLOB_DISK_H
#define KV_CACHE_BLOB_DISK_H
/*
 * Blobs kept on disk between mounts: one file of mode 0600 per object. A file is used only if its SHA-256
 * is the one in the index, so a file that is truncated or that another mount wrote does no harm.
 *
 * With cache=disk all blobs are kept, else those of the newest objects of each type: borg never caches
 * files that have the newest ctime it saw, and reads them again each time.
 */
#include <stdbool.h>
#include "cache/object.h"
#include "client/vault/blob.h"

struct kv_buf;
struct kv_disk;

/*
 * Keeps the blobs in a directory for vault below folder, created with mode 0700 if missing. On failure
 * -errno, and a sentence in why.
 */
int kv_disk_new(const char *folder, const char *vault, bool keeps_all, struct kv_disk **disk,
    struct kv_buf *why) KV_MUST_CHECK;
void kv_disk_free(struct kv_disk *disk);

/* Whether object's blob should be kept on disk. False if disk is NULL, and for siblings. */
bool kv_disk_keeps(const struct kv_disk *disk, const struct kv_object *object);
/*
 * objects are all n objects of type. Determines the newest ones, which share the latest update time; none
 * if these are more than 16, because that was an import. Removes the files of all other objects.
 */
void kv_disk_keep_newest(struct kv_disk *disk, enum kv_type type, struct kv_object *const *objects, size_t n);

/* Writes object's blob. Only the first failure is logged, in one line. */
void kv_disk_put(struct kv_disk *disk, const struct kv_object *object, const struct kv_blob *blob);
/* The blob with object's size and digest; NULL: there is none. */
struct kv_blob *kv_disk_get(struct kv_disk *disk, const struct kv_object *object);
/* Whether there is a file of object's size. */
bool kv_disk_has(const struct kv_disk *disk, const struct kv_object *object);
void kv_disk_drop(struct kv_disk *disk, const struct kv_object *object);
/*
 * Removes the files of objects for which is_listed (called with upper-cased names) returns false, and files
 * that a crash left half-written.
 */
void kv_disk_prune(struct kv_disk *disk, enum kv_type type,
    bool (*is_listed)(const void *arg, const char *key), const void *arg);
#endif
