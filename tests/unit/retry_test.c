#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>

#include "cache/pace/retry.h"

static void
what_is_worth_another_attempt(void **state)
{
	static const struct {
		enum kv_op op;
		long status;
		int err, attempts;
		bool was_sent, is_of_token, is_impatient, is_worth;
	} rows[] = {
		{ KV_OP_BACKUP, 200, 0, 1, .is_worth = false },
		{ KV_OP_BACKUP, 503, -EIO, 1, .is_worth = true },
		{ KV_OP_BACKUP, 500, -EIO, 50, .is_worth = true },
		{ KV_OP_BACKUP, 429, -EBUSY, 50, .is_worth = true },
		{ KV_OP_BACKUP, 503, -EIO, 1, .is_impatient = true, .is_worth = true },
		{ KV_OP_BACKUP, 404, -ENOENT, 1, .is_worth = false },
		{ KV_OP_BACKUP, 403, -EACCES, 1, .is_worth = false },
		{ KV_OP_BACKUP, 0, -ECONNREFUSED, 1, .is_worth = true },
		{ KV_OP_BACKUP, 0, -ECONNREFUSED, 1, .is_impatient = true, .is_worth = false },
		{ KV_OP_BACKUP, 0, -EPROTO, 2, .is_worth = true },
		{ KV_OP_BACKUP, 0, -EPROTO, 3, .is_worth = false },
		{ KV_OP_BACKUP, 0, -ENOMEM, 1, .is_worth = false },
		{ KV_OP_BACKUP, 0, -EIO, 1, .was_sent = true, .is_worth = true },
		{ KV_OP_BACKUP, 400, -EACCES, 1, .is_of_token = true, .is_worth = false },
		{ KV_OP_BACKUP, 503, -EIO, 1, .is_of_token = true, .is_worth = true },
		{ KV_OP_RESTORE, 0, -EIO, 1, .was_sent = true, .is_worth = false },
		{ KV_OP_RESTORE, 0, -EIO, 1, .is_worth = true },
		{ KV_OP_RESTORE, 500, -EIO, 4, .was_sent = true, .is_worth = true },
		{ KV_OP_RESTORE, 500, -EIO, 5, .was_sent = true, .is_worth = false },
		{ KV_OP_RESTORE, 503, -EIO, 50, .was_sent = true, .is_worth = true },
		/* a second one would be another version */
		{ KV_OP_IMPORT, 0, -EIO, 1, .was_sent = true, .is_worth = false },
		{ KV_OP_IMPORT, 0, -EIO, 1, .is_worth = true },
		{ KV_OP_IMPORT, 500, -EIO, 1, .was_sent = true, .is_worth = false },
		{ KV_OP_IMPORT, 503, -EIO, 1, .was_sent = true, .is_worth = false },
		{ KV_OP_IMPORT, 408, -EIO, 1, .was_sent = true, .is_worth = false },
		{ KV_OP_IMPORT, 429, -EBUSY, 50, .was_sent = true, .is_worth = true },
		{ KV_OP_IMPORT, 503, -EIO, 1, .is_of_token = true, .is_worth = true },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_call call = { .op = rows[i].op };
		const struct kv_reply reply = { .err = rows[i].err,
			.status = rows[i].status,
			.was_sent = rows[i].was_sent,
			.is_of_token = rows[i].is_of_token,
			.retry_after_ms = -1 };

		assert_row(kv_retry_is_worth(&call, &reply, rows[i].attempts, !rows[i].is_impatient) ==
			rows[i].is_worth,
		    i, "another attempt");
	}
}

static void
the_rests_grow_and_vary(void **state)
{
	static const int64_t most_ms[] = { 100, 400, 1600, 6400, 16000, 16000 };
	const struct kv_reply reply = { .err = -EIO, .retry_after_ms = -1 };

	(void)state;
	for (size_t i = 0; i < N_OF(most_ms); i++) {
		int64_t longest = 0;

		for (int n = 0; n < 200; n++) {
			const int64_t ms = kv_retry_rest_ms(&reply, (int)i + 1);

			assert_row(ms >= 1 && ms <= most_ms[i], i, "bounds");
			longest = ms > longest ? ms : longest;
		}
		assert_row(longest > most_ms[i] / 2, i, "full jitter");
	}
}

static void
the_vaults_own_word_is_kept_for_10_s(void **state)
{
	static const struct {
		int64_t asked_ms, rests_ms;
	} rows[] = { { 5000, 5000 }, { 10000, 10000 }, { 30000, 10000 }, { (int64_t)86400 * 1000, 10000 } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct kv_reply reply = { .err = -EIO, .retry_after_ms = rows[i].asked_ms };

		assert_row(kv_retry_rest_ms(&reply, 1) == rows[i].rests_ms, i, "rests");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_worth_another_attempt),
		cmocka_unit_test(the_rests_grow_and_vary),
		cmocka_unit_test(the_vaults_own_word_is_kept_for_10_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
