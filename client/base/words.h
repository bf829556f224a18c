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
 * The first word of *list, which need not end in NUL and can be empty, into *word and *len; *list is moved
 * past it. false at the end of the list. A colon at the end of the list adds no word.
 */
bool kv_words_next(const char **list, const char **word, size_t *len);
#endif
