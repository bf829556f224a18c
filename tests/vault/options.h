#ifndef LV_OPTIONS_H
#define LV_OPTIONS_H
/* The command line, checked; the texts are argv's or its own, and live as long as the process. */
#include <stdbool.h>
#include <stdint.h>

#include "tests/vault/text.h"

#define LV_MAX_VAULTS	  32
#define LV_MAX_PRINCIPALS 16
#define LV_MAX_SEEDS	  32

enum lv_deny { LV_DENY_POLICY, LV_DENY_RBAC, LV_DENY_FIREWALL, LV_DENY_CONNECTION, LV_DENY_PRIVATE_LINK };

/* The limit of a vault: so many requests in ten seconds. */
#define LV_LIMIT_NONE	 0
#define LV_LIMIT_SERVICE (-1) /* the service's own table, by kind of key and of request */

struct lv_options_vault {
	char *name, *geo, *subscription;
};

struct lv_options_principal {
	char *id, *secret_file, *rights;
};

struct lv_options_registration {
	char *id, *what,
	    *subject; /* id "": the default principal; a certificate's file, or an issuer and a subject */
};

/* How lists of objects are paged: as Key Vault does, or otherwise (tests/vault/paging.h). */
enum lv_paging { LV_BY_NAME, LV_BY_OFFSET, LV_BY_INSERTION, LV_BY_SNAPSHOT };

struct lv_options {
	/* listen is NULL if it was not given */
	const char *listen, *imds, *arc_tokens, *state, *protection_key, *suffix, *region, *tenant,
	    *client_id, *newest_api;
	const char *challenge_authority, *challenge_tenant, *challenge_resource;
	struct lv_options_vault vaults[LV_MAX_VAULTS];
	struct lv_options_principal principals[LV_MAX_PRINCIPALS];
	struct lv_options_registration registrations[LV_MAX_PRINCIPALS];
	const char *seeds[LV_MAX_SEEDS];
	int vault_count, principal_count, registration_count, seed_count;
	int64_t subscription_limit; /* of all vaults together; 0: none */
	int64_t latency_ms, limit, lag_ms, recover_lag_ms, list_lag_ms, pending_ms, token_life_s;
	/* Unix seconds: sessions were revoked then, and tokens must be requested with that claim; 0: never */
	int64_t wall_revoked;
	int page, max_versions, retry_after_s; /* retry_after_s -1: no header */
	int retention_days;
	enum lv_paging paging;
	int refuse_links;      /* the status with which links are refused that were issued before; 0: none */
	bool has_strict_links; /* of a Managed HSM: a nextLink without an api-version is refused */
	bool is_standard;      /* vaults of the Standard tier, which have no HSM */
	bool is_hsm, stalls_on_too_many, has_purge_protection, has_empty_pages, is_verbose;
	bool prints_env;
	bool has_single_assertions; /* an assertion is accepted once */
	enum lv_deny deny;
};

/* 0; 1 if help was asked for (and printed); -EINVAL and a sentence in why. */
int lv_options_parse(struct lv_options *o, int argc, char **argv, struct lv_text *why);

int lv_options_deny(const char *text, enum lv_deny *deny); /* policy, rbac, firewall */
int lv_options_limit(const char *text, int64_t *limit);	   /* N, none, service */
int lv_options_number(const char *text, int64_t *n);	   /* 0 or -EINVAL */
#endif
