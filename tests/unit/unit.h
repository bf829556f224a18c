#ifndef KV_TESTS_UNIT_UNIT_H
#define KV_TESTS_UNIT_UNIT_H
/* Included by every unit test: cmocka, with the headers that must precede it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Assert a condition in row row of a table; a failure prints the row and what. */
#define assert_row(condition, row, what)                                     \
	do {                                                                 \
		if (!(condition)) {                                          \
			print_error("row %zu: %s\n", (size_t)(row), (what)); \
			assert_true(condition);                              \
		}                                                            \
	} while (0)
#endif
