#ifndef KV_TESTS_UNIT_CAUGHT_H
#define KV_TESTS_UNIT_CAUGHT_H
/*
 * The log of the code under test, the audit too, in a file in memory instead of on stderr.
 */

/* From a set-up and a tear-down. What a failed assert_row() says comes out at the end. */
void caught_begin(void);
void caught_end(void);

/* Everything since caught_begin() or caught_clear(), each line with its newline; valid until the next call. */
const char *caught_text(void);
void caught_clear(void);
/* The first line that has text, without its newline, or "" where none has; valid until the next call. */
const char *caught_line(const char *text);
#endif
