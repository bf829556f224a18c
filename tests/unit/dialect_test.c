#include "tests/unit/unit.h"

#include <string.h>

#include "client/base/fault.h"
#include "client/vault/dialect.h"

#define NEWER "2026-04-01"
#define TEXT  "The specified version (2026-04-01) is not recognized."

static void
only_a_400_that_is_about_the_version_refuses_it(void **state)
{
	static const struct {
		enum kv_op op;
		long status;
		const char *message;
		bool is_refused;
	} rows[] = {
		{ KV_OP_LIST, 400, "", true },
		{ KV_OP_LIST, 400, TEXT, true },
		{ KV_OP_LIST, 403, TEXT, false },
		{ KV_OP_LIST, 404, "", false },
		{ KV_OP_BACKUP, 400, TEXT, true },
		{ KV_OP_RESTORE, 400, TEXT, true },
		{ KV_OP_BACKUP, 400, "The request URI does not have a known api-version.", true },
		{ KV_OP_BACKUP, 400, "", false },
		{ KV_OP_RESTORE, 400, "Backup blob contains invalid or corrupt version.", false },
		{ KV_OP_RESTORE, 400, "Backup blob belongs to a different crypto domain", false },
	};
	struct kv_dialect d;
	struct kv_fault fault = { .message = "" };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_dialect_init(&d, NEWER, "7.6");
		snprintf(fault.message, sizeof(fault.message), "%s", rows[i].message);
		assert_row(
		    kv_dialect_is_refused(&d, rows[i].op, rows[i].status, &fault) == rows[i].is_refused, i,
		    rows[i].message);
		kv_dialect_init(&d, NEWER, NULL);
		assert_row(!kv_dialect_is_refused(&d, rows[i].op, rows[i].status, &fault), i, "no other");
	}
}

static void
a_version_that_was_accepted_stays(void **state)
{
	const struct kv_fault fault = { .message = TEXT };
	struct kv_dialect d;

	(void)state;
	kv_dialect_init(&d, NEWER, "7.6");
	kv_dialect_accepted(&d);
	assert_false(kv_dialect_is_refused(&d, KV_OP_LIST, 400, &fault));
	assert_string_equal(d.version, NEWER);
}

static void
there_is_one_step_back(void **state)
{
	struct kv_dialect d;

	(void)state;
	kv_dialect_init(&d, NEWER, "7.6");
	kv_dialect_fall_back(&d, "v");
	assert_string_equal(d.version, "7.6");
	kv_dialect_accepted(&d);
	kv_dialect_fall_back(&d, "v");
	assert_string_equal(d.version, "7.6");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_400_that_is_about_the_version_refuses_it),
		cmocka_unit_test(a_version_that_was_accepted_stays),
		cmocka_unit_test(there_is_one_step_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
