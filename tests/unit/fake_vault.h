#ifndef KV_TESTS_UNIT_FAKE_VAULT_H
#define KV_TESTS_UNIT_FAKE_VAULT_H
/*
 * Replaces client/vault/vault.h and call.h: after a delay each call gets the reply that a function of the
 * test fills in.
 * Include tests/unit/fake_loop.h and fake_clock.h too.
 */
#include <stdint.h>
#include "client/vault/vault.h"

/*
 * Fill reply (initially err 0, status 200 and nothing else). A page's items and a blob come from
 * fake_vault_page() and fake_vault_blob(), and are freed after the completion. Returns the delay of the
 * answer in ms; -1: it never arrives.
 */
typedef int64_t fake_vault_answer(const struct kv_call *call, struct kv_reply *reply);

/* kv_vault_new() creates one too; set its function with fake_vault_use() before the first call. */
struct kv_vault *fake_vault_new(struct kv_loop *loop, fake_vault_answer *answer);
void fake_vault_use(struct kv_vault *vault, fake_vault_answer *answer);
void fake_vault_free(struct kv_vault *vault);

/*
 * The next calls wait so many ms for their token before they are sent; this is part of the delay that answer
 * returns.
 */
void fake_vault_token_takes(struct kv_vault *vault, int64_t ms);

/* kv_vault_can_list() is false from now on. */
void fake_vault_forbid_lists(struct kv_vault *vault);

/* The number of calls of op, and of all calls in flight. */
int fake_vault_calls(const struct kv_vault *vault, enum kv_op op);
int fake_vault_under_way(const struct kv_vault *vault);

/* A page with the names "a b c", each updated at wall_updated; next_link "" for the last page. */
struct kv_page *fake_vault_page(const char *names, int64_t wall_updated, const char *next_link);
struct kv_blob *fake_vault_blob(const char *content);
#endif
