#ifndef LV_X509_H
#define LV_X509_H
/*
 * X.509: self-signed certificates, requests, PFX and PEM.
 * Key material is as in material.h; certificates are DER in base64.
 */
#include <stdint.h>

#include "tests/vault/text.h"

struct lv_x509_wish {
	const char *subject;	   /* "CN=db.example.com, O=Example" */
	const char *const *names;  /* DNS names, ended by NULL; may be NULL */
	const char *const *usages; /* OIDs of extended usages, ended by NULL; may be NULL */
	const char *key_usage;	   /* OpenSSL's spelling, "digitalSignature,keyEncipherment" */
	int months;
	int64_t wall_start;
};

struct lv_x509_facts {
	char *x5t;     /* base64url of the SHA-1 */
	char *subject; /* "CN=..." */
	int64_t nbf, exp;
};

/* The base64 text, or NULL; the caller frees it. */
char *lv_x509_self_sign(const char *secret, const struct lv_x509_wish *wish);
char *lv_x509_request(const char *secret, const char *subject);
char *lv_x509_pfx(const char *secret, const char *cer);
char *lv_x509_pem(const char *secret, const char *cer);

/* Take a PFX (base64) or PEM apart: 0, or -EINVAL. The caller frees both. */
int lv_x509_open(const char *value, const char *password, char **secret, char **cer);

int lv_x509_facts(const char *cer, struct lv_x509_facts *facts); /* 0, or -EINVAL */
int lv_x509_matches(const char *cer, const char *secret);	 /* whether they are a pair */
void lv_x509_facts_release(struct lv_x509_facts *facts);
#endif
