#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "cache/pace/total.h"
#include "client/base/clock.h"
#include "client/base/loop.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"

#define VAULTS 3
#define RATE   10 /* requests per second */

static struct kv_loop *loop;
static struct kv_total *total;

/* A vault that wants to send so many requests. */
static struct vault {
	struct kv_total_member member;
	int n_wanted, n_sent, n_probes, n_excused;
	int64_t mono_sent;
} vaults[VAULTS];

static void
send_all(void *arg)
{
	struct vault *v = arg;

	while (v->n_wanted > 0 && kv_total_may_send(&v->member, 0, kv_clock_mono_ms())) {
		v->n_probes += kv_total_take(&v->member, 0, kv_clock_mono_ms());
		v->mono_sent = kv_clock_mono_ms();
		v->n_wanted--;
		v->n_sent++;
	}
}

static void
excuse(void *arg)
{
	((struct vault *)arg)->n_excused++;
}

static void
check(void)
{
	kv_total_check(total);
}

static int
set_up(void **state)
{
	const struct kv_total_options options = { .rate = RATE, .share = 0.5 };

	(void)state;
	caught_begin();
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	total = kv_total_new(loop, &options);
	assert_non_null(total);
	fake_loop_check_with(loop, check);
	memset(vaults, 0, sizeof(vaults));
	for (int i = 0; i < VAULTS; i++)
		kv_total_join(total, &vaults[i].member, send_all, excuse, &vaults[i]);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < VAULTS; i++)
		kv_total_leave(&vaults[i].member);
	kv_total_free(total);
	assert_int_equal(fake_loop_timers(loop), 0);
	kv_loop_free(loop);
	caught_end();
	return 0;
}

static void
want(int i, int n)
{
	vaults[i].n_wanted += n;
	send_all(&vaults[i]);
}

static bool
limit(int i)
{
	return kv_total_ended(&vaults[i].member, 0, KV_LIMITED, false, vaults[i].mono_sent, -1);
}

static struct kv_total_state
state_of(void)
{
	struct kv_total_state s;

	kv_total_state(total, 0, &s);
	return s;
}

static void
the_common_rate_is_shared_in_turns(void **state)
{
	(void)state;
	want(0, 1000);
	want(1, 1000);
	want(2, 5);
	fake_loop_run(loop, 10000);
	assert_int_equal(vaults[2].n_sent, 5);
	assert_in_range(vaults[0].n_sent, 45, 55);
	assert_in_range(vaults[1].n_sent, 45, 55);
	assert_in_range(vaults[0].n_sent + vaults[1].n_sent + 5, 90, 100);
	assert_int_equal(state_of().n_waiting, 2);
}

static void
who_has_nothing_to_send_any_more_gives_up_its_turn(void **state)
{
	(void)state;
	want(0, 1000);
	want(1, 1000);
	vaults[0].n_wanted = 0; /* cancelled while it waits */
	fake_loop_run(loop, 10000);
	assert_in_range(vaults[1].n_sent, 90, 100);
	kv_total_leave(&vaults[1].member); /* while it waits */
	kv_total_join(total, &vaults[1].member, send_all, excuse, &vaults[1]);
	fake_loop_run(loop, 1000);
}

static void
a_429_of_one_vault_is_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < VAULTS; i++)
		want(i, 1);
	fake_loop_run(loop, 1000);
	assert_false(limit(0));
	assert_false(limit(0));
	assert_false(state_of().is_closed);
	fake_loop_run(loop, 4000);
	assert_false(limit(1)); /* the other one was too long ago */
	assert_int_equal(vaults[0].n_excused, 0);
}

static void
a_429_of_most_is_the_common_limits(void **state)
{
	(void)state;
	for (int i = 0; i < VAULTS; i++)
		want(i, 1000);
	fake_loop_run(loop, 5000);
	assert_false(limit(0));
	assert_true(limit(1));
	assert_true(state_of().is_closed);
	assert_int_equal(vaults[0].n_excused, 1);
	assert_int_equal(vaults[1].n_excused, 1);
	assert_int_equal(vaults[2].n_excused, 0);
	assert_true(limit(2)); /* one that was under way */
	assert_non_null(strstr(caught_text(), "event=closed"));
}

static void
while_it_is_closed_one_probe_goes_out_and_opens_it(void **state)
{
	int n_before = 0, who = 0;

	(void)state;
	for (int i = 0; i < VAULTS; i++)
		want(i, 1000);
	fake_loop_run(loop, 5000);
	(void)limit(0);
	assert_true(limit(1));
	for (int i = 0; i < VAULTS; i++)
		n_before += vaults[i].n_sent;
	fake_loop_run(loop, 1000);
	for (int i = 0; i < VAULTS; i++) {
		n_before -= vaults[i].n_sent;
		if (vaults[i].n_probes > 0)
			who = i;
	}
	assert_int_equal(n_before, -1);
	assert_int_equal(vaults[who].n_probes, 1);
	assert_false(kv_total_ended(&vaults[who].member, 0, KV_SERVED, true, vaults[who].mono_sent, -1));
	assert_false(state_of().is_closed);
	assert_true(state_of().rate < RATE);
	fake_loop_run(loop, 1000);
	assert_non_null(strstr(caught_text(), "event=reopened"));
}

static void
a_vault_that_hangs_does_not_keep_the_probe(void **state)
{
	int n_probes = 0;

	(void)state;
	for (int i = 0; i < VAULTS; i++)
		want(i, 1000);
	fake_loop_run(loop, 5000);
	(void)limit(0);
	assert_true(limit(1));
	fake_loop_run(loop, 10000); /* none is answered */
	for (int i = 0; i < VAULTS; i++) {
		assert_true(vaults[i].n_probes >= 1);
		n_probes += vaults[i].n_probes;
	}
	assert_in_range(n_probes, 3, 6);
}

static void
without_a_rate_each_class_has_its_own(void **state)
{
	const struct kv_total_options options = { .share = 0.5 }, rated = { .vault_rate = 100, .share = 0.5 };
	struct kv_total *other = kv_total_new(loop, &options);
	struct kv_total_state s;

	(void)state;
	assert_int_equal(kv_total_classes(other), 3);
	kv_total_state(other, 0, &s);
	assert_string_equal(s.name, "light");
	assert_true(s.rate == 500);
	kv_total_free(other);
	other = kv_total_new(loop, &rated);
	assert_int_equal(kv_total_classes(other), 1);
	kv_total_state(other, 0, &s);
	assert_true(s.rate == 250);
	kv_total_free(other);
	fake_alloc_fail_at(1);
	other = kv_total_new(loop, &options);
	fake_alloc_fail_at(0);
	assert_null(other);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_common_rate_is_shared_in_turns),
		TEST(who_has_nothing_to_send_any_more_gives_up_its_turn),
		TEST(a_429_of_one_vault_is_its_own),
		TEST(a_429_of_most_is_the_common_limits),
		TEST(while_it_is_closed_one_probe_goes_out_and_opens_it),
		TEST(a_vault_that_hangs_does_not_keep_the_probe),
		TEST(without_a_rate_each_class_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
