#ifndef KV_CACHE_LIST_ABSENT_H
#define KV_CACHE_LIST_ABSENT_H
/*
 * The negative cache: names that the vault did not have when it was asked within the last 5 s. It holds 64.
 */
#include <stdbool.h>
#include "cache/object.h"

struct kv_absent;

/* NULL: out of memory. */
struct kv_absent *kv_absent_new(void);
void kv_absent_free(struct kv_absent *absent);
/* The vault does not have name now. */
void kv_absent_add(struct kv_absent *absent, enum kv_type type, const char *name);
/* Of exactly this spelling. */
bool kv_absent_has(const struct kv_absent *absent, enum kv_type type, const char *name);
/* It was restored: name may be there now, in any spelling. */
void kv_absent_forget(struct kv_absent *absent, enum kv_type type, const char *name);
#endif
