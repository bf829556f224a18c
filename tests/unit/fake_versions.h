#ifndef KV_TESTS_UNIT_FAKE_VERSIONS_H
#define KV_TESTS_UNIT_FAKE_VERSIONS_H
/*
 * The version list of one object, for tests/unit/fake_vault.h.
 */
#include <string.h>
#include "tests/unit/fake_vault.h"

struct fake_version {
	const char *name, *version;
	int64_t wall_created, wall_updated;
	bool is_managed;
};

struct fake_versions {
	struct fake_version rows[8];
	size_t n;
	size_t per_page;
	bool is_endless; /* each page has a next_link */
	int err;	 /* every answer's, with status */
	long status;
	int64_t ms; /* delay of an answer; -1: it never arrives */
};

/* The content of the answers; a test sets n, or the rows with VERSIONS(). */
extern struct fake_versions fake_versions;

#define VERSIONS(...)                                                               \
	do {                                                                        \
		const struct fake_version rows_[] = { __VA_ARGS__ };                \
		_Static_assert(sizeof(rows_) <= sizeof(fake_versions.rows), "few"); \
		memcpy(fake_versions.rows, rows_, sizeof(rows_));                   \
		fake_versions.n = sizeof(rows_) / sizeof(rows_[0]);                 \
	} while (0)

/* Reset to no versions, in one page, after 10 ms. */
void fake_versions_reset(void);
fake_vault_answer fake_versions_answer;
#endif
