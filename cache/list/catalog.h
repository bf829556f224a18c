#ifndef KV_CACHE_LIST_CATALOG_H
#define KV_CACHE_LIST_CATALOG_H
/*
 * All known objects of one type, by upper-cased name: listed, or found or restored outside a listing. An
 * object persists across listings, so its holders (a node, a blob) are notified when its item changes.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/object.h"
#include "client/base/err.h"

struct kv_catalog;
struct kv_item;
struct kv_object_rows;

/* object's content has changed, or the object is gone. By then its size is -1. */
typedef void kv_catalog_changed(void *arg, struct kv_object *object);

/* rows: object data kept between mounts, or NULL. NULL: out of memory. */
struct kv_catalog *kv_catalog_new(
    enum kv_type type, struct kv_object_rows *rows, kv_catalog_changed *changed, void *arg);
void kv_catalog_free(struct kv_catalog *catalog);

/* The object called name, in any case; borrowed. NULL: there is none. */
struct kv_object *kv_catalog_find(const struct kv_catalog *catalog, const char *name);
/* Whether an object has this upper-cased name. The signature is that of the is_listed callbacks. */
bool kv_catalog_has_key(const void *catalog, const char *key);
/* Includes hidden objects. */
size_t kv_catalog_count(const struct kv_catalog *catalog);
/* Visits all objects in the order of their upper-cased names. visit must not add or remove objects. */
typedef void kv_catalog_visit(void *arg, struct kv_object *object);
void kv_catalog_each(const struct kv_catalog *catalog, kv_catalog_visit *visit, void *arg);

/*
 * Records that the listing with this serial contains item, in an answer dated wall_date (0: unknown).
 * If that listing contained it already, the later item counts. *object is borrowed; NULL if it was not new,
 * unless it was hidden before and is not now. -ENOMEM.
 */
int kv_catalog_list(struct kv_catalog *catalog, const struct kv_item *item, uint64_t serial,
    int64_t wall_date, struct kv_object **object) KV_MUST_CHECK;
/* item was found or restored outside a listing; its fingerprint is ignored. *object is borrowed. -ENOMEM. */
int kv_catalog_add(
    struct kv_catalog *catalog, const struct kv_item *item, struct kv_object **object) KV_MUST_CHECK;
/*
 * The listing with this serial, begun at mono_started, is complete. Removes all objects that it does not
 * contain, except those added since mono_started, for which it calls keep. -ENOMEM: nothing was removed; or
 * the error of keep.
 */
typedef int kv_catalog_keep(void *arg, struct kv_object *object);
int kv_catalog_sweep(struct kv_catalog *catalog, uint64_t serial, int64_t mono_started, kv_catalog_keep *keep,
    void *arg) KV_MUST_CHECK;
/* object is no longer in the vault: removes it and sets is_gone. */
void kv_catalog_remove(struct kv_catalog *catalog, struct kv_object *object);
/* object's content has changed: its size and digest are unknown again. */
void kv_catalog_invalidate(struct kv_catalog *catalog, struct kv_object *object);

/*
 * The sibling of that kind of an object in the catalog, created if needed; borrowed. If it was fetched more than
 * max_age_s ago, its size becomes unknown, because the list does not show every change of what it contains. NULL:
 * out of memory, or the object is gone.
 */
struct kv_object *kv_catalog_sibling(
    struct kv_catalog *catalog, struct kv_object *object, enum kv_kind kind, int64_t max_age_s);

/* Asserts the invariants at the top of catalog.c. */
void kv_catalog_check(const struct kv_catalog *catalog);
#endif
