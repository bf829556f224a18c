#ifndef KV_CACHE_OBJECT_H
#define KV_CACHE_OBJECT_H
/*
 * One key, secret or certificate of the vault as the mount knows it. Its identity is type and
 * upper-cased name (the service does not tell case apart); it lives as long as somebody refers to it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "client/base/crypto.h"
#include "client/vault/type.h"

#define KV_ORDERS 3 /* in which files may be read (cache/blob/prefetch) */

struct kv_pending; /* cache/blob/blobs.c */
struct kv_stored;  /* cache/blob/store.c */

struct kv_object {
	enum kv_type type;
	const char *key;      /* its name, upper-cased */
	uint64_t ino;	      /* st_ino, the same in every mount; without an index a digest of type and key */
	bool is_ino_used;     /* the file system has returned ino to somebody: it must not change any more */
	int64_t wall_updated; /* the newest known, Unix seconds: mtime and ctime */
	int64_t wall_expires; /* as the list says; 0: never */
	bool is_enabled;
	bool is_managed;      /* belongs to a certificate: not shown */
	bool is_gone;	      /* a complete listing did not have it */
	bool has_fingerprint; /* false while it was found or restored but not yet listed */
	unsigned char fingerprint[KV_FINGERPRINT_LEN];
	uint64_t seen;	    /* serial of the newest listing that had it */
	int64_t mono_added; /* when it was found or restored outside a listing */
	int64_t size;	    /* of its blob, bytes; -1 while not known */
	bool has_digest;
	unsigned char digest[KV_DIGEST_LEN]; /* SHA-256 of the blob that was fetched last */
	int64_t wall_fetched;		     /* when that was, by the vault's clock */
	int refused;			     /* -errno of the last backup where that failed, else 0 */
	struct kv_stored *stored;	     /* cache/blob/store' own; NULL where nothing is kept */
	struct kv_pending *pending;	     /* cache/blob/blobs' own; NULL where nothing is under way */
	TAILQ_ENTRY(kv_object) noted;	     /* cache/index/index' own */
	bool is_noted;
	uint32_t position[KV_ORDERS]; /* cache/blob/prefetch' own */
	bool is_ahead;
	unsigned int refs;
	char name[]; /* as the service spells it; the key is behind it */
};

/* One reference, is_gone false, size -1. NULL: out of memory. */
struct kv_object *kv_object_new(enum kv_type type, const char *name);
struct kv_object *kv_object_ref(struct kv_object *object);
/* NULL does nothing. */
void kv_object_unref(struct kv_object *object);

/* Upper-case as the service's row keys are; key has room for KV_NAME_MAX + 1 bytes. */
void kv_object_key(const char *name, char *key);
#endif
