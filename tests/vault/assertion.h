#ifndef LV_ASSERTION_H
#define LV_ASSERTION_H
/*
 * Client assertions: what applications sign with a certificate that is registered, and tokens of other issuers that are
 * trusted by a federated credential.
 */
#include <openssl/evp.h>
#include <stdbool.h>

#include "tests/vault/http.h"
#include "tests/vault/text.h"

#define LV_EXCHANGE_AUDIENCE "api://AzureADTokenExchange"

struct lv_assertions;

struct lv_assertions *lv_assertions_new(void);
void lv_assertions_free(struct lv_assertions *as);

/* Register a certificate (PEM, the first one) of an application. 0, or -EINVAL and a sentence in why. */
int lv_assertions_add_certificate(
    struct lv_assertions *as, const char *client, const char *pem, struct lv_text *why);
/* Trust tokens of issuer and subject for an application. */
void lv_assertions_add_federation(
    struct lv_assertions *as, const char *client, const char *issuer, const char *subject);
void lv_assertions_forget(struct lv_assertions *as, const char *client);

/* An assertion that comes with a token request. */
struct lv_presented {
	const char *client, *text;
	const char *host, *path, *tenant; /* of the request; where the assertion may be for */
	EVP_PKEY *issuers_key;		  /* of all issuers that are federated */
	bool is_once;			  /* an identifier that was seen is refused; the service does not */
};
/* Whether it proves that the client sends it; false: a has the refusal. */
bool lv_assertions_check(struct lv_assertions *as, const struct lv_presented *p, struct lv_answer *a);
#endif
