/* What is below /_local, for tests: no token, no latency, no limit. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/api.h"
#include "tests/vault/body.h"
#include "tests/vault/clock.h"
#include "tests/vault/control.h"
#include "tests/vault/dump.h"
#include "tests/vault/mem.h"
#include "tests/vault/paging.h"
#include "tests/vault/oidc.h"
#include "tests/vault/seed.h"

static void
refuse(struct lv_answer *a, int status, const char *why)
{
	a->status = status;
	lv_text_puts(&a->body, "{\"error\":");
	lv_text_string(&a->body, why);
	lv_text_puts(&a->body, "}");
}

static void
write_window(struct lv_service *s, const struct lv_vault *v, struct lv_text *out)
{
	int64_t limit = s->options->limit;

	lv_text_puts(out, ",\"window\":{\"limit\":");
	lv_text_number(out, limit);
	lv_text_puts(out, ",\"used\":");
	lv_text_number(out, lv_limit_used(v->limit, limit, lv_clock_mono_us()));
	lv_text_puts(out, ",\"seconds\":10}");
}

static void
stats(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	struct lv_stats *all[LV_MAX_VAULTS + 1] = { s->stats };
	struct lv_text *out = &a->body;
	int i;

	(void)r;
	for (i = 0; i < s->vault_count; i++)
		all[i + 1] = s->vaults[i].stats;
	lv_text_puts(out, "{");
	lv_stats_write(all, (size_t)s->vault_count + 1, out);
	lv_text_printf(out, ",\"connections_opened\":%llu", (unsigned long long)lv_http_connections(s->http));
	lv_text_puts(out, ",\"vaults\":{");
	for (i = 0; i < s->vault_count; i++) {
		lv_text_comma(out);
		lv_text_printf(out, "\"%s\":{", s->vaults[i].name);
		lv_stats_write(&all[i + 1], 1, out);
		write_window(s, &s->vaults[i], out);
		lv_text_puts(out, "}");
	}
	lv_text_puts(out, "}}");
}

static void
reset_stats(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	int i;

	(void)r;
	(void)a;
	lv_stats_reset(s->stats);
	for (i = 0; i < s->vault_count; i++)
		lv_stats_reset(s->vaults[i].stats);
}

static void
get_faults(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	(void)r;
	lv_faults_write(s->faults, &a->body);
}

static void
set_faults(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	cJSON *json = cJSON_Parse(r->body);
	struct lv_text why = { 0 };

	if (lv_faults_add(s->faults, json, &why) != 0)
		refuse(a, 400, why.data);
	lv_text_release(&why);
	cJSON_Delete(json);
}

static void
clear_faults(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	(void)r;
	(void)a;
	lv_faults_clear(s->faults);
	lv_http_let_go(s->http);
}

static void
write_settings(const struct lv_options *o, struct lv_text *out)
{
	lv_text_printf(out,
	    "{\"latency_ms\":%lld,\"lag_ms\":%lld,\"recover_lag_ms\":%lld,\"list_lag_ms\":%lld,\"pending_ms\":%lld,\"token_life_s\":%lld,"
	    "\"wall_revoked\":%lld,\"max_versions\":%d,\"page\":%d,\"retry_after_s\":%d,\"empty_pages\":%s,"
	    "\"too_many\":\"%s\",\"purge_protection\":%s,\"region\":",
	    (long long)o->latency_ms, (long long)o->lag_ms, (long long)o->recover_lag_ms,
	    (long long)o->list_lag_ms, (long long)o->pending_ms, (long long)o->token_life_s,
	    (long long)o->wall_revoked, o->max_versions, o->page, o->retry_after_s,
	    o->has_empty_pages ? "true" : "false", o->stalls_on_too_many ? "stall" : "400",
	    o->has_purge_protection ? "true" : "false");
	lv_text_string(out, o->region);
	if (o->limit == LV_LIMIT_SERVICE)
		lv_text_puts(out, ",\"limit\":\"service\"}");
	else
		lv_text_printf(out, ",\"limit\":%lld}", (long long)o->limit);
}

static void
get_settings(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	(void)r;
	write_settings(s->options, &a->body);
}

static int
set_number(struct lv_options *o, const char *name, int64_t n)
{
	if (strcmp(name, "latency_ms") == 0)
		o->latency_ms = n;
	else if (strcmp(name, "lag_ms") == 0)
		o->lag_ms = n;
	else if (strcmp(name, "recover_lag_ms") == 0)
		o->recover_lag_ms = n;
	else if (strcmp(name, "list_lag_ms") == 0)
		o->list_lag_ms = n;
	else if (strcmp(name, "pending_ms") == 0)
		o->pending_ms = n;
	else if (strcmp(name, "token_life_s") == 0)
		o->token_life_s = n;
	else if (strcmp(name, "wall_revoked") == 0)
		o->wall_revoked = n;
	else if (strcmp(name, "max_versions") == 0)
		o->max_versions = (int)n;
	else if (strcmp(name, "page") == 0 && n >= 1 && n <= 25)
		o->page = (int)n;
	else if (strcmp(name, "refuse_links") == 0)
		o->refuse_links = (int)n;
	else if (strcmp(name, "retry_after_s") == 0)
		o->retry_after_s = (int)n;
	else if (strcmp(name, "limit") == 0 && n >= 0)
		o->limit = n;
	else if (strcmp(name, "subscription_limit") == 0 && n >= 0)
		o->subscription_limit = n;
	else
		return -EINVAL;
	return 0;
}

static int
set_setting(struct lv_options *o, const cJSON *member)
{
	const char *name = member->string, *text = cJSON_GetStringValue(member);

	if (cJSON_IsNumber(member))
		return set_number(o, name, (int64_t)member->valuedouble);
	if (cJSON_IsBool(member) && strcmp(name, "empty_pages") == 0)
		o->has_empty_pages = cJSON_IsTrue(member);
	else if (cJSON_IsBool(member) && strcmp(name, "single_assertions") == 0)
		o->has_single_assertions = cJSON_IsTrue(member);
	else if (cJSON_IsBool(member) && strcmp(name, "strict_links") == 0)
		o->has_strict_links = cJSON_IsTrue(member);
	else if (cJSON_IsBool(member) && strcmp(name, "purge_protection") == 0)
		o->has_purge_protection = cJSON_IsTrue(member);
	else if (text != NULL && strcmp(name, "paging") == 0)
		return lv_paging_parse(text, &o->paging);
	else if (text != NULL && strcmp(name, "limit") == 0)
		return lv_options_limit(text, &o->limit);
	else if (text != NULL && strcmp(name, "too_many") == 0)
		o->stalls_on_too_many = strcmp(text, "stall") == 0;
	else if (text != NULL && strcmp(name, "newest_api") == 0 && lv_api_is_known(text, LV_API_NEWEST))
		o->newest_api = lv_mem_dup(text);
	else if (text != NULL && strcmp(name, "region") == 0)
		o->region = lv_mem_dup(text); /* a few bytes for each failover that is played */
	else
		return -EINVAL;
	return 0;
}

static void
set_settings(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	cJSON *json = cJSON_Parse(r->body), *member;
	struct lv_text why = { 0 };

	if (!cJSON_IsObject(json))
		lv_text_puts(&why, "the settings are a JSON object");
	cJSON_ArrayForEach(member, json) {
		if (set_setting(s->options, member) != 0)
			lv_text_printf(&why, "no such setting or value: %s", member->string);
	}
	if (why.len > 0)
		refuse(a, 400, why.data);
	else
		write_settings(s->options, &a->body);
	if (s->options->list_lag_ms > 0)
		lv_store_keep_past(s->store);
	lv_text_release(&why);
	cJSON_Delete(json);
}

static void
set_rights(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	cJSON *json = cJSON_Parse(r->body);
	const char *rights = lv_body_string(json, "rights"), *kind = lv_body_string(json, "deny_kind");
	const char *id = lv_body_string(json, "principal");
	struct lv_text why = { 0 };
	enum lv_deny deny;
	int err = json != NULL ? 0 : -EINVAL;

	if (err == 0 && rights != NULL)
		err = lv_access_set_rights(s->access, id, rights, &why);
	if (err == 0 && kind != NULL && (err = lv_options_deny(kind, &deny)) == 0)
		lv_access_set_deny(s->access, id, deny);
	if (err != 0)
		refuse(a, 400, lv_text_str(&why));
	lv_text_release(&why);
	cJSON_Delete(json);
}

/* The principal of a member "principal", or the default one; NULL: a has the refusal. */
static const struct lv_principal *
find_principal(struct lv_service *s, const cJSON *json, struct lv_answer *a)
{
	const struct lv_principal *p = lv_access_find(s->access, lv_body_string(json, "principal"));

	if (p == NULL)
		refuse(a, 400, "there is no such principal");
	return p;
}

/* What proves a client: {"certificate": PEM} or {"issuer": ..., "subject": ...}. */
static void
add_registration(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	cJSON *json = cJSON_Parse(r->body);
	const char *pem = lv_body_string(json, "certificate"), *issuer = lv_body_string(json, "issuer");
	const char *subject = lv_body_string(json, "subject");
	const struct lv_principal *p = find_principal(s, json, a);
	struct lv_text why = { 0 };

	if (p != NULL && pem != NULL && lv_assertions_add_certificate(s->assertions, p->id, pem, &why) != 0)
		refuse(a, 400, why.data);
	else if (p != NULL && pem == NULL && (issuer == NULL || subject == NULL))
		refuse(a, 400, "a registration has a certificate, or an issuer and a subject");
	else if (p != NULL && pem == NULL)
		lv_assertions_add_federation(s->assertions, p->id, issuer, subject);
	lv_text_release(&why);
	cJSON_Delete(json);
}

static void
end_registrations(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	(void)r;
	(void)a;
	lv_assertions_forget(s->assertions, NULL);
}

/* A token that identifies a workload: {"issuer": ..., "subject": ..., "audience": ..., "life_s": ...}. */
static void
issue(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	cJSON *json = cJSON_Parse(r->body);
	const char *issuer = lv_body_string(json, "issuer"), *subject = lv_body_string(json, "subject");
	const char *audience = lv_body_string(json, "audience");
	const cJSON *life = cJSON_GetObjectItemCaseSensitive(json, "life_s");
	struct lv_text token = { 0 };

	if (issuer == NULL || subject == NULL) {
		refuse(a, 400, "a token has an issuer and a subject");
	} else {
		lv_oidc_issue(s->oidc, issuer, subject, audience != NULL ? audience : LV_EXCHANGE_AUDIENCE,
		    cJSON_IsNumber(life) ? (int64_t)life->valuedouble : 3600, &token);
		lv_text_printf(&a->body, "{\"token\":\"%s\"}", token.data);
	}
	lv_text_release(&token);
	cJSON_Delete(json);
}

static void
seed(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	struct lv_text why = { 0 };

	if (lv_seed(s, r->body, &why) != 0)
		refuse(a, 400, why.data);
	lv_text_release(&why);
}

static void
dump(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	const char *vault = lv_http_query(r, "vault");
	int i;

	for (i = 0; i < s->vault_count; i++)
		if (vault == NULL || strcasecmp(s->vaults[i].name, vault) == 0) {
			lv_dump_vault(s->store, s->vaults[i].name, &a->body);
			return;
		}
	refuse(a, 404, "no such vault");
}

void
lv_control_handle(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	static const struct {
		const char *method, *path;
		void (*act)(struct lv_service *, const struct lv_request *, struct lv_answer *);
	} table[] = {
		{ "GET", "/_local/stats", stats },
		{ "POST", "/_local/stats/reset", reset_stats },
		{ "GET", "/_local/faults", get_faults },
		{ "POST", "/_local/faults", set_faults },
		{ "DELETE", "/_local/faults", clear_faults },
		{ "GET", "/_local/config", get_settings },
		{ "POST", "/_local/config", set_settings },
		{ "POST", "/_local/rights", set_rights },
		{ "POST", "/_local/registrations", add_registration },
		{ "DELETE", "/_local/registrations", end_registrations },
		{ "POST", "/_local/oidc", issue },
		{ "POST", "/_local/seed", seed },
		{ "GET", "/_local/dump", dump },
	};
	size_t i;

	a->status = 200;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(r->path, table[i].path) == 0 && strcmp(r->method, table[i].method) == 0) {
			table[i].act(s, r, a);
			break;
		}
	if (i == sizeof(table) / sizeof(table[0]))
		refuse(a, 404, "no such thing below /_local");
	else if (a->body.len == 0)
		lv_text_puts(&a->body, "{}");
}
