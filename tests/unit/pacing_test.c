/*
 * The pacing of whole archives, simulated: the throttle as it is, a false clock, and a service that
 * counts the requests of a sliding window of 10 s. Prints the figures that it asserts.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cache/pace/throttle.h"
#include "cache/pace/total.h"
#include "client/base/clock.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

#define MOUNTS	   8
#define APP	   MOUNTS /* the client that is no kvfs */
#define LATENCY_MS 75
#define LISTING_MS 20000
#define MAX_LIMIT  20000

/* ---- the service ---- */

static struct {
	int limit; /* in any 10 s */
	int64_t times[MAX_LIMIT];
	int first, n;
	int one_in_503;	 /* one answer in so many is a 503; 0: none */
	int n_to_refuse; /* answered 429 for no reason that the client can see */
	unsigned int n_answers;
	uint32_t noise;
} service;

struct counts {
	unsigned int served, refused, broken; /* answered 200, 429, 503 */
};
static struct counts counts[MOUNTS + 1];

static bool
is_within_limit(void)
{
	const int64_t mono_now = kv_clock_mono_ms();

	while (service.n > 0 && service.times[service.first] <= mono_now - 10000) {
		service.first = (service.first + 1) % MAX_LIMIT;
		service.n--;
	}
	if (service.n >= service.limit)
		return false;
	service.times[(service.first + service.n++) % MAX_LIMIT] = mono_now;
	return true;
}

/* Latency varies by half. */
static int64_t
latency_ms(void)
{
	service.noise = service.noise * 1664525 + 1013904223;
	return LATENCY_MS / 2 + (service.noise >> 8) % LATENCY_MS;
}

static long
serve(int who)
{
	if (service.one_in_503 > 0 && ++service.n_answers % (unsigned int)service.one_in_503 == 0) {
		counts[who].broken++;
		return 503;
	}
	if (service.n_to_refuse > 0 || !is_within_limit()) {
		service.n_to_refuse -= service.n_to_refuse > 0;
		counts[who].refused++;
		return 429;
	}
	counts[who].served++;
	return 200;
}

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	reply->status = serve(call->caller.pid);
	if (reply->status != 200)
		reply->err = reply->status == 429 ? -EBUSY : -EIO;
	return latency_ms();
}

/* ---- its clients ---- */

static struct kv_loop *loop;

struct mount {
	struct kv_vault *vault;
	struct kv_throttle *throttle;
	enum kv_type type;
	unsigned int failed;
};
static struct mount mounts[MOUNTS];

static struct {
	struct kv_timer timer;
	int64_t every_ms;
} app;

static void read_next(struct mount *);

static void
object_read(void *arg, struct kv_reply *reply)
{
	struct mount *m = arg;

	if (reply->err != 0)
		m->failed++;
	read_next(m);
}

static void
read_next(struct mount *m)
{
	const struct kv_task task = { .call = { .op = KV_OP_BACKUP,
					  .type = m->type,
					  .name = "x",
					  .caller.pid = (pid_t)(m - mounts) },
		.priority = KV_AHEAD,
		.is_quiet = true };
	struct kv_ticket *ticket;

	assert_int_equal(kv_throttle_send(m->throttle, &task, object_read, m, &ticket), 0);
}

/* An archive that reads so many objects ahead. */
static void
start(int i, enum kv_type type, const struct kv_throttle_options *options, int ahead)
{
	struct mount *m = &mounts[i];

	*m = (struct mount){ .type = type, .vault = fake_vault_new(loop, answer) };
	m->throttle = kv_throttle_new(loop, m->vault, options);
	assert_non_null(m->throttle);
	for (int n = 0; n < ahead; n++)
		read_next(m);
}

static void
ask_as_app(void *arg)
{
	(void)arg;
	(void)serve(APP);
	kv_timer_set(&app.timer, app.every_ms);
}

static void
begin(int limit)
{
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	memset(&service, 0, sizeof(service));
	memset(counts, 0, sizeof(counts));
	memset(mounts, 0, sizeof(mounts));
	kv_timer_init(&app.timer, loop, ask_as_app, NULL);
	service.limit = limit;
}

static void
end_with(struct kv_total *total)
{
	kv_timer_stop(&app.timer);
	for (int i = 0; i < MOUNTS; i++) {
		kv_throttle_free(mounts[i].throttle);
		fake_vault_free(mounts[i].vault);
	}
	kv_total_free(total);
	assert_int_equal(fake_loop_timers(loop), 0);
	kv_loop_free(loop);
}

static void
end(void)
{
	end_with(NULL);
}

/* ---- what came of it ---- */

static void
forget_counts(void)
{
	memset(counts, 0, sizeof(counts));
}

static struct counts
sum(void)
{
	struct counts all = { .served = 0 };

	for (int i = 0; i < MOUNTS; i++) {
		all.served += counts[i].served;
		all.refused += counts[i].refused;
		all.broken += counts[i].broken;
		assert_int_equal(mounts[i].failed, 0);
	}
	return all;
}

static double
share_refused(struct counts c)
{
	return (double)c.refused / (c.served + c.refused + c.broken);
}

/* Of the service's limit, in that time. */
static double
share_used(struct counts c, int64_t s)
{
	return c.served / ((double)service.limit / 10 * (double)s);
}

/* Jain's index of fairness: 1 where all had the same. */
static double
fairness(void)
{
	double of_all = 0, of_squares = 0;

	for (int i = 0; i < MOUNTS; i++) {
		of_all += counts[i].served;
		of_squares += (double)counts[i].served * counts[i].served;
	}
	return of_all * of_all / (MOUNTS * of_squares);
}

static struct counts
run(const char *what, int64_t s)
{
	struct counts c;

	forget_counts();
	fake_loop_run(loop, s * 1000);
	c = sum();
	printf("%-44s %6.1f %% of the limit used, %5.2f %% answered 429\n", what, 100 * share_used(c, s),
	    100 * share_refused(c));
	return c;
}

/* ---- tests ---- */

static void
each_limit_is_found(void **state)
{
	static const struct {
		const char *what;
		int limit;
		double share;
		bool is_hsm;
	} rows[] = {
		{ "RSA-4096, 50/s, share=50:", 500, 0.5, false },
		{ "RSA-4096, 50/s, share=95:", 500, 0.95, false },
		{ "keys in an HSM, 25/s, share=50:", 250, 0.5, false },
		{ "keys in an HSM, 25/s, share=95:", 250, 0.95, false },
		{ "Managed HSM, 10/s, share=50:", 100, 0.5, true },
		{ "Managed HSM, 10/s, share=95:", 100, 0.95, true },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_throttle_options options = {
			.share = rows[i].share, .is_hsm = rows[i].is_hsm, .timeout_ms = 300000
		};
		struct counts c;

		begin(rows[i].limit);
		start(0, KV_KEYS, &options, 64);
		fake_loop_run(loop, 120000);
		c = run(rows[i].what, 300);
		assert_row(share_used(c, 300) >= 0.9 * rows[i].share, i, "used");
		assert_row(share_used(c, 300) <= rows[i].share + 0.04, i, "left to others");
		assert_row(share_refused(c) <= 0.01, i, "refused");
		end();
	}
}

/* At any time of an archive; judged from 5 s after the change on, for a minute. */
static void
a_limit_that_is_halved_is_followed(void **state)
{
	static const struct {
		const char *what;
		double rate;
		enum kv_type type;
		int before, after;
	} rows[] = {
		{ "halved, rate=400, 400/s to 200/s", 400, KV_SECRETS, 4000, 2000 },
		{ "halved, 200/s to 100/s", 0, KV_SECRETS, 2000, 1000 },
		{ "halved, keys, 50/s to 25/s", 0, KV_KEYS, 500, 250 },
	};
	static const int64_t after_s[] = { 5, 8, 12, 20, 63 };

	(void)state;
	for (size_t i = 0; i < N_OF(rows) * N_OF(after_s); i++) {
		const size_t r = i / N_OF(after_s);
		const int64_t at_s = after_s[i % N_OF(after_s)];
		const struct kv_throttle_options options = {
			.rate = rows[r].rate, .share = 0.95, .timeout_ms = 300000
		};
		char what[64];
		struct counts c;

		begin(rows[r].before);
		start(0, rows[r].type, &options, 1); /* its listing */
		fake_loop_run(loop, LISTING_MS);
		for (int n = 0; n < 255; n++)
			read_next(&mounts[0]);
		fake_loop_run(loop, at_s * 1000);
		service.limit = rows[r].after;
		fake_loop_run(loop, 5000);
		(void)snprintf(what, sizeof(what), "%s, after %d s:", rows[r].what, (int)at_s);
		c = run(what, 60);
		assert_row(share_used(c, 60) >= 0.9, i, "used");
		assert_row(share_refused(c) <= 0.02, i, "refused");
		end();
	}
}

static void
one_503_in_ten_costs_little(void **state)
{
	const struct kv_throttle_options options = { .rate = 400, .share = 0.5, .timeout_ms = 300000 };
	unsigned int served[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(MAX_LIMIT);
		service.one_in_503 = i == 0 ? 0 : 10;
		start(0, KV_SECRETS, &options, 256);
		served[i] = run(i == 0 ? "no 503:" : "one answer in ten is 503:", 60).served;
		end();
	}
	printf("%-44s %6.1f %% of the clean throughput\n", "", 100.0 * served[1] / served[0]);
	assert_true(served[1] >= 0.85 * served[0]);
}

/* Somebody else's burst is over: the archive is as fast again as it was, soon. */
static void
fifty_refusals_are_soon_made_up_for(void **state)
{
	static const struct {
		const char *what;
		enum kv_type type;
		double rate;
		int64_t before_s;
		unsigned int objects;
		int64_t most_s;
	} rows[] = {
		{ "50 refused at the begin, secrets:", KV_SECRETS, 0, 0, 1000, 13 },
		{ "50 refused after 30 s, secrets:", KV_SECRETS, 0, 30, 1000, 25 },
		{ "50 refused after 30 s, rate=400:", KV_SECRETS, 400, 30, 2000, 20 },
		{ "50 refused after 30 s, keys:", KV_KEYS, 0, 30, 125, 13 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_throttle_options options = {
			.rate = rows[i].rate, .share = 0.5, .timeout_ms = 300000
		};
		int64_t refusing_ms = 0, s = 0;

		begin(MAX_LIMIT);
		start(0, rows[i].type, &options, 64);
		fake_loop_run(loop, rows[i].before_s * 1000);
		forget_counts();
		service.n_to_refuse = 50;
		for (; service.n_to_refuse > 0; refusing_ms += 100)
			fake_loop_run(loop, 100);
		forget_counts();
		for (; sum().served < rows[i].objects; s++)
			fake_loop_run(loop, 1000);
		printf("%-44s %6.1f s refused, %d s for the next %u objects\n", rows[i].what,
		    (double)refusing_ms / 1000, (int)s, rows[i].objects);
		assert_row(s <= rows[i].most_s, i, "made up for");
		end();
	}
}

static void
eight_mounts_share_a_vault(void **state)
{
	static const struct {
		const char *what;
		enum kv_type type;
		int limit;
		int64_t stagger_ms;
	} rows[] = {
		{ "eight mounts, secrets, together:", KV_SECRETS, 4000, 0 },
		{ "eight mounts, RSA-4096, together:", KV_KEYS, 500, 0 },
		{ "eight mounts, secrets, staggered:", KV_SECRETS, 4000, 10000 },
		{ "eight mounts, RSA-4096, staggered:", KV_KEYS, 500, 10000 },
	};
	const struct kv_throttle_options options = { .share = 0.95, .timeout_ms = 300000 };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct counts c;

		begin(rows[i].limit);
		for (int m = 0; m < MOUNTS; m++) {
			start(m, rows[i].type, &options, 32);
			fake_loop_run(loop, rows[i].stagger_ms);
		}
		c = run(rows[i].what, 180);
		printf("%-44s %6.3f Jain's index\n", "", fairness());
		assert_row(share_refused(c) <= 0.05, i, "refused");
		if (rows[i].stagger_ms == 0) { /* else a figure: who came first keeps more */
			assert_row(share_used(c, 180) >= 0.9, i, "used");
			assert_row(fairness() >= 0.95, i, "fair");
		}
		end();
	}
}

static void
an_application_does_not_notice_an_archive(void **state)
{
	static const struct {
		const char *what;
		enum kv_type type;
		int limit;
	} rows[] = {
		{ "archive beside an application, secrets:", KV_SECRETS, 4000 },
		{ "archive beside an application, RSA-4096:", KV_KEYS, 500 },
		{ "archive beside an application, in an HSM:", KV_KEYS, 250 },
	};
	const struct kv_throttle_options options = { .share = 0.5, .timeout_ms = 300000 };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		begin(rows[i].limit);
		app.every_ms = 25 * 1000 / rows[i].limit; /* 40 % of the limit */
		kv_timer_set(&app.timer, 0);
		fake_loop_run(loop, 20000);
		start(0, rows[i].type, &options, 256);
		(void)run(rows[i].what, 180);
		printf("%-44s %6.2f %% of the application's answered 429\n", "",
		    100 * share_refused(counts[APP]));
		assert_row(share_refused(counts[APP]) <= 0.01, i, "noticed");
		end();
	}
}

/*
 * Of eight vaults that have only the common limit in common, five times that of one. An application in a ninth uses
 * 40 % of one vault's limit.
 */
static void
several_vaults_leave_the_common_limit_to_others(void **state)
{
	static const struct {
		const char *what;
		enum kv_type type;
		int limit; /* of one vault, in 10 s */
		double least_used;
	} rows[] = {
		{ "eight vaults, secrets, 400/s each:", KV_SECRETS, 4000, 0.2 },
		{ "eight vaults, secrets, 100/s each:", KV_SECRETS, 1000, 0.3 },
		{ "eight vaults, RSA-4096, 50/s each:", KV_KEYS, 500, 0.2 },
		{ "eight vaults, HSM keys, 25/s each:", KV_KEYS, 250, 0.2 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_total_options total = { .share = 0.5 };
		struct kv_throttle_options options = { .share = 0.5, .timeout_ms = 300000 };
		struct counts c;

		begin(5 * rows[i].limit);
		options.total = kv_total_new(loop, &total);
		app.every_ms = 25 * 1000 / rows[i].limit;
		kv_timer_set(&app.timer, 0);
		fake_loop_run(loop, 20000);
		for (int m = 0; m < MOUNTS; m++)
			start(m, rows[i].type, &options, 256);
		c = run(rows[i].what, 180);
		printf("%-44s %6.2f %% of the application's answered 429, %.3f Jain's index\n", "",
		    100 * share_refused(counts[APP]), fairness());
		kv_total_check(options.total);
		assert_row(share_refused(counts[APP]) <= 0.01, i, "noticed");
		assert_row(share_used(c, 180) >= rows[i].least_used, i, "used");
		assert_row(fairness() >= 0.95, i, "fair");
		end_with(options.total);
	}
}

/* One vault alone is as fast as without others. */
static void
a_vault_alone_has_its_own_limit(void **state)
{
	const struct kv_total_options total = { .share = 0.5 };
	struct kv_throttle_options options = { .share = 0.5, .timeout_ms = 300000 };

	(void)state;
	begin(4000);
	options.total = kv_total_new(loop, &total);
	for (int m = 0; m < MOUNTS; m++)
		start(m, KV_SECRETS, &options, m == 0 ? 256 : 0);
	assert_true(share_used(run("one of eight vaults, secrets:", 180), 180) >= 0.48);
	end_with(options.total);
}

/* The log would be in the way of the figures. */
static int
catch_log(void **state)
{
	(void)state;
	caught_begin();
	return 0;
}

static int
release_log(void **state)
{
	(void)state;
	caught_end();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_limit_is_found),
		cmocka_unit_test(a_limit_that_is_halved_is_followed),
		cmocka_unit_test(one_503_in_ten_costs_little),
		cmocka_unit_test(fifty_refusals_are_soon_made_up_for),
		cmocka_unit_test(eight_mounts_share_a_vault),
		cmocka_unit_test(an_application_does_not_notice_an_archive),
		cmocka_unit_test(several_vaults_leave_the_common_limit_to_others),
		cmocka_unit_test(a_vault_alone_has_its_own_limit),
	};

	return cmocka_run_group_tests(tests, catch_log, release_log);
}
