/* Which known word is meant by one that is misspelt. */
#include "fs/config/nearest.h"

#include <stdint.h>
#include <string.h>

#define MOST_NAME 32

/* A dash is written for '_' by habit. */
static bool
is_other(char a, char b)
{
	return a != b && (a != '-' || b != '_');
}

/* The number of characters to add, omit, change or swap to get from a to b; SIZE_MAX for long names. */
static size_t
distance(const char *a, size_t n, const char *b)
{
	size_t d[MOST_NAME + 1][MOST_NAME + 1];
	const size_t m = strlen(b);

	if (n > MOST_NAME || m > MOST_NAME)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		d[i][0] = i;
		for (size_t j = 1; j <= m; j++) {
			const size_t other = d[i - 1][j - 1] + is_other(a[i - 1], b[j - 1]);

			d[i][j] = d[i - 1][j] < d[i][j - 1] ? d[i - 1][j] + 1 : d[i][j - 1] + 1;
			if (other < d[i][j])
				d[i][j] = other;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[n][m];
}

size_t
kv_nearest_start(size_t len)
{
	return len > 5 ? 3 : len > 2 ? 2 : 1;
}

bool
kv_nearest_is(const char *name, size_t len, const char *known, size_t *least)
{
	const size_t d = distance(name, len, known);

	if (d >= *least)
		return false;
	*least = d;
	return true;
}
