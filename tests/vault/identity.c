/*
 * Managed identities. The answers' members are those of Microsoft's documentation and of the SDKs' tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tests/vault/clock.h"
#include "tests/vault/identity.h"
#include "tests/vault/mem.h"

#define ARC_FOLDER  "/var/opt/azcmagent/tokens" /* where a client looks; --arc-tokens is where we write */
#define ARC_KEY_LEN 48

/* ---- tokens ---- */

/* What the sources call the ids of a user-assigned identity. */
static const char *const client_names[] = { "client_id", "clientid", NULL };
static const char *const object_names[] = { "object_id", "principal_id", NULL };
static const char *const resource_names[] = { "msi_res_id", "mi_res_id", NULL };

static const char *
find_query(const struct lv_request *r, const char *const *names)
{
	const char *value = NULL;

	for (; value == NULL && *names != NULL; names++)
		value = lv_http_query(r, *names);
	return value;
}

/* The principal of the id in the query, the default one without; its object id is its client id. */
static const struct lv_principal *
find_principal(const struct lv_service *s, const struct lv_request *r)
{
	const char *id = find_query(r, client_names), *resource;

	if (id == NULL)
		id = find_query(r, object_names);
	if (id == NULL && (resource = find_query(r, resource_names)) != NULL) {
		id = strrchr(resource, '/');
		id = id != NULL ? id + 1 : resource;
	}
	return lv_access_find(s->access, id);
}

static void
refuse(struct lv_answer *a, int status, const char *description)
{
	a->status = status;
	lv_text_puts(&a->body, "{\"error\":\"invalid_request\",\"error_description\":");
	lv_text_string(&a->body, description);
	lv_text_puts(&a->body, "}");
}

static void
add_ids(const struct lv_request *r, const struct lv_principal *p, struct lv_text *body)
{
	const char *object = find_query(r, object_names), *resource = find_query(r, resource_names);

	lv_text_printf(body, ",\"client_id\":\"%s\"", p->id);
	if (object != NULL) {
		lv_text_puts(body, ",\"object_id\":");
		lv_text_string(body, object);
	}
	if (resource != NULL) {
		lv_text_puts(body, ",\"msi_res_id\":");
		lv_text_string(body, resource);
	}
}

static void
give_token(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	const char *resource = lv_http_query(r, "resource");
	const struct lv_principal *p = find_principal(s, r);
	/* the sources cannot pass on the claims of a challenge, but their tokens are evaluated */
	static const struct lv_evaluation evaluation = { .is_handled = true };
	const int64_t life = s->options->token_life_s, now = lv_clock_wall_s();

	if (resource == NULL || lv_http_query(r, "api-version") == NULL) {
		refuse(a, 400, "Required query variable is missing");
		return;
	}
	if (p == NULL) {
		refuse(a, 400, "Identity not found");
		return;
	}
	a->status = 200;
	lv_text_puts(&a->body, "{\"access_token\":\"");
	lv_access_issue(s->access, p, resource, life, &evaluation, &a->body);
	lv_text_puts(&a->body, "\"");
	add_ids(r, p, &a->body);
	lv_text_printf(&a->body, ",\"expires_in\":\"%lld\",\"expires_on\":\"%lld\"", (long long)life,
	    (long long)(now + life));
	lv_text_puts(&a->body, ",\"resource\":");
	lv_text_string(&a->body, resource);
	lv_text_puts(&a->body, ",\"token_type\":\"Bearer\"}");
}

/* ---- the sources ---- */

static bool
has_metadata_header(const struct lv_request *r)
{
	const char *metadata = lv_http_header(r, "Metadata");

	return metadata != NULL && strcasecmp(metadata, "true") == 0;
}

static void
imds(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	if (has_metadata_header(r))
		give_token(s, r, a);
	else
		refuse(a, 400, "Required metadata header not specified");
}

/* The identity header is the default principal's secret. */
static void
app_service(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	if (lv_access_is_secret(lv_access_find(s->access, NULL), lv_http_header(r, "X-IDENTITY-HEADER"))) {
		give_token(s, r, a);
		return;
	}
	a->status = 401;
	lv_text_puts(&a->body, "{\"statusCode\":401,\"message\":\"Wrong X-IDENTITY-HEADER\"}");
}

static void
machine_learning(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	if (lv_access_is_secret(lv_access_find(s->access, NULL), lv_http_header(r, "secret")))
		give_token(s, r, a);
	else
		refuse(a, 401, "Wrong secret");
}

/* The path of a key file, as we write it or as a client reads it. */
static char *
key_path(const char *folder, const char *name)
{
	struct lv_text t = { 0 };

	lv_text_printf(&t, "%s/%s.key", folder, name);
	return lv_text_take(&t);
}

/* Each challenge has a new key in a file that only the machine's administrators can read. */
static void
challenge_arc(struct lv_service *s, struct lv_answer *a)
{
	char name[LV_GUID_SIZE], *file, *seen;
	unsigned char bytes[ARC_KEY_LEN];
	struct lv_text header = { 0 };
	int fd;

	lv_encode_new_guid(name);
	lv_encode_random(bytes, sizeof(bytes));
	lv_text_clear(&s->arc_key);
	lv_encode_base64url(&s->arc_key, bytes, sizeof(bytes));
	file = key_path(s->options->arc_tokens, name);
	seen = key_path(ARC_FOLDER, name);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, s->arc_key.data, s->arc_key.len) != (ssize_t)s->arc_key.len)
		fprintf(stderr, "localvault: %s: %s\n", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	lv_text_printf(&header, "Basic realm=%s", seen);
	lv_http_add_header(a, "WWW-Authenticate", header.data);
	a->status = 401;
	lv_text_release(&header);
	free(file);
	free(seen);
}

static void
arc(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	const char *authorization = lv_http_header(r, "Authorization");

	if (!has_metadata_header(r))
		refuse(a, 400, "Required metadata header not specified");
	else if (authorization == NULL)
		challenge_arc(s, a);
	else if (strncmp(authorization, "Basic ", 6) == 0 && s->arc_key.len > 0 &&
	    strcmp(authorization + 6, s->arc_key.data) == 0)
		give_token(s, r, a);
	else
		refuse(a, 401, "Wrong key");
}

/* ---- which ---- */

static const struct {
	const char *path;
	void (*answer)(struct lv_service *s, const struct lv_request *r, struct lv_answer *a);
} sources[] = {
	{ "/metadata/identity/oauth2/token", imds },
	{ "/msi/token", app_service },
	{ "/ml/token", machine_learning },
	{ "/arc/metadata/identity/oauth2/token", arc },
};
#define SOURCES (sizeof(sources) / sizeof(sources[0]))

/*
 * If AZURE_POD_IDENTITY_AUTHORITY_HOST is set, the SDK for JavaScript ends the path with a slash, and the SDK for Java
 * begins it with two.
 */
static bool
is_path(const char *path, const char *of_source)
{
	size_t len = strlen(of_source);

	path += path[0] == '/' && path[1] == '/';
	return strncmp(path, of_source, len) == 0 && strcmp(path + len + (path[len] == '/'), "") == 0;
}

bool
lv_identity_is_path(const char *path)
{
	for (size_t i = 0; i < SOURCES; i++)
		if (is_path(path, sources[i].path))
			return true;
	return false;
}

bool
lv_identity_handle(struct lv_service *s, const struct lv_request *r, struct lv_answer *a)
{
	a->status = 404;
	for (size_t i = 0; i < SOURCES; i++) {
		if (!is_path(r->path, sources[i].path))
			continue;
		if (sources[i].answer == arc && s->options->arc_tokens == NULL)
			return false;
		sources[i].answer(s, r, a);
		return true;
	}
	return false;
}
