#ifndef KV_FS_CONFIG_NEAREST_H
#define KV_FS_CONFIG_NEAREST_H
/*
 * Which known word is meant by one that is misspelt: the one with the fewest characters to add, omit, change or swap.
 */
#include <stdbool.h>
#include <stddef.h>

/* The distance from which on a name of len bytes is another word. */
size_t kv_nearest_start(size_t len);
/* Whether known is nearer to the first len bytes of name than *least, which becomes its distance. */
bool kv_nearest_is(const char *name, size_t len, const char *known, size_t *least);
#endif
