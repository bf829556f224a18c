#ifndef KV_CLIENT_VAULT_VAULT_INSIDE_H
#define KV_CLIENT_VAULT_VAULT_INSIDE_H
/*
 * What client/vault/vault and client/vault/call share; for nobody else.
 */
#include <sys/queue.h>
#include "client/http/echo.h"
#include "client/http/url.h"
#include "client/vault/counts.h"
#include "client/vault/dialect.h"
#include "client/vault/vault.h"

struct kv_vault {
	struct kv_loop *loop;
	struct kv_http *http;
	struct kv_token_cache *auth;
	struct kv_url origin;
	struct kv_url public; /* the host in ids and links */
	struct kv_echo echo;
	char base[300]; /* "https://host[:port]" */
	struct kv_dialect dialect;
	char region[80];
	unsigned int blob_silence_s;
	bool any_host, is_listless;
	LIST_HEAD(, kv_vault_call) calls;
	struct kv_counts counts;
};

/* An answer named this region; "" if none. A change is a warning in the log. */
void kv_vault_saw_region(struct kv_vault *vault, const char *region);
#endif
