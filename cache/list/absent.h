#ifndef KV_CACHE_LIST_ABSENT_H
#define KV_CACHE_LIST_ABSENT_H
/*
 * The negative cache: up to 64 names that the vault reported as missing within the last 5 s.
 */
#include <stdbool.h>
#include "cache/object.h"

struct kv_absent;

/* NULL: out of memory. */
struct kv_absent *kv_absent_new(void);
void kv_absent_free(struct kv_absent *absent);
/* Records that the vault does not have name. */
void kv_absent_add(struct kv_absent *absent, enum kv_type type, const char *name);
/* Whether name, in exactly this spelling, is known to be missing. */
bool kv_absent_has(const struct kv_absent *absent, enum kv_type type, const char *name);
/* Forgets name in any spelling: a restore may have created it. */
void kv_absent_forget(struct kv_absent *absent, enum kv_type type, const char *name);
#endif
