#ifndef KV_CLIENT_BASE_WORDS_H
#define KV_CLIENT_BASE_WORDS_H
/*
 * Lists of words separated by colons, as in "keys:secrets".
 */
#include <stdbool.h>
#include <stddef.h>

/* Whether word, which is not empty, is in list. list may be NULL: an empty list. */
bool kv_words_has(const char *list, const char *word);
/*
 * Sets *word and *len to the first word of *list, which may be empty and is not NUL-terminated, and
 * moves *list past it. false at the end of the list. A colon at the end adds no word.
 */
bool kv_words_next(const char **list, const char **word, size_t *len);
#endif
