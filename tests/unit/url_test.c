#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/http/url.h"

#define LABEL63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

static void
what_is_an_origin_is_taken_apart(void **state)
{
	static const struct {
		const char *url, *host;
		int port;
		bool is_https;
		const char *path;
	} rows[] = {
		{ "https://v.vault.azure.net", "v.vault.azure.net", 443, true, "" },
		{ "https://v.vault.azure.net/", "v.vault.azure.net", 443, true, "/" },
		{ "https://v.vault.azure.net:443/keys?api-version=7.0&$skiptoken=e0_-&maxresults=3",
		    "v.vault.azure.net", 443, true, "/keys?api-version=7.0&$skiptoken=e0_-&maxresults=3" },
		{ "HTTPS://V.Vault.AZURE.net./x", "v.vault.azure.net", 443, true, "/x" },
		{ "https://localhost:8443?a", "localhost", 8443, true, "?a" },
		{ "http://169.254.169.254/metadata", "169.254.169.254", 80, false, "/metadata" },
		{ "http://h:1", "h", 1, false, "" },
		{ "https://h:65535", "h", 65535, true, "" },
		{ "https://h:00443", "h", 443, true, "" },
		{ "https://[::1]:8443/a", "::1", 8443, true, "/a" },
		{ "https://[0:0::0001]", "::1", 443, true, "" },
		{ "https://[2001:DB8::1]/", "2001:db8::1", 443, true, "/" },
		{ "https://a_b-c.d", "a_b-c.d", 443, true, "" },
		{ "https://" LABEL63 ".net", LABEL63 ".net", 443, true, "" },
		{ "https://h/p:x@y//z", "h", 443, true, "/p:x@y//z" },
		{ "https://h/\xc3\xa4", "h", 443, true, "/\xc3\xa4" },
	};
	struct kv_url o;
	const char *path;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(kv_url_parse(rows[i].url, &o, &path) == 0, i, rows[i].url);
		assert_string_equal(o.host, rows[i].host);
		assert_int_equal(o.port, rows[i].port);
		assert_int_equal(o.is_https, rows[i].is_https);
		assert_string_equal(path, rows[i].path);
		assert_true(path >= rows[i].url && path <= rows[i].url + strlen(rows[i].url));
		assert_int_equal(kv_url_parse(rows[i].url, &o, NULL), 0);
	}
}

static void
anything_else_is_refused(void **state)
{
	static const char *const rows[] = { "", "h", "//h/", "ftp://h/", "https:/h", "https:h", "https//h",
		"httpss://h", " https://h", "https://", "https:///x", "https://?", "https://.", "https://..",
		"https://.h", "https://h..", "https://a..b", "https://:443", "https://h:", "https://h:0",
		"https://h:65536", "https://h:000443", "https://h:-1", "https://h:+1", "https://h: 1",
		"https://h:1x", "https://h:4 3", "https://u@h", "https://u:p@h/", "https://h@",
		"https://h\\@x/", "https://h\\x", "https://h/\\x", "https://h#x", "https://h/#x",
		"https://h/ x", "https://h/\n", "https://h/\r\nHost: x", "https://h\t/", "https://h/\x7f",
		"https://h%2e/", "https://h*", "https://\xc3\xa4.de", "https://a,b", "https://a;b",
		"https://127.2.", "https://1.", "https://[::1", "https://[::1]x",
		"https://[::1]:", "https://[]", "https://[h]", "https://[1.2.3.4]", "https://[::1%25lo]",
		"https://::1/", "https://[::1]:0", "https://]", "https://" LABEL63 "h.net",
		"https://" LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 };
	struct kv_url o, zero;
	const char *path;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	for (size_t i = 0; i < N_OF(rows); i++) {
		path = "x";
		memset(&o, 'x', sizeof(o));
		assert_row(kv_url_parse(rows[i], &o, &path) == -EINVAL, i, rows[i]);
		assert_memory_equal(&o, &zero, sizeof(o));
		assert_null(path);
	}
}

static struct kv_url
origin_of(const char *url)
{
	struct kv_url o;

	assert_int_equal(kv_url_parse(url, &o, NULL), 0);
	return o;
}

static void
scheme_host_and_port_make_an_origin(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_same;
	} rows[] = {
		{ "https://v.net", "https://V.NET:443/x", true },
		{ "https://v.net.", "https://v.net", true },
		{ "http://v.net", "http://v.net:80", true },
		{ "https://[::1]:1", "https://[0:0:0:0:0:0:0:1]:1", true },
		{ "https://v.net", "http://v.net", false },
		{ "https://v.net:443", "http://v.net:443", false },
		{ "https://v.net", "https://v.net:8443", false },
		{ "https://v.net", "https://w.net", false },
		{ "https://v.net", "https://v.net.evil", false },
		{ "https://v.net", "https://a.v.net", false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_url a = origin_of(rows[i].a), b = origin_of(rows[i].b);

		assert_row(kv_url_is_same_origin(&a, &b) == rows[i].is_same, i, rows[i].b);
		assert_int_equal(kv_url_is_same_origin(&b, &a), rows[i].is_same);
	}
}

static void
a_resource_covers_its_host_and_the_names_below(void **state)
{
	static const struct {
		const char *vault, *resource;
		bool is_within;
	} rows[] = {
		{ "https://v.vault.azure.net", "https://vault.azure.net", true },
		{ "https://v.vault.azure.net:443", "https://vault.azure.net/", true },
		{ "https://V.Vault.azure.net", "https://VAULT.azure.NET", true },
		{ "https://v.vault.azure.net", "https://v.vault.azure.net", true },
		{ "https://localhost:8443", "https://localhost:8443", true },
		{ "https://a.localhost:8443", "https://localhost:8443", true },
		{ "https://v.vault.azure.net", "https://evil.net", false },
		{ "https://xvault.azure.net", "https://vault.azure.net", false },
		{ "https://vault.azure.net", "https://v.vault.azure.net", false },
		{ "https://v.vault.azure.net.evil.net", "https://vault.azure.net", false },
		{ "https://v.vault.azure.net:8443", "https://vault.azure.net", true },
		{ "https://v.vault.azure.net", "https://vault.azure.net:8443", true },
		{ "https://v.vault.azure.net", "http://vault.azure.net", false },
		{ "https://127.0.0.1:8443", "https://127.0.0.1:8443", true },
		{ "https://127.0.0.1:8443", "https://0.0.1:8443", false },
		{ "https://127.0.0.1", "https://1", false },
		{ "https://[::1]:8443", "https://[::1]:8443", true },
		{ "https://[::1]:8443", "https://[::2]:8443", false },
		{ "https://[::ffff:1.2.3.4]", "https://3.4", false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_url vault = origin_of(rows[i].vault), resource = origin_of(rows[i].resource);

		assert_row(kv_url_is_within(&vault, &resource) == rows[i].is_within, i, rows[i].vault);
	}
}

static void
the_path_on_a_host_is_found_without_parsing(void **state)
{
	static const struct {
		const char *origin, *url, *path;
	} rows[] = {
		{ "https://v.net", "https://v.net/keys/a", "/keys/a" },
		{ "https://v.net:8443", "https://v.net/", "/" },
		{ "https://v.net", "https://v.net", NULL },
		{ "https://v.net", "https://v.net:443/x", "/x" },
		{ "https://v.net:8443", "https://v.net:8443/x", "/x" },
		{ "https://v.net:8443", "https://v.net:443/x", NULL },
		{ "https://v.net", "https://v.net:443", NULL },
		{ "https://v.net", "https://v.net:0443/x", NULL },
		{ "https://v.net", "https://v.net: 443/x", NULL },
		{ "https://v.net", "https://v.net:+443/x", NULL },
		{ "https://v.net", "https://v.net:443x/x", NULL },
		{ "https://v.net", "https://v.net:443@evil/x", NULL },
		{ "https://v.net", "https://v.net:18446744073709552059/x", NULL },
		{ "https://v.net", "https://v.net.evil/x", NULL },
		{ "https://v.net", "https://v.net@evil/x", NULL },
		{ "https://v.net", "https://V.net/x", NULL },
		{ "https://v.net", "http://v.net/x", NULL },
		{ "http://v.net", "http://v.net/x", NULL },
		{ "https://[::1]", "https://::1/x", NULL },
		{ "https://v.net", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_url o = origin_of(rows[i].origin);
		const char *path = kv_url_path_within(rows[i].url, &o);

		assert_row((path == NULL) == (rows[i].path == NULL), i, rows[i].url);
		if (path != NULL)
			assert_string_equal(path, rows[i].path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_an_origin_is_taken_apart),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(scheme_host_and_port_make_an_origin),
		cmocka_unit_test(the_path_on_a_host_is_found_without_parsing),
		cmocka_unit_test(a_resource_covers_its_host_and_the_names_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
