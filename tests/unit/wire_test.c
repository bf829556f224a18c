#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "client/vault/blob.h"
#include "client/base/buf.h"
#include "client/vault/wire.h"
#include "client/http/url.h"
#include "tests/unit/fake_alloc.h"

#define V	"https://v.vault.azure.net"
#define VERSION "0123456789abcdef0123456789abcdef"
#define NAME127                                                                                                \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjjjj" \
	"kkkkkkkkkkllllllllllmmmmmmm"

static const struct kv_url vault = { .host = "v.vault.azure.net", .port = 443, .is_https = true };

/* ---- names ---- */

static void
types_have_names(void **state)
{
	enum kv_type type;

	(void)state;
	for (int i = 0; i < KV_TYPES; i++) {
		assert_int_equal(kv_type_parse(kv_type_name((enum kv_type)i), &type), 0);
		assert_int_equal(type, i);
	}
	assert_string_equal(kv_type_name(KV_CERTIFICATES), "certificates");
	assert_int_equal(kv_type_parse("Keys", &type), -ENOENT);
	assert_int_equal(kv_type_parse("key", &type), -ENOENT);
	assert_int_equal(kv_type_parse("", &type), -ENOENT);
}

static void
names_are_letters_digits_and_dashes(void **state)
{
	static const char *const good[] = { "a", "0", "-", "Db-1", NAME127 };
	static const char *const bad[] = { "", ".", "..", "a.b", "a/b", "a_b", "a b", "a\n", "\xc3\xa4",
		"a%41", NAME127 "a" };

	(void)state;
	for (size_t i = 0; i < N_OF(good); i++)
		assert_row(kv_type_is_name(good[i]), i, good[i]);
	for (size_t i = 0; i < N_OF(bad); i++)
		assert_row(!kv_type_is_name(bad[i]), i, bad[i]);
}

/* ---- pages ---- */

static struct kv_buf page_why; /* the sentence of the last page that failed */
static const char *asked_name; /* of the object whose versions are asked for */

static const struct kv_page_asked asked_keys = { .type = KV_KEYS, .vault = &vault };

static int
page_of(const char *text, enum kv_type type, bool any_host, struct kv_page *page)
{
	static const struct kv_page zero;
	const size_t len = strlen(text);
	char *exact = malloc(len > 0 ? len : 1);
	int err;

	memset(page, 'x', sizeof(*page));
	memcpy(exact, text, len);
	kv_buf_clear(&page_why);
	err = kv_wire_page(exact, len,
	    &(struct kv_page_asked){
		.type = type, .name = asked_name, .vault = &vault, .any_host = any_host },
	    &page_why, page);
	free(exact);
	if (err != 0)
		assert_memory_equal(page, &zero, sizeof(zero));
	return err;
}

static void
a_page_is_read_item_by_item(void **state)
{
	static const char text[] =
	    "{\"value\":[{\"kid\":\"" V
	    "/keys/Db-1\",\"attributes\":{\"enabled\":false,\"nbf\":1,\"created\":10,"
	    "\"updated\":20,\"exp\":30,\"recoveryLevel\":\"Recoverable\"},\"tags\":{\"a\":\"b\"}},"
	    "{\"kid\":\"" V ":443/keys/b/" VERSION "\",\"managed\":true,\"attributes\":{\"enabled\":true}},"
	    "{\"kid\":\"https://V.VAULT.azure.net/keys/c\"},"
	    "{\"kid\":\"" V "/keys/d\",\"attributes\":null,\"managed\":null,\"tags\":null}],"
	    "\"nextLink\":\"" V ":443/keys?api-version=7.4&$skiptoken=eyJ&maxresults=3\",\"new\":[1]}";
	struct kv_page page;

	(void)state;
	assert_int_equal(page_of(text, KV_KEYS, false, &page), 0);
	assert_int_equal(page.n, 4);
	assert_string_equal(page.next_link, V ":443/keys?api-version=7.4&$skiptoken=eyJ&maxresults=3");
	assert_string_equal(page.items[0].name, "Db-1");
	assert_string_equal(page.items[0].version, "");
	assert_int_equal(page.items[0].wall_created, 10);
	assert_int_equal(page.items[0].wall_updated, 20);
	assert_int_equal(page.items[0].wall_expires, 30);
	assert_false(page.items[0].is_enabled);
	assert_false(page.items[0].is_managed);
	assert_string_equal(page.items[1].name, "b");
	assert_string_equal(page.items[1].version, VERSION);
	assert_true(page.items[1].is_enabled && page.items[1].is_managed);
	assert_int_equal(page.items[1].wall_updated, 0);
	assert_true(page.items[2].is_enabled && !page.items[2].is_managed);
	assert_string_equal(page.items[3].name, "d");
	assert_memory_not_equal(page.items[0].fingerprint, page.items[1].fingerprint, KV_FINGERPRINT_LEN);
	kv_wire_page_release(&page);
	assert_null(page.items);
	kv_wire_page_release(&page);
}

static void
the_end_is_a_page_without_a_link(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		bool is_end;
	} rows[] = {
		{ "{\"value\":[],\"nextLink\":null}", 0, true },
		{ "{\"value\":[]}", 0, true },
		{ "{\"value\":[],\"nextLink\":\"\"}", 0, true },
		{ "{\"value\":[],\"nextLink\":\"" V ":443/secrets?$skiptoken=x\"}", 0, false },
		{ "{\"nextLink\":\"" V "/secrets?$skiptoken=x\",\"value\":[{\"id\":\"" V "/secrets/a\"}]}", 1,
		    false },
	};
	struct kv_page page;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(page_of(rows[i].text, KV_SECRETS, false, &page) == 0, i, rows[i].text);
		assert_int_equal(page.n, rows[i].n);
		assert_int_equal(page.next_link == NULL, rows[i].is_end);
		kv_wire_page_release(&page);
	}
}

static void
what_is_no_page_is_refused(void **state)
{
	static const char *const rows[] = { "", "{}", "null", "[]", "{\"value\":null}", "{\"value\":{}}",
		"{\"value\":\"\"}", "{\"value\":[null]}", "{\"value\":[[]]}", "{\"value\":[\"x\"]}",
		"{\"value\":[{}]}", "{\"error\":{\"code\":\"x\"}}", "{\"value\":[],\"value\":[]}",
		"{\"value\":[]", "{\"Value\":[]}", "<html></html>", "{\"value\":[],\"nextLink\":5}",
		"{\"value\":[],\"nextLink\":{}}" };
	struct kv_page page;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(page_of(rows[i], KV_KEYS, false, &page) == -EBADMSG, i, rows[i]);
}

/* A page with one item whose id is id and whose other members are more. */
static int
page_with(const char *id, const char *more, enum kv_type type, bool any_host)
{
	const char *member = type == KV_KEYS ? "kid" : "id";
	struct kv_page page;
	struct kv_buf text;
	int err;

	kv_buf_init(&text, 4000);
	err = kv_buf_printf(&text, "{\"value\":[{\"%s\":\"" V "/%s/good\"},{\"%s\":\"%s\"%s}]}", member,
	    kv_type_name(type), member, id, more);
	assert_int_equal(err, 0);
	err = page_of(kv_buf_str(&text), type, any_host, &page);
	kv_wire_page_release(&page);
	kv_buf_release(&text);
	return err;
}

static void
an_id_must_be_of_this_vault_and_type(void **state)
{
	static const struct {
		const char *id;
		bool is_good, is_good_anywhere;
	} rows[] = {
		{ V "/secrets/a", true, true },
		{ V ":8443/secrets/a", true, true },
		{ V "/secrets/" NAME127, true, true },
		{ V "/secrets/a/" VERSION, true, true },
		{ V "/secrets/a/b-c", true, true },
		{ "https://other.vault.azure.net/secrets/a", false, true },
		{ "https://emulator.local:5000/secrets/a/1", false, true },
		{ "http://v.vault.azure.net/secrets/a", false, true },
		{ "", false, false },
		{ "a", false, false },
		{ "/secrets/a", false, false },
		{ V, false, false },
		{ V "/", false, false },
		{ V "/secrets", false, false },
		{ V "/secrets/", false, false },
		{ V "/secrets//" VERSION, false, false },
		{ V "/secrets/a/", true, true },
		{ V "/secrets/a//", false, false },
		{ V "/secrets/a/b/c", false, false },
		{ V "/secrets/a/b/", true, true },
		{ V "/secrets/a/b//", false, false },
		{ V "/keys/a", false, false },
		{ V "/Secrets/a", false, false },
		{ V "/secretsx/a", false, false },
		{ V "//secrets/a", false, false },
		{ V "/deletedsecrets/a", false, false },
		{ V "/secrets/a?api-version=7.4", false, false },
		{ V "/secrets/a#x", false, false },
		{ V "/secrets/..", false, false },
		{ V "/secrets/../keys/a", false, false },
		{ V "/secrets/a.b", false, false },
		{ V "/secrets/a b", false, false },
		{ V "/secrets/a%2f", false, false },
		{ V "/secrets/a\\u0000", false, false },
		{ V "/secrets/a\\u0000/../x", false, false },
		{ V "/secrets/a\\n", false, false },
		{ V "/secrets/\xc3\xa4", false, false },
		{ V "/secrets/" NAME127 "x", false, false },
		{ V "/secrets/a/" VERSION VERSION, false, false },
		{ "https://user@v.vault.azure.net/secrets/a", false, false },
		{ "https://v.vault.azure.net@evil.net/secrets/a", false, false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(page_with(rows[i].id, "", KV_SECRETS, false) == (rows[i].is_good ? 0 : -EBADMSG),
		    i, rows[i].id);
		assert_row(
		    page_with(rows[i].id, "", KV_SECRETS, true) == (rows[i].is_good_anywhere ? 0 : -EBADMSG),
		    i, rows[i].id);
	}
	assert_int_equal(page_with(V "/certificates/a", "", KV_CERTIFICATES, false), 0);
	assert_int_equal(page_with(V "/keys/a", "", KV_KEYS, false), 0);
}

static void
attributes_must_have_their_types(void **state)
{
	static const struct {
		const char *more;
		bool is_good;
	} rows[] = {
		{ ",\"attributes\":{\"enabled\":true,\"created\":0,\"updated\":9007199254740992}", true },
		{ ",\"attributes\":{}", true },
		{ ",\"attributes\":{\"enabled\":null,\"created\":null}", true },
		{ ",\"managed\":false", true },
		{ ",\"contentType\":5,\"tags\":[{}]", true },
		{ ",\"attributes\":[]", false },
		{ ",\"attributes\":\"\"", false },
		{ ",\"attributes\":{\"enabled\":1}", false },
		{ ",\"attributes\":{\"enabled\":\"true\"}", false },
		{ ",\"attributes\":{\"created\":\"1529958782\"}", false },
		{ ",\"attributes\":{\"updated\":-1}", false },
		{ ",\"attributes\":{\"updated\":1.5}", false },
		{ ",\"attributes\":{\"updated\":1e300}", false },
		{ ",\"attributes\":{\"updated\":1,\"updated\":2}", false },
		{ ",\"attributes\":{},\"attributes\":{}", false },
		{ ",\"managed\":\"true\"", false },
		{ ",\"managed\":1", false },
		{ ",\"id\":\"" V "/secrets/b\"", false },
		{ ",\"tags\":{\"a\":\"1\",\"a\":\"2\"}", false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(page_with(V "/secrets/a", rows[i].more, KV_SECRETS, false) ==
			(rows[i].is_good ? 0 : -EBADMSG),
		    i, rows[i].more);
}

static void
a_link_must_be_of_the_vaults_origin(void **state)
{
	static const struct {
		const char *link;
		bool is_good;
	} rows[] = {
		{ V "/keys?x", true },
		{ V ":443/keys?x", true },
		{ "HTTPS://V.vault.azure.net/keys", true },
		{ V "./keys?x", true },
		{ "http://v.vault.azure.net/keys", false },
		{ V ":8443/keys", false },
		{ "https://evil.net/keys", false },
		{ "https://v.vault.azure.net.evil.net/", false },
		{ "https://v.vault.azure.net@evil.net/", false },
		{ "https://evil.net\\\\@v.vault.azure.net/", false },
		{ "//v.vault.azure.net/keys", false },
		{ "/keys?$skiptoken=x", false },
		{ V "/keys?x\\u0000y", true }, /* a strange one, but the vault's own */
		{ V "/keys?x\\r\\nHost: evil", false },
		{ V "/keys?x y", false },
		{ V "/keys#x", false },
	};
	struct kv_page page;
	char text[500];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		for (int any_host = 0; any_host < 2; any_host++) {
			snprintf(text, sizeof(text),
			    "{\"value\":[{\"kid\":\"" V "/keys/a\"}],\"nextLink\":\"%s\"}", rows[i].link);
			assert_row(
			    page_of(text, KV_KEYS, any_host, &page) == (rows[i].is_good ? 0 : -EBADMSG), i,
			    rows[i].link);
			kv_wire_page_release(&page);
		}
	}
}

static void
a_fingerprint_is_of_the_whole_item(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_same;
	} rows[] = {
		{ "\"tags\":{\"a\":\"1\",\"b\":\"2\"}", "\"tags\":{\"b\":\"2\",\"a\":\"1\"}", true },
		{ "\"tags\":{\"a\":\"1\"}", "\"tags\":{\"a\":\"2\"}", false },
		{ "\"attributes\":{\"exp\":1}", "\"attributes\":{\"exp\":2}", false },
		{ "\"contentType\":\"x\"", "\"contentType\":\"y\"", false },
		{ "\"unknown\":1", "\"unknown\":2", false },
	};
	struct kv_page page;
	char text[500];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		snprintf(text, sizeof(text),
		    "{\"value\":[{\"kid\":\"" V "/keys/a\",%s},{%s,\"kid\":\"" V "/keys/a\"}]}", rows[i].a,
		    rows[i].b);
		assert_int_equal(page_of(text, KV_KEYS, false, &page), 0);
		assert_int_equal(page.n, 2);
		assert_row((memcmp(page.items[0].fingerprint, page.items[1].fingerprint,
				KV_FINGERPRINT_LEN) == 0) == rows[i].is_same,
		    i, text);
		kv_wire_page_release(&page);
	}
}

static void
a_large_page_takes_linear_time(void **state)
{
	struct kv_page page;
	struct kv_buf text;

	(void)state;
	kv_buf_init(&text, (size_t)64 << 20);
	assert_int_equal(kv_buf_puts(&text, "{\"value\":["), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(
		    kv_buf_printf(&text, "%s{\"kid\":\"" V "/keys/k%d\",\"attributes\":{\"created\":%d}}",
			i > 0 ? "," : "", i, i),
		    0);
	assert_int_equal(kv_buf_puts(&text, "]}"), 0);
	assert_int_equal(kv_wire_page(kv_buf_str(&text), text.len, &asked_keys, &page_why, &page), 0);
	assert_int_equal(page.n, 100000);
	assert_string_equal(page.items[99999].name, "k99999");
	assert_int_equal(page.items[99999].wall_created, 99999);
	kv_wire_page_release(&page);
	kv_buf_release(&text);
}

/* ---- bundles ---- */

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
		memset(&item, 'x', sizeof(item));
		assert_row(
		    kv_wire_bundle(rows[i].text, strlen(rows[i].text), rows[i].type, &item) == rows[i].err, i,
		    rows[i].text);
		assert_string_equal(item.name, rows[i].name);
		assert_string_equal(item.version, rows[i].version);
		assert_memory_equal(item.fingerprint, zero.fingerprint, KV_FINGERPRINT_LEN);
		if (rows[i].err != 0)
			assert_memory_equal(&item, &zero, sizeof(zero));
	}
}

/* ---- backups ---- */

static void
the_value_of_a_backup_is_decoded(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *data;
	} rows[] = {
		{ "{\"value\":\"Zm9v\"}", 0, "foo" },
		{ " { \"value\" :\n\"Zm9v\" } \r\n", 0, "foo" },
		{ "{\"value\":\"Zm8\"}", 0, "fo" },
		{ "{\"value\":\"Zm8=\"}", 0, "fo" },
		{ "{\"value\":\"__-_\"}", 0, "\xff\xff\xbf" },
		{ "{\"value\":\"Zm\\u0039v\"}", 0, "foo" },
		{ "{\"value\":\"\\/\\/\\/\\/\"}", 0, "\xff\xff\xff" },
		{ "{\"other\":{\"value\":\"\"},\"value\":\"Zm9v\"}", 0, "foo" },
		{ "{\"value\":\"Zm9v\",\"other\":1}", 0, "foo" },
		{ "{\"value\":\"\"}", -EBADMSG, "" },
		{ "{\"value\":null}", -EBADMSG, "" },
		{ "{\"value\":5}", -EBADMSG, "" },
		{ "{\"value\":[]}", -EBADMSG, "" },
		{ "{}", -EBADMSG, "" },
		{ "", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\"", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\"}}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\"}x", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\"},", -EBADMSG, "" },
		{ "\"value\":\"Zm9v\"}", -EBADMSG, "" },
		{ "{value:\"Zm9v\"}", -EBADMSG, "" },
		{ "{\"value\"\"Zm9v\"}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9vA\"}", -EBADMSG, "" },
		{ "{\"value\":\"Zm 9v\"}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\\u0000\"}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9v\",\"value\":\"Zm9v\"}", -EBADMSG, "" },
		{ "{\"value\":\"Zm9vZm9vZm9vZm9v\"}", -EFBIG, "" },
		{ "{\"value\":\"Zm9vZm9vZm9vZm9v\",\"x\":1}", -EFBIG, "" },
	};
	struct kv_buf b;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const size_t len = strlen(rows[i].text);
		char *exact = malloc(len > 0 ? len : 1);

		memcpy(exact, rows[i].text, len);
		kv_buf_init(&b, 10);
		assert_int_equal(kv_buf_puts(&b, "x"), 0);
		assert_row(kv_wire_backup(exact, len, &b) == rows[i].err, i, rows[i].text);
		assert_row(strcmp(kv_buf_str(&b) + 1, rows[i].data) == 0, i, rows[i].text);
		kv_buf_release(&b);
		free(exact);
	}
}

static void
what_is_restored_is_what_was_backed_up(void **state)
{
	static const size_t lens[] = { 0, 1, 2, 3, 4, 1000, 16885, 1 << 20 };
	struct kv_buf data, body, back;

	(void)state;
	for (size_t i = 0; i < N_OF(lens); i++) {
		kv_buf_init(&data, KV_BLOB_MAX);
		kv_buf_init(&body, 2 * KV_BLOB_MAX);
		kv_buf_init(&back, KV_BLOB_MAX);
		assert_int_equal(kv_buf_resize(&data, lens[i]), 0);
		for (size_t j = 0; j < lens[i]; j++)
			data.data[j] = (unsigned char)(j * 31 + j / 256);
		assert_int_equal(kv_wire_restore_body(data.data, data.len, &body), 0);
		assert_int_equal(body.len, 12 + (lens[i] * 4 + 2) / 3);
		assert_memory_equal(body.data, "{\"value\":\"", 10);
		assert_memory_equal(body.data + body.len - 2, "\"}", 2);
		if (lens[i] > 0) {
			assert_int_equal(kv_wire_backup(kv_buf_str(&body), body.len, &back), 0);
			assert_int_equal(back.len, data.len);
			assert_memory_equal(back.data, data.data, data.len);
		}
		kv_buf_release(&data);
		kv_buf_release(&body);
		kv_buf_release(&back);
	}
}

static void
the_largest_blob_passes_and_one_byte_more_does_not(void **state)
{
	struct kv_buf data, body, back;

	(void)state;
	kv_buf_init(&data, KV_BLOB_MAX + 1);
	kv_buf_init(&body, 2 * KV_BLOB_MAX);
	kv_buf_init(&back, KV_BLOB_MAX);
	assert_int_equal(kv_buf_resize(&data, KV_BLOB_MAX), 0);
	assert_int_equal(kv_wire_restore_body(data.data, data.len, &body), 0);
	assert_int_equal(kv_wire_backup(kv_buf_str(&body), body.len, &back), 0);
	assert_int_equal(back.len, KV_BLOB_MAX);
	kv_buf_release(&back);
	kv_buf_clear(&body);
	assert_int_equal(kv_buf_resize(&data, KV_BLOB_MAX + 1), 0);
	assert_int_equal(kv_wire_restore_body(data.data, data.len, &body), 0);
	assert_int_equal(kv_wire_backup(kv_buf_str(&body), body.len, &back), -EFBIG);
	assert_int_equal(back.len, 0);
	kv_buf_release(&data);
	kv_buf_release(&body);
	kv_buf_release(&back);
}

static void
a_body_that_does_not_fit_leaves_nothing(void **state)
{
	struct kv_buf body;

	(void)state;
	for (size_t max = 1; max < 17; max++) {
		kv_buf_init(&body, max);
		assert_int_equal(kv_buf_puts(&body, "x"), 0);
		assert_int_equal(kv_wire_restore_body("foo", 3, &body), -EFBIG);
		assert_string_equal(kv_buf_str(&body), "x");
		kv_buf_release(&body);
	}
	kv_buf_init(&body, 17);
	assert_int_equal(kv_buf_puts(&body, "x"), 0);
	assert_int_equal(kv_wire_restore_body("foo", 3, &body), 0);
	assert_string_equal(kv_buf_str(&body), "x{\"value\":\"Zm9v\"}");
	assert_int_equal(kv_wire_restore_body("foo", SIZE_MAX, &body), -EFBIG);
	kv_buf_release(&body);
}

/* ---- faults ---- */

static void
an_error_body_is_read_as_far_as_it_goes(void **state)
{
	static const struct {
		const char *text, *code, *inner, *message;
	} rows[] = {
		{ "{\"error\":{\"code\":\"KeyNotFound\",\"message\":\"Key not found: a\"}}", "KeyNotFound",
		    "", "Key not found: a" },
		{ "{\"error\":{\"code\":\"Forbidden\",\"message\":\"m\",\"innererror\":{\"code\":\"SecretDisabled\"}}}",
		    "Forbidden", "SecretDisabled", "m" },
		{ "{\"error\":{\"code\":\"a\",\"innererror\":{\"code\":\"b\",\"innererror\":{\"code\":\"c\",\"innererror\":{}}}}}",
		    "a", "c", "" },
		{ "{\"error\":{\"code\":\"a\",\"innererror\":{\"innererror\":{\"code\":\"c\"}}}}", "a", "c",
		    "" },
		{ "{\"error\":{\"code\":\"Malformed backup blob\",\"message\":null}}",
		    "Malformed backup blob", "", "" },
		{ "{\"error\":{\"message\":\"  Caller is\\r\\n\\tnot\\u0000 allowed.\\r\\n \"}}", "", "",
		    "Caller is not\xef\xbf\xbd allowed." },
		{ "{\"error\":{\"message\":\"\\u001b[31mred\\u007f\"}}", "", "", "[31mred" },
		{ "{\"error\":{\"code\":5,\"message\":\"m\",\"innererror\":[]}}", "", "", "m" },
		{ "{\"error\":\"invalid_client\"}", "", "", "" },
		{ "{\"error\":null}", "", "", "" },
		{ "{}", "", "", "" },
		{ "", "", "", "" },
		{ "<html>503</html>", "", "", "" },
		{ "{\"error\":{\"code\":\"a\"}", "", "", "" },
	};
	struct kv_fault fault;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memset(&fault, 'x', sizeof(fault));
		kv_wire_fault(rows[i].text, strlen(rows[i].text), &fault);
		assert_row(strcmp(fault.code, rows[i].code) == 0, i, rows[i].text);
		assert_row(strcmp(fault.inner, rows[i].inner) == 0, i, rows[i].text);
		assert_row(strcmp(fault.message, rows[i].message) == 0, i, fault.message);
	}
}

static void
long_texts_are_cut_at_a_character(void **state)
{
	static const char *const characters[] = { "x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff",
		"a " };
	struct kv_fault fault;
	struct kv_buf text;

	(void)state;
	for (size_t i = 0; i < N_OF(characters); i++) {
		const size_t n = strlen(characters[i]);

		kv_buf_init(&text, 10000);
		assert_int_equal(kv_buf_puts(&text, "{\"error\":{\"code\":\"-"), 0);
		for (int j = 0; j < 600; j++)
			assert_int_equal(kv_buf_puts(&text, characters[i]), 0);
		assert_int_equal(kv_buf_puts(&text, "\",\"message\":\""), 0);
		for (int j = 0; j < 600; j++)
			assert_int_equal(kv_buf_puts(&text, characters[i]), 0);
		assert_int_equal(kv_buf_puts(&text, "\"}}"), 0);
		kv_wire_fault(kv_buf_str(&text), text.len, &fault);
		assert_true(strlen(fault.code) > sizeof(fault.code) - 1 - n &&
		    strlen(fault.code) < sizeof(fault.code));
		assert_true(strlen(fault.message) > sizeof(fault.message) - 1 - n);
		if (n > 1 && characters[i][1] != ' ') {
			assert_int_equal((strlen(fault.code) - 1) % n, 0);
			assert_int_equal(strlen(fault.message) % n, 0);
		}
		kv_buf_release(&text);
	}
}

static void
controls_do_not_hide_behind_a_lead_byte(void **state)
{
	static const char text[] = "{\"error\":{\"message\":\"a\xf0\nb\xe2\r\rc\xc3\"}}";
	struct kv_fault fault;

	(void)state;
	kv_wire_fault(text, strlen(text), &fault);
	assert_string_equal(fault.message, "a\xf0 b\xe2 c\xc3");
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
		assert_row(kv_wire_fault_id(&fault, KV_KEYS, &item) == rows[i].err, i, rows[i].message);
		assert_string_equal(item.name, rows[i].name);
		assert_string_equal(item.version, rows[i].version);
		assert_int_equal(item.wall_created, 0);
	}
	memset(fault.message, '\'', sizeof(fault.message) - 1);
	assert_int_equal(kv_wire_fault_id(&fault, KV_KEYS, &item), -ENOENT);
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
		{ "{\"scheduledPurgeDate\":null}", KV_KEYS, 0, 0 },
		{ "{\"scheduledPurgeDate\":\"1537731839\"}", KV_KEYS, 0, 0 },
		{ "{\"scheduledPurgeDate\":-1}", KV_KEYS, 0, 0 },
		{ "", KV_KEYS, -EBADMSG, 0 },
		{ "<html>", KV_KEYS, -EBADMSG, 0 },
	};
	int64_t wall;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(kv_wire_deleted(rows[i].text, strlen(rows[i].text), rows[i].type, "db-1", &wall) ==
			rows[i].err,
		    i, rows[i].text);
		assert_row(wall == rows[i].wall, i, rows[i].text);
	}
}

static void
versions_are_of_the_object_asked_for(void **state)
{
	static const char text[] =
	    "{\"value\":[{\"kid\":\"" V "/keys/Db-1/01\"},{\"kid\":\"" V "/keys/db-1/02\"}]}";
	struct kv_page page;

	(void)state;
	asked_name = "DB-1";
	assert_int_equal(page_of(text, KV_KEYS, false, &page), 0);
	kv_wire_page_release(&page);
	asked_name = "db";
	assert_int_equal(page_of(text, KV_KEYS, false, &page), -EBADMSG);
	assert_non_null(strstr(kv_buf_str(&page_why), "/keys/Db-1/01"));
	asked_name = NULL;
}

static void
a_page_that_fails_names_its_item(void **state)
{
	static const struct {
		const char *item, *sentence;
	} rows[] = {
		{ "{\"kid\":\"" V "/keys/a b\"}", "\"" V "/keys/a b\"" },
		{ "{\"kid\":\"https://evil.net/keys/a\"}", "\"https://evil.net/keys/a\"" },
		{ "{\"kid\":\"" V "/keys/\\u001b[31m\"}", "/keys/\\u001b[31m\"" },
		{ "{\"kid\":\"" V "/keys/b\",\"attributes\":{\"created\":\"x\"}}", "\"" V "/keys/b\"" },
		{ "{\"kid\":7}", "no id" },
		{ "{}", "no id" },
		{ "7", "no id" },
	};
	struct kv_page page;
	char text[2000];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		snprintf(text, sizeof(text), "{\"value\":[{\"kid\":\"" V "/keys/good\"},%s]}", rows[i].item);
		assert_row(page_of(text, KV_KEYS, false, &page) == -EBADMSG, i, text);
		assert_row(strstr(kv_buf_str(&page_why), rows[i].sentence) != NULL, i, kv_buf_str(&page_why));
	}
	snprintf(text, sizeof(text), "{\"value\":[{\"kid\":\"" V "/keys/%01000d\"}]}", 0);
	assert_int_equal(page_of(text, KV_KEYS, false, &page), -EBADMSG);
	assert_true(strlen(kv_buf_str(&page_why)) < 400);
}

/* ---- tokens ---- */

static void
a_token_is_read_from_every_source(void **state)
{
	static const struct {
		const char *text, *value;
		int64_t life_s;
	} rows[] = {
		/* Entra, IMDS, App Service of two ages, the az CLI of two ages */
		{ "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"ext_expires_in\":3599,\"access_token\":\"eyJ.a.b\"}",
		    "eyJ.a.b", 3599 },
		{ "{\"access_token\":\"t\",\"expires_in\":\"86000\",\"expires_on\":\"1700086000\",\"not_before\":\"1\"}",
		    "t", 86000 },
		{ "{\"access_token\":\"t\",\"expires_on\":\"1700000500\"}", "t", 500 },
		{ "{\"access_token\":\"t\",\"expires_on\":1700000500}", "t", 500 },
		{ "{\"access_token\":\"t\",\"expires_on\":\"09/14/2017 00:00:00 PM +00:00\"}", "t", 0 },
		{ "{\"accessToken\":\"t\",\"expiresOn\":\"2023-11-14 23:13:20.000000\",\"expires_on\":1700000500}",
		    "t", 500 },
		{ "{\"accessToken\":\"t\",\"expiresOn\":\"2023-11-14 23:13:20.000000\",\"tenant\":\"x\"}",
		    "t", 0 },
		{ "{\"access_token\":\"t\"}", "t", 0 },
		{ "{\"access_token\":\"t\",\"expires_in\":null,\"expires_on\":null}", "t", 0 },
		/* strange lives */
		{ "{\"access_token\":\"t\",\"expires_in\":0}", "t", 1 },
		{ "{\"access_token\":\"t\",\"expires_on\":1699999999}", "t", 1 },
		{ "{\"access_token\":\"t\",\"expires_in\":-5}", "t", 0 },
		{ "{\"access_token\":\"t\",\"expires_in\":\"-5\"}", "t", 0 },
		{ "{\"access_token\":\"t\",\"expires_in\":\"1h\",\"expires_on\":1700000500}", "t", 500 },
		{ "{\"access_token\":\"t\",\"expires_in\":9007199254740992}", "t", INT32_MAX },
		{ "{\"access_token\":\"t\",\"expires_in\":\"99999999999999999999\"}", "t", 0 },
		{ "{\"access_token\":\"t\",\"expires_in\":[1]}", "t", 0 },
	};
	struct kv_token token;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(kv_wire_token(rows[i].text, strlen(rows[i].text), 1700000000, &token) == 0, i,
		    rows[i].text);
		assert_string_equal(token.value, rows[i].value);
		assert_row(token.life_s == rows[i].life_s, i, rows[i].text);
		kv_wire_token_release(&token);
		assert_null(token.value);
	}
}

static void
what_cannot_be_a_token_is_refused(void **state)
{
	static const char *const rows[] = { "", "{}", "null", "{\"access_token\":\"\"}",
		"{\"access_token\":null}", "{\"access_token\":5}", "{\"access_token\":\"a b\"}",
		"{\"access_token\":\"a\\r\\nX: y\"}", "{\"access_token\":\"a\\u0000b\"}",
		"{\"access_token\":\"\xc3\xa4\"}", "{\"access_token\":\"a\",\"access_token\":\"b\"}",
		"{\"error\":\"invalid_client\"}", "{\"access_token\":\"abc", "a.b.c" };
	struct kv_token token;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memset(&token, 'x', sizeof(token));
		assert_row(kv_wire_token(rows[i], strlen(rows[i]), 0, &token) == -EBADMSG, i, rows[i]);
		assert_null(token.value);
		assert_int_equal(token.life_s, 0);
	}
}

static void
a_token_services_error_is_its_first_line(void **state)
{
	static const struct {
		const char *text, *code, *message;
	} rows[] = {
		{ "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret provided.\\r\\nTrace ID: x\"}",
		    "invalid_client", "AADSTS7000215: Invalid client secret provided." },
		{ "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}",
		    "invalid_request", "Identity not found" },
		{ "{\"error\":\"invalid_request\"}", "invalid_request", "" },
		{ "{\"error\":{\"code\":\"NotFound\",\"message\":\"m\"}}", "NotFound", "m" },
		{ "{\"error_description\":5}", "", "" },
		{ "", "", "" },
		{ "Bad Gateway", "", "" },
	};
	struct kv_fault fault;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		memset(&fault, 'x', sizeof(fault));
		kv_wire_token_fault(rows[i].text, strlen(rows[i].text), &fault);
		assert_row(strcmp(fault.code, rows[i].code) == 0, i, fault.code);
		assert_row(strcmp(fault.message, rows[i].message) == 0, i, fault.message);
		assert_string_equal(fault.inner, "");
	}
}

static void
the_end_of_a_jwt_is_read(void **state)
{
	static const struct {
		const char *token;
		int64_t wall_end;
	} rows[] = {
		{ "e30.eyJleHAiOjE3MDAwMDA1MDB9.x", 1700000500 },
		{ "e30.eyJleHAiOjE3MDAwMDA1MDB9.", 1700000500 },
		{ "..", 0 },
		{ "", 0 },
		{ "opaque", 0 },
		{ "e30.eyJleHAiOjE3MDAwMDA1MDB9", 0 },
		{ "e30.e30.x", 0 },
		{ "e30.eyJleHAiOiJ4In0.x", 0 },
		{ "e30.!!!.x", 0 },
		{ "e30.eyJleHAiOjE3MDAwMDA1M.x", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(kv_wire_jwt_expiry(rows[i].token) == rows[i].wall_end, i, rows[i].token);
}

static void
no_token_is_left_in_freed_memory(void **state)
{
	static const char text[] = "{\"access_token\":\"s3cret-access-token\",\"expires_in\":1}";
	struct kv_token token;

	(void)state;
	fake_alloc_watch("s3cret-access-token");
	assert_int_equal(kv_wire_token(text, strlen(text), 0, &token), 0);
	kv_wire_token_release(&token);
	assert_int_equal(fake_alloc_unwiped(), 0);
	fake_alloc_watch(NULL);
}

/* ---- when memory ends ---- */

static int
read_page(void)
{
	static const char text[] =
	    "{\"value\":[{\"kid\":\"" V "/keys/a\",\"tags\":{\"b\":\"\\u0000\",\"a\":\"x\"}},"
	    "{\"kid\":\"" V "/keys/b\"}],\"nextLink\":\"" V "/keys?x\"}";
	struct kv_page page;
	int err = kv_wire_page(text, strlen(text), &asked_keys, &page_why, &page);

	assert_true((err == 0) == (page.n == 2) && (err == 0) == (page.next_link != NULL));
	kv_wire_page_release(&page);
	return err;
}

static int
read_bundle(void)
{
	static const char text[] = "{\"key\":{\"kid\":\"" V "/keys/a/1\"},\"attributes\":{\"created\":1}}";
	struct kv_item item;
	int err = kv_wire_bundle(text, strlen(text), KV_KEYS, &item);

	assert_string_equal(item.name, err == 0 ? "a" : "");
	return err;
}

static int
read_backups(void)
{
	struct kv_buf b;
	int err;

	kv_buf_init(&b, 1000);
	err = kv_wire_backup("{\"value\":\"Zm9v\"}", 16, &b);
	if (err == 0)
		err = kv_wire_backup("{\"value\":\"Zm9v\",\"x\":\"\\u0000\"}", 29, &b);
	kv_buf_release(&b);
	if (err == 0) {
		err = kv_wire_restore_body("foo", 3, &b);
		assert_string_equal(kv_buf_str(&b), err == 0 ? "{\"value\":\"Zm9v\"}" : "");
	}
	kv_buf_release(&b);
	return err;
}

static int
read_token(void)
{
	static const char text[] = "{\"access_token\":\"t\",\"expires_in\":\"5\"}";
	struct kv_token token;
	int err = kv_wire_token(text, strlen(text), 0, &token);

	assert_true((err == 0) == (token.value != NULL));
	kv_wire_token_release(&token);
	return err;
}

static void
each_allocation_that_fails_is_enomem(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(read_page());
	EACH_ALLOCATION_FAILS(read_bundle());
	EACH_ALLOCATION_FAILS(read_backups());
	EACH_ALLOCATION_FAILS(read_token());
}

static void
what_cannot_fail_is_empty_without_memory(void **state)
{
	static const char text[] = "{\"error\":{\"code\":\"a\",\"message\":\"b\"}}";
	struct kv_fault fault;
	int64_t wall_end;

	(void)state;
	for (int n = 1; n < 50; n++) {
		fake_alloc_fail_at(n);
		kv_wire_fault(text, strlen(text), &fault);
		assert_string_equal(fault.code, fake_alloc_has_failed() ? "" : "a");
		fake_alloc_fail_at(n);
		kv_wire_token_fault("{\"error\":\"a\"}", 13, &fault);
		assert_string_equal(fault.code, fake_alloc_has_failed() ? "" : "a");
		fake_alloc_fail_at(n);
		wall_end = kv_wire_jwt_expiry("e30.eyJleHAiOjE3MDAwMDA1MDB9.x");
		assert_int_equal(wall_end, fake_alloc_has_failed() ? 0 : 1700000500);
	}
	fake_alloc_fail_at(0);
}

/* ---- what the real service answered ---- */

struct tally {
	int pages, items, bundles, backups, faults, conflicts;
};

static const char *
field(const cJSON *exchange, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(exchange, name));

	assert_non_null(s);
	return s;
}

static bool
ends_in(const char *s, const char *tail)
{
	const size_t n = strlen(s), t = strlen(tail);

	return n >= t && strcmp(s + n - t, tail) == 0;
}

/* The type that a path begins with, without "/deleted…". */
static bool
type_of_path(const char *path, enum kv_type *type)
{
	char word[20];
	const size_t n = strcspn(path + 1, "/");

	if (n >= sizeof(word))
		return false;
	memcpy(word, path + 1, n);
	word[n] = '\0';
	return kv_type_parse(word, type) == 0;
}

static void
check_page(const char *body, enum kv_type type, const struct kv_url *origin, struct tally *tally)
{
	const struct kv_page_asked asked = { .type = type, .vault = origin };
	struct kv_page page;

	assert_row(kv_wire_page(body, strlen(body), &asked, &page_why, &page) == 0, 0, body);
	for (size_t i = 0; i < page.n; i++)
		assert_true(
		    page.items[i].wall_created > 1500000000 && page.items[i].wall_updated > 1500000000);
	tally->pages++;
	tally->items += (int)page.n;
	kv_wire_page_release(&page);
}

static void
check_backup(const char *body, struct tally *tally)
{
	struct kv_buf blob, again;
	bool is_complete;

	kv_buf_init(&blob, KV_BLOB_MAX);
	kv_buf_init(&again, 2 * KV_BLOB_MAX);
	assert_int_equal(kv_wire_backup(body, strlen(body), &blob), 0);
	assert_int_not_equal(kv_blob_look(blob.data, blob.len, &is_complete), KV_BLOB_UNKNOWN);
	assert_true(is_complete);
	assert_int_equal(kv_wire_restore_body(blob.data, blob.len, &again), 0);
	assert_string_equal(kv_buf_str(&again), body);
	kv_buf_release(&blob);
	kv_buf_release(&again);
	tally->backups++;
}

static void
check_bundle(const char *path, const char *body, enum kv_type type, struct tally *tally)
{
	struct kv_item item;
	char expected[200];

	assert_row(kv_wire_bundle(body, strlen(body), type, &item) == 0, 0, body);
	assert_int_equal(strlen(item.version), 32);
	snprintf(expected, sizeof(expected), "/%s/%s", kv_type_name(type), item.name);
	if (!ends_in(path, "/restore"))
		assert_memory_equal(path, expected, strlen(expected));
	tally->bundles++;
}

static void
check_fault(const char *body, long status, struct tally *tally)
{
	struct kv_fault fault;

	kv_wire_fault(body, strlen(body), &fault);
	assert_true(fault.code[0] != '\0' && fault.message[0] != '\0');
	if (status == 404)
		assert_int_equal(kv_err_of_status(status, &fault), -ENOENT);
	tally->conflicts += status == 409;
	tally->faults++;
}

/* Not what sign, decrypt and the like answer, nor issuers and contacts, which are no objects. */
static bool
is_bundle(const char *method, const char *path)
{
	if (strncmp(path, "/certificates/issuers", 21) == 0 || strcmp(path, "/certificates/contacts") == 0)
		return false;
	if (strcmp(method, "POST") == 0)
		return ends_in(path, "/create") || ends_in(path, "/import") || ends_in(path, "/restore");
	return !ends_in(path, "/pending") && !ends_in(path, "/policy");
}

static void
check_exchange(const cJSON *exchange, struct tally *tally)
{
	const char *method = field(exchange, "method"), *path = field(exchange, "path"),
		   *body = field(exchange, "body");
	const long status = (long)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(exchange, "status"));
	struct kv_url origin;
	enum kv_type type;
	char url[300];

	snprintf(url, sizeof(url), "https://%s/", field(exchange, "host"));
	assert_int_equal(kv_url_parse(url, &origin, NULL), 0);
	if (status >= 400 && *body != '\0')
		check_fault(body, status, tally);
	if (status != 200 || !type_of_path(path, &type) || strcmp(method, "DELETE") == 0)
		return;
	if (strcmp(method, "GET") == 0 && (strchr(path + 1, '/') == NULL || ends_in(path, "/versions")))
		check_page(body, type, &origin, tally);
	else if (ends_in(path, "/backup"))
		check_backup(body, tally);
	else if (is_bundle(method, path))
		check_bundle(path, body, type, tally);
}

static void
check_recording(const char *folder, const char *name, struct tally *tally)
{
	struct kv_buf path, text;
	cJSON *exchanges, *exchange;
	FILE *f;

	kv_buf_init(&path, 1000);
	kv_buf_init(&text, (size_t)16 << 20);
	assert_int_equal(kv_buf_printf(&path, "%s/%s", folder, name), 0);
	f = fopen(kv_buf_str(&path), "re");
	assert_non_null(f);
	for (size_t n = 1; n > 0; text.len += n) {
		assert_int_equal(kv_buf_reserve(&text, text.len + 65536), 0);
		n = fread(text.data + text.len, 1, 65536, f);
	}
	fclose(f);
	exchanges = cJSON_ParseWithLength(kv_buf_str(&text), text.len);
	assert_row(cJSON_IsArray(exchanges), 0, name);
	cJSON_ArrayForEach(exchange, exchanges) {
		check_exchange(exchange, tally);
	}
	cJSON_Delete(exchanges);
	kv_buf_release(&path);
	kv_buf_release(&text);
}

static void
what_the_service_answered_is_taken_as_it_is(void **state)
{
	const char *folder = getenv("KVFS_RECORDINGS");
	struct tally tally = { 0 };
	struct dirent *entry;
	DIR *dir;

	(void)state;
	if (folder == NULL)
		folder = "../shared/recordings";
	dir = opendir(folder);
	if (dir == NULL) {
		printf(
		    "skipped: no recordings of the real service in %s (KVFS_RECORDINGS names another folder)\n",
		    folder);
		skip();
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (ends_in(entry->d_name, ".json"))
			check_recording(folder, entry->d_name, &tally);
	closedir(dir);
	print_message(
	    "recordings: %d pages with %d items, %d bundles, %d backups, %d errors, %d of them conflicts\n",
	    tally.pages, tally.items, tally.bundles, tally.backups, tally.faults, tally.conflicts);
	assert_true(
	    tally.pages > 0 && tally.items > 0 && tally.bundles > 0 && tally.backups > 0 && tally.faults > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_have_names),
		cmocka_unit_test(names_are_letters_digits_and_dashes),
		cmocka_unit_test(a_page_is_read_item_by_item),
		cmocka_unit_test(the_end_is_a_page_without_a_link),
		cmocka_unit_test(what_is_no_page_is_refused),
		cmocka_unit_test(an_id_must_be_of_this_vault_and_type),
		cmocka_unit_test(attributes_must_have_their_types),
		cmocka_unit_test(a_link_must_be_of_the_vaults_origin),
		cmocka_unit_test(a_fingerprint_is_of_the_whole_item),
		cmocka_unit_test(a_large_page_takes_linear_time),
		cmocka_unit_test(a_bundle_names_what_was_restored),
		cmocka_unit_test(the_value_of_a_backup_is_decoded),
		cmocka_unit_test(what_is_restored_is_what_was_backed_up),
		cmocka_unit_test(the_largest_blob_passes_and_one_byte_more_does_not),
		cmocka_unit_test(a_body_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(an_error_body_is_read_as_far_as_it_goes),
		cmocka_unit_test(long_texts_are_cut_at_a_character),
		cmocka_unit_test(controls_do_not_hide_behind_a_lead_byte),
		cmocka_unit_test(the_id_in_a_conflict_is_found),
		cmocka_unit_test(a_deleted_object_is_the_one_asked_for),
		cmocka_unit_test(versions_are_of_the_object_asked_for),
		cmocka_unit_test(a_page_that_fails_names_its_item),
		cmocka_unit_test(a_token_is_read_from_every_source),
		cmocka_unit_test(what_cannot_be_a_token_is_refused),
		cmocka_unit_test(a_token_services_error_is_its_first_line),
		cmocka_unit_test(the_end_of_a_jwt_is_read),
		cmocka_unit_test(no_token_is_left_in_freed_memory),
		cmocka_unit_test(each_allocation_that_fails_is_enomem),
		cmocka_unit_test(what_cannot_fail_is_empty_without_memory),
		cmocka_unit_test(what_the_service_answered_is_taken_as_it_is),
	};

	kv_buf_init(&page_why, 1000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
