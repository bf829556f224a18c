#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/config/number.h"
#include "fs/config/settings.h"

#define NUMBERS 32767 /* so that an inode number is positive in programs that take it for signed */

/* FNV-1a, folded: the same vault has the same number in every mount. */
static unsigned int
number_of(const struct kv_url *vault)
{
	uint64_t hash = 14695981039346656037ULL;

	for (const char *c = vault->host; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211ULL;
	hash = (hash ^ vault->port) * 1099511628211ULL;
	return (unsigned int)((hash >> 32 ^ hash) % NUMBERS) + 1;
}

static int
compare_hosts(const void *a, const void *b)
{
	const struct kv_settings *const *x = a, *const *y = b;
	const int order = strcmp((*x)->vault.host, (*y)->vault.host);

	return order != 0 ? order : (int)(*x)->vault.port - (int)(*y)->vault.port;
}

int
kv_number_vaults(struct kv_settings *s, struct kv_buf *why)
{
	struct kv_settings **sorted = calloc(s->n_vaults, sizeof(struct kv_settings *));
	int err = sorted != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; err == 0 && i < s->n_vaults; i++)
		sorted[i] = &s->vaults[i];
	if (err == 0)
		qsort(sorted, s->n_vaults, sizeof(struct kv_settings *), compare_hosts);
	for (size_t i = 0; err == 0 && i < s->n_vaults; i++) {
		sorted[i]->number = number_of(&sorted[i]->vault);
		for (size_t k = 0; k < i; k++)
			if (sorted[k]->number == sorted[i]->number) {
				sorted[i]->number = sorted[i]->number % NUMBERS + 1;
				k = (size_t)-1;
			}
		if (i > 0 && compare_hosts(&sorted[i - 1], &sorted[i]) == 0) {
			kv_buf_say(why, "%s and %s are the same vault, %s: leave one out",
			    sorted[i - 1]->folder, sorted[i]->folder, sorted[i]->vault.host);
			err = -EINVAL;
		}
	}
	free(sorted);
	return err;
}
