/* One vault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/auth/token.h"
#include "client/base/buf.h"
#include "client/base/log.h"
#include "client/http/http.h"
#include "client/vault/vault_inside.h"

#define MODULE "vault"

uint64_t
kv_vault_count(const struct kv_vault *vault, enum kv_op op, long status)
{
	return kv_counts_get(&vault->counts, op, status);
}

bool
kv_vault_counted(const struct kv_vault *vault, size_t i, struct kv_vault_counted *counted)
{
	const struct kv_count *c = vault->counts.slots;
	const size_t n = kv_counts_len(&vault->counts);

	if (i < n)
		*counted = (struct kv_vault_counted){ kv_operation(c[i].op)->name, c[i].status, c[i].n };
	else if (i <= n + 1)
		*counted = (struct kv_vault_counted){ "token", i == n ? 200 : 0,
			kv_token_count(vault->auth, i == n) };
	return i <= n + 1;
}

const char *
kv_vault_region(const struct kv_vault *vault)
{
	return vault->region;
}

void
kv_vault_saw_region(struct kv_vault *vault, const char *region)
{
	if (region[0] == '\0' || strcmp(region, vault->region) == 0)
		return;
	if (vault->region[0] != '\0')
		kv_log_event(KV_LOG_WARNING, MODULE, "vault=%s event=failover region=%s before=%s why=%s",
		    kv_vault_name(vault), region, vault->region,
		    "the vault has failed over: restores fail, the newest changes may be missing");
	snprintf(vault->region, sizeof(vault->region), "%s", region);
}

struct kv_vault *
kv_vault_new(struct kv_loop *loop, struct kv_http *http, struct kv_token_cache *auth,
    const struct kv_url *origin, const struct kv_vault_options *options)
{
	struct kv_vault *vault = calloc(1, sizeof(*vault));
	struct kv_buf base;

	if (vault == NULL)
		return NULL;
	vault->loop = loop;
	vault->http = http;
	vault->auth = auth;
	vault->origin = *origin;
	vault->public = options->public.host[0] != '\0' ? options->public : *origin;
	kv_http_init_echo(http, vault->origin.host, &vault->echo);
	vault->blob_silence_s = options->blob_silence_s != 0 ? options->blob_silence_s : 120;
	vault->any_host = options->any_host;
	kv_buf_init(&base, sizeof(vault->base) - 1);
	kv_buf_say(&base, "https://");
	kv_url_say_host(origin, &base);
	snprintf(vault->base, sizeof(vault->base), "%s", kv_buf_str(&base));
	kv_buf_release(&base);
	kv_dialect_init(&vault->dialect, options->api_version, options->older_api_version);
	vault->is_listless = options->is_listless;
	return vault;
}

bool
kv_vault_can_list(const struct kv_vault *vault)
{
	return !vault->is_listless;
}

void
kv_vault_free(struct kv_vault *vault)
{
	if (vault == NULL)
		return;
	while (!LIST_EMPTY(&vault->calls))
		kv_call_cancel(LIST_FIRST(&vault->calls));
	free(vault);
}

const char *
kv_vault_name(const struct kv_vault *vault)
{
	return vault->base + strlen("https://");
}
