#ifndef KV_CACHE_OBJECT_H
#define KV_CACHE_OBJECT_H
/*
 * One key, secret or certificate of the vault. Its identity is type and upper-cased name, because Key Vault
 * names are case-insensitive. It is freed with the last reference.
 *
 * What users see of it are files: its blob, and *siblings* that show what the blob hides. A sibling is an
 * object too, of another kind, because its content is fetched, kept and read in the same way. It refers to the
 * object that it describes, has that object's times and fingerprint, and ends with it. An object without a
 * kind, in names and comments, is one with a blob.
 *
 * A field marked "X's" is written only by module X.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "client/base/crypto.h"
#include "client/vault/type.h"

/* The files of an object. */
enum kv_kind {
	KV_KIND_BLOB,
	KV_KIND_JSON, /* its description */
	KV_KIND_PEM   /* a public key, or a certificate */
};
#define KV_KINDS  3

#define KV_ORDERS 3 /* the orders in which files are read (cache/blob/orders) */

struct kv_pending; /* cache/blob/blobs.c */
struct kv_stored;  /* cache/blob/store.c */
struct kv_refusal_row;

struct kv_object {
	enum kv_type type;
	enum kv_kind kind;
	struct kv_object *of; /* a sibling's: the object that it describes, a reference; else NULL */
	struct kv_object
	    *beside;	  /* cache/list/catalog's: its first sibling, a reference, or a sibling's next one */
	const char *key;  /* name in upper case */
	uint64_t ino;	  /* st_ino, the same in every mount; without an index, a digest of type and key */
	bool is_ino_used; /* the file system has returned ino to a caller: it must not change any more */
	int64_t wall_updated; /* latest update of any version, Unix seconds: mtime and ctime */
	int64_t wall_expires; /* from the list, Unix seconds; 0: never */
	bool is_enabled;
	bool is_managed;      /* hidden: belongs to a certificate, or is external */
	bool is_external;     /* a Managed HSM's reference to a key outside of it */
	bool is_gone;	      /* no longer in the vault */
	bool has_fingerprint; /* false until listed, and if listed too soon after a change */
	unsigned char fingerprint[KV_FINGERPRINT_LEN];
	uint64_t seen;		/* cache/list/catalog's: serial of the newest listing that contained it */
	bool is_shown;		/* cache/list/catalog's: that listing shows it; false while it was hidden */
	int64_t mono_added;	/* when it was found or restored outside a listing; 0 once it is listed */
	int64_t mono_recovered; /* when a rename out of deleted/ recovered it; 0: not in this mount */
	int64_t size;		/* of the blob, bytes; -1: unknown */
	bool has_digest;
	unsigned char digest[KV_DIGEST_LEN]; /* SHA-256 of the last blob fetched */
	int64_t wall_fetched;		     /* when it was fetched, by the vault's clock */
	int64_t mono_fetched;		     /* when it was fetched in this mount; 0: not yet */
	bool was_read; /* by this mount: downloaded, or taken from the cache directory; not in the index */
	int refused;   /* -errno of the last backup if it failed, else 0 */
	const struct kv_refusal_row *cause; /* of refused; NULL: no answer that refuses it */
	struct kv_stored *stored;	    /* cache/blob/store's; NULL: no entry */
	struct kv_pending *pending;	    /* cache/blob/blobs's; NULL: no fetch and no recent failure */
	TAILQ_ENTRY(kv_object) noted;	    /* cache/index/object_rows's */
	bool is_noted;			    /* cache/index/object_rows's */
	uint32_t position[KV_ORDERS];	    /* cache/blob/orders's */
	uint8_t ahead_of; /* cache/blob/prefetch's: a bit per stream that prefetched and has not passed it */
	unsigned int refs;
	char name[]; /* in the service's spelling, a sibling's with its suffix; key is stored after it */
};

/* The new object has one reference, is_gone false and size -1. NULL: out of memory. */
struct kv_object *kv_object_new(enum kv_type type, const char *name);
/* Likewise: the sibling "NAME.json" or "NAME.pem" of an object. */
struct kv_object *kv_object_new_sibling(struct kv_object *of, enum kv_kind kind);
/* ".blob", ".json", ".pem" */
const char *kv_object_suffix(enum kv_kind kind);
struct kv_object *kv_object_ref(struct kv_object *object);
/* NULL does nothing. */
void kv_object_unref(struct kv_object *object);

/* The inode number of what has this path in the tree, where there is no index: a digest. -ENOMEM. */
int kv_object_number(const char *path, uint64_t *ino) KV_MUST_CHECK;
/* Stores name in upper case in key, which has room for KV_NAME_MAX + 1 bytes. */
void kv_object_key(const char *name, char *key);
#endif
