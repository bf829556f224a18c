#ifndef KV_CLIENT_VAULT_VAULT_H
#define KV_CLIENT_VAULT_VAULT_H
/*
 * One vault: where it is, which API it speaks, and what was counted. client/vault/call sends requests to it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/http/url.h"
#include "client/vault/call.h"

struct kv_http;
struct kv_loop;
struct kv_token_cache;

struct kv_vault_options {
	const char *api_version; /* "7.4" */
	/*
	 * The version with which a request is repeated, and all later ones are sent, after the vault has not
	 * accepted api_version: it answers 400 to a list, or its message says so. NULL: no other.
	 */
	const char *older_api_version;
	struct kv_url public;	     /* the host in ids and links, if it is not origin's; host "": it is */
	unsigned int blob_silence_s; /* silence after which a backup or restore attempt fails; 0: 120 */
	bool any_host;		     /* ids in lists may name another host: an emulator */
	bool is_listless;	     /* the caller may not read lists, nor those of versions */
};
/* origin (https) is copied. NULL: out of memory. */
struct kv_vault *kv_vault_new(struct kv_loop *loop, struct kv_http *http, struct kv_token_cache *auth,
    const struct kv_url *origin, const struct kv_vault_options *options);
void kv_vault_free(struct kv_vault *vault);
/* false: is_listless; then no list is to be requested. */
bool kv_vault_can_list(const struct kv_vault *vault);
/* "myvault.vault.azure.net" or "host:8443", for the log. */
const char *kv_vault_name(const struct kv_vault *vault);

/* How many requests of op got status (0: no answer). */
uint64_t kv_vault_count(const struct kv_vault *vault, enum kv_op op, long status);
/* The i-th of all counters, from 0, tokens included; false after the last. */
struct kv_vault_counted {
	const char *operation;
	long status; /* 0: no answer, or no token */
	uint64_t n;
};
bool kv_vault_counted(const struct kv_vault *vault, size_t i, struct kv_vault_counted *counted);
/* The vault's region as it reports it; "" before its first answer. */
const char *kv_vault_region(const struct kv_vault *vault);
#endif
