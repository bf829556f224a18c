#ifndef LV_OIDC_H
#define LV_OIDC_H
/*
 * An issuer of tokens that identify a workload: as Kubernetes, GitHub Actions and Azure Pipelines are. One key signs for
 * all of them. What proves to GitHub and Pipelines that a job asks is the default principal's secret.
 */
#include "tests/vault/service.h"

#define LV_GITHUB_ISSUER    "https://token.actions.githubusercontent.com"
#define LV_GITHUB_SUBJECT   "repo:contoso/backup:environment:production"
#define LV_PIPELINES_ISSUER "https://vstoken.dev.azure.com/5d2b6a0c-1f6e-4c0a-9b6b-2f3c9c4a7e10"
/* The subject of a service connection is this and its id. */
#define LV_PIPELINES_SUBJECT "sc://contoso/backup/"

struct lv_oidc;

struct lv_oidc *lv_oidc_new(void);
void lv_oidc_free(struct lv_oidc *o);
/* The key, made when it is first needed. */
EVP_PKEY *lv_oidc_key(struct lv_oidc *o);

/* Append a token; it is valid from now for life_s, which may be negative. */
void lv_oidc_issue(struct lv_oidc *o, const char *issuer, const char *subject, const char *audience,
    int64_t life_s, struct lv_text *out);

/* Requests below /_oidc/. */
void lv_oidc_handle(struct lv_service *s, const struct lv_request *r, struct lv_answer *a);
#endif
