#include "tests/unit/unit.h"

#include <ctype.h>
#include <string.h>

#include "client/http/echo.h"

static struct kv_echo echo;
static char id[37], other[37];
static const char stranger[] = "ffffffff-0000-4000-8000-000000000000";

static int
set_up(void **state)
{
	char mark[9];

	(void)state;
	assert_int_equal(kv_echo_make_mark(mark), 0);
	kv_echo_init(&echo, mark);
	assert_int_equal(kv_echo_make_id(&echo, id), 0);
	assert_int_equal(kv_echo_make_id(&echo, other), 0);
	return 0;
}

static enum kv_echo_verdict
judge(const char *returned, enum kv_echo_before before)
{
	return kv_echo_judge(
	    &echo, &(struct kv_echo_answer){ .id = id, .returned = returned, .before = before });
}

static void
an_id_is_a_uuid_of_its_own_with_the_mark_of_the_process(void **state)
{
	(void)state;
	for (int i = 0; i < 36; i++)
		assert_true(i == 8 || i == 13 || i == 18 || i == 23 ? id[i] == '-' : isxdigit(id[i]) != 0);
	assert_int_equal(id[14], '4');
	assert_int_equal(id[36], '\0');
	assert_memory_equal(id, other, 8);
	assert_string_not_equal(id, other);
}

static void
an_own_id_is_accepted_in_any_case(void **state)
{
	char upper[37];

	(void)state;
	for (int i = 0; i <= 36; i++)
		upper[i] = (char)toupper(id[i]);
	for (enum kv_echo_before before = KV_ECHO_NOTHING; before <= KV_ECHO_RIGHT; before++) {
		assert_int_equal(judge(id, before), KV_ECHO_OWN);
		assert_int_equal(judge(upper, before), KV_ECHO_OWN);
	}
}

static void
an_answer_without_an_id_is_doubted_only_where_there_were_some(void **state)
{
	struct kv_echo_answer lacking = { .id = id, .returned = "", .before = KV_ECHO_RIGHT };

	(void)state;
	assert_int_equal(judge("", KV_ECHO_NOTHING), KV_ECHO_OWN);
	assert_int_equal(judge("", KV_ECHO_UNKNOWN), KV_ECHO_OWN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(judge("", KV_ECHO_RIGHT), KV_ECHO_FOREIGN);
	lacking.may_lack_id = true;
	assert_int_equal(kv_echo_judge(&echo, &lacking), KV_ECHO_OWN);
	assert_int_equal(judge("", KV_ECHO_RIGHT), KV_ECHO_FOREIGN);
	/* asked for again, on a new connection, it has none either: such a server it is */
	lacking.may_lack_id = false;
	lacking.is_repeated = true;
	assert_int_equal(kv_echo_judge(&echo, &lacking), KV_ECHO_FOREIGN);
	lacking.before = KV_ECHO_NOTHING;
	assert_int_equal(kv_echo_judge(&echo, &lacking), KV_ECHO_OWN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(judge("", KV_ECHO_RIGHT), KV_ECHO_OWN);
	assert_int_equal(judge(stranger, KV_ECHO_RIGHT), KV_ECHO_FOREIGN);
}

static void
another_id_on_a_later_answer_is_foreign(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(judge(stranger, KV_ECHO_RIGHT), KV_ECHO_FOREIGN);
}

static void
another_id_on_two_first_answers_in_a_row_is_a_gateways(void **state)
{
	(void)state;
	assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_DOUBTED);
	assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_REWRITER);
	/* and is accepted from then on, without a word */
	assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_OWN);
	assert_int_equal(judge(stranger, KV_ECHO_RIGHT), KV_ECHO_OWN);
}

/* By HTTP/2 several answers come on the first connection before another one is made. */
static void
answers_that_share_a_connection_count_once(void **state)
{
	(void)state;
	assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_DOUBTED);
	for (int i = 0; i < 20; i++)
		assert_int_equal(judge(stranger, KV_ECHO_UNKNOWN), KV_ECHO_DOUBTED);
	assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_REWRITER);
}

static void
after_a_right_id_a_gateway_takes_longer_to_believe(void **state)
{
	(void)state;
	assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_DOUBTED);
	assert_int_equal(judge(id, KV_ECHO_NOTHING), KV_ECHO_OWN);
	for (int i = 0; i < 7; i++)
		assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_DOUBTED);
	assert_int_equal(judge(id, KV_ECHO_NOTHING), KV_ECHO_OWN);
	for (int i = 0; i < 7; i++)
		assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_DOUBTED);
	assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_REWRITER);
}

static void
an_id_of_another_request_of_ours_is_never_a_gateways(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(judge(other, KV_ECHO_NOTHING), KV_ECHO_FOREIGN);
		assert_int_equal(judge(other, KV_ECHO_RIGHT), KV_ECHO_FOREIGN);
	}
	assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_DOUBTED);
	assert_int_equal(judge(stranger, KV_ECHO_NOTHING), KV_ECHO_REWRITER);
	assert_int_equal(judge(other, KV_ECHO_NOTHING), KV_ECHO_FOREIGN);
	assert_int_equal(judge(other, KV_ECHO_RIGHT), KV_ECHO_FOREIGN);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_id_is_a_uuid_of_its_own_with_the_mark_of_the_process),
		TEST(an_own_id_is_accepted_in_any_case),
		TEST(an_answer_without_an_id_is_doubted_only_where_there_were_some),
		TEST(another_id_on_a_later_answer_is_foreign),
		TEST(another_id_on_two_first_answers_in_a_row_is_a_gateways),
		TEST(answers_that_share_a_connection_count_once),
		TEST(after_a_right_id_a_gateway_takes_longer_to_believe),
		TEST(an_id_of_another_request_of_ours_is_never_a_gateways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
