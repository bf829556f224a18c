/*
 * The negative cache: an array whose oldest entry is overwritten first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/absent.h"
#include "client/base/clock.h"

#define ENTRIES 64
#define KEEP_MS 5000

struct kv_absent {
	struct {
		enum kv_type type;
		char name[KV_NAME_MAX + 1];
		int64_t mono_end; /* 0: unused */
	} entries[ENTRIES];
	unsigned int next;
};

struct kv_absent *
kv_absent_new(void)
{
	return calloc(1, sizeof(struct kv_absent));
}

void
kv_absent_free(struct kv_absent *a)
{
	free(a);
}

static int
find(const struct kv_absent *a, enum kv_type type, const char *name)
{
	for (int i = 0; i < ENTRIES; i++)
		if (a->entries[i].mono_end != 0 && a->entries[i].type == type &&
		    strcmp(a->entries[i].name, name) == 0)
			return i;
	return -1;
}

bool
kv_absent_has(const struct kv_absent *a, enum kv_type type, const char *name)
{
	const int i = find(a, type, name);

	return i >= 0 && kv_clock_mono_ms() < a->entries[i].mono_end;
}

void
kv_absent_forget(struct kv_absent *a, enum kv_type type, const char *name)
{
	for (int i = 0; i < ENTRIES; i++)
		if (a->entries[i].type == type && strcasecmp(a->entries[i].name, name) == 0)
			a->entries[i].mono_end = 0;
}

void
kv_absent_add(struct kv_absent *a, enum kv_type type, const char *name)
{
	int i = find(a, type, name);

	if (i < 0)
		i = (int)(a->next++ % ENTRIES);
	a->entries[i].type = type;
	snprintf(a->entries[i].name, sizeof(a->entries[i].name), "%s", name);
	a->entries[i].mono_end = kv_clock_mono_ms() + KEEP_MS;
}
