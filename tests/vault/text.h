#ifndef LV_TEXT_H
#define LV_TEXT_H
/*
 * A growing text, always ended by a NUL that is not counted, and the few writers that JSON needs.
 * A text set to zeroes is empty and valid; its data is NULL until something is written.
 */
#include <stddef.h>
#include <stdint.h>

struct lv_text {
	char *data;
	size_t len;
	size_t size;
};

void lv_text_release(struct lv_text *t);
void lv_text_clear(struct lv_text *t); /* keeps the memory */
char *lv_text_take(struct lv_text *t); /* the caller frees it; never NULL; t is empty after it */
const char *lv_text_str(const struct lv_text *t);

/* len more bytes for the caller to fill at once; valid until the next write. */
char *lv_text_room(struct lv_text *t, size_t len);
void lv_text_add(struct lv_text *t, const void *data, size_t len);
void lv_text_puts(struct lv_text *t, const char *s);
void lv_text_number(struct lv_text *t, int64_t n);
void lv_text_printf(struct lv_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lv_text_string(struct lv_text *t, const char *s); /* as a JSON string; NULL as null */

/* A comma, unless this is the first thing in an object or an array. */
void lv_text_comma(struct lv_text *t);
#endif
