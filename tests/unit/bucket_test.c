#include "tests/unit/unit.h"

#include "cache/pace/bucket.h"

/* What a service with a sliding window of 10 s does with the requests of a bucket. */
struct service {
	unsigned int limit;    /* in any 10 s */
	int64_t times[100000]; /* of those that were counted */
	unsigned int first, n;
	unsigned int served, refused;
};

static int
serves(struct service *s, int64_t mono_now)
{
	while (s->first < s->n && s->times[s->first] <= mono_now - 10000)
		s->first++;
	if (s->n - s->first >= s->limit) {
		s->refused++;
		return 0;
	}
	s->times[s->n++] = mono_now;
	s->served++;
	return 1;
}

/* Use all that the bucket lets go, each answered at once, until mono_end. */
static void
use(struct kv_bucket *b, struct service *s, int64_t *mono_now, int64_t mono_end)
{
	while (*mono_now < mono_end) {
		const int64_t ms = kv_bucket_wait_ms(b, *mono_now);
		int is_probe;

		if (ms != 0) {
			*mono_now += ms > 0 ? ms : 1;
			continue;
		}
		is_probe = kv_bucket_take(b, *mono_now);
		if (serves(s, *mono_now))
			kv_bucket_served(b, is_probe, *mono_now);
		else
			kv_bucket_limited(b, *mono_now, -1, *mono_now);
		kv_bucket_check(b);
	}
}

static struct service service;
static struct kv_bucket bucket;

static void
no_window_of_10_s_holds_more_than_the_rate_allows(void **state)
{
	static const double rates[] = { 1, 2, 10, 25, 200, 400 };

	(void)state;
	for (size_t i = 0; i < N_OF(rates); i++) {
		int64_t mono_now = 1000000;
		unsigned int most = 0;

		service = (struct service){ .limit = 1000000 };
		kv_bucket_init(&bucket, rates[i], rates[i], 0.5, mono_now);
		use(&bucket, &service, &mono_now, 1000000 + 60000);
		for (unsigned int from = 0, to = 0; to < service.n; to++) {
			while (service.times[from] <= service.times[to] - 10000)
				from++;
			most = to - from + 1 > most ? to - from + 1 : most;
		}
		assert_row(most <= 10 * rates[i] - 1 || rates[i] < 2, i, "window");
		assert_row(service.n >= 0.9 * 60 * (rates[i] - 0.3) - 3, i, "the rate is used");
	}
}

static void
after_a_429_half_of_what_was_reached_is_left_to_others(void **state)
{
	int64_t mono_now = 1000000;
	unsigned int refused, served;

	(void)state;
	service = (struct service){ .limit = 500 }; /* 50 a second: RSA-4096 */
	kv_bucket_init(&bucket, 200, 200, 0.5, mono_now);
	use(&bucket, &service, &mono_now, 1000000 + 60000);
	refused = service.refused;
	served = service.served;
	assert_true(refused > 0);
	use(&bucket, &service, &mono_now, 1000000 + 240000);
	assert_true(service.refused - refused == 0); /* once found, the limit is not touched again */
	assert_in_range((service.served - served) / 180, 20, 27);
	assert_false(bucket.is_closed);
}

static void
with_a_share_of_95_nearly_all_is_used_and_few_are_refused(void **state)
{
	int64_t mono_now = 1000000;
	unsigned int served, refused;

	(void)state;
	service = (struct service){ .limit = 500 };
	kv_bucket_init(&bucket, 200, 200, 0.95, mono_now);
	use(&bucket, &service, &mono_now, 1000000 + 30000);
	served = service.served;
	refused = service.refused;
	use(&bucket, &service, &mono_now, 1000000 + 330000);
	served = service.served - served;
	refused = service.refused - refused;
	assert_in_range(served, 300 * 50 * 9 / 10, 300 * 50);
	assert_in_range(refused, 0, served / 50);
}

static void
one_probe_goes_at_a_time_and_none_at_once(void **state)
{
	int64_t mono_now = 1000000;

	(void)state;
	kv_bucket_init(&bucket, 100, 100, 0.5, mono_now);
	assert_int_equal(kv_bucket_wait_ms(&bucket, mono_now), 0);
	assert_false(kv_bucket_take(&bucket, mono_now));
	kv_bucket_limited(&bucket, mono_now, -1, mono_now);
	assert_in_range(kv_bucket_wait_ms(&bucket, mono_now), 125, 375);
	mono_now += 400;
	assert_int_equal(kv_bucket_wait_ms(&bucket, mono_now), 0);
	assert_true(kv_bucket_take(&bucket, mono_now));
	assert_int_equal(kv_bucket_wait_ms(&bucket, mono_now + 100000), -1);
	kv_bucket_limited(&bucket, mono_now, -1, mono_now);
	assert_in_range(kv_bucket_wait_ms(&bucket, mono_now), 125, 375);
	mono_now += 400;
	assert_true(kv_bucket_take(&bucket, mono_now));
	kv_bucket_served(&bucket, true, mono_now);
	assert_false(bucket.is_closed);
	assert_true(kv_bucket_wait_ms(&bucket, mono_now) > 0);
}

static void
a_429_while_the_rate_was_not_used_is_about_others(void **state)
{
	int64_t mono_now = 1000000;

	(void)state;
	service = (struct service){ .limit = 1000000 };
	kv_bucket_init(&bucket, 25, 200, 0.5, mono_now);
	for (int i = 1; i <= 10; i++) { /* one request a minute, and always the window is full */
		mono_now += 60000;
		assert_int_equal(kv_bucket_wait_ms(&bucket, mono_now), 0);
		(void)kv_bucket_take(&bucket, mono_now);
		kv_bucket_limited(&bucket, mono_now, -1, mono_now);
		mono_now += 1000;
		assert_true(kv_bucket_take(&bucket, mono_now));
		kv_bucket_served(&bucket, true, mono_now);
		assert_true(bucket.limit == 0);
		assert_row(bucket.rate >= 25.0 / (1 << i) || bucket.rate >= 1, (size_t)i, "halved");
	}
	assert_true(bucket.rate < 2);
	use(&bucket, &service, &mono_now, mono_now + 150000);
	assert_true(bucket.rate == 200);
}

static void
a_retry_after_is_waited_for(void **state)
{
	(void)state;
	kv_bucket_init(&bucket, 100, 100, 0.5, 1000000);
	kv_bucket_limited(&bucket, 1000000, 7000, 1000000);
	assert_in_range(kv_bucket_wait_ms(&bucket, 1000000), 7000, 7000);
}

static void
a_long_retry_after_is_probed_every_10_s_and_over_after_60(void **state)
{
	int64_t mono_now = 1000000;

	(void)state;
	kv_bucket_init(&bucket, 100, 100, 0.5, mono_now);
	kv_bucket_limited(&bucket, mono_now, (int64_t)86400 * 1000, mono_now);
	for (int i = 0; i < 6; i++) {
		assert_in_range(kv_bucket_wait_ms(&bucket, mono_now), 10000, 10000);
		mono_now += 10000;
		assert_true(kv_bucket_take(&bucket, mono_now));
		kv_bucket_limited(&bucket, mono_now, -1, mono_now); /* it does not say so again */
	}
	assert_in_range(kv_bucket_wait_ms(&bucket, mono_now), 125, 375);
	mono_now += 400;
	assert_true(kv_bucket_take(&bucket, mono_now));
	kv_bucket_limited(&bucket, mono_now, 60000, mono_now);
	assert_in_range(kv_bucket_wait_ms(&bucket, mono_now), 10000, 10000);
	mono_now += 10000;
	assert_true(kv_bucket_take(&bucket, mono_now));
	kv_bucket_served(&bucket, true, mono_now); /* well again: what it asked for is no more */
	assert_false(bucket.is_closed);
	kv_bucket_limited(&bucket, mono_now, -1, mono_now);
	assert_in_range(kv_bucket_wait_ms(&bucket, mono_now), 125, 375);
}

static void
a_limit_is_believed_higher_after_quiet_minutes(void **state)
{
	int64_t mono_now = 1000000;
	double before, rate;

	(void)state;
	service = (struct service){ .limit = 500 };
	kv_bucket_init(&bucket, 200, 200, 0.5, mono_now);
	use(&bucket, &service, &mono_now, 1000000 + 60000);
	before = bucket.limit;
	rate = bucket.rate;
	service.limit = 1000000;
	(void)kv_bucket_wait_ms(&bucket, mono_now + 11 * 60 * 1000);
	assert_true(bucket.limit > before * 1.1 && bucket.limit < before * 1.15);
	mono_now += (int64_t)10 * 3600 * 1000;
	(void)kv_bucket_wait_ms(&bucket, mono_now);
	assert_true(bucket.rate < 1.15 * rate); /* believed, but not used */
	use(&bucket, &service, &mono_now, mono_now + 600000);
	assert_true(bucket.rate > 199);
}

static void
a_rate_without_a_limit_grows_by_half_while_it_is_used(void **state)
{
	int64_t mono_now = 1000000;

	(void)state;
	service = (struct service){ .limit = 1000000 };
	kv_bucket_init(&bucket, 10, 200, 0.5, mono_now);
	use(&bucket, &service, &mono_now, 1000000 + 9000);
	assert_true(bucket.rate == 10);
	use(&bucket, &service, &mono_now, 1000000 + 11000);
	assert_true(bucket.rate == 15);
	use(&bucket, &service, &mono_now, 1000000 + 120000);
	assert_true(bucket.rate == 200);
	assert_true(bucket.limit == 0);
}

static void
a_rate_that_is_not_used_does_not_grow(void **state)
{
	int64_t mono_now = 1000000;

	(void)state;
	kv_bucket_init(&bucket, 10, 200, 0.5, mono_now);
	for (int i = 0; i < 600; i++) { /* half of it, for two minutes */
		mono_now += 200;
		assert_int_equal(kv_bucket_wait_ms(&bucket, mono_now), 0);
		(void)kv_bucket_take(&bucket, mono_now);
		kv_bucket_served(&bucket, false, mono_now);
	}
	(void)kv_bucket_wait_ms(&bucket, mono_now + 3600000);
	assert_true(bucket.rate == 10);
}

static void
what_late_turns_lose_is_made_up_for(void **state)
{
	int64_t mono_now = 1000000;
	unsigned int n = 0;

	(void)state;
	kv_bucket_init(&bucket, 400, 400, 0.5, mono_now);
	for (; mono_now < 1000000 + 20000; mono_now += 50) /* the loop comes round every 50 ms */
		for (; kv_bucket_wait_ms(&bucket, mono_now) == 0; n++)
			(void)kv_bucket_take(&bucket, mono_now);
	assert_in_range(n, 20 * 400 * 95 / 100, 20 * 400);
}

static void
what_nobody_waited_for_is_hardly_saved_up(void **state)
{
	int64_t mono_now = 1000000;
	unsigned int n = 0;

	(void)state;
	kv_bucket_init(&bucket, 400, 400, 0.5, mono_now);
	for (mono_now += 60000; kv_bucket_wait_ms(&bucket, mono_now) == 0; n++)
		(void)kv_bucket_take(&bucket, mono_now);
	assert_int_equal(n, 20); /* 50 ms */
}

static void
what_was_saved_up_does_not_exceed_the_window(void **state)
{
	int64_t mono_now = 1000000;
	unsigned int n = 0;

	(void)state;
	kv_bucket_init(&bucket, 20, 20, 0.5, mono_now);
	mono_now += 3600000;
	for (const int64_t mono_end = mono_now + 10000; mono_now < mono_end; mono_now++)
		for (; kv_bucket_wait_ms(&bucket, mono_now) == 0; n++)
			(void)kv_bucket_take(&bucket, mono_now);
	assert_in_range(n, 190, 199);
}

static void
a_429_for_what_was_sent_before_the_probe_is_no_news(void **state)
{
	int64_t mono_now = 1000000;
	double limit;

	(void)state;
	service = (struct service){ .limit = 500 };
	kv_bucket_init(&bucket, 200, 200, 0.5, mono_now);
	use(&bucket, &service, &mono_now, 1000000 + 60000);
	assert_false(bucket.is_closed);
	limit = bucket.limit;
	kv_bucket_limited(&bucket, bucket.mono_opened - 1, -1, mono_now);
	assert_false(bucket.is_closed);
	assert_true(bucket.limit == limit);
	kv_bucket_limited(&bucket, mono_now - 1, -1, mono_now);
	assert_true(bucket.is_closed);
}

static void
the_throughput_is_that_of_the_time_in_use(void **state)
{
	int64_t mono_now = 1000000;

	(void)state;
	service = (struct service){ .limit = 1000000 };
	kv_bucket_init(&bucket, 100, 100, 0.5, mono_now);
	assert_true(kv_bucket_throughput(&bucket, mono_now) == 0);
	use(&bucket, &service, &mono_now, 1000000 + 3000);
	assert_in_range((int)kv_bucket_throughput(&bucket, mono_now), 90, 105);
	use(&bucket, &service, &mono_now, 1000000 + 30000);
	assert_in_range((int)kv_bucket_throughput(&bucket, mono_now), 90, 100);
	assert_true(kv_bucket_throughput(&bucket, mono_now + 10000) == 0);
	assert_true(kv_bucket_throughput(&bucket, mono_now + 3600000) == 0);
}

static void
what_is_remembered_ages(void **state)
{
	(void)state;
	kv_bucket_init(&bucket, 25, 200, 0.5, 1000000);
	kv_bucket_resume(&bucket, 20, 50, 50000, 1000000);
	assert_int_equal(kv_bucket_wait_ms(&bucket, 1000000), 0);
	assert_true(bucket.rate == 20 && bucket.limit == 50);
	kv_bucket_resume(&bucket, 20, 50, 600000, 1000000);
	assert_int_equal(kv_bucket_wait_ms(&bucket, 1000000), 0);
	assert_true(bucket.rate == 20 && bucket.limit > 55 && bucket.limit < 56);
	kv_bucket_resume(&bucket, 20, 50, (int64_t)24 * 3600 * 1000, 1000000);
	assert_int_equal(kv_bucket_wait_ms(&bucket, 1000000), 0);
	assert_true(bucket.rate == 20 && bucket.limit >= 400);
	kv_bucket_resume(&bucket, 1000, 0, 0, 1000000);
	assert_true(bucket.rate == 200 && bucket.limit == 0);
	kv_bucket_resume(&bucket, 0.001, -1, -1, 1000000);
	assert_true(bucket.rate >= 1 && bucket.limit == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_window_of_10_s_holds_more_than_the_rate_allows),
		cmocka_unit_test(after_a_429_half_of_what_was_reached_is_left_to_others),
		cmocka_unit_test(with_a_share_of_95_nearly_all_is_used_and_few_are_refused),
		cmocka_unit_test(one_probe_goes_at_a_time_and_none_at_once),
		cmocka_unit_test(a_429_while_the_rate_was_not_used_is_about_others),
		cmocka_unit_test(a_retry_after_is_waited_for),
		cmocka_unit_test(a_long_retry_after_is_probed_every_10_s_and_over_after_60),
		cmocka_unit_test(a_limit_is_believed_higher_after_quiet_minutes),
		cmocka_unit_test(a_rate_without_a_limit_grows_by_half_while_it_is_used),
		cmocka_unit_test(a_rate_that_is_not_used_does_not_grow),
		cmocka_unit_test(what_late_turns_lose_is_made_up_for),
		cmocka_unit_test(what_nobody_waited_for_is_hardly_saved_up),
		cmocka_unit_test(what_was_saved_up_does_not_exceed_the_window),
		cmocka_unit_test(a_429_for_what_was_sent_before_the_probe_is_no_news),
		cmocka_unit_test(the_throughput_is_that_of_the_time_in_use),
		cmocka_unit_test(what_is_remembered_ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
