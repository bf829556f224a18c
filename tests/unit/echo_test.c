#include "tests/unit/unit.h"

#include <ctype.h>
#include <string.h>

#include "client/echo.h"

static struct kv_echo echo;
static char id[37], other[37];
static const char stranger[] = "ffffffff-0000-4000-8000-000000000000";

static int
set_up(void **state)
{
	(void)state;
	assert_int_equal(kv_echo_init(&echo), 0);
	assert_int_equal(kv_echo_make_id(&echo, id), 0);
	assert_int_equal(kv_echo_make_id(&echo, other), 0);
	return 0;
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
an_own_id_in_any_case_and_none_are_accepted(void **state)
{
	char upper[37];

	(void)state;
	for (int i = 0; i <= 36; i++)
		upper[i] = (char)toupper(id[i]);
	for (int is_first = 0; is_first < 2; is_first++) {
		assert_int_equal(kv_echo_judge(&echo, id, id, is_first), KV_ECHO_OWN);
		assert_int_equal(kv_echo_judge(&echo, id, upper, is_first), KV_ECHO_OWN);
		assert_int_equal(kv_echo_judge(&echo, id, "", is_first), KV_ECHO_OWN);
	}
}

static void
another_id_on_a_later_answer_is_foreign(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(kv_echo_judge(&echo, id, stranger, false), KV_ECHO_FOREIGN);
}

static void
another_id_on_two_first_answers_in_a_row_is_a_gateways(void **state)
{
	(void)state;
	assert_int_equal(kv_echo_judge(&echo, id, stranger, true), KV_ECHO_DOUBTED);
	assert_int_equal(kv_echo_judge(&echo, id, id, true), KV_ECHO_OWN);
	assert_int_equal(kv_echo_judge(&echo, id, stranger, true), KV_ECHO_DOUBTED);
	assert_int_equal(kv_echo_judge(&echo, id, stranger, true), KV_ECHO_REWRITER);
	/* and is accepted from then on, without a word */
	assert_int_equal(kv_echo_judge(&echo, id, stranger, true), KV_ECHO_OWN);
	assert_int_equal(kv_echo_judge(&echo, id, stranger, false), KV_ECHO_OWN);
}

static void
an_id_of_another_request_of_ours_is_never_a_gateways(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(kv_echo_judge(&echo, id, other, true), KV_ECHO_FOREIGN);
		assert_int_equal(kv_echo_judge(&echo, id, other, false), KV_ECHO_FOREIGN);
	}
	assert_int_equal(kv_echo_judge(&echo, id, stranger, true), KV_ECHO_DOUBTED);
	assert_int_equal(kv_echo_judge(&echo, id, stranger, true), KV_ECHO_REWRITER);
	assert_int_equal(kv_echo_judge(&echo, id, other, true), KV_ECHO_FOREIGN);
	assert_int_equal(kv_echo_judge(&echo, id, other, false), KV_ECHO_FOREIGN);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_id_is_a_uuid_of_its_own_with_the_mark_of_the_process),
		TEST(an_own_id_in_any_case_and_none_are_accepted),
		TEST(another_id_on_a_later_answer_is_foreign),
		TEST(another_id_on_two_first_answers_in_a_row_is_a_gateways),
		TEST(an_id_of_another_request_of_ours_is_never_a_gateways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
