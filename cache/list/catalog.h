#ifndef KV_CACHE_LIST_CATALOG_H
#define KV_CACHE_LIST_CATALOG_H
/*
 * All objects of one type that are there, by upper-cased name: listed, or found or restored outside a listing.
 * One object goes from listing to listing, so whoever holds it (a node, a blob) is notified when its item
 * changes.
 */
#include <stdbool.h>
#include <stddef.h>
#include "cache/object.h"
#include "client/base/err.h"

struct kv_catalog;
struct kv_item;
struct kv_object_rows;

/* object's content has changed, or the object is gone. Its size is -1 already. */
typedef void kv_catalog_changed(void *arg, struct kv_object *object);

/* rows: what is kept of objects from mount to mount, or NULL. NULL: out of memory. */
struct kv_catalog *kv_catalog_new(
    enum kv_type type, struct kv_object_rows *rows, kv_catalog_changed *changed, void *arg);
void kv_catalog_free(struct kv_catalog *catalog);

/* name in any case; NULL where it is not there. Borrowed. */
struct kv_object *kv_catalog_find(const struct kv_catalog *catalog, const char *name);
/* The same, as a callback of its users; key is upper-cased. */
bool kv_catalog_has_key(const void *catalog, const char *key);
/* Hidden ones too. */
size_t kv_catalog_count(const struct kv_catalog *catalog);
/* In the order of their upper-cased names. visit must not add or remove. */
typedef void kv_catalog_visit(void *arg, struct kv_object *object);
void kv_catalog_each(const struct kv_catalog *catalog, kv_catalog_visit *visit, void *arg);

/*
 * The listing of that serial has item, in an answer of wall_date (0: unknown). *object is borrowed, or NULL
 * where that listing had it already. -ENOMEM.
 */
int kv_catalog_list(struct kv_catalog *catalog, const struct kv_item *item, uint64_t serial,
    int64_t wall_date, struct kv_object **object) KV_MUST_CHECK;
/* item was found or restored outside a listing; its fingerprint is not used. -ENOMEM. */
int kv_catalog_add(
    struct kv_catalog *catalog, const struct kv_item *item, struct kv_object **object) KV_MUST_CHECK;
/*
 * The listing of that serial, begun at mono_started, is complete: what it did not have is removed, but for what
 * was added meanwhile, for which keep is called. -ENOMEM: nothing was removed; or what keep returned.
 */
typedef int kv_catalog_keep(void *arg, struct kv_object *object);
int kv_catalog_sweep(struct kv_catalog *catalog, uint64_t serial, int64_t mono_started, kv_catalog_keep *keep,
    void *arg) KV_MUST_CHECK;
/* It is no longer in the vault; is_gone. */
void kv_catalog_remove(struct kv_catalog *catalog, struct kv_object *object);
/* Its content has changed, which no item shows. */
void kv_catalog_invalidate(struct kv_catalog *catalog, struct kv_object *object);

/* Asserts the invariants at the top of catalog.c. */
void kv_catalog_check(const struct kv_catalog *catalog);
#endif
