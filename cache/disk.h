#ifndef KV_CACHE_DISK_H
#define KV_CACHE_DISK_H
/*
 * Blobs kept on disk from one mount to the next (cache=disk): a file of mode 0600 for each object. A
 * file is believed only when its SHA-256 is the one that the index has for the object, so one that is
 * cut or another mount's is as good as none.
 */
#include <stdbool.h>
#include "cache/object.h"
#include "client/blob.h"

struct kv_buf;
struct kv_disk;

/* In a folder of vault's own below folder, made 0700 where it is missing. -errno and a sentence in why. */
int kv_disk_new(
    const char *folder, const char *vault, struct kv_disk **disk, struct kv_buf *why) KV_MUST_CHECK;
void kv_disk_free(struct kv_disk *disk);

/* Of failures it says one line in the log, the first time. */
void kv_disk_put(struct kv_disk *disk, const struct kv_object *object, const struct kv_blob *blob);
/* The blob with object's size and digest; NULL where it is not there. */
struct kv_blob *kv_disk_get(struct kv_disk *disk, const struct kv_object *object);
/* Whether there is a file of object's size. */
bool kv_disk_has(const struct kv_disk *disk, const struct kv_object *object);
void kv_disk_drop(struct kv_disk *disk, const struct kv_object *object);
/* What the vault no longer has: is_listed is asked for upper-cased names. */
void kv_disk_prune(
    struct kv_disk *disk, enum kv_type type, bool (*is_listed)(void *arg, const char *key), void *arg);
#endif
