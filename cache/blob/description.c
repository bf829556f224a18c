#include "cache/blob/description.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/fault.h"
#include "client/base/json.h"
#include "client/base/json_put.h"
#include "client/base/json_quote.h"
#include "client/keypair/jwk.h"
#include "client/vault/page.h"

#define MOST	 ((size_t)16 << 20)
#define PEM_LINE 64 /* characters of base64 (RFC 7468) */

/* The members that are shown, in this order. */
static const char *const object_members[KV_TYPES][12] = {
	[KV_KEYS] = { "key", "attributes", "tags", "managed", "release_policy" },
	[KV_SECRETS] = { "id", "contentType", "attributes", "tags", "managed" },
	[KV_CERTIFICATES] = { "id", "kid", "sid", "x5t", "cer", "contentType", "attributes", "tags", "policy",
	    "preserveCertOrder" },
};
static const char *const key_members[] = { "kid", "kty", "crv", "alg", "key_ops", "n", "e", "x", "y", "pub",
	NULL };
static const char *const version_members[] = { "kid", "id", "contentType", "x5t", "attributes", "tags",
	"managed", NULL };

struct version {
	int64_t wall_created;
	char id[64];
	struct kv_buf text;
};

struct kv_description {
	enum kv_type type;
	enum kv_kind kind;
	struct kv_buf object; /* its members; or the PEM */
	int n_members;
	struct kv_buf policy, not_shown;
	struct version *versions;
	size_t n, size;
	const struct version *newest; /* while the pages arrive; NULL: none yet */
};

struct kv_description *
kv_description_new(enum kv_type type, enum kv_kind kind)
{
	struct kv_description *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->type = type;
	d->kind = kind;
	kv_buf_init(&d->object, MOST);
	kv_buf_init(&d->policy, MOST);
	kv_buf_init(&d->not_shown, MOST);
	return d;
}

void
kv_description_free(struct kv_description *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->n; i++)
		kv_buf_release(&d->versions[i].text);
	free(d->versions);
	kv_buf_release(&d->object);
	kv_buf_release(&d->policy);
	kv_buf_release(&d->not_shown);
	free(d);
}

/* ---- members ---- */

static int
put_named(struct kv_buf *out, const struct kv_json *object, const char *const names[], int depth, int *n)
{
	const struct kv_json *member;
	int err = 0;

	for (size_t i = 0; err == 0 && names[i] != NULL; i++) {
		err = kv_json_member(object, names[i], &member);
		if (err != 0 || member == NULL)
			continue;
		err = kv_json_put_name(out, names[i], depth, n);
		if (err == 0)
			err = kv_json_put(out, member, depth);
	}
	return err;
}

/* "{", the members called so, "}" */
static int
put_chosen(struct kv_buf *out, const struct kv_json *object, const char *const names[], int depth)
{
	int n = 0, err = kv_buf_puts(out, "{");

	if (err == 0)
		err = put_named(out, object, names, depth + 1, &n);
	if (err == 0 && n > 0)
		err = kv_json_put_line(out, depth);
	return err == 0 ? kv_buf_puts(out, "}") : err;
}

static int
put_object(struct kv_description *d, const struct kv_json *answer)
{
	const char *const *names = object_members[d->type];
	const struct kv_json *key = NULL;
	int err = 0;

	kv_buf_clear(&d->object);
	d->n_members = 0;
	if (d->type == KV_KEYS) {
		err = kv_json_object(answer, "key", &key);
		if (err == 0)
			err = key != NULL ? 0 : -EBADMSG;
		if (err == 0)
			err = kv_json_put_name(&d->object, *names++, 1, &d->n_members);
		if (err == 0)
			err = put_chosen(&d->object, key, key_members, 1);
	}
	return err == 0 ? put_named(&d->object, answer, names, 1, &d->n_members) : err;
}

/* ---- PEM ---- */

static int
put_certificate(const struct kv_json *answer, struct kv_buf *pem)
{
	struct kv_buf der, text;
	const char *cer;
	int err = kv_json_string(answer, "cer", &cer);

	if (err != 0 || cer == NULL)
		return -EBADMSG;
	kv_buf_init(&der, MOST);
	kv_buf_init(&text, MOST);
	err = kv_base64_decode(cer, strlen(cer), &der);
	if (err == 0)
		err = der.len > 0 ? kv_base64_encode_standard(der.data, der.len, &text) : -EINVAL;
	if (err == 0)
		err = kv_buf_puts(pem, "-----BEGIN CERTIFICATE-----\n");
	for (size_t i = 0; err == 0 && i < text.len; i += PEM_LINE)
		err = kv_buf_printf(pem, "%.*s\n", PEM_LINE, kv_buf_str(&text) + i);
	if (err == 0)
		err = kv_buf_puts(pem, "-----END CERTIFICATE-----\n");
	kv_buf_release(&der);
	kv_buf_release(&text);
	return err == -EINVAL ? -EBADMSG : err;
}

static int
put_public_key(const struct kv_json *answer, struct kv_buf *pem, struct kv_buf *why)
{
	const struct kv_json *key;
	const int err = kv_json_object(answer, "key", &key);

	return err == 0 && key != NULL ? kv_jwk_pem(key, pem, why) : -EBADMSG;
}

/* A pending certificate has none yet. */
static bool
has_certificate(const struct kv_json *answer)
{
	const struct kv_json *cer;

	return kv_json_member(answer, "cer", &cer) != 0 || cer != NULL;
}

int
kv_description_object(struct kv_description *d, const struct kv_json *answer, struct kv_buf *why)
{
	if (d->kind == KV_KIND_JSON)
		return put_object(d, answer);
	kv_buf_clear(&d->object);
	if (d->type == KV_KEYS)
		return put_public_key(answer, &d->object, why);
	if (!has_certificate(answer)) {
		kv_buf_say(why, "has no certificate yet");
		return -EOPNOTSUPP;
	}
	return put_certificate(answer, &d->object);
}

/* ---- versions ---- */

static bool
is_newer(const struct version *a, const struct version *b)
{
	return a->wall_created != b->wall_created ? a->wall_created > b->wall_created :
						    strcmp(a->id, b->id) > 0;
}

static int
compare_versions(const void *a, const void *b)
{
	return is_newer(a, b) ? -1 : is_newer(b, a) ? 1 : 0;
}

static int
add_version(struct kv_description *d, const struct kv_item *item, const struct kv_json *json)
{
	struct version *v;
	int err;

	if (d->n == d->size) {
		const size_t size = d->size > 0 ? 2 * d->size : 16;

		v = reallocarray(d->versions, size, sizeof(*v));
		if (v == NULL)
			return -ENOMEM;
		if (d->newest != NULL)
			d->newest = v + (d->newest - d->versions);
		d->versions = v;
		d->size = size;
	}
	v = &d->versions[d->n++];
	v->wall_created = item->wall_created;
	snprintf(v->id, sizeof(v->id), "%s", item->version);
	kv_buf_init(&v->text, MOST);
	err = put_chosen(&v->text, json, version_members, 2);
	if (err == 0 && (d->newest == NULL || is_newer(v, d->newest))) {
		d->newest = v;
		if (d->type == KV_SECRETS)
			err = put_object(d, json);
	}
	return err;
}

int
kv_description_versions(struct kv_description *d, const struct kv_page *page)
{
	const struct kv_json *values, *value;
	int err = page->json != NULL ? kv_json_member(page->json, "value", &values) : -EBADMSG;

	value = err == 0 && values != NULL ? kv_json_first(values) : NULL;
	for (size_t i = 0; err == 0 && i < page->n; i++, value = kv_json_next(value))
		err = value != NULL ? add_version(d, &page->items[i], value) : -EBADMSG;
	return err;
}

const char *
kv_description_newest(const struct kv_description *d)
{
	return d->newest != NULL ? d->newest->id : "";
}

size_t
kv_description_n_versions(const struct kv_description *d)
{
	return d->n;
}

/* ---- the rotation policy ---- */

int
kv_description_policy(struct kv_description *d, const struct kv_json *answer)
{
	kv_buf_clear(&d->policy);
	return kv_json_put(&d->policy, answer, 1);
}

int
kv_description_no_policy(struct kv_description *d, long status, const struct kv_fault *fault)
{
	char code[32];
	int err;

	snprintf(code, sizeof(code), "%ld", status);
	kv_buf_clear(&d->policy);
	kv_buf_clear(&d->not_shown);
	err = kv_buf_puts(&d->policy, "null");
	if (err == 0)
		err = kv_json_quote(&d->not_shown,
		    fault->inner[0] != '\0'    ? fault->inner :
			fault->code[0] != '\0' ? fault->code :
						 code);
	return err;
}

/* ---- the whole ---- */

static int
put_policy(struct kv_description *d, struct kv_buf *out, int *n)
{
	int err = 0;

	if (d->policy.len == 0)
		return 0;
	err = kv_json_put_name(out, "rotationPolicy", 1, n);
	if (err == 0)
		err = kv_buf_append(out, d->policy.data, d->policy.len);
	if (err != 0 || d->not_shown.len == 0)
		return err;
	err = kv_json_put_name(out, "notShown", 1, n);
	if (err == 0)
		err = kv_buf_printf(out, "{ \"rotationPolicy\": %s }", kv_buf_str(&d->not_shown));
	return err;
}

static int
put_versions(struct kv_description *d, struct kv_buf *out, int *n)
{
	int err = kv_json_put_name(out, "versions", 1, n);

	d->newest = NULL; /* they move */
	if (d->n > 0)
		qsort(d->versions, d->n, sizeof(*d->versions), compare_versions);
	if (err == 0)
		err = kv_buf_puts(out, "[");
	for (size_t i = 0; err == 0 && i < d->n; i++) {
		err = i > 0 ? kv_buf_puts(out, ",") : 0;
		if (err == 0)
			err = kv_json_put_line(out, 2);
		if (err == 0)
			err = kv_buf_append(out, d->versions[i].text.data, d->versions[i].text.len);
	}
	if (err == 0)
		err = kv_json_put_line(out, 1);
	return err == 0 ? kv_buf_puts(out, "]") : err;
}

int
kv_description_put(struct kv_description *d, struct kv_buf *out)
{
	int n = d->n_members, err;

	if (d->kind == KV_KIND_PEM)
		return kv_buf_append(out, d->object.data, d->object.len);
	err = kv_buf_puts(out, "{");
	if (err == 0)
		err = kv_buf_append(out, d->object.data, d->object.len);
	if (err == 0)
		err = put_policy(d, out, &n);
	if (err == 0)
		err = put_versions(d, out, &n);
	return err == 0 ? kv_buf_puts(out, "\n}\n") : err;
}
