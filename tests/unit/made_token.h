#ifndef KV_TESTS_UNIT_MADE_TOKEN_H
#define KV_TESTS_UNIT_MADE_TOKEN_H
/*
 * The $skiptokens of Key Vault's lists of secrets.
 */
#include <stdbool.h>

/*
 * Of the page that begins with the name key, in upper case; after_empty: the page before it was empty. Valid
 * until the next call.
 */
const char *made_token(const char *key, bool after_empty);
/* The key in such a token, valid until the next call; *after_empty may be NULL. */
const char *made_token_key(const char *token, bool *after_empty);
#endif
