#ifndef KV_TESTS_UNIT_CAUGHT_H
#define KV_TESTS_UNIT_CAUGHT_H
/*
 * Captures the log of the code under test, audit lines included, in a memory file instead of stderr.
 */

/* Call them from set-up and tear-down. caught_end() prints the first message of a failed assert_row(). */
void caught_begin(void);
void caught_end(void);

/* All lines since caught_begin() or caught_clear(), each with its newline; valid until the next call. */
const char *caught_text(void);
void caught_clear(void);
/* The first line that contains text, without its newline; "" if there is none. Valid until the next call. */
const char *caught_line(const char *text);
#endif
