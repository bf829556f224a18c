/*
 * The table of operations, and the parsers of their answers.
 */
#include "client/vault/operations.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/vault/backup.h"
#include "client/vault/blob.h"
#include "client/vault/body.h"
#include "client/vault/bundle.h"
#include "client/vault/vault.h"

#define MOST_PAGE	 ((size_t)8 << 20)
#define MOST_BLOB_ANSWER (KV_BLOB_MAX / 3 * 4 + 4096)

/* ---- answers ---- */

static int
parse_page(const struct kv_answered *a, const char *name, struct kv_parsed *parsed, struct kv_reply *reply)
{
	const struct kv_page_asked asked = {
		.type = a->type, .name = name, .vault = a->vault, .origin = a->origin, .any_host = a->any_host
	};
	const int err = kv_page_parse(a->body, a->len, &asked, a->why, &parsed->page);

	reply->page = err == 0 ? &parsed->page : NULL;
	reply->json = parsed->page.json;
	return err;
}

static int
parse_list(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	return parse_page(a, NULL, parsed, reply);
}

static int
parse_versions(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	return parse_page(a, a->name, parsed, reply);
}

static int
parse_backup(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	struct kv_buf data;
	int err;

	kv_buf_init(&data, KV_BLOB_MAX);
	err = kv_body_decode(a->body, a->len, &data);
	if (err == 0)
		err = kv_blob_new(&data, &parsed->blob);
	kv_buf_release(&data);
	if (err == 0)
		err = kv_backup_check(parsed->blob, a->type, a->why);
	reply->blob = err == 0 ? parsed->blob : NULL;
	return err;
}

/* name NULL: the answer to a restore names the object. */
static struct kv_bundle_asked
bundle_asked(const struct kv_answered *a, const char *name)
{
	return (struct kv_bundle_asked){
		.type = a->type, .name = name, .vault = a->any_host ? NULL : a->vault, .why = a->why
	};
}

static int
parse_bundle(const struct kv_answered *a, const char *name, struct kv_parsed *parsed, struct kv_reply *reply)
{
	const struct kv_bundle_asked asked = bundle_asked(a, name);
	const int err = kv_bundle_parse(a->body, a->len, &asked, &parsed->item);

	reply->item = err == 0 ? &parsed->item : NULL;
	return err;
}

static int
parse_restored(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	return parse_bundle(a, NULL, parsed, reply);
}

static int
parse_recovered(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	return parse_bundle(a, a->name, parsed, reply);
}

static int
parse_json(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	const int err = kv_json_parse(a->body, a->len, &parsed->json);

	reply->json = parsed->json;
	return err;
}

/* An answer about the object that was asked for, in any spelling. */
static int
parse_object(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	int err = parse_bundle(a, a->name, parsed, reply);

	if (err == 0)
		err = parse_json(a, parsed, reply);
	if (err != 0)
		reply->item = NULL;
	return err;
}

static int
parse_deleted(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	const struct kv_bundle_asked asked = bundle_asked(a, a->name);
	const int err = kv_bundle_parse_deleted(a->body, a->len, &asked, &reply->wall_purge);

	return err == 0 ? parse_json(a, parsed, reply) : err;
}

/* The policy of a key that was given none has no id. */
static int
parse_policy(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	const struct kv_bundle_asked asked = bundle_asked(a, a->name);
	const struct kv_json *actions = NULL, *attributes = NULL;
	int err = parse_json(a, parsed, reply);

	if (err == 0)
		err = kv_bundle_check_id(parsed->json, &asked, "rotationpolicy");
	if (err == 0 || err == -ENOENT)
		err = kv_json_member(parsed->json, "lifetimeActions", &actions);
	if (err == 0)
		err = kv_json_object(parsed->json, "attributes", &attributes);
	return err == 0 && attributes == NULL && !kv_json_is_array(actions) ? -EBADMSG : err;
}

static int
parse_contacts(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	const struct kv_bundle_asked asked = bundle_asked(a, "contacts");
	const struct kv_json *contacts = NULL;
	int err = parse_json(a, parsed, reply);

	if (err == 0)
		err = kv_bundle_check_id(parsed->json, &asked, "");
	if (err == 0)
		err = kv_json_member(parsed->json, "contacts", &contacts);
	return err == -ENOENT || (err == 0 && !kv_json_is_array(contacts)) ? -EBADMSG : err;
}

static int
parse_issuer(const struct kv_answered *a, struct kv_parsed *parsed, struct kv_reply *reply)
{
	const struct kv_bundle_asked asked = bundle_asked(a, KV_ISSUERS);
	const char *provider = NULL;
	int err = parse_json(a, parsed, reply);

	if (err == 0)
		err = kv_bundle_check_id(parsed->json, &asked, a->name);
	if (err == 0)
		err = kv_json_string(parsed->json, "provider", &provider);
	return err == -ENOENT || (err == 0 && provider == NULL) ? -EBADMSG : err;
}

void
kv_parsed_release(struct kv_parsed *parsed)
{
	kv_page_release(&parsed->page);
	kv_json_free(parsed->json);
	parsed->json = NULL;
	kv_blob_unref(parsed->blob);
	parsed->blob = NULL;
}

/* ---- bodies ---- */

static int
make_restore(const struct kv_blob *blob, struct kv_buf *body)
{
	return kv_body_encode(blob->data, blob->len, body);
}

/* The blob is the whole body. */
static int
make_whole(const struct kv_blob *blob, struct kv_buf *body)
{
	return kv_buf_append(body, blob->data, blob->len);
}

/* ---- the table ---- */

/*
 * Only a restore can conflict with an existing object, and its 404 does not mean a missing object, because a
 * restore creates it.
 */
static const struct kv_operation rows[KV_OPS] = {
	[KV_OP_LIST] = { .name = "list",
	    .method = "GET",
	    .path = "/{type}",
	    .most_answer = MOST_PAGE,
	    .parse = parse_list,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_VERSIONS] = { .name = "versions",
	    .method = "GET",
	    .path = "/{type}/{name}/versions",
	    .most_answer = MOST_PAGE,
	    .parse = parse_versions,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_IMPORT] = { .name = "import",
	    .method = "PUT",
	    .path = "/{type}/{name}",
	    .make_body = make_whole,
	    .most_answer = MOST_PAGE,
	    .is_slow = true,
	    .parse = parse_object,
	    .pace = KV_PACE_RESTORES,
	    .pace_of_keys = KV_PACE_RESTORES,
	    .is_once = true,
	    .makes_another = true,
	    .is_audited = true,
	    .not_found = -EINVAL,
	    .conflict = -EEXIST },
	[KV_OP_CREATE] = { .name = "create",
	    .method = "POST",
	    .path = "/{type}/{name}/create",
	    .make_body = make_whole,
	    .most_answer = MOST_PAGE,
	    .is_slow = true,
	    .parse = parse_object,
	    .pace = KV_PACE_RESTORES,
	    .pace_of_keys = KV_PACE_RESTORES,
	    .is_once = true,
	    .makes_another = true,
	    .is_audited = true,
	    .not_found = -EBADMSG,
	    .conflict = -EEXIST },
	[KV_OP_GET] = { .name = "get",
	    .method = "GET",
	    .path = "/{type}/{name}",
	    .most_answer = MOST_PAGE,
	    .parse = parse_object,
	    .reveals_secrets = true,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_GET_VERSION] = { .name = "get-version",
	    .method = "GET",
	    .path = "/{type}/{name}/{version}",
	    .most_answer = MOST_PAGE,
	    .parse = parse_object,
	    .reveals_secrets = true,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_ROTATION_POLICY] = { .name = "rotation-policy",
	    .method = "GET",
	    .path = "/{type}/{name}/rotationpolicy",
	    .most_answer = MOST_PAGE,
	    .parse = parse_policy,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_LIST_DELETED] = { .name = "list-deleted",
	    .method = "GET",
	    .path = "/deleted{type}",
	    .most_answer = MOST_PAGE,
	    .parse = parse_list,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_DELETED] = { .name = "deleted",
	    .method = "GET",
	    .path = "/deleted{type}/{name}",
	    .most_answer = MOST_PAGE,
	    .parse = parse_deleted,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_RECOVER] = { .name = "recover",
	    .method = "POST",
	    .path = "/deleted{type}/{name}/recover",
	    .most_answer = MOST_PAGE,
	    .parse = parse_recovered,
	    .is_once = true,
	    .is_audited = true,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_BACKUP] = { .name = "backup",
	    .method = "POST",
	    .path = "/{type}/{name}/backup",
	    .most_answer = MOST_BLOB_ANSWER,
	    .is_slow = true,
	    .parse = parse_backup,
	    .pace_of_keys = KV_PACE_KEYS,
	    .is_audited = true,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_RESTORE] = { .name = "restore",
	    .method = "POST",
	    .path = "/{type}/restore",
	    .make_body = make_restore,
	    .most_answer = MOST_PAGE,
	    .is_slow = true,
	    .parse = parse_restored,
	    .pace = KV_PACE_RESTORES,
	    .pace_of_keys = KV_PACE_RESTORES,
	    .is_once = true,
	    .is_audited = true,
	    .not_found = -EBADMSG,
	    .conflict = -EEXIST },
	[KV_OP_CONTACTS] = { .name = "contacts",
	    .method = "GET",
	    .path = "/certificates/contacts",
	    .most_answer = MOST_PAGE,
	    .parse = parse_contacts,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_ISSUERS] = { .name = "issuers",
	    .method = "GET",
	    .path = "/certificates/issuers",
	    .most_answer = MOST_PAGE,
	    .parse = parse_versions,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
	[KV_OP_ISSUER] = { .name = "issuer",
	    .method = "GET",
	    .path = "/certificates/issuers/{name}",
	    .most_answer = MOST_PAGE,
	    .parse = parse_issuer,
	    .not_found = -ENOENT,
	    .conflict = -EBUSY },
};

const struct kv_operation *
kv_operation(enum kv_op op)
{
	return &rows[op];
}

int
kv_operation_put_path(
    enum kv_op op, enum kv_type type, const char *name, const char *version, struct kv_buf *url)
{
	const struct {
		const char *text, *value;
	} places[] = { { "{type}", kv_type_name(type) }, { "{name}", name }, { "{version}", version } };
	const char *p = rows[op].path;
	int err = 0;

	while (err == 0 && *p != '\0') {
		const size_t literal = strcspn(p, "{");

		err = kv_buf_append(url, p, literal);
		p += literal;
		for (size_t i = 0; err == 0 && i < sizeof(places) / sizeof(places[0]); i++) {
			if (strncmp(p, places[i].text, strlen(places[i].text)) != 0)
				continue;
			err = kv_buf_put_encoded(url, places[i].value != NULL ? places[i].value : "");
			p += strlen(places[i].text);
		}
	}
	return err;
}

int
kv_operation_put_link(const char *link, const char *api_version, struct kv_buf *url)
{
	const char *query = strchr(link, '?');
	const bool has_version = query != NULL &&
	    (strncasecmp(query + 1, "api-version=", strlen("api-version=")) == 0 ||
		strcasestr(query, "&api-version=") != NULL);
	int err = kv_buf_puts(url, link);

	if (err == 0 && !has_version)
		err = kv_buf_printf(url, "%sapi-version=%s", query != NULL ? "&" : "?", api_version);
	return err;
}
