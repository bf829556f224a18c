#ifndef LV_STATS_H
#define LV_STATS_H
/* What a vault was asked and what it answered, counted: the oracle of the tests. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/vault/route.h"
#include "tests/vault/text.h"

#define LV_STATUS_NONE 0 /* broken off without an answer */

struct lv_stats;

struct lv_stats *lv_stats_new(void);
void lv_stats_free(struct lv_stats *s);
void lv_stats_reset(struct lv_stats *s); /* what is in flight stays */

void lv_stats_enter(struct lv_stats *s);
void lv_stats_leave(struct lv_stats *s);
void lv_stats_count(struct lv_stats *s, const struct lv_route *route, int status);
void lv_stats_restore_seen(struct lv_stats *s);

/* The members of a JSON object (no braces) for the sum of some. */
void lv_stats_write(struct lv_stats *const *all, size_t count, struct lv_text *out);
#endif
