#ifndef KV_TESTS_UNIT_UNIT_H
#define KV_TESTS_UNIT_UNIT_H
/* What every unit test includes: cmocka with the headers that it needs before it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Which row of a table the test is at, printed before a failure of an assertion in it. */
#define assert_row(condition, row, what)                                     \
	do {                                                                 \
		if (!(condition)) {                                          \
			print_error("row %zu: %s\n", (size_t)(row), (what)); \
			assert_true(condition);                              \
		}                                                            \
	} while (0)
#endif
