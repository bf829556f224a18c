#ifndef LV_SERVICE_H
#define LV_SERVICE_H
/* What all parts of the running server share, and what one request to a vault carries with it. */
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/vault/access.h"
#include "tests/vault/assertion.h"
#include "tests/vault/blob.h"
#include "tests/vault/fault.h"
#include "tests/vault/http.h"
#include "tests/vault/limit.h"
#include "tests/vault/options.h"
#include "tests/vault/route.h"
#include "tests/vault/stats.h"
#include "tests/vault/store.h"

struct lv_oidc;

struct lv_vault {
	const char *name, *geo, *subscription;
	struct lv_limit *limit;
	struct lv_stats *stats;
};

struct lv_service {
	struct lv_options *options; /* POST /_local/config changes some of them */
	struct lv_store *store;
	struct lv_blob *blob;
	struct lv_access *access;
	struct lv_assertions *assertions;
	struct lv_oidc *oidc;
	struct lv_faults *faults;
	struct lv_http *http;
	struct lv_stats *stats; /* of what belongs to no vault */
	struct lv_vault vaults[LV_MAX_VAULTS];
	int vault_count;
	struct lv_limit *limit; /* of all vaults together */
	int port;
	char tenant[LV_GUID_SIZE];
	struct lv_text arc_key; /* of Arc's last challenge */
	struct lv_pages *pages; /* paging.c's, or NULL */
};

/* One request to a vault. */
struct lv_call {
	struct lv_service *service;
	struct lv_vault *vault;
	const struct lv_request *request;
	struct lv_answer *answer;
	struct lv_route route;
	const struct lv_principal *principal;
	const char *api_version;
	const char *port;	     /* of the Host header, 443 without one */
	char *base;		     /* https://HOST[:PORT], as the ids begin */
	cJSON *json;		     /* the body, or NULL */
	int64_t now;		     /* Unix seconds */
	char activity[LV_GUID_SIZE]; /* x-ms-request-id */
};
#endif
