#ifndef KV_TESTS_UNIT_FAKE_ALLOC_H
#define KV_TESTS_UNIT_FAKE_ALLOC_H
/*
 * An allocator that fails on demand and inspects freed memory. A test that includes this header is linked so
 * that kvfs's and cJSON's malloc(), calloc(), realloc(), strdup() and free() come here.
 */
#include <stdbool.h>

/* Make only this thread's n-th allocation from now on fail; 0: none. */
void fake_alloc_fail_at(int n);
/* Whether that allocation was reached. */
bool fake_alloc_has_failed(void);

/* While holds is true, allocations belong to the test: they are not counted and do not fail. */
void fake_alloc_hold(bool holds);

/* From now on count freed memory that contains text; NULL: stop. */
void fake_alloc_watch(const char *text);
/* How often freed memory contained text. */
int fake_alloc_unwiped(void);

/*
 * Evaluate body, an expression of type errno, with the 1st, 2nd, 3rd … allocation failing, until none fails.
 * body must yield -ENOMEM each time but the last, and then 0.
 */
#define EACH_ALLOCATION_FAILS(body)                                        \
	do {                                                               \
		bool has_failed_ = true;                                   \
		for (int n_ = 1; has_failed_; n_++) {                      \
			int err_;                                          \
			fake_alloc_fail_at(n_);                            \
			err_ = (body);                                     \
			has_failed_ = fake_alloc_has_failed();             \
			fake_alloc_fail_at(0);                             \
			assert_int_equal(err_, has_failed_ ? -ENOMEM : 0); \
		}                                                          \
	} while (0)
#endif
