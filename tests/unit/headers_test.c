#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/http/headers.h"
#include "tests/unit/fake_clock.h"

#define DATE "Date: Tue, 14 Nov 2023 22:13:20 GMT" /* 1700000000 */

static struct kv_headers headers;
static struct kv_date last_date;

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000, 1600000000); /* not the server's */
	memset(&last_date, 0, sizeof(last_date));
	kv_headers_init(&headers, "1-2", &last_date);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_headers_release(&headers);
	return 0;
}

/* Lines are separated by '|'. Whether the last one ended a final header. */
static bool
take(const char *lines)
{
	bool is_last = false;

	for (const char *end; *lines != '\0'; lines = end + (*end == '|')) {
		char *line;
		int n;

		end = lines + strcspn(lines, "|");
		n = asprintf(&line, "%.*s\r\n", (int)(end - lines), lines);
		assert_true(n > 0);
		assert_int_equal(kv_headers_take(&headers, line, (size_t)n, &is_last), 0);
		free(line);
	}
	return is_last;
}

static int64_t
wait_of(const char *lines)
{
	char text[300];

	snprintf(text, sizeof(text), "HTTP/1.1 429 No|%s|", lines);
	take(text);
	return kv_headers_retry_after_ms(&headers);
}

static void
a_date_to_wait_for_counts_from_the_answers_own_date(void **state)
{
	(void)state;
	assert_true(wait_of(DATE "|Retry-After: Tue, 14 Nov 2023 22:13:30 GMT") == 10000);
	assert_true(wait_of("Retry-After: Tue, 14 Nov 2023 22:13:30 GMT|" DATE) == 10000);
	assert_true(wait_of(DATE "|Retry-After: Tue, 14 Nov 2023 22:13:20 GMT") == 0);
	assert_true(wait_of(DATE "|Retry-After: Tue, 14 Nov 2000 22:13:20 GMT") == 0);
	/* without one there is only our own */
	assert_true(wait_of("Retry-After: Sun, 13 Sep 2020 12:26:45 GMT") == 5000);
}

static void
no_wait_is_longer_than_a_day(void **state)
{
	static const char *const rows[] = { "Retry-After: 86401", "Retry-After: 9223372036854775807",
		"Retry-After: 99999999999999999999", "retry-after-ms: 86400001",
		"x-ms-retry-after-ms: 9223372036854775807",
		DATE "|Retry-After: Tue, 14 Nov 2034 22:13:20 GMT" };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(wait_of(rows[i]) == 86400000, i, rows[i]);
	assert_true(wait_of("retry-after-ms: 90000000000x") == -1);
	assert_true(wait_of("Retry-After: 86399") == 86399000);
	assert_true(wait_of("Retry-After: -9223372036854775808") <= 0);
}

static void
a_header_ends_once(void **state)
{
	(void)state;
	assert_false(take("HTTP/1.1 100 Continue|x-ms-request-id: a|"));
	assert_true(take("HTTP/1.1 100 Continue||HTTP/2 200|content-type: text/html||"));
	assert_string_equal(headers.request_id, "");
	assert_string_equal(headers.content_type, "text/html");
	assert_int_equal(headers.status, 200);
	assert_true(headers.is_http2);
	assert_true(take("HTTP/1.1 403 No||"));
	assert_false(headers.is_http2);
	assert_string_equal(headers.content_type, "");
}

static void
one_right_id_among_several_is_enough(void **state)
{
	static const struct {
		const char *lines, *id;
	} rows[] = {
		{ "HTTP/1.1 200 OK||", "" },
		{ "HTTP/1.1 200 OK|X-Ms-Client-Request-Id: 1-2||", "1-2" },
		{ "HTTP/1.1 200 OK|x-ms-client-request-id: 7|x-ms-client-request-id: 1-2||", "1-2" },
		{ "HTTP/1.1 200 OK|x-ms-client-request-id: 1-2|x-ms-client-request-id: 7||", "1-2" },
		{ "HTTP/1.1 200 OK|x-ms-client-request-id: 7|x-ms-client-request-id: 8||", "8" },
		{ "HTTP/1.1 103 Early|x-ms-client-request-id: 1-2||HTTP/1.1 200 OK|x-ms-client-request-id: 7||",
		    "7" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(take(rows[i].lines), i, rows[i].lines);
		assert_row(strcmp(headers.returned_id, rows[i].id) == 0, i, headers.returned_id);
	}
}

static void
a_challenge_may_be_long_but_has_an_end(void **state)
{
	enum { LEN = 90000 };
	static const char name[] = "WWW-Authenticate: Negotiate ";
	char *line = malloc(LEN);
	bool is_last;

	(void)state;
	assert_non_null(line);
	memset(line, 'x', LEN);
	memcpy(line, name, sizeof(name) - 1);
	assert_false(take("HTTP/1.1 401 No"));
	assert_int_equal(kv_headers_take(&headers, line, LEN, &is_last), 0);
	assert_int_equal(headers.challenge.len, LEN - strlen("WWW-Authenticate: "));
	assert_int_equal(kv_headers_take(&headers, line, LEN, &is_last), -EBADMSG);
	free(line);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_date_to_wait_for_counts_from_the_answers_own_date),
		TEST(no_wait_is_longer_than_a_day),
		TEST(a_header_ends_once),
		TEST(one_right_id_among_several_is_enough),
		TEST(a_challenge_may_be_long_but_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
