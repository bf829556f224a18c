#ifndef KV_CACHE_BLOB_ARCHIVERS_H
#define KV_CACHE_BLOB_ARCHIVERS_H
/*
 * Read-ahead by listing, for programs that are known to read what they list (archivers=): when one opens a
 * folder, the first objects of its list are fetched before it asks for them.
 *
 * A process gets 4 objects without a hit, and twice as many with each object that it stats or opens itself,
 * but never more than 64 that it has not read. Once it has passed over 4 of them, it gets none any more,
 * because it reads a selection.
 *
 * These limits are for programs that may read a selection. cp and tar read the names of a folder before they open
 * the first file; for one that is known to read all of them (takes_all), objects are fetched as fast as the list
 * comes in: in flight is what the rate allows in KV_PREFETCH_S, and it ends when the process has exited.
 *
 * Requests are sent every 20 ms, so that answers come together and kvfs wakes up less often.
 */
#include <stdbool.h>
#include <sys/types.h>
#include "cache/object.h"

struct kv_archivers;
struct kv_blobs;
struct kv_listing;
struct kv_loop;
struct kv_throttle;

/* listings: NULL for a type that is not mounted. NULL: out of memory. */
struct kv_archivers *kv_archivers_new(struct kv_loop *loop, struct kv_blobs *blobs,
    struct kv_throttle *throttle, struct kv_listing *const listings[KV_TYPES]);
/* Call before the listings and blobs are freed. NULL does nothing. */
void kv_archivers_free(struct kv_archivers *archivers);

/*
 * The archiver pid begins to read the folder of type. Its earlier readings of that type end. takes_all: it reads
 * each file that it lists.
 */
void kv_archivers_began(struct kv_archivers *archivers, enum kv_type type, pid_t pid, bool takes_all);
/* pid, which may be any process, has called stat on object, or is_read: has opened it. */
void kv_archivers_accessed(
    struct kv_archivers *archivers, const struct kv_object *object, pid_t pid, bool is_read);
/* The listing of type has new objects. */
void kv_archivers_grew(struct kv_archivers *archivers, enum kv_type type);

/* Asserts the invariants at the top of archivers.c. */
void kv_archivers_check(const struct kv_archivers *archivers);
#endif
