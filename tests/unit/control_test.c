/* The texts of .kvfs/: fs/control/report and fs/control/metrics. That they are files, tests/mount/test_control.py says. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/blob/blobs.h"
#include "cache/list/listing.h"
#include "cache/blob/prefetch.h"
#include "cache/pace/throttle.h"
#include "client/base/log.h"
#include "client/base/json.h"
#include "fs/control/manifest.h"
#include "fs/control/metrics.h"
#include "fs/control/report.h"
#include "fs/control/vault_log.h"
#include "tests/unit/rig.h"

static struct kv_settings settings;
static struct kv_mount mount;
static struct kv_branch branch;
static struct kv_buf text;
static struct kv_json *root;
static int backup_err;
static struct kv_fault backup_fault;

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	if (call->op == KV_OP_LIST && call->type == KV_KEYS) {
		reply->page = fake_vault_page("web db", 1600000000, "");
		reply->page->items[0].is_managed = true;
	} else if (call->op == KV_OP_LIST) {
		reply->page = fake_vault_page("api Mail old", 1600000000, "");
		reply->page->items[2].is_enabled = false;
		reply->page->items[2].wall_expires = 1650000000;
	} else if (backup_err != 0) {
		reply->err = backup_err;
		reply->status = backup_err == -EBADMSG ? 200 : 403;
		reply->fault = backup_fault;
	} else {
		reply->blob = fake_vault_blob("four");
	}
	return 10;
}

static int
set_up(void **state)
{
	const struct kv_blobs_options blobs = { .store.room = 1000000 };

	(void)state;
	rig_begin(answer, 0, 0);
	mount = (struct kv_mount){ .settings = &settings };
	branch = (struct kv_branch){ .mount = &mount, .settings = mount.settings, .volume = &rig };
	backup_err = 0;
	rig.blobs = kv_blobs_new(rig.loop, rig.throttle, &blobs);
	rig_list(KV_KEYS);
	rig_list(KV_SECRETS);
	rig.prefetch = kv_prefetch_new(rig.blobs, rig.throttle, rig.listings, 0);
	mount.wall_mounted = 1700000000;
	kv_buf_init(&text, 1000000);
	root = NULL;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_json_free(root);
	kv_buf_release(&text);
	rig_end();
	return 0;
}

static void
done(void *arg, int err, struct kv_blob *blob)
{
	(void)arg;
	(void)err;
	(void)blob;
}

static void
fetch(enum kv_type type, const char *name)
{
	const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cp" };
	struct kv_object *object;
	struct kv_waiter *waiter;

	assert_int_equal(kv_listing_find(rig.listings[type], name, &object), 0);
	assert_int_equal(kv_blobs_get(rig.blobs, object, KV_NEED_CONTENT, &me, done, NULL, &waiter), 0);
}

static const char *
report(int (*write)(const struct kv_scope *, struct kv_buf *))
{
	const struct kv_scope scope = { &mount, &branch };

	kv_buf_clear(&text);
	assert_int_equal(write(&scope, &text), 0);
	return kv_buf_str(&text);
}

/* The number at a path of members, "objects.keys.shown" of the status. */
static double
number_at(const char *path)
{
	const struct kv_json *at = root;
	char word[64];
	double value;

	for (; strchr(path, '.') != NULL; path = strchr(path, '.') + 1) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(path, "."), path);
		assert_int_equal(kv_json_member(at, word, &at), 0);
		assert_non_null(at);
	}
	assert_int_equal(kv_json_number(at, path, &value), 0);
	return value;
}

static void
read_status(void)
{
	kv_json_free(root);
	report(kv_report);
	assert_int_equal(kv_json_parse(kv_buf_str(&text), text.len, &root), 0);
}

static void
the_status_counts_objects_and_requests(void **state)
{
	const struct kv_json *member;
	const char *word;

	(void)state;
	fake_clock_advance(5000);
	read_status();
	assert_int_equal(kv_json_string(root, "vault", &word), 0);
	assert_string_equal(word, "fake.vault.example");
	assert_int_equal(kv_json_string(root, "region", &word), 0);
	assert_string_equal(word, "west\"us\"");
	assert_int_equal(kv_json_string(root, "mounted", &word), 0);
	assert_string_equal(word, "2023-11-14T22:13:20Z");
	assert_true(number_at("seconds") == 5);
	assert_true(number_at("objects.keys.shown") == 1 && number_at("objects.keys.not_shown") == 1);
	assert_true(number_at("objects.secrets.shown") == 3);
	assert_int_equal(kv_json_member(root, "archive", &member), 0);
	assert_null(member);
	assert_int_equal(kv_json_member(root, "rates", &member), 0);
	assert_int_equal(kv_json_count(member), 3);
	assert_int_equal(kv_json_string(kv_json_next(kv_json_first(member)), "class", &word), 0);
	assert_string_equal(word, "keys");
}

static void
while_blobs_are_fetched_the_status_tells_how_far(void **state)
{
	(void)state;
	fetch(KV_SECRETS, "api");
	fake_loop_run(rig.loop, 50);
	fetch(KV_SECRETS, "old");
	read_status();
	assert_true(number_at("archive.known") == 4);
	assert_true(number_at("archive.fetched") == 1);
	assert_true(number_at("archive.left") == 3);
	assert_true(number_at("archive.rate") > 0 && number_at("archive.seconds_left") >= 0);
	assert_true(number_at("cache.fetched") == 1 && number_at("cache.bytes_fetched") == 4);
	fake_loop_run(rig.loop, 50);
}

static void
the_last_failures_are_in_the_status(void **state)
{
	const struct kv_json *failures;
	char word[40];

	(void)state;
	for (int i = 0; i < 9; i++)
		kv_log_write(KV_LOG_NOTICE, "x", "n=%d why=\"%s\"", i, "a \\ \xff");
	kv_log_write(KV_LOG_INFO, "x", "n=10");
	read_status();
	assert_int_equal(kv_json_member(root, "failures", &failures), 0);
	assert_int_equal(kv_json_count(failures), 5);
	failures = kv_json_first(failures);
	for (int i = 4; i < 9; i++) {
		snprintf(word, sizeof(word), " n=%d why=\"a \\ \xef\xbf\xbd\"", i);
		assert_row(strstr(kv_json_as_string(failures), word) != NULL, (size_t)i, "line");
		failures = kv_json_next(failures);
	}
}

static void
the_manifest_has_a_line_for_each_object_that_is_shown(void **state)
{
	(void)state;
	fetch(KV_SECRETS, "api");
	fake_loop_run(rig.loop, 50);
	assert_string_equal(report(kv_manifest),
	    "{\"kvfs\":\"" KV_VERSION "\",\"vault\":\"fake.vault.example\",\"region\":\"west\\\"us\\\"\","
	    "\"listed\":\"2023-11-14T22:13:20Z\",\"objects\":4}\n"
	    "{\"type\":\"keys\",\"name\":\"db\",\"updated\":\"2020-09-13T12:26:40Z\",\"enabled\":true,"
	    "\"expires\":null,\"size\":null,\"sha256\":null}\n"
	    "{\"type\":\"secrets\",\"name\":\"api\",\"updated\":\"2020-09-13T12:26:40Z\",\"enabled\":true,"
	    "\"expires\":null,\"size\":4,"
	    "\"sha256\":\"04efaf080f5a3e74e1c29d1ca6a48569382cbbcd324e8d59d2b83ef21c039f00\"}\n"
	    "{\"type\":\"secrets\",\"name\":\"Mail\",\"updated\":\"2020-09-13T12:26:40Z\",\"enabled\":true,"
	    "\"expires\":null,\"size\":null,\"sha256\":null}\n"
	    "{\"type\":\"secrets\",\"name\":\"old\",\"updated\":\"2020-09-13T12:26:40Z\",\"enabled\":false,"
	    "\"expires\":\"2022-04-15T05:20:00Z\",\"size\":null,\"sha256\":null}\n");
}

/* The listings are then too old to serve, and nobody has begun new ones. */
static void
the_status_of_an_idle_mount_has_the_last_complete_listings(void **state)
{
	const struct kv_scope scope = { &mount, &branch };

	(void)state;
	fetch(KV_SECRETS, "api");
	fake_loop_run(rig.loop, 50);
	fake_clock_advance(3600000);
	assert_false(kv_listing_is_serving(rig.listings[KV_SECRETS]));
	read_status();
	assert_true(number_at("objects.keys.shown") == 1 && number_at("objects.secrets.shown") == 3);
	assert_true(number_at("objects.secrets.backed_up") == 1);
	assert_true(number_at("objects.secrets.age_seconds") >= 3600);
	assert_true(kv_report_count(&scope).is_complete);
}

static void
what_is_not_shown_or_refused_is_skipped_with_the_reason(void **state)
{
	static const struct {
		int err;
		const char *inner, *line;
	} rows[] = {
		{ -EACCES, "ForbiddenByRbac",
		    "secrets/Mail\tno backup: EACCES (no role assignment permits "
		    "Microsoft.KeyVault/vaults/secrets/backup/action: assign a role with this action to the "
		    "caller; this takes effect after some minutes)\n" },
		{ -EACCES, "ForbiddenByPolicy",
		    "secrets/Mail\tno backup: EACCES (the vault's access policy does not grant the caller "
		    "secrets backup permission: add it to the policy with az keyvault set-policy)\n" },
		{ -EBADMSG, "", "secrets/Mail\tno backup: EBADMSG (Bad message)\n" },
	};

	(void)state;
	assert_string_equal(report(kv_manifest_skipped),
	    "keys/web\tnot shown, and not in this mount: the backup of certificates/web holds it (-o types=)\n");
	for (size_t i = 0; i < N_OF(rows); i++) {
		backup_err = rows[i].err;
		backup_fault = (struct kv_fault){ .code = "Forbidden" };
		snprintf(backup_fault.inner, sizeof(backup_fault.inner), "%s", rows[i].inner);
		fetch(KV_SECRETS, "Mail");
		fake_loop_run(rig.loop, 20000);
		assert_row(strstr(report(kv_manifest_skipped), rows[i].line) != NULL, i, kv_buf_str(&text));
	}
	backup_err = 0;
	fake_loop_run(rig.loop, 20000);
	fetch(KV_SECRETS, "Mail");
	fake_loop_run(rig.loop, 50);
	assert_null(strstr(report(kv_manifest_skipped), "Mail"));
}

static void
the_metrics_are_prometheus_text(void **state)
{
	const char *line, *family = "";
	size_t len = 0;

	(void)state;
	for (line = report(kv_metrics); *line != '\0'; line = strchr(line, '\n') + 1) {
		if (strncmp(line, "# TYPE ", 7) == 0) {
			family = line + 7;
			len = strcspn(family, " ");
		} else if (line[0] != '#') {
			const char *value = line + strcspn(line, " \n");
			char *end;

			assert_true(strncmp(line, family, len) == 0);
			assert_true(line[len] == '{' || line[len] == ' ');
			(void)strtod(value, &end);
			assert_true(end > value && *end == '\n');
		}
	}
	line = kv_buf_str(&text);
	assert_non_null(strstr(line, "\nkvfs_requests_total{operation=\"list\",status=\"200\"} 2\n"));
	assert_non_null(strstr(line, "\nkvfs_objects{type=\"secrets\"} 3\n"));
	assert_non_null(strstr(line, "\nkvfs_rate{class=\"restores\"} 10\n"));
	assert_null(strstr(line, "certificates"));
}

static void
what_does_not_fit_is_an_error_and_never_cut(void **state)
{
	const struct kv_scope scope = { &mount, &branch };
	struct kv_buf small;

	(void)state;
	for (size_t max = 0; max < 700; max += 7) {
		kv_buf_init(&small, max);
		assert_row(kv_manifest(&scope, &small) == -EFBIG || max > 500, max, "manifest");
		kv_buf_clear(&small);
		assert_row(kv_report(&scope, &small) == -EFBIG, max, "status");
		kv_buf_clear(&small);
		assert_row(kv_metrics(&scope, &small) == -EFBIG, max, "metrics");
		kv_buf_release(&small);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_status_counts_objects_and_requests),
		TEST(while_blobs_are_fetched_the_status_tells_how_far),
		TEST(the_last_failures_are_in_the_status),
		TEST(the_manifest_has_a_line_for_each_object_that_is_shown),
		TEST(the_status_of_an_idle_mount_has_the_last_complete_listings),
		TEST(what_is_not_shown_or_refused_is_skipped_with_the_reason),
		TEST(the_metrics_are_prometheus_text),
		TEST(what_does_not_fit_is_an_error_and_never_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
