#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/deleted.h"
#include "client/base/json.h"
#include "client/http/url.h"
#include "client/vault/page.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/rig.h"

#define ITEM(name, more)                                                                                     \
	"{\"kid\":\"https://v.example/keys/" name "\",\"recoveryId\":\"https://v.example/deletedkeys/" name  \
	"\",\"deletedDate\":1707779676,\"scheduledPurgeDate\":1708384476,\"attributes\":{\"enabled\":false," \
	"\"created\":5,\"updated\":6}" more "}"
#define ONE(name, more)                                                                          \
	"{\"recoveryId\":\"https://v.example/deletedkeys/" name "\",\"deletedDate\":1707779676," \
	"\"scheduledPurgeDate\":1708384476,\"key\":{\"kid\":\"https://v.example/keys/" name "/1\"}" more "}"

static const struct kv_question me = { .caller = { .uid = 1000, .pid = 17, .command = "ls" } };

static const char *pages[3]; /* of the list; or the answer about one */
static int n_pages, err_of_answer;
static struct kv_json *one;

static int n_done, err_done;
static struct kv_deleted *found;
static size_t n_found;
static struct kv_deleted_call *call_under_way;

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	struct kv_url vault;
	const struct kv_page_asked asked = { .type = KV_KEYS, .vault = &vault };

	if (err_of_answer != 0) {
		reply->err = err_of_answer;
		reply->status = err_of_answer == -ENOENT ? 404 : 403;
		return 10;
	}
	if (call->op == KV_OP_DELETED) {
		kv_json_free(one);
		reply->err = kv_json_parse(pages[0], strlen(pages[0]), &one);
		reply->json = one;
		return 10;
	}
	assert_int_equal(kv_url_parse("https://v.example", &vault, NULL), 0);
	reply->page = calloc(1, sizeof(*reply->page));
	if (reply->page == NULL)
		reply->err = -ENOMEM;
	else
		reply->err = kv_page_parse(pages[n_pages], strlen(pages[n_pages]), &asked, NULL, reply->page);
	n_pages++;
	return 10;
}

static void
done(void *arg, int err, struct kv_deleted **deleted, size_t n)
{
	assert_ptr_equal(arg, &n_done);
	n_done++;
	call_under_way = NULL;
	err_done = err;
	n_found = n;
	free(found);
	found = *deleted;
	*deleted = NULL;
}

static int
set_up(void **state)
{
	(void)state;
	rig_begin(answer, 200, 8);
	n_done = n_pages = err_of_answer = 0;
	n_found = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_end();
	kv_json_free(one);
	one = NULL;
	free(found);
	found = NULL;
	return 0;
}

static int
list(void)
{
	return kv_deleted_list(rig.throttle, KV_KEYS, &me, done, &n_done, &call_under_way);
}

static int
get(const char *name)
{
	return kv_deleted_get(rig.throttle, KV_KEYS, name, &me, done, &n_done, &call_under_way);
}

static void
a_list_of_several_pages_is_whole_without_managed_ones(void **state)
{
	(void)state;
	pages[0] = "{\"value\":[],\"nextLink\":\"https://v.example/deletedkeys?x=1\"}";
	pages[1] = "{\"value\":[" ITEM("a", "") "," ITEM(
	    "m", ",\"managed\":true") "],"
				      "\"nextLink\":\"https://v.example/deletedkeys?x=2\"}";
	pages[2] = "{\"value\":[" ITEM("b", "") "],\"nextLink\":null}";
	assert_int_equal(list(), 0);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_done, 1);
	assert_int_equal(err_done, 0);
	assert_int_equal(n_found, 2);
	assert_string_equal(found[0].item.name, "a");
	assert_string_equal(found[1].item.name, "b");
	assert_string_equal(found[1].recovery_id, "https://v.example/deletedkeys/b");
	assert_int_equal(found[0].wall_deleted, 1707779676);
	assert_int_equal(found[0].wall_purge, 1708384476);
	assert_false(found[0].item.is_enabled);
}

static void
a_list_that_is_refused_or_missing_fails_and_is_logged_once(void **state)
{
	static const struct {
		int answer, want;
	} rows[] = { { -EACCES, -EACCES }, { -ENOENT, -EBADMSG } };

	for (size_t i = 0; i < N_OF(rows); i++) {
		if (i > 0)
			set_up(state);
		err_of_answer = rows[i].answer;
		assert_int_equal(list(), 0);
		fake_loop_run(rig.loop, 1000);
		assert_row(n_done == 1 && err_done == rows[i].want && n_found == 0, i, "errno");
		assert_row(strstr(caught_text(), "op=list-deleted") != NULL, i, caught_text());
		if (i + 1 < N_OF(rows))
			tear_down(state);
	}
}

static void
one_is_found_in_its_own_spelling_only_and_not_if_it_is_managed(void **state)
{
	static const struct {
		const char *name, *text;
		int want;
	} rows[] = {
		{ "a", ONE("a", ""), 0 },
		{ "a", ONE("A", ""), -ENOENT },
		{ "a", ONE("a", ",\"managed\":true"), -ENOENT },
		{ "a", "{\"deletedDate\":1}", 0 }, /* an id may be missing */
		{ "a", "{\"deletedDate\":\"x\"}", -EBADMSG },
	};

	for (size_t i = 0; i < N_OF(rows); i++) {
		if (i > 0)
			set_up(state);
		pages[0] = rows[i].text;
		assert_int_equal(get(rows[i].name), 0);
		fake_loop_run(rig.loop, 1000);
		assert_row(n_done == 1 && err_done == rows[i].want, i, rows[i].text);
		assert_row(n_found == (rows[i].want == 0 ? 1 : 0), i, "found");
		if (i + 1 < N_OF(rows))
			tear_down(state);
	}
}

static void
what_is_not_deleted_is_not_logged(void **state)
{
	(void)state;
	err_of_answer = -ENOENT;
	assert_int_equal(get("a"), 0);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(err_done, -ENOENT);
	assert_null(strstr(caught_text(), "op=deleted"));
}

static void
a_call_can_be_cancelled(void **state)
{
	(void)state;
	pages[0] = "{\"value\":[" ITEM("a", "") "],\"nextLink\":\"https://v.example/deletedkeys?x=1\"}";
	pages[1] = "{\"value\":[]}";
	assert_int_equal(list(), 0);
	fake_loop_run(rig.loop, 12);
	kv_deleted_cancel(call_under_way);
	fake_loop_run(rig.loop, 1000);
	assert_int_equal(n_done, 0);
}

static void
a_call_survives_the_want_of_memory(void **state)
{
	bool has_failed = true;

	(void)state;
	pages[0] = "{\"value\":[" ITEM("a", "") "]}";
	for (int n = 1; has_failed; n++) {
		int err;

		n_pages = n_done = 0;
		fake_alloc_fail_at(n);
		err = list();
		fake_loop_run(rig.loop, 1000);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_int_equal(n_done, err == 0 ? 1 : 0);
		assert_row(err == -ENOMEM || err_done == -ENOMEM || n_found == 1, (size_t)n, "found");
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_list_of_several_pages_is_whole_without_managed_ones),
		TEST(a_list_that_is_refused_or_missing_fails_and_is_logged_once),
		TEST(one_is_found_in_its_own_spelling_only_and_not_if_it_is_managed),
		TEST(what_is_not_deleted_is_not_logged),
		TEST(a_call_can_be_cancelled),
		TEST(a_call_survives_the_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
