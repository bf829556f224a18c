#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/http/url.h"
#include "client/vault/page.h"
#include "tests/unit/fake_alloc.h"

#define V	"https://v.vault.azure.net"
#define VERSION "0123456789abcdef0123456789abcdef"
#define NAME127                                                                                                \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjjjj" \
	"kkkkkkkkkkllllllllllmmmmmmm"

static const struct kv_url vault = { .host = "v.vault.azure.net", .port = 443, .is_https = true };

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
	err = kv_page_parse(exact, len,
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
	kv_page_release(&page);
	assert_null(page.items);
	kv_page_release(&page);
}

static void
an_external_key_is_not_to_be_backed_up(void **state)
{
	static const struct {
		const char *attributes;
		bool is_external;
	} rows[] = { { "{\"external_key\":{\"id\":\"x\"}}", true }, { "{\"external_key\":{}}", true },
		{ "{\"external_key\":null}", false }, { "{}", false } };
	struct kv_page page;
	char text[300];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		snprintf(text, sizeof(text), "{\"value\":[{\"kid\":\"" V "/keys/a\",\"attributes\":%s}]}",
		    rows[i].attributes);
		assert_int_equal(page_of(text, KV_KEYS, false, &page), 0);
		assert_row(page.items[0].is_external == rows[i].is_external, i, text);
		assert_row(page.items[0].is_managed == rows[i].is_external, i, text);
		kv_page_release(&page);
	}
	snprintf(text, sizeof(text),
	    "{\"value\":[{\"kid\":\"" V "/keys/a\",\"attributes\":{\"external_key\":true}}]}");
	assert_int_equal(page_of(text, KV_KEYS, false, &page), -EBADMSG);
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
		kv_page_release(&page);
	}
}

static void
what_is_no_page_is_refused(void **state)
{
	static const char *const rows[] = { "", "{}", "null", "[]", "{\"value\":null}", "{\"value\":{}}",
		"{\"value\":\"\"}", "{\"value\":[null]}", "{\"value\":[[]]}", "{\"value\":[\"x\"]}",
		"{\"value\":[{}]}", "{\"error\":{\"code\":\"x\"}}", "{\"value\":[],\"value\":[]}",
		"{\"value\":[]", "{\"Value\":[]}", "<html></html>", "{\"value\":[],\"nextLink\":5}",
		"{\"value\":[],\"nextLink\":{}}",
		"{\"value\":[],\"error\":{\"code\":\"InternalServerError\"}}" };
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
	kv_page_release(&page);
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
			kv_page_release(&page);
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
		kv_page_release(&page);
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
	assert_int_equal(kv_page_parse(kv_buf_str(&text), text.len, &asked_keys, &page_why, &page), 0);
	assert_int_equal(page.n, 100000);
	assert_string_equal(page.items[99999].name, "k99999");
	assert_int_equal(page.items[99999].wall_created, 99999);
	kv_page_release(&page);
	kv_buf_release(&text);
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
	kv_page_release(&page);
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

static int
read_page(void)
{
	static const char text[] =
	    "{\"value\":[{\"kid\":\"" V "/keys/a\",\"tags\":{\"b\":\"\\u0000\",\"a\":\"x\"}},"
	    "{\"kid\":\"" V "/keys/b\"}],\"nextLink\":\"" V "/keys?x\"}";
	struct kv_page page;
	int err = kv_page_parse(text, strlen(text), &asked_keys, &page_why, &page);

	assert_true((err == 0) == (page.n == 2) && (err == 0) == (page.next_link != NULL));
	kv_page_release(&page);
	return err;
}

static void
each_allocation_that_fails_is_enomem(void **state)
{
	(void)state;
	EACH_ALLOCATION_FAILS(read_page());
}

static void
behind_a_gateway_links_lead_to_it_and_ids_are_the_vaults(void **state)
{
	static const struct kv_url gateway = { .host = "gateway.corp", .port = 8443, .is_https = true };
	static const struct {
		const char *id, *link, *next;
	} rows[] = {
		{ V, V ":443/keys?api-version=7.4&$skiptoken=eyJ",
		    "https://gateway.corp:8443/keys?api-version=7.4&$skiptoken=eyJ" },
		{ V, V "/keys?x", "https://gateway.corp:8443/keys?x" },
		{ V, "https://gateway.corp:8443/keys?x", "https://gateway.corp:8443/keys?x" },
		{ V, "https://gateway.corp/keys?x", NULL },
		{ V, "https://other.vault.azure.net/keys?x", NULL },
		{ V, "http://v.vault.azure.net/keys?x", NULL },
		{ V, V "?x", NULL },
		{ "https://gateway.corp:8443", V "/keys?x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_page_asked asked = { .type = KV_KEYS, .vault = &vault, .origin = &gateway };
		struct kv_page page;
		char text[500];
		int err;

		snprintf(text, sizeof(text), "{\"value\":[{\"kid\":\"%s/keys/a\"}],\"nextLink\":\"%s\"}",
		    rows[i].id, rows[i].link);
		err = kv_page_parse(text, strlen(text), &asked, &page_why, &page);
		assert_row(err == (rows[i].next != NULL ? 0 : -EBADMSG), i, rows[i].link);
		if (err == 0)
			assert_string_equal(page.next_link, rows[i].next);
		kv_page_release(&page);
	}
	kv_buf_clear(&page_why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_read_item_by_item),
		cmocka_unit_test(an_external_key_is_not_to_be_backed_up),
		cmocka_unit_test(the_end_is_a_page_without_a_link),
		cmocka_unit_test(what_is_no_page_is_refused),
		cmocka_unit_test(an_id_must_be_of_this_vault_and_type),
		cmocka_unit_test(attributes_must_have_their_types),
		cmocka_unit_test(a_link_must_be_of_the_vaults_origin),
		cmocka_unit_test(a_fingerprint_is_of_the_whole_item),
		cmocka_unit_test(a_large_page_takes_linear_time),
		cmocka_unit_test(versions_are_of_the_object_asked_for),
		cmocka_unit_test(a_page_that_fails_names_its_item),
		cmocka_unit_test(each_allocation_that_fails_is_enomem),
		cmocka_unit_test(behind_a_gateway_links_lead_to_it_and_ids_are_the_vaults),
	};

	kv_buf_init(&page_why, 1000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
