#ifndef KV_CACHE_OBJECT_H
#define KV_CACHE_OBJECT_H
/*
 * One key, secret or certificate of the vault. Its identity is type and upper-cased name, because Key Vault names
 * are case-insensitive; it is freed with the last reference.
 *
 * A field that is commented "X's" is set and read by module X alone; anybody may read the others.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "client/base/crypto.h"
#include "client/vault/type.h"

#define KV_ORDERS 3 /* in which files may be read (cache/blob/orders) */

struct kv_pending; /* cache/blob/blobs.c */
struct kv_stored;  /* cache/blob/store.c */

struct kv_object {
	enum kv_type type;
	const char *key;      /* its name, upper-cased */
	uint64_t ino;	      /* st_ino, the same in every mount; without an index a digest of type and key */
	bool is_ino_used;     /* the file system has returned ino to somebody: it must not change any more */
	int64_t wall_updated; /* the latest of any version, Unix seconds: mtime and ctime */
	int64_t wall_expires; /* as the list has it; 0: never */
	bool is_enabled;
	bool is_managed; /* belongs to a certificate: not shown */
	bool is_gone;	 /* a complete listing did not have it */
	bool
	    has_fingerprint; /* false before its first listing, and after a listing too close to its last change */
	unsigned char fingerprint[KV_FINGERPRINT_LEN];
	uint64_t seen;	    /* cache/list/catalog's: serial of the newest listing that had it */
	int64_t mono_added; /* when it was found or restored outside a listing; 0 once it was listed */
	int64_t size;	    /* of its blob, bytes; -1: unknown */
	bool has_digest;
	unsigned char digest[KV_DIGEST_LEN]; /* SHA-256 of the blob that was fetched last */
	int64_t wall_fetched;		     /* when that was, by the vault's clock */
	int refused;			     /* -errno of the last backup where that failed, else 0 */
	struct kv_stored *stored;	     /* cache/blob/store's; NULL where nothing is kept */
	struct kv_pending *pending;	     /* cache/blob/blobs's; NULL where nothing is under way */
	TAILQ_ENTRY(kv_object) noted;	     /* cache/index/object_rows's */
	bool is_noted;			     /* the same */
	uint32_t position[KV_ORDERS];	     /* cache/blob/orders's */
	uint8_t
	    ahead_of; /* cache/blob/prefetch's: a bit for each stream that fetched it ahead and has not passed it */
	unsigned int refs;
	char name[]; /* in the service's spelling; the key is behind it */
};

/* One reference, is_gone false, size -1. NULL: out of memory. */
struct kv_object *kv_object_new(enum kv_type type, const char *name);
struct kv_object *kv_object_ref(struct kv_object *object);
/* NULL does nothing. */
void kv_object_unref(struct kv_object *object);

/* name in upper case; key has room for KV_NAME_MAX + 1 bytes. */
void kv_object_key(const char *name, char *key);
#endif
