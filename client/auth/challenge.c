/*
 * Parses and checks challenges.
 */
#include "client/auth/challenge.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"
#include "client/base/fault.h"
#include "client/http/url.h"

/* ---- parsing ---- */

static const struct {
	const char *name;
	size_t at; /* of a char * in struct kv_challenge */
} parameters[] = {
	{ "authorization", offsetof(struct kv_challenge, authorization) },
	{ "authorization_uri", offsetof(struct kv_challenge, authorization) },
	{ "resource", offsetof(struct kv_challenge, resource) },
	{ "scope", offsetof(struct kv_challenge, scope) },
	{ "claims", offsetof(struct kv_challenge, claims) },
	{ "error", offsetof(struct kv_challenge, error) },
	{ "error_description", offsetof(struct kv_challenge, description) },
};

void
kv_challenge_release(struct kv_challenge *ch)
{
	free(ch->authorization);
	free(ch->resource);
	free(ch->scope);
	free(ch->tenant);
	free(ch->claims);
	free(ch->error);
	free(ch->description);
	*ch = (struct kv_challenge){ 0 };
}

/* Read name[=value] with a plain or quoted value. Returns the rest, or NULL if memory ran out. */
static const char *
read_parameter(const char *p, char *name, size_t size, char **value)
{
	size_t n = strcspn(p, "=, \t");
	struct kv_buf text;
	int err = 0;

	*value = NULL;
	snprintf(name, size, "%.*s", (int)n, p);
	p += n;
	while (*p == ' ' || *p == '\t')
		p++;
	if (*p != '=')
		return p;
	p += 1 + strspn(p + 1, " \t");
	kv_buf_init(&text, strlen(p));
	if (*p == '"') {
		for (p++; err == 0 && *p != '\0' && *p != '"'; p++) {
			if (*p == '\\' && p[1] != '\0')
				p++;
			err = kv_buf_append(&text, p, 1);
		}
		p += *p == '"';
	} else {
		n = strcspn(p, ", \t");
		err = kv_buf_append(&text, p, n);
		p += n;
	}
	if (err == 0)
		*value = strdup(kv_buf_str(&text));
	kv_buf_release(&text);
	return *value != NULL ? p : NULL;
}

/* Takes ownership of value. */
static void
keep_parameter(struct kv_challenge *ch, const char *name, char *value)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
		char **kept = (char **)(void *)((char *)ch + parameters[i].at);

		if (strcasecmp(name, parameters[i].name) != 0 || *kept != NULL)
			continue;
		*kept = value;
		return;
	}
	free(value);
}

static int
read_parameters(const char *p, struct kv_challenge *ch)
{
	bool is_bearer = false, found = false;

	for (;;) {
		char name[64], *value;

		p += strspn(p, ", \t");
		if (*p == '\0')
			return found ? 0 : -EBADMSG;
		p = read_parameter(p, name, sizeof(name), &value);
		if (p == NULL)
			return -ENOMEM;
		if (value == NULL) { /* the name of a scheme */
			is_bearer = strcasecmp(name, "Bearer") == 0;
			found |= is_bearer;
		} else if (is_bearer) {
			keep_parameter(ch, name, value);
		} else {
			free(value);
		}
	}
}

/* Derive resource and scope from each other. */
static int
complete_resource(struct kv_challenge *ch)
{
	struct kv_buf text;
	size_t len;
	int err;

	kv_buf_init(&text, 16 + (ch->resource != NULL ? strlen(ch->resource) : 0));
	if (ch->resource != NULL) {
		len = strlen(ch->resource);
		if (len > 0 && ch->resource[len - 1] == '/')
			ch->resource[len - 1] = '\0';
		err = ch->scope == NULL ? kv_buf_printf(&text, "%s/.default", ch->resource) : 0;
		if (err == 0 && ch->scope == NULL && (ch->scope = strdup(kv_buf_str(&text))) == NULL)
			err = -ENOMEM;
	} else {
		len = strlen(ch->scope);
		if (len > 9 && strcmp(ch->scope + len - 9, "/.default") == 0)
			len -= 9;
		ch->resource = strndup(ch->scope, len);
		err = ch->resource != NULL ? 0 : -ENOMEM;
	}
	kv_buf_release(&text);
	return err;
}

static bool
is_guid(const char *s)
{
	return strlen(s) == 36 && strspn(s, "0123456789abcdefABCDEF-") == 36;
}

bool
kv_challenge_is_tenant(const char *tenant)
{
	return *tenant != '\0' &&
	    tenant[strspn(tenant, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] ==
	    '\0';
}

/*
 * The tenant in https://HOST/TENANT[/…] if it is an id or a domain; NULL for "common" and the
 * placeholders of emulators.
 */
static int
find_tenant(const char *authorization, char **tenant)
{
	struct kv_url origin;
	const char *path;
	size_t n;

	*tenant = NULL;
	if (authorization == NULL || kv_url_parse(authorization, &origin, &path) != 0 || *path != '/')
		return 0;
	n = strcspn(path + 1, "/?");
	if (n == 0)
		return 0;
	*tenant = strndup(path + 1, n);
	if (*tenant == NULL)
		return -ENOMEM;
	if (!is_guid(*tenant) && (strchr(*tenant, '.') == NULL || !kv_challenge_is_tenant(*tenant))) {
		free(*tenant);
		*tenant = NULL;
	}
	return 0;
}

int
kv_challenge_parse(const char *header, struct kv_challenge *ch)
{
	int err;

	*ch = (struct kv_challenge){ 0 };
	err = read_parameters(header, ch);
	if (err == 0 && (ch->resource != NULL || ch->scope != NULL))
		err = complete_resource(ch);
	return err == 0 ? find_tenant(ch->authorization, &ch->tenant) : err;
}

void
kv_challenge_fault(const char *header, struct kv_fault *fault)
{
	struct kv_challenge ch;
	const int err = kv_challenge_parse(header, &ch);

	fault->code[0] = fault->message[0] = '\0';
	if (err == 0 && ch.error != NULL)
		kv_fault_line(fault->code, sizeof(fault->code), ch.error, strlen(ch.error));
	if (err == 0 && ch.description != NULL)
		kv_fault_line(fault->message, sizeof(fault->message), ch.description, strlen(ch.description));
	kv_challenge_release(&ch);
}

/* ---- checking ---- */

/* Whether a resource or a scope is for the configured resource. */
static bool
is_configured(const struct kv_challenge_rules *rules, const char *resource)
{
	static const char tail[] = "/.default";
	const char *path, *own_path;
	struct kv_url origin, own;
	size_t n;

	if (kv_url_parse(resource, &origin, &path) != 0 ||
	    kv_url_parse(rules->resource, &own, &own_path) != 0)
		return false;
	n = strlen(path);
	if (n >= strlen(tail) && strcmp(path + n - strlen(tail), tail) == 0)
		n -= strlen(tail);
	else if (n > 0 && path[n - 1] == '/')
		n--;
	return kv_url_is_same_origin(&origin, &own) && strlen(own_path) == n &&
	    strncmp(path, own_path, n) == 0;
}

static int
check_resource(const struct kv_challenge_rules *rules, const char *resource, struct kv_buf *why)
{
	struct kv_url origin;

	if (rules->no_verify || (rules->resource != NULL && is_configured(rules, resource)))
		return 0;
	if (rules->resource != NULL) {
		kv_buf_say(why,
		    "the server %s requests a token for %s, not for %s as -o resource= says: refused",
		    rules->vault->host, resource, rules->resource);
		return -EACCES;
	}
	if (kv_url_parse(resource, &origin, NULL) == 0 && kv_url_is_within(rules->vault, &origin))
		return 0;
	kv_buf_say(why,
	    "the server %s requests a token for %s, which is another service: refused "
	    "(a gateway needs -o public_host=VAULT; for an emulator, -o no_challenge_verify allows it)",
	    rules->vault->host, resource);
	return -EACCES;
}

bool
kv_challenge_is_another_tenant(const char *tenant, const char *other)
{
	return tenant != NULL && other != NULL && is_guid(tenant) && is_guid(other) &&
	    strcasecmp(tenant, other) != 0;
}

static bool
is_allowed(const char *list, const char *tenant)
{
	static const char between[] = ";: ";
	size_t n;

	for (; list != NULL && *(list += strspn(list, between)) != '\0'; list += n) {
		n = strcspn(list, between);
		if ((n == 1 && *list == '*') || (strlen(tenant) == n && strncasecmp(list, tenant, n) == 0))
			return true;
	}
	return false;
}

static int
check_tenant(const struct kv_challenge_rules *rules, const char *tenant, struct kv_buf *why)
{
	if (rules->is_single_tenant || !kv_challenge_is_another_tenant(rules->tenant, tenant) ||
	    is_allowed(rules->allow_tenant, tenant))
		return 0;
	kv_buf_say(why,
	    "the vault %s belongs to tenant %s, the credential to tenant %s "
	    "(-o allow_tenant=%s allows it)",
	    rules->vault->host, tenant, rules->tenant, tenant);
	return -EACCES;
}

int
kv_challenge_check(const struct kv_challenge *ch, const struct kv_challenge_rules *rules, struct kv_buf *why)
{
	int err;

	if (ch->resource == NULL)
		return -EBADMSG;
	err = check_resource(rules, ch->resource, why);
	if (err == 0) /* both may be given, and client_secret requests its token for the scope */
		err = check_resource(rules, ch->scope, why);
	return err == 0 ? check_tenant(rules, ch->tenant, why) : err;
}
