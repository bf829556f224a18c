#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/vault/operations.h"
#include "client/vault/vault.h"

static void
every_operation_is_whole(void **state)
{
	(void)state;
	for (int i = 0; i < KV_OPS; i++) {
		const struct kv_operation *op = kv_operation((enum kv_op)i);

		assert_row(op->name != NULL && op->method != NULL && op->parse != NULL, (size_t)i, "row");
		assert_row(op->path != NULL && op->path[0] == '/', (size_t)i, op->name);
		assert_row(op->most_answer > 0, (size_t)i, op->name);
		assert_row(op->not_found < 0 && op->conflict < 0, (size_t)i, op->name);
		assert_row(op->pace < KV_PACES && op->pace_of_keys < KV_PACES, (size_t)i, op->name);
		/* what has a body changes the vault, and is not sent twice */
		assert_row(op->make_body == NULL || op->is_once, (size_t)i, op->name);
		for (int k = 0; op->name != NULL && k < i; k++)
			assert_row(
			    strcmp(op->name, kv_operation((enum kv_op)k)->name) != 0, (size_t)i, op->name);
	}
}

static void
a_path_has_type_and_name_in_place(void **state)
{
	static const struct {
		enum kv_op op;
		enum kv_type type;
		const char *name, *path;
	} rows[] = {
		{ KV_OP_LIST, KV_KEYS, NULL, "/keys" },
		{ KV_OP_VERSIONS, KV_SECRETS, "Db-1", "/secrets/Db-1/versions" },
		{ KV_OP_GET, KV_KEYS, "a", "/keys/a" },
		{ KV_OP_GET_VERSION, KV_CERTIFICATES, "contacts", "/certificates/contacts/12ab" },
		{ KV_OP_ROTATION_POLICY, KV_KEYS, "a", "/keys/a/rotationpolicy" },
		{ KV_OP_LIST_DELETED, KV_SECRETS, NULL, "/deletedsecrets" },
		{ KV_OP_RECOVER, KV_KEYS, "a", "/deletedkeys/a/recover" },
		{ KV_OP_CONTACTS, KV_CERTIFICATES, NULL, "/certificates/contacts" },
		{ KV_OP_ISSUERS, KV_CERTIFICATES, KV_ISSUERS, "/certificates/issuers" },
		{ KV_OP_ISSUER, KV_CERTIFICATES, "a b/c", "/certificates/issuers/a%20b%2Fc" },
		{ KV_OP_DELETED, KV_CERTIFICATES, "a", "/deletedcertificates/a" },
		{ KV_OP_BACKUP, KV_KEYS, "a", "/keys/a/backup" },
		{ KV_OP_RESTORE, KV_KEYS, "a", "/keys/restore" },
		{ KV_OP_IMPORT, KV_KEYS, "a", "/keys/a" },
		{ KV_OP_CREATE, KV_KEYS, "a", "/keys/a/create" },
		{ KV_OP_BACKUP, KV_KEYS, NULL, "/keys//backup" },
	};
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&b, 100);
		assert_int_equal(
		    kv_operation_put_path(rows[i].op, rows[i].type, rows[i].name, "12ab", &b), 0);
		assert_row(strcmp(kv_buf_str(&b), rows[i].path) == 0, i, kv_buf_str(&b));
		kv_buf_release(&b);
	}
	kv_buf_init(&b, 10);
	assert_int_equal(kv_operation_put_path(KV_OP_BACKUP, KV_KEYS, "a", NULL, &b), -EFBIG);
	kv_buf_release(&b);
}

/* What is no object: the API's own members must be there, and the id must be that of what was asked for. */
static void
an_answer_that_is_not_what_was_asked_for_is_no_fact(void **state)
{
#define V	"https://v.vault.azure.net"
#define TWIN	"https://twin.vault.azure.net"
#define ID(url) "\"id\":\"" url "\","
	static const char error[] = "{\"error\":{\"code\":\"Throttled\",\"message\":\"try later\"}}";
	static const struct {
		enum kv_op op;
		const char *name, *text;
		int err;
	} rows[] = {
		{ KV_OP_ROTATION_POLICY, "a",
		    "{" ID(V "/keys/A/rotationpolicy") "\"lifetimeActions\":[],\"attributes\":{}}", 0 },
		{ KV_OP_ROTATION_POLICY, "a", "{\"lifetimeActions\":[],\"attributes\":{}}",
		    0 }, /* never set */
		{ KV_OP_ROTATION_POLICY, "a", "{" ID(V "/keys/a/rotationpolicy") "\"attributes\":{}}", 0 },
		{ KV_OP_ROTATION_POLICY, "a", "{" ID(V "/keys/b/rotationpolicy") "\"attributes\":{}}",
		    -EBADMSG },
		{ KV_OP_ROTATION_POLICY, "a", "{" ID(TWIN "/keys/a/rotationpolicy") "\"attributes\":{}}",
		    -EBADMSG },
		{ KV_OP_ROTATION_POLICY, "a", "{" ID(V "/keys/a/0123") "\"attributes\":{}}", -EBADMSG },
		{ KV_OP_ROTATION_POLICY, "a", "{}", -EBADMSG },
		{ KV_OP_ROTATION_POLICY, "a", error, -EBADMSG },
		{ KV_OP_CONTACTS, NULL, "{" ID(V "/certificates/contacts") "\"contacts\":[]}", 0 },
		{ KV_OP_CONTACTS, NULL, "{" ID(TWIN "/certificates/contacts") "\"contacts\":[]}", -EBADMSG },
		{ KV_OP_CONTACTS, NULL, "{" ID(V "/certificates/contacts") "\"contacts\":null}", -EBADMSG },
		{ KV_OP_CONTACTS, NULL, "{\"contacts\":[]}", -EBADMSG },
		{ KV_OP_CONTACTS, NULL, error, -EBADMSG },
		{ KV_OP_ISSUER, "Digi", "{" ID(V "/certificates/issuers/digi") "\"provider\":\"x\"}", 0 },
		{ KV_OP_ISSUER, "Digi", "{" ID(V "/certificates/issuers/other") "\"provider\":\"x\"}",
		    -EBADMSG },
		{ KV_OP_ISSUER, "Digi", "{" ID(TWIN "/certificates/issuers/digi") "\"provider\":\"x\"}",
		    -EBADMSG },
		{ KV_OP_ISSUER, "Digi", "{" ID(V "/certificates/issuers/digi") "\"x\":1}", -EBADMSG },
		{ KV_OP_ISSUER, "Digi", error, -EBADMSG },
		{ KV_OP_ISSUERS, KV_ISSUERS, error, -EBADMSG },
	};
	static const struct kv_url vault = { .host = "v.vault.azure.net", .port = 443, .is_https = true };
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 1000);
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_answered answered = {
			.type = rows[i].op == KV_OP_ROTATION_POLICY ? KV_KEYS : KV_CERTIFICATES,
			.name = rows[i].name,
			.vault = &vault,
			.body = rows[i].text,
			.len = strlen(rows[i].text),
			.why = &why
		};
		struct kv_parsed parsed = { 0 };
		struct kv_reply reply = { 0 };

		kv_buf_clear(&why);
		assert_row(kv_operation(rows[i].op)->parse(&answered, &parsed, &reply) == rows[i].err, i,
		    rows[i].text);
		if (strstr(rows[i].text, TWIN) != NULL)
			assert_row(strstr(kv_buf_str(&why),
				       "of twin.vault.azure.net, not of v.vault.azure.net") != NULL,
			    i, kv_buf_str(&why));
		kv_parsed_release(&parsed);
	}
	kv_buf_release(&why);
}

static void
a_link_to_the_next_page_has_one_version(void **state)
{
	static const struct {
		const char *link, *want;
	} rows[] = {
		{ "https://h/keys?maxresults=6&$skiptoken=x",
		    "https://h/keys?maxresults=6&$skiptoken=x&api-version=2026-04-01" },
		{ "https://h/keys", "https://h/keys?api-version=2026-04-01" },
		{ "https://v/keys?api-version=7.4&$skiptoken=x",
		    "https://v/keys?api-version=7.4&$skiptoken=x" },
		{ "https://v/keys?$skiptoken=x&API-version=7.4",
		    "https://v/keys?$skiptoken=x&API-version=7.4" },
		{ "https://v/keys?x=api-version=7.4",
		    "https://v/keys?x=api-version=7.4&api-version=2026-04-01" },
	};
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&b, 200);
		assert_int_equal(kv_operation_put_link(rows[i].link, "2026-04-01", &b), 0);
		assert_row(strcmp(kv_buf_str(&b), rows[i].want) == 0, i, kv_buf_str(&b));
		kv_buf_release(&b);
	}
	kv_buf_init(&b, 20);
	assert_int_equal(kv_operation_put_link("https://h/keys", "7.4", &b), -EFBIG);
	kv_buf_release(&b);
}

static void
what_cannot_be_read_leaves_the_reply_empty(void **state)
{
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 1000);
	for (int i = 0; i < KV_OPS; i++) {
		const struct kv_answered answered = { .name = "a", .body = "{}x", .len = 3, .why = &why };
		struct kv_parsed parsed = { .blob = NULL };
		struct kv_reply reply = { .err = 0 };

		assert_int_equal(kv_operation((enum kv_op)i)->parse(&answered, &parsed, &reply), -EBADMSG);
		assert_true(reply.page == NULL && reply.blob == NULL);
		assert_true(reply.item == NULL && reply.json == NULL);
		kv_parsed_release(&parsed);
	}
	kv_buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_is_whole),
		cmocka_unit_test(a_path_has_type_and_name_in_place),
		cmocka_unit_test(an_answer_that_is_not_what_was_asked_for_is_no_fact),
		cmocka_unit_test(a_link_to_the_next_page_has_one_version),
		cmocka_unit_test(what_cannot_be_read_leaves_the_reply_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
