#ifndef LV_MEM_H
#define LV_MEM_H
/*
 * Memory that never fails: a test server without memory has no test to serve, so it says so and
 * ends. Everything is freed with free().
 */
#include <stddef.h>

void *lv_mem_alloc(size_t size); /* zeroed */
void *lv_mem_grow(void *p, size_t size);
char *lv_mem_dup(const char *s); /* NULL gives NULL */
char *lv_mem_ndup(const char *s, size_t len);
#endif
