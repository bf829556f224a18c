#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/base/buf.h"
#include "fs/command/status_text.h"

static struct kv_buf text;

static int
print(const char *json, struct kv_status_watch *watch, int64_t mono_now)
{
	kv_buf_clear(&text);
	return kv_status_text(json, strlen(json), watch, mono_now, &text);
}

static bool
has_line(const char *line)
{
	const char *found = strstr(kv_buf_str(&text), line);

	return found != NULL && (found == kv_buf_str(&text) || found[-1] == '\n') &&
	    found[strlen(line)] == '\n';
}

static void
a_status_of_another_version_is_shown_as_far_as_it_goes(void **state)
{
	static const char *const members[] = { "\"vault\":\"v\"", "\"region\":null", "\"seconds\":90000",
		"\"paused\":true", "\"objects\":{\"keys\":{\"shown\":1,\"failure\":\"EIO\"}}",
		"\"archive\":{\"known\":1}", "\"requests\":[{\"operation\":\"list\",\"count\":1}]",
		"\"rates\":[{\"class\":\"light\"}]", "\"cache\":{\"hits\":1}", "\"read_ahead\":{}",
		"\"files\":{}", "\"failures\":[\"x\"]" };
	static const char *const others[] = { "{}", "{\"rates\":null}", "{\"pace\":7}", "{\"pace\":[1,null]}",
		"{\"requests\":{}}", "{\"failures\":[7]}", "{\"objects\":[]}", "{\"seconds\":1e300}",
		"{\"seconds\":-1e300}", "{\"archive\":{\"seconds_left\":1e99}}", "{\"vault\":7}" };
	char json[2000];

	(void)state;
	for (size_t without = 0; without <= N_OF(members); without++) {
		snprintf(json, sizeof(json), "{\"kvfs\":\"9\"");
		for (size_t i = 0; i < N_OF(members); i++)
			if (i != without)
				snprintf(json + strlen(json), sizeof(json) - strlen(json), ",%s", members[i]);
		snprintf(json + strlen(json), sizeof(json) - strlen(json), "}");
		assert_row(print(json, NULL, 0) == 0, without, json);
	}
	for (size_t i = 0; i < N_OF(others); i++)
		assert_row(print(others[i], NULL, 0) == 0, i, others[i]);
	assert_int_equal(print("no JSON", NULL, 0), -EBADMSG);
}

static void
each_part_is_a_line(void **state)
{
	static const char json[] =
	    "{\"vault\":\"v.vault.azure.net\",\"region\":\"westus\",\"seconds\":3723,\"paused\":false,"
	    "\"objects\":{\"keys\":{\"shown\":3,\"not_shown\":2,\"backed_up\":1,\"failed\":1,\"complete\":true},"
	    "\"secrets\":{\"shown\":300,\"not_shown\":0,\"backed_up\":99,\"failed\":0,\"complete\":true}},"
	    "\"archive\":{\"known\":303,\"fetched\":100,\"left\":203,\"complete\":true,\"rate\":20.3,\"seconds_left\":10},"
	    "\"requests\":[{\"operation\":\"list\",\"status\":200,\"count\":4},{\"operation\":\"backup\",\"status\":429,\"count\":2},"
	    "{\"operation\":\"restore\",\"status\":0,\"count\":1},{\"operation\":\"token\",\"status\":200,\"count\":0}],"
	    "\"rates\":[{\"class\":\"light\",\"rate\":200,\"served\":20.3,\"limit\":400,\"closed\":true,\"in_flight\":5,"
	    "\"hung\":1,\"queued\":7,\"in_flight_limit\":64,\"latency_ms\":30}],"
	    "\"cache\":{\"hits\":7,\"misses\":100,\"from_disk\":1,\"fetched\":100,\"bytes_fetched\":1234567,"
	    "\"bytes_in_memory\":999,\"bytes_spilled\":0},\"read_ahead\":{\"fetched\":90,\"used\":88},"
	    "\"files\":{\"read\":100,\"restored\":2,\"failed\":1}}";
	static const char *const lines[] = {
		"v.vault.azure.net (westus), mounted for 1:02:03",
		"objects     3 keys, 300 secrets; 2 not shown (see .kvfs/skipped)",
		"archive     100 of 303 downloaded, 203 left, 20.3 per second, about 0:10 left, 1 failed",
		"requests    4 list, 2 backup (429), 1 restore without an answer",
		"per second         now  at most  vault's limit  in flight  hung  waiting  latency",
		"  secrets, lists  20.3    200.0          400.0       5/64     1        7    30 ms  stopped by a 429",
		"downloads   100 blobs, 1.2 MB; 90 requested ahead of a reader, 88 of these used",
		"cache       999 B in memory, 0 B on disk; 7 hits, 1 from disk, 100 misses",
		"files       100 read, 2 restored, 0 imported, 1 failed",
	};

	(void)state;
	assert_int_equal(print(json, NULL, 0), 0);
	for (size_t i = 0; i < N_OF(lines); i++)
		assert_row(has_line(lines[i]), i, kv_buf_str(&text));
}

static void
a_failure_is_short(void **state)
{
	static const char *const rows[][2] = {
		{ "2026-11-25T23:10:04Z error vault=v op=backup object=secrets/db status=403 code=ForbiddenByRbac "
		  "errno=EACCES request=x client_request=y uid=0 pid=1 cmd=cat why=\\\"no\\\"",
		    "log         23:10:04  backup secrets/db: 403 ForbiddenByRbac, EACCES" },
		{ "2026-11-25T23:10:04Z error vault=v op=restore object=keys/k status=0 errno=ETIMEDOUT why=\\\"no answer\\\"",
		    "log         23:10:04  restore keys/k: no answer, ETIMEDOUT" },
		{ "2026-11-25T23:10:05Z warning vault=v event=closed class=light why=\\\"the vault answers 429\\\"",
		    "log         23:10:05  closed: the vault answers 429" },
		{ "something else", "log         something else" },
		{ "", "log         " },
	};
	char json[1000];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		snprintf(json, sizeof(json), "{\"failures\":[\"%s\"]}", rows[i][0]);
		assert_row(print(json, NULL, 0) == 0, i, json);
		assert_row(has_line(rows[i][1]), i, kv_buf_str(&text));
	}
}

static void
the_vaults_that_are_paused_are_named(void **state)
{
	static const char *const rows[][2] = {
		{ "\"vault\":\"v\",\"paused\":true",
		    "v, mounted for 0:00; PAUSED: the vault is failing, kvfs tries again now and then" },
		{ "\"paused\":true,\"vaults\":[{\"folder\":\"a\"},{\"folder\":\"b\",\"paused\":true}]",
		    "2 vaults, mounted for 0:00; PAUSED: b is failing, kvfs tries again now and then" },
		{ "\"paused\":true,\"vaults\":[{\"folder\":\"a\",\"paused\":true},{\"folder\":\"b\",\"paused\":true}]",
		    "2 vaults, mounted for 0:00; PAUSED: a, b are failing, kvfs tries again now and then" },
		{ "\"paused\":false,\"vaults\":[{\"folder\":\"a\"}]", "1 vault, mounted for 0:00" },
	};
	char json[1000];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		snprintf(json, sizeof(json), "{%s}", rows[i][0]);
		assert_row(print(json, NULL, 0) == 0, i, json);
		assert_row(has_line(rows[i][1]), i, kv_buf_str(&text));
	}
}

/* ---- the archive ---- */

static void
watch_at(struct kv_status_watch *watch, int64_t mono_s, int backed_up, int failed, bool is_active)
{
	char json[400];

	snprintf(json, sizeof(json),
	    "{\"objects\":{\"secrets\":{\"shown\":400,\"backed_up\":%d,\"failed\":%d,\"complete\":true}},\"archive\":%s}",
	    backed_up, failed, is_active ? "{\"left\":7,\"rate\":5}" : "null");
	assert_int_equal(print(json, watch, mono_s * 1000), 0);
}

static void
the_time_that_an_archive_took_stays(void **state)
{
	struct kv_status_watch watch = { .has_seen = false };

	(void)state;
	watch_at(&watch, 100, 0, 0, false);
	assert_true(has_line("archive     0 of 400 downloaded"));
	watch_at(&watch, 101, 100, 0, true);
	assert_true(has_line("archive     100 of 400 downloaded, 7 left, 5.0 per second"));
	watch_at(&watch, 105, 200, 0, false); /* a pause */
	assert_true(has_line("archive     200 of 400 downloaded"));
	watch_at(&watch, 106, 399, 1, true);
	watch_at(&watch, 109, 399, 1, false);
	assert_true(has_line("archive     complete: 399 of 400 in 0:09, 1 failed"));
	watch_at(&watch, 500, 399, 1, false);
	assert_true(has_line("archive     complete: 399 of 400 in 0:09, 1 failed"));
	watch_at(&watch, 501, 399, 0, true); /* and once more */
	watch_at(&watch, 502, 400, 0, false);
	assert_true(has_line("archive     complete: 400 of 400 in 0:02, 0 failed"));
}

static void
of_an_archive_that_began_before_the_time_is_not_known(void **state)
{
	struct kv_status_watch watch = { .has_seen = false };

	(void)state;
	watch_at(&watch, 100, 10, 0, true);
	watch_at(&watch, 105, 400, 0, false);
	assert_true(has_line("archive     complete: 400 of 400, 0 failed"));
	watch = (struct kv_status_watch){ .has_seen = false };
	watch_at(&watch, 100, 400, 0, false);
	watch_at(&watch, 101, 400, 0, false);
	assert_true(has_line("archive     complete: 400 of 400, 0 failed"));
}

static void
what_earlier_mounts_downloaded_is_no_complete_archive(void **state)
{
	static const char json[] =
	    "{\"objects\":{\"keys\":{\"shown\":3,\"backed_up\":3,\"earlier\":%d,\"failed\":0,\"complete\":true},"
	    "\"secrets\":{\"shown\":5,\"backed_up\":4,\"earlier\":%d,\"failed\":1,\"complete\":true}},\"archive\":null}";
	static const struct {
		int keys, secrets;
		const char *line;
	} rows[] = {
		{ 3, 4, "archive     7 of 8 downloaded, 7 of them by earlier mounts, 1 failed" },
		{ 0, 1, "archive     7 of 8 downloaded, 1 of them by earlier mounts, 1 failed" },
		{ 0, 0, "archive     complete: 7 of 8, 1 failed" },
	};
	char one[sizeof(json) + 20];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		snprintf(one, sizeof(one), json, rows[i].keys, rows[i].secrets);
		assert_row(print(one, NULL, 0) == 0, i, one);
		assert_row(has_line(rows[i].line), i, kv_buf_str(&text));
	}
}

static void
an_archive_between_two_looks_is_seen(void **state)
{
	struct kv_status_watch watch = { .has_seen = false };

	(void)state;
	watch_at(&watch, 100, 0, 0, false);
	watch_at(&watch, 101, 400, 0, false);
	assert_true(has_line("archive     complete: 400 of 400 in 0:01, 0 failed"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_of_another_version_is_shown_as_far_as_it_goes),
		cmocka_unit_test(each_part_is_a_line),
		cmocka_unit_test(a_failure_is_short),
		cmocka_unit_test(the_vaults_that_are_paused_are_named),
		cmocka_unit_test(the_time_that_an_archive_took_stays),
		cmocka_unit_test(of_an_archive_that_began_before_the_time_is_not_known),
		cmocka_unit_test(what_earlier_mounts_downloaded_is_no_complete_archive),
		cmocka_unit_test(an_archive_between_two_looks_is_seen),
	};
	int failed;

	setenv("TZ", "UTC", 1);
	tzset();
	kv_buf_init(&text, 1 << 20);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kv_buf_release(&text);
	return failed;
}
