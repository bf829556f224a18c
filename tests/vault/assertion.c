/* Client assertions. */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tests/vault/aadsts.h"
#include "tests/vault/assertion.h"
#include "tests/vault/clock.h"
#include "tests/vault/encode.h"
#include "tests/vault/jwt.h"
#include "tests/vault/mem.h"

#define SKEW_S 300

struct certificate {
	char *client;
	X509 *x509;
	unsigned char sha1[SHA_DIGEST_LENGTH], sha256[SHA256_DIGEST_LENGTH];
	struct certificate *next;
};

struct federation {
	char *client, *issuer, *subject;
	struct federation *next;
};

struct seen {
	char *id;
	struct seen *next;
};

struct lv_assertions {
	struct certificate *certificates;
	struct federation *federations;
	struct seen *seen;
};

struct lv_assertions *
lv_assertions_new(void)
{
	return lv_mem_alloc(sizeof(struct lv_assertions));
}

void
lv_assertions_forget(struct lv_assertions *as, const char *client)
{
	struct certificate **c = &as->certificates, *certificate;
	struct federation **f = &as->federations, *federation;

	while ((certificate = *c) != NULL)
		if (client == NULL || strcasecmp(certificate->client, client) == 0) {
			*c = certificate->next;
			X509_free(certificate->x509);
			free(certificate->client);
			free(certificate);
		} else {
			c = &certificate->next;
		}
	while ((federation = *f) != NULL)
		if (client == NULL || strcasecmp(federation->client, client) == 0) {
			*f = federation->next;
			free(federation->client);
			free(federation->issuer);
			free(federation->subject);
			free(federation);
		} else {
			f = &federation->next;
		}
}

void
lv_assertions_free(struct lv_assertions *as)
{
	struct seen *seen;

	if (as == NULL)
		return;
	lv_assertions_forget(as, NULL);
	while ((seen = as->seen) != NULL) {
		as->seen = seen->next;
		free(seen->id);
		free(seen);
	}
	free(as);
}

int
lv_assertions_add_certificate(
    struct lv_assertions *as, const char *client, const char *pem, struct lv_text *why)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	struct certificate *c;

	BIO_free(bio);
	if (x509 == NULL) {
		lv_text_puts(why, "there is no certificate in PEM form");
		return -EINVAL;
	}
	c = lv_mem_alloc(sizeof(*c));
	c->client = lv_mem_dup(client);
	c->x509 = x509;
	X509_digest(x509, EVP_sha1(), c->sha1, NULL);
	X509_digest(x509, EVP_sha256(), c->sha256, NULL);
	c->next = as->certificates;
	as->certificates = c;
	return 0;
}

void
lv_assertions_add_federation(
    struct lv_assertions *as, const char *client, const char *issuer, const char *subject)
{
	struct federation *f = lv_mem_alloc(sizeof(*f));

	f->client = lv_mem_dup(client);
	f->issuer = lv_mem_dup(issuer);
	f->subject = lv_mem_dup(subject);
	f->next = as->federations;
	as->federations = f;
}

/* ---- both kinds ---- */

static void
write_time(char out[40], int64_t wall_s)
{
	const time_t at = wall_s;
	struct tm tm;

	strftime(out, 40, "%Y-%m-%dT%H:%M:%S.0000000Z", gmtime_r(&at, &tm));
}

/* As the service does, five minutes of difference between the clocks are allowed. */
static bool
check_time(const cJSON *claims, struct lv_answer *a)
{
	const int64_t now = lv_clock_wall_s(), from = lv_jwt_number(claims, "nbf"),
		      until = lv_jwt_number(claims, "exp");
	char current[40], start[40], end[40];

	if (from <= now + SKEW_S && until > now - SKEW_S)
		return true;
	write_time(current, now);
	write_time(start, from);
	write_time(end, until);
	lv_aadsts_refuse(a, 700024,
	    "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time "
	    "of assertion %s. Review the documentation at "
	    "https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
	    current, start, end);
	return false;
}

/* ---- certificates ---- */

static bool
has_thumbprint(const cJSON *header, const char *name, const unsigned char *digest, size_t len)
{
	const char *text = lv_jwt_string(header, name);
	struct lv_text bytes = { 0 };
	const bool is_same = *text != '\0' && lv_encode_decode(&bytes, text, strlen(text)) == 0 &&
	    bytes.len == len && memcmp(bytes.data, digest, len) == 0;

	lv_text_release(&bytes);
	return is_same;
}

static const struct certificate *
find_certificate(const struct lv_assertions *as, const char *client, const cJSON *header)
{
	const struct certificate *c;

	for (c = as->certificates; c != NULL; c = c->next)
		if (strcasecmp(c->client, client) == 0 &&
		    (has_thumbprint(header, "x5t#S256", c->sha256, sizeof(c->sha256)) ||
			has_thumbprint(header, "x5t", c->sha1, sizeof(c->sha1))))
			return c;
	return NULL;
}

static void
refuse_key(const struct lv_presented *p, const struct lv_jwt *jwt, const struct certificate *c,
    const char *reason, struct lv_answer *a)
{
	const char *kind = *lv_jwt_string(jwt->header, "x5t#S256") != '\0' ? "x5t#S256" : "x5t";
	const char *text = lv_jwt_string(jwt->header, kind);
	struct lv_text bytes = { 0 };
	char thumbprint[2 * 64 + 1] = "", found[128] = "", start[32], end[32];
	struct tm from, until;

	if (lv_encode_decode(&bytes, text, strlen(text)) == 0 && bytes.len > 0 && bytes.len <= 64)
		lv_encode_hex(thumbprint, (const unsigned char *)bytes.data, bytes.len);
	if (c != NULL && ASN1_TIME_to_tm(X509_get0_notBefore(c->x509), &from) == 1 &&
	    ASN1_TIME_to_tm(X509_get0_notAfter(c->x509), &until) == 1) {
		strftime(start, sizeof(start), "%m/%d/%Y %H:%M:%S", &from);
		strftime(end, sizeof(end), "%m/%d/%Y %H:%M:%S", &until);
		snprintf(found, sizeof(found), " Found key 'Start=%s, End=%s',", start, end);
	}
	lv_aadsts_refuse(a, 700027,
	    "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - "
	    "%s, Thumbprint of key used by client: '%s',%s Please visit the Azure Portal, Graph Explorer or directly use MS "
	    "Graph to see configured keys for app Id '%s'. Review the documentation at "
	    "https://docs.microsoft.com/en-us/graph/deployments to determine the corresponding service endpoint and "
	    "https://docs.microsoft.com/en-us/graph/api/application-get?view=graph-rest-1.0&tabs=http to build a query "
	    "request URL, such as 'https://graph.microsoft.com/beta/applications/%s'].",
	    reason, thumbprint, found, p->client, p->client);
	lv_text_release(&bytes);
}

static bool
check_key(const struct lv_assertions *as, const struct lv_presented *p, const struct lv_jwt *jwt,
    struct lv_answer *a)
{
	const struct certificate *c = find_certificate(as, p->client, jwt->header);
	const char *reason = NULL;

	if (c == NULL)
		reason = "The key was not found.";
	else if (X509_cmp_current_time(X509_get0_notAfter(c->x509)) < 0)
		reason = "The key used is expired.";
	else if (!lv_jwt_is_signed_by(jwt, X509_get0_pubkey(c->x509)))
		reason = "The key was found, but use of the key to verify the signature failed.";
	if (reason != NULL)
		refuse_key(p, jwt, c, reason, a);
	return reason == NULL;
}

static bool
is_for(const struct lv_presented *p, const char *audience)
{
	static const char *const paths[] = { "oauth2/v2.0/token", "oauth2/token", "v2.0", "" };
	char url[512];
	size_t i;

	snprintf(url, sizeof(url), "https://%s%s", p->host, p->path);
	if (strcasecmp(url, audience) == 0)
		return true;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(url, sizeof(url), "https://%s/%s/%s", p->host, p->tenant, paths[i]);
		if (strcasecmp(url, audience) == 0)
			return true;
	}
	return false;
}

/* Whether the identifier was not seen before. */
static bool
is_new(struct lv_assertions *as, const char *id)
{
	struct seen *seen;

	for (seen = as->seen; seen != NULL; seen = seen->next)
		if (strcmp(seen->id, id) == 0)
			return false;
	seen = lv_mem_alloc(sizeof(*seen));
	seen->id = lv_mem_dup(id);
	seen->next = as->seen;
	as->seen = seen;
	return true;
}

static bool
check_own(
    struct lv_assertions *as, const struct lv_presented *p, const struct lv_jwt *jwt, struct lv_answer *a)
{
	const struct lv_aadsts_names names = { .client = p->client, .tenant = p->tenant };
	const char *id = lv_jwt_string(jwt->claims, "jti");

	if (!check_key(as, p, jwt, a))
		return false;
	if (strcasecmp(lv_jwt_string(jwt->claims, "sub"), p->client) != 0 ||
	    strcasecmp(lv_jwt_string(jwt->claims, "iss"), p->client) != 0)
		return !lv_aadsts_refuse_as(a, 700021, &names);
	if (!is_for(p, lv_jwt_string(jwt->claims, "aud")))
		return !lv_aadsts_refuse_as(a, 700023, &names);
	if (!check_time(jwt->claims, a))
		return false;
	if (*id == '\0' || (!is_new(as, id) && p->is_once))
		return !lv_aadsts_refuse_as(a, 50027, &names);
	return true;
}

/* ---- other issuers ---- */

#define ADVICE                                                                                                    \
	"Check your federated identity credential Subject, Audience and Issuer against the presented assertion. " \
	"https://learn.microsoft.com/entra/workload-id/workload-identity-federation"

/* 0, or the number and the claim that no record matches. The comparison is by case. */
static int
find_mismatch(const struct lv_assertions *as, const struct lv_presented *p, const struct lv_jwt *jwt)
{
	bool is_known = false, has_issuer = false, has_subject = false;
	const struct federation *f;

	for (f = as->federations; f != NULL; f = f->next) {
		if (strcasecmp(f->client, p->client) != 0)
			continue;
		is_known = true;
		if (strcmp(f->issuer, lv_jwt_string(jwt->claims, "iss")) != 0)
			continue;
		has_issuer = true;
		if (strcmp(f->subject, lv_jwt_string(jwt->claims, "sub")) == 0)
			has_subject = true;
	}
	if (!is_known)
		return 70021;
	if (!has_issuer)
		return 700211;
	if (strcmp(lv_jwt_string(jwt->claims, "aud"), LV_EXCHANGE_AUDIENCE) != 0)
		return 700212;
	return has_subject ? 0 : 700213;
}

static bool
check_federated(const struct lv_assertions *as, const struct lv_presented *p, const struct lv_jwt *jwt,
    struct lv_answer *a)
{
	const struct lv_aadsts_names names = { .client = p->client, .tenant = p->tenant };
	const int number = find_mismatch(as, p, jwt);
	const char *kind = number == 700211 ? "issuer" : number == 700212 ? "audience" : "subject";
	const char *claim = number == 700211 ? "iss" : number == 700212 ? "aud" : "sub";

	if (number == 70021)
		lv_aadsts_refuse(a, number,
		    "No matching federated identity record found for presented assertion. Assertion Issuer: '%s'. Assertion "
		    "Subject: '%s'. Assertion Audience: '%s'. "
		    "https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
		    lv_jwt_string(jwt->claims, "iss"), lv_jwt_string(jwt->claims, "sub"),
		    lv_jwt_string(jwt->claims, "aud"));
	else if (number != 0)
		lv_aadsts_refuse(a, number,
		    "No matching federated identity record found for presented assertion %s '%s'. " ADVICE,
		    kind, lv_jwt_string(jwt->claims, claim));
	else if (!lv_jwt_is_signed_by(jwt, p->issuers_key))
		(void)lv_aadsts_refuse_as(a, 7000274, &names);
	else
		return check_time(jwt->claims, a);
	return false;
}

bool
lv_assertions_check(struct lv_assertions *as, const struct lv_presented *p, struct lv_answer *a)
{
	const struct lv_aadsts_names names = { .client = p->client, .tenant = p->tenant };
	struct lv_jwt jwt;
	bool is_good = false;

	if (lv_jwt_parse(&jwt, p->text) != 0)
		(void)lv_aadsts_refuse_as(a, 50027, &names);
	else if (*lv_jwt_string(jwt.header, "x5t#S256") != '\0' ||
	    *lv_jwt_string(jwt.header, "x5t") != '\0' ||
	    strcasecmp(lv_jwt_string(jwt.claims, "iss"), p->client) == 0)
		is_good = check_own(as, p, &jwt, a);
	else
		is_good = check_federated(as, p, &jwt, a);
	lv_jwt_release(&jwt);
	return is_good;
}
