#ifndef KV_TESTS_UNIT_FAKE_VAULT_H
#define KV_TESTS_UNIT_FAKE_VAULT_H
/*
 * The vault of client/vault/vault.h as a function of the test: each call is answered after a while with what
 * that function puts into the reply. tests/unit/fake_loop.h and fake_clock.h must be included too.
 */
#include <stdint.h>
#include "client/vault/vault.h"

/*
 * Fill reply (err 0, status 200 and nothing else before). A page's items and a blob come from
 * fake_vault_page() and fake_vault_blob(), and are freed after the completion. Returns how long the
 * answer takes, in ms; -1: it never comes.
 */
typedef int64_t fake_vault_answer(const struct kv_call *call, struct kv_reply *reply);

/* kv_vault_new() makes one too, whose function is set by fake_vault_use() before the first call. */
struct kv_vault *fake_vault_new(struct kv_loop *loop, fake_vault_answer *answer);
void fake_vault_use(struct kv_vault *vault, fake_vault_answer *answer);
void fake_vault_free(struct kv_vault *vault);

/* The next calls go out only after so many ms, in which their token is waited for; part of what answer says. */
void fake_vault_token_takes(struct kv_vault *vault, int64_t ms);

/* How many calls of op were made, and are under way now. */
int fake_vault_calls(const struct kv_vault *vault, enum kv_op op);
int fake_vault_under_way(const struct kv_vault *vault);

/* A page of the names "a b c", each updated at wall_updated; next_link "" for the last. */
struct kv_page *fake_vault_page(const char *names, int64_t wall_updated, const char *next_link);
struct kv_blob *fake_vault_blob(const char *content);
#endif
