#ifndef KV_TESTS_UNIT_FAKE_ALLOC_H
#define KV_TESTS_UNIT_FAKE_ALLOC_H
/*
 * An allocator that fails when a test says so, and that looks at what is freed. A test that includes
 * this header is linked so that malloc(), calloc(), realloc(), strdup() and free() of kvfs, and those
 * of cJSON, come here.
 */
#include <stdbool.h>

/* The n-th allocation of this thread from now on fails, and no other one; 0: none. */
void fake_alloc_fail_at(int n);
/* Whether it came to that. */
bool fake_alloc_has_failed(void);

/* While it holds, allocations are the test's own: none fails, none counts. */
void fake_alloc_hold(bool holds);

/* From now on memory must not hold text when it is freed; NULL: it may. */
void fake_alloc_watch(const char *text);
/* How often it did. */
int fake_alloc_unwiped(void);

/*
 * Run body, an expression that yields an errno, with the 1st, 2nd, 3rd … allocation failing, until it
 * runs through. body must yield -ENOMEM each time but the last, and then 0.
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
