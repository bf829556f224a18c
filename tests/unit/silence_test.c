#include "tests/unit/unit.h"

#include "cache/pace/silence.h"

static void
a_time_out_without_any_answer_begins_it_for_as_long(void **state)
{
	struct kv_silence s;

	(void)state;
	kv_silence_init(&s, 1000);
	assert_false(kv_silence_is_on(&s, 1000));
	kv_silence_timed_out(&s, 2000, 300000, 302000);
	assert_true(kv_silence_is_on(&s, 302000));
	assert_true(kv_silence_is_on(&s, 601999));
	assert_false(kv_silence_is_on(&s, 602000));
}

static void
an_answer_ends_it(void **state)
{
	struct kv_silence s;

	(void)state;
	kv_silence_init(&s, 1000);
	kv_silence_timed_out(&s, 2000, 300000, 302000);
	kv_silence_answered(&s, 303000);
	assert_false(kv_silence_is_on(&s, 303000));
}

static void
a_time_out_during_which_others_were_answered_does_not_begin_it(void **state)
{
	struct kv_silence s;

	(void)state;
	kv_silence_init(&s, 1000);
	kv_silence_answered(&s, 2001);
	kv_silence_timed_out(&s, 2000, 300000, 302000);
	assert_false(kv_silence_is_on(&s, 302000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_out_without_any_answer_begins_it_for_as_long),
		cmocka_unit_test(an_answer_ends_it),
		cmocka_unit_test(a_time_out_during_which_others_were_answered_does_not_begin_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
