#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/base/buf.h"
#include "fs/command/inventory.h"
#include "tests/unit/fake_alloc.h"

#define HEAD(n)                                                                                                      \
	"{\"kvfs\":\"0\",\"vault\":\"v.example\",\"region\":null,\"listed\":\"2026-01-31T23:59:59Z\",\"objects\":" n \
	"}\n"
#define DB                                                                                          \
	"{\"type\":\"keys\",\"name\":\"Db\",\"updated\":\"2024-01-01T00:00:00Z\",\"enabled\":true," \
	"\"expires\":null,\"size\":4303,\"sha256\":\"00ff\"}\n"
#define PW "{\"type\":\"secrets\",\"name\":\"pw\",\"updated\":null,\"size\":null,\"sha256\":null}\n"

static void
an_object_is_found_in_any_case(void **state)
{
	static const char text[] = HEAD("2") PW DB;
	struct kv_inventory inventory;
	const struct kv_inventory_entry *e;

	(void)state;
	assert_int_equal(kv_inventory_parse(text, sizeof(text) - 1, &inventory, NULL), 0);
	assert_string_equal(inventory.vault, "v.example");
	assert_false(inventory.is_of_files);
	assert_string_equal(inventory.listed, "2026-01-31T23:59:59Z");
	e = kv_inventory_find(&inventory, KV_KEYS, "dB");
	assert_non_null(e);
	assert_string_equal(e->name, "Db");
	assert_string_equal(e->updated, "2024-01-01T00:00:00Z");
	assert_string_equal(e->sha256, "00ff");
	assert_int_equal(e->size, 4303);
	e = kv_inventory_find(&inventory, KV_SECRETS, "pw");
	assert_non_null(e);
	assert_true(e->updated[0] == '\0' && e->sha256[0] == '\0' && e->size == -1);
	assert_null(kv_inventory_find(&inventory, KV_SECRETS, "Db"));
	assert_null(kv_inventory_find(&inventory, KV_CERTIFICATES, "pw"));
	kv_inventory_release(&inventory);
	assert_null(kv_inventory_find(&inventory, KV_KEYS, "Db"));
}

static void
a_manifest_may_be_about_the_files(void **state)
{
	static const char *const rows[] = { "\"files\"", "\"downloads\"", "null" };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_inventory inventory;
		char text[200];

		snprintf(text, sizeof(text),
		    "{\"vault\":\"v\",\"listed\":\"\",\"objects\":0,\"describes\":%s}\n", rows[i]);
		assert_row(kv_inventory_parse(text, strlen(text), &inventory, NULL) == 0, i, text);
		assert_row(inventory.is_of_files == (i == 0), i, text);
		kv_inventory_release(&inventory);
	}
}

static void
what_is_no_whole_manifest_is_refused(void **state)
{
	static const char *const rows[] = { "", "\n", "x\n", "{}\n", HEAD("2") DB, HEAD("1") DB DB,
		HEAD("0") DB, HEAD("1") "{\"type\":\"keys\",\"name\":\"Db\",\"upd",
		HEAD("1") "{\"type\":\"x\",\"name\":\"Db\"}\n",
		HEAD("1") "{\"type\":\"keys\",\"name\":\"../x\"}\n", HEAD("1") "{\"type\":\"keys\"}\n",
		HEAD("9007199254740992") DB, HEAD("1") "{\"type\":\"keys\",\"name\":\"a\",\"size\":-1}\n",
		"{\"kvfs\":\"0\",\"objects\":0}\n" };
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 1000);
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_inventory inventory;

		kv_buf_clear(&why);
		assert_row(
		    kv_inventory_parse(rows[i], strlen(rows[i]), &inventory, &why) == -EBADMSG, i, rows[i]);
		assert_row(why.len > 0 && inventory.n == 0 && inventory.entries == NULL, i, "why");
	}
	kv_buf_release(&why);
}

static void
the_want_of_memory_is_reported(void **state)
{
	static const char text[] = HEAD("2") PW DB;
	bool has_failed = true;

	(void)state;
	for (int n = 1; has_failed; n++) {
		struct kv_inventory inventory;
		int err;

		fake_alloc_fail_at(n);
		err = kv_inventory_parse(text, sizeof(text) - 1, &inventory, NULL);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_int_equal(err, has_failed ? -ENOMEM : 0);
		kv_inventory_release(&inventory);
	}
}

static void
a_time_is_as_in_a_manifest(void **state)
{
	char text[KV_INVENTORY_TIME];

	(void)state;
	kv_inventory_time(1704067200, text);
	assert_string_equal(text, "2024-01-01T00:00:00Z");
	kv_inventory_time(INT64_MAX, text);
	assert_string_equal(text, "");
}

static void
the_manifest_of_several_vaults_is_refused_with_the_remedy(void **state)
{
	static const char text[] =
	    "{\"kvfs\":\"0.1.0\",\"vault\":\"a.vault.azure.net\",\"region\":null,\"folder\":\"a\","
	    "\"listed\":\"2026-01-31T23:59:59Z\",\"objects\":0}\n";
	struct kv_inventory inventory;
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 1000);
	assert_int_equal(kv_inventory_parse(text, sizeof(text) - 1, &inventory, &why), -EBADMSG);
	assert_string_equal(kv_buf_str(&why),
	    "is that of several vaults: name the folder of one, as in ARCHIVE/VAULT and MOUNTPOINT/VAULT");
	kv_buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_found_in_any_case),
		cmocka_unit_test(a_manifest_may_be_about_the_files),
		cmocka_unit_test(what_is_no_whole_manifest_is_refused),
		cmocka_unit_test(the_want_of_memory_is_reported),
		cmocka_unit_test(a_time_is_as_in_a_manifest),
		cmocka_unit_test(the_manifest_of_several_vaults_is_refused_with_the_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
