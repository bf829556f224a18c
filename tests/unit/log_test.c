#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/log.h"
#include "tests/unit/fake_clock.h"

/* stderr goes to a file in memory while it is captured. */
static int captured = -1, saved = -1;

static void
capture(void)
{
	fflush(stderr);
	captured = memfd_create("stderr", 0);
	saved = dup(STDERR_FILENO);
	assert_true(captured >= 0 && saved >= 0 && dup2(captured, STDERR_FILENO) >= 0);
}

/* What was written since capture(), valid until the next call. */
static const char *
restore(void)
{
	static char text[20000];
	ssize_t n;

	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	n = pread(captured, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(captured);
	close(saved);
	return text;
}

static const char *
write_each_level(const char *debug_modules)
{
	capture();
	kv_log_open(true, debug_modules);
	kv_log_write(KV_LOG_ERROR, "http", "error=%d", 1);
	kv_log_write(KV_LOG_WARNING, "http", "warning=%d", 2);
	kv_log_write(KV_LOG_NOTICE, "http", "notice=%d", 3);
	kv_log_write(KV_LOG_INFO, "http", "info=%d", 4);
	kv_log_write(KV_LOG_DEBUG, "http", "debug=%d", 5);
	kv_log_write(KV_LOG_DEBUG, "cache", "debug=%d", 6);
	kv_log_close();
	return restore();
}

#define ALWAYS "error=1\nwarning=2\nnotice=3\n"

static void
info_and_debug_are_written_only_where_asked_for(void **state)
{
	static const struct {
		const char *modules, *lines;
	} rows[] = {
		{ NULL, ALWAYS },
		{ "", ALWAYS },
		{ "htt:httpx:ht:p", ALWAYS },
		{ "http", ALWAYS "module=http debug=5\n" },
		{ "cache", ALWAYS "module=cache debug=6\n" },
		{ "cache:http", ALWAYS "module=http debug=5\nmodule=cache debug=6\n" },
		{ "audit", ALWAYS "info=4\n" },
		{ "audit:cache", ALWAYS "info=4\nmodule=cache debug=6\n" },
		{ "::all:", ALWAYS "info=4\nmodule=http debug=5\nmodule=cache debug=6\n" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const char *lines = write_each_level(rows[i].modules);

		assert_row(strcmp(lines, rows[i].lines) == 0, i, lines);
	}
}

static void
is_debug_says_what_write_does(void **state)
{
	(void)state;
	assert_false(kv_log_is_debug("http"));
	kv_log_open(true, "http:loop");
	assert_true(kv_log_is_debug("http"));
	assert_true(kv_log_is_debug("loop"));
	assert_false(kv_log_is_debug("http:loop"));
	assert_false(kv_log_is_debug("auth"));
	assert_false(kv_log_is_debug(""));
	kv_log_open(true, "all");
	assert_true(kv_log_is_debug("auth"));
	kv_log_close();
	assert_false(kv_log_is_debug("auth"));
}

static void
without_open_lines_go_to_stderr(void **state)
{
	(void)state;
	capture();
	kv_log_write(KV_LOG_NOTICE, "x", "a=1");
	assert_string_equal(restore(), "a=1\n");
}

static void
lines_for_the_journal_begin_with_their_priority(void **state)
{
	char stream[48];
	struct stat st;

	(void)state;
	for (int is_stale = 0; is_stale < 2; is_stale++) {
		capture();
		assert_int_equal(fstat(STDERR_FILENO, &st), 0);
		snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		    (uintmax_t)st.st_ino + (uintmax_t)is_stale);
		assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
		kv_log_open(true, NULL);
		kv_log_write(KV_LOG_ERROR, "x", "a=1");
		kv_log_write(KV_LOG_INFO, "x", "b=2");
		kv_log_write(KV_LOG_DEBUG, "x", "c=3");
		kv_log_close();
		assert_string_equal(restore(), is_stale ? "a=1\n" : "<3>a=1\n<6>b=2\n");
	}
	unsetenv("JOURNAL_STREAM");
}

static void
a_line_stays_one_line(void **state)
{
	(void)state;
	capture();
	kv_log_write(KV_LOG_NOTICE, "x", "a=%s", "1\nb=2\r\033[1m\t\x7f");
	assert_string_equal(restore(), "a=1 b=2  [1m  \n");
}

static const char *
write_event(void)
{
	capture();
	kv_log_open(true, "http");
	kv_log_event(KV_LOG_NOTICE, "x", "object=%s/%s errno=EIO n=%d ms=%lld size=%zu rate=%.1f why=%s",
	    "keys", "a b", -1, 1LL << 40, (size_t)7, 2.25, "say \"hi\"");
	kv_log_event(KV_LOG_NOTICE, "x", "a=%s b=%lu c=%s", "", 5UL, "1\n2");
	kv_log_event(KV_LOG_DEBUG, "http", "a=%u", 1u);
	kv_log_event(KV_LOG_DEBUG, "auth", "a=%u", 1u);
	kv_log_close();
	return restore();
}

static void
an_event_is_pairs_quoted_where_they_must_be(void **state)
{
	(void)state;
	assert_string_equal(write_event(),
	    "object=\"keys/a b\" errno=EIO n=-1 ms=1099511627776 size=7 rate=2.2 why=\"say \\\"hi\\\"\"\n"
	    "b=5 c=\"1\\x0A2\"\n"
	    "module=http a=1\n");
}

static void
a_long_event_is_cut(void **state)
{
	static char value[9000];
	const char *text;

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	capture();
	kv_log_event(KV_LOG_NOTICE, "x", "a=%s why=%s", value, "y");
	text = restore();
	assert_in_range(strlen(text), 4000, 5000);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void
a_long_line_is_cut(void **state)
{
	static char value[9000];
	const char *text;

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	capture();
	kv_log_write(KV_LOG_NOTICE, "x", "a=%s", value);
	text = restore();
	assert_true(strlen(text) > 4000 && strlen(text) < 5000);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void
values_are_quoted_where_they_must_be(void **state)
{
	static const struct {
		const char *value, *field;
	} rows[] = {
		{ NULL, "" },
		{ "", " k=\"\"" },
		{ "plain", " k=plain" },
		{ "secrets/Db-1", " k=secrets/Db-1" },
		{ "a:b;c,d'e", " k=a:b;c,d'e" },
		{ "two words", " k=\"two words\"" },
		{ "a=b", " k=\"a=b\"" },
		{ "say \"hi\"", " k=\"say \\\"hi\\\"\"" },
		{ "back\\slash", " k=\"back\\\\slash\"" },
		{ "a\nb", " k=\"a\\x0Ab\"" },
		{ "\x01\x1f\x7f", " k=\"\\x01\\x1F\\x7F\"" },
		{ "gr\xc3\xbc\xc3\x9f", " k=gr\xc3\xbc\xc3\x9f" },
	};
	struct kv_buf line;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_buf_init(&line, 200);
		kv_log_field(&line, "k", rows[i].value);
		assert_row(strcmp(kv_buf_str(&line), rows[i].field) == 0, i, kv_buf_str(&line));
		kv_buf_release(&line);
	}
}

static void
numbers_are_written_whole(void **state)
{
	struct kv_buf line;

	(void)state;
	kv_buf_init(&line, 200);
	kv_log_number(&line, "a", 0);
	kv_log_number(&line, "b", -1);
	kv_log_number(&line, "c", INT64_MAX);
	kv_log_number(&line, "d", INT64_MIN);
	assert_string_equal(kv_buf_str(&line), " a=0 b=-1 c=9223372036854775807 d=-9223372036854775808");
	kv_buf_release(&line);
}

static void
a_field_is_cut_without_losing_its_quote(void **state)
{
	struct kv_buf line;

	(void)state;
	for (size_t max = 0; max < 20; max++) {
		kv_buf_init(&line, max);
		kv_log_field(&line, "k", "a \"b\" c");
		if (max < 5) {
			assert_string_equal(kv_buf_str(&line), "");
		} else {
			const char *s = kv_buf_str(&line);

			assert_memory_equal(s, " k=\"", 4);
			assert_int_equal(s[line.len - 1], '"');
			assert_true(line.len < 6 || s[line.len - 2] != '\\');
		}
		kv_buf_release(&line);
	}
	kv_buf_init(&line, 8);
	kv_log_field(&line, "k", "abcdefgh");
	assert_string_equal(kv_buf_str(&line), " k=abcde");
	kv_log_field(&line, "k", "x");
	assert_string_equal(kv_buf_str(&line), " k=abcde");
	kv_buf_release(&line);
}

static void
the_last_lines_are_kept_with_time_and_level(void **state)
{
	struct kv_buf text;

	(void)state;
	capture();
	kv_log_open(true, NULL);
	kv_log_write(KV_LOG_INFO, "audit", " op=%s", "backup");
	kv_log_write(KV_LOG_DEBUG, "http", "debug=1");
	kv_log_write(KV_LOG_NOTICE, "audit", "op=%s errno=EACCES", "restore");
	kv_buf_init(&text, 100000);
	kv_log_recent(false, &text);
	assert_string_equal(kv_buf_str(&text),
	    "2023-11-14T22:13:20Z info op=backup\n2023-11-14T22:13:20Z notice op=restore errno=EACCES\n");
	kv_buf_clear(&text);
	kv_log_recent(true, &text);
	assert_string_equal(kv_buf_str(&text), "2023-11-14T22:13:20Z notice op=restore errno=EACCES\n");
	kv_buf_release(&text);
	kv_log_close();
	assert_string_equal(restore(), "op=restore errno=EACCES\n");
}

#define BEFORE "2023-11-14T22:13:20Z info op=backup n="

static void
the_oldest_lines_go_and_failures_stay(void **state)
{
	struct kv_buf text;
	long first;

	(void)state;
	capture();
	kv_log_open(true, NULL);
	kv_log_write(KV_LOG_WARNING, "x", "it=fails");
	for (int i = 0; i < 20000; i++)
		kv_log_write(KV_LOG_INFO, "audit", "op=backup n=%d %.*s", i, i % 90,
		    "----------------------------------------------------------------------------------------");
	kv_buf_init(&text, 100000);
	kv_log_recent(false, &text);
	assert_true(text.len > 30000 && text.len <= 65536);
	first = strtol(kv_buf_str(&text) + strlen(BEFORE), NULL, 10);
	for (const char *line = kv_buf_str(&text); *line != '\0'; line = strchr(line, '\n') + 1) {
		assert_int_equal(strncmp(line, BEFORE, strlen(BEFORE)), 0);
		assert_int_equal(strtol(line + strlen(BEFORE), NULL, 10), first++);
	}
	assert_int_equal(first, 20000);
	kv_buf_clear(&text);
	kv_log_recent(true, &text);
	assert_string_equal(kv_buf_str(&text), "2023-11-14T22:13:20Z warning it=fails\n");
	kv_buf_release(&text);
	kv_log_close();
	(void)restore();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_open_lines_go_to_stderr),
		cmocka_unit_test(lines_for_the_journal_begin_with_their_priority),
		cmocka_unit_test(is_debug_says_what_write_does),
		cmocka_unit_test(info_and_debug_are_written_only_where_asked_for),
		cmocka_unit_test(a_line_stays_one_line),
		cmocka_unit_test(an_event_is_pairs_quoted_where_they_must_be),
		cmocka_unit_test(a_long_event_is_cut),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(values_are_quoted_where_they_must_be),
		cmocka_unit_test(numbers_are_written_whole),
		cmocka_unit_test(a_field_is_cut_without_losing_its_quote),
		cmocka_unit_test(the_last_lines_are_kept_with_time_and_level),
		cmocka_unit_test(the_oldest_lines_go_and_failures_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
