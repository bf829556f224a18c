#ifndef KV_CACHE_INDEX_RATE_ROWS_H
#define KV_CACHE_INDEX_RATE_ROWS_H
/*
 * Learned request rates, kept between mounts.
 *
 * rows may be NULL, for a volume without an index: then nothing is stored or found.
 */
#include <stdbool.h>
#include <stdint.h>

struct kv_db_table;
struct kv_rate_rows;

/* NULL: out of memory. */
struct kv_rate_rows *kv_rate_rows_new(void);
/* Call after the database is closed. */
void kv_rate_rows_free(struct kv_rate_rows *rows);
struct kv_db_table *kv_rate_rows_table(struct kv_rate_rows *rows);

/*
 * class: a name of kv_throttle_state(). rate, limit: requests per second; limit 0: none discovered. age_s:
 * of the limit. While another process is writing, nothing is stored; the next call will do.
 */
void kv_rate_rows_keep(
    struct kv_rate_rows *rows, const char *class, double rate, double limit, int64_t age_s);
/* *age_s: the age of the limit now. */
bool kv_rate_rows_find(
    struct kv_rate_rows *rows, const char *class, double *rate, double *limit, int64_t *age_s);
#endif
