#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/http/url.h"
#include "client/vault/bundle.h"
#include "tests/unit/fake_alloc.h"

#define V	"https://v.vault.azure.net"
#define VERSION "0123456789abcdef0123456789abcdef"

#define NAME127                                                                                                \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjjjj" \
	"kkkkkkkkkkllllllllllmmmmmmm"

static void
a_bundle_names_what_was_restored(void **state)
{
	static const struct kv_item zero;
	static const struct {
		enum kv_type type;
		const char *text;
		int err;
		const char *name, *version;
	} rows[] = {
		{ KV_KEYS,
		    "{\"key\":{\"kid\":\"" V "/keys/a/" VERSION
		    "\",\"kty\":\"RSA\"},\"attributes\":{\"enabled\":true}}",
		    0, "a", VERSION },
		{ KV_SECRETS, "{\"id\":\"" V "/secrets/a/" VERSION "\",\"attributes\":{}}", 0, "a", VERSION },
		{ KV_CERTIFICATES, "{\"id\":\"" V "/certificates/a/" VERSION "\",\"kid\":5}", 0, "a",
		    VERSION },
		{ KV_CERTIFICATES, "{\"id\":\"https://emulator/certificates/a\"}", 0, "a", "" },
		{ KV_KEYS, "{\"kid\":\"" V "/keys/a/1\"}", -EBADMSG, "", "" },
		{ KV_KEYS, "{\"key\":null}", -EBADMSG, "", "" },
		{ KV_KEYS, "{\"key\":{}}", -EBADMSG, "", "" },
		{ KV_KEYS, "{\"key\":\"" V "/keys/a/1\"}", -EBADMSG, "", "" },
		{ KV_KEYS, "{\"key\":{\"kid\":\"" V "/secrets/a/1\"}}", -EBADMSG, "", "" },
		{ KV_SECRETS, "{}", -EBADMSG, "", "" },
		{ KV_SECRETS, "", -EBADMSG, "", "" },
		{ KV_SECRETS, "{\"id\":\"" V "/secrets/a/1\",\"attributes\":{\"created\":\"x\"}}", -EBADMSG,
		    "", "" },
		{ KV_SECRETS, "{\"id\":\"" V "/secrets/a/1\",\"id\":\"" V "/secrets/b/1\"}", -EBADMSG, "",
		    "" },
	};
	struct kv_item item;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_bundle_asked asked = { .type = rows[i].type };

		memset(&item, 'x', sizeof(item));
		assert_row(kv_bundle_parse(rows[i].text, strlen(rows[i].text), &asked, &item) == rows[i].err,
		    i, rows[i].text);
		assert_string_equal(item.name, rows[i].name);
		assert_string_equal(item.version, rows[i].version);
		assert_memory_equal(item.fingerprint, zero.fingerprint, KV_FINGERPRINT_LEN);
		if (rows[i].err != 0)
			assert_memory_equal(&item, &zero, sizeof(zero));
	}
}

static void
the_id_in_a_conflict_is_found(void **state)
{
	static const struct {
		const char *message;
		int err;
		const char *name, *version;
	} rows[] = {
		{ "There was a conflict restoring the key '" V "/keys/a/" VERSION "'. Possible reasons", 0,
		    "a", VERSION },
		{ "'" V "/keys/a/1'", 0, "a", "1" },
		{ "It's the key '" V "/keys/a'.", 0, "a", "" },
		{ "'x' '' '" V "/secrets/s/1' '" V "/keys/k/1' '" V "/keys/z/1'", 0, "k", "1" },
		{ "'https://other.host:8443/keys/a/1'", 0, "a", "1" },
		{ "", -ENOENT, "", "" },
		{ "'", -ENOENT, "", "" },
		{ "''", -ENOENT, "", "" },
		{ "no quotes " V "/keys/a/1", -ENOENT, "", "" },
		{ "\"" V "/keys/a/1\"", -ENOENT, "", "" },
		{ "cut '" V "/keys/a/1", -ENOENT, "", "" },
		{ "'" V "/keys/a b'", -ENOENT, "", "" },
		{ "'" V "/keys/" NAME127 "x'", -ENOENT, "", "" },
	};
	struct kv_fault fault;
	struct kv_item item;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memset(&fault, 0, sizeof(fault));
		snprintf(fault.message, sizeof(fault.message), "%s", rows[i].message);
		memset(&item, 'x', sizeof(item));
		assert_row(kv_bundle_find_id(&fault, KV_KEYS, &item) == rows[i].err, i, rows[i].message);
		assert_string_equal(item.name, rows[i].name);
		assert_string_equal(item.version, rows[i].version);
		assert_int_equal(item.wall_created, 0);
	}
	memset(fault.message, '\'', sizeof(fault.message) - 1);
	assert_int_equal(kv_bundle_find_id(&fault, KV_KEYS, &item), -ENOENT);
}

static void
a_deleted_object_is_the_one_asked_for(void **state)
{
	static const struct {
		const char *text;
		enum kv_type type;
		int err;
		int64_t wall;
	} rows[] = {
		{ "{\"recoveryId\":\"x\",\"deletedDate\":1529955839,\"scheduledPurgeDate\":1537731839,\"key\":{}}",
		    KV_KEYS, 0, 1537731839 },
		{ "{\"scheduledPurgeDate\":5,\"key\":{\"kid\":\"" V "/keys/Db-1/0123\"}}", KV_KEYS, 0, 5 },
		{ "{\"scheduledPurgeDate\":5,\"key\":{\"kid\":\"" V "/keys/other/0123\"}}", KV_KEYS, -EBADMSG,
		    0 },
		{ "{\"id\":\"" V "/secrets/db-1/0123\",\"scheduledPurgeDate\":5}", KV_SECRETS, 0, 5 },
		{ "{\"id\":\"" V "/secrets/db-2/0123\",\"scheduledPurgeDate\":5}", KV_SECRETS, -EBADMSG, 0 },
		{ "{\"id\":\"" V "/certificates/db-1\"}", KV_SECRETS, -EBADMSG, 0 },
		{ "{\"id\":\"x\"}", KV_SECRETS, -EBADMSG, 0 },
		{ "{\"recoveryId\":\"x\",\"scheduledPurgeDate\":null}", KV_KEYS, 0, 0 },
		{ "{\"recoveryId\":\"x\",\"scheduledPurgeDate\":\"1537731839\"}", KV_KEYS, 0, 0 },
		{ "{\"recoveryId\":\"x\",\"scheduledPurgeDate\":-1}", KV_KEYS, 0, 0 },
		{ "{\"scheduledPurgeDate\":5}", KV_KEYS, -EBADMSG, 0 },
		{ "{\"error\":{\"code\":\"Throttled\"}}", KV_SECRETS, -EBADMSG, 0 },
		{ "", KV_KEYS, -EBADMSG, 0 },
		{ "<html>", KV_KEYS, -EBADMSG, 0 },
	};
	int64_t wall;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_bundle_asked asked = { .type = rows[i].type, .name = "db-1" };

		assert_row(
		    kv_bundle_parse_deleted(rows[i].text, strlen(rows[i].text), &asked, &wall) == rows[i].err,
		    i, rows[i].text);
		assert_row(wall == rows[i].wall, i, rows[i].text);
	}
}

/* What a gateway sends whose route leads to another vault. */
static void
an_answer_about_another_vault_or_object_is_refused_with_both_names(void **state)
{
#define KEY(id)	   "{\"key\":{\"kid\":\"" id "\"}}"
#define SECRET(id) "{\"id\":\"" id "\"}"
	static const struct {
		enum kv_type type;
		const char *text, *name;
		int err;
		const char *why;
	} rows[] = {
		{ KV_KEYS, KEY(V "/keys/a/1"), NULL, 0, "" },
		{ KV_KEYS, KEY("https://V.Vault.Azure.NET:443/keys/a/1"), NULL, 0, "" },
		{ KV_SECRETS, SECRET("https://v.vault.azure.net:8443/secrets/a/1"), NULL, 0, "" },
		{ KV_SECRETS, SECRET(V "/secrets/A/1"), "a", 0, "" },
		{ KV_KEYS, KEY("https://twin.vault.azure.net/keys/a/1"), NULL, -EBADMSG,
		    "about an object of twin.vault.azure.net, not of v.vault.azure.net" },
		{ KV_SECRETS, SECRET("https://twin.vault.azure.net/secrets/a/1"), "a", -EBADMSG,
		    "of twin.vault.azure.net, not of v.vault.azure.net" },
		{ KV_CERTIFICATES, SECRET("https://v.vault.azure.net.evil/certificates/a/1"), "a", -EBADMSG,
		    "of v.vault.azure.net.evil, not of v.vault.azure.net" },
		{ KV_SECRETS, SECRET("http://v.vault.azure.net/secrets/a/1"), "a", -EBADMSG, "" },
		{ KV_SECRETS, SECRET(V "/secrets/b/1"), "a", -EBADMSG, "answer is about b" },
	};
	static const struct kv_url vault = { .host = "v.vault.azure.net", .port = 443, .is_https = true };
	struct kv_item item;
	struct kv_buf why;
	int64_t wall;

	(void)state;
	kv_buf_init(&why, 1000);
	for (size_t i = 0; i < N_OF(rows); i++) {
		const size_t len = strlen(rows[i].text);
		struct kv_bundle_asked asked = {
			.type = rows[i].type, .name = rows[i].name, .vault = &vault, .why = &why
		};

		kv_buf_clear(&why);
		assert_row(kv_bundle_parse(rows[i].text, len, &asked, &item) == rows[i].err, i, rows[i].text);
		assert_row(strstr(kv_buf_str(&why), rows[i].why) != NULL, i, kv_buf_str(&why));
		assert_row((why.len == 0) == (rows[i].why[0] == '\0'), i, kv_buf_str(&why));
		assert_row(
		    kv_bundle_parse_deleted(rows[i].text, len, &asked, &wall) == rows[i].err, i, "deleted");
		asked.vault = NULL; /* an emulator's ids name any host */
		asked.name = NULL;
		assert_row(kv_bundle_parse(rows[i].text, len, &asked, &item) == 0, i, "any host");
	}
	kv_buf_release(&why);
}

static int
read_bundle(void)
{
	static const char text[] = "{\"key\":{\"kid\":\"" V "/keys/a/1\"},\"attributes\":{\"created\":1}}";
	const struct kv_url vault = { .host = "v.vault.azure.net", .port = 443, .is_https = true };
	const struct kv_bundle_asked asked = { .type = KV_KEYS, .vault = &vault };
	struct kv_item item;
	int err = kv_bundle_parse(text, strlen(text), &asked, &item);

	assert_string_equal(item.name, err == 0 ? "a" : "");
	return err;
}

static void
each_allocation_that_fails_is_enomem(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(read_bundle());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bundle_names_what_was_restored),
		cmocka_unit_test(the_id_in_a_conflict_is_found),
		cmocka_unit_test(a_deleted_object_is_the_one_asked_for),
		cmocka_unit_test(an_answer_about_another_vault_or_object_is_refused_with_both_names),
		cmocka_unit_test(each_allocation_that_fails_is_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
