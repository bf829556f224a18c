/* A vault's limit: a ring of the requests of the last ten seconds, and their number by class. */
#include <stdlib.h>

#include "tests/vault/limit.h"
#include "tests/vault/mem.h"
#include "tests/vault/options.h"

#define WINDOW_US  10000000
#define FIRST_SIZE 1024

struct entry {
	int64_t mono_us;
	enum lv_class class;
};

struct lv_limit {
	struct entry *ring;
	size_t size, first, count; /* size is a power of two */
	int64_t passed[LV_CLASSES];
};

#define WHOLE	 1000000000 /* the window, in billionths */
#define SHARE(n) (WHOLE / (n))

/* What one request takes of a window of n, as the service publishes them for one vault. */
static const int64_t shares[LV_CLASSES] = {
	[LV_CLASS_ORDINARY] = SHARE(4000),
	[LV_CLASS_RSA_3072] = SHARE(1000),
	[LV_CLASS_RSA_4096] = SHARE(500),
	[LV_CLASS_HSM] = SHARE(2000),
	[LV_CLASS_HSM_RSA_3072] = SHARE(500),
	[LV_CLASS_HSM_RSA_4096] = SHARE(250),
	[LV_CLASS_CREATE_KEY] = SHARE(20),
	[LV_CLASS_CREATE_HSM_KEY] = SHARE(10),
	[LV_CLASS_CREATE_SECRET] = SHARE(300),
	[LV_CLASS_MANAGED_HSM] = SHARE(11000),
	[LV_CLASS_MANAGED_HSM_SLOW] = SHARE(100),
	[LV_CLASS_MANAGED_HSM_CREATE] = SHARE(10),
};

struct lv_limit *
lv_limit_new(void)
{
	struct lv_limit *l = lv_mem_alloc(sizeof(*l));

	l->size = FIRST_SIZE;
	l->ring = lv_mem_alloc(l->size * sizeof(*l->ring));
	return l;
}

void
lv_limit_free(struct lv_limit *l)
{
	if (l != NULL)
		free(l->ring);
	free(l);
}

void
lv_limit_clear(struct lv_limit *l)
{
	int c;

	l->first = l->count = 0;
	for (c = 0; c < LV_CLASSES; c++)
		l->passed[c] = 0;
}

static void
forget_old(struct lv_limit *l, int64_t mono_us)
{
	while (l->count > 0 && l->ring[l->first].mono_us <= mono_us - WINDOW_US) {
		l->passed[l->ring[l->first].class]--;
		l->first = (l->first + 1) & (l->size - 1);
		l->count--;
	}
}

static void
remember(struct lv_limit *l, enum lv_class class, int64_t mono_us)
{
	size_t i, size = 2 * l->size;
	struct entry *ring;

	if (l->count == l->size) {
		ring = lv_mem_alloc(size * sizeof(*ring));
		for (i = 0; i < l->count; i++)
			ring[i] = l->ring[(l->first + i) & (l->size - 1)];
		free(l->ring);
		l->ring = ring;
		l->size = size;
		l->first = 0;
	}
	l->ring[(l->first + l->count++) & (l->size - 1)] = (struct entry){ mono_us, class };
	l->passed[class]++;
}

/* The share of the window in use, in billionths. */
static int64_t
used_share(const struct lv_limit *l)
{
	int64_t used = 0;
	int c;

	for (c = 0; c < LV_CLASSES; c++)
		used += l->passed[c] * shares[c];
	return used;
}

bool
lv_limit_pass(struct lv_limit *l, int64_t limit, enum lv_class class, int64_t mono_us)
{
	bool passes = true;

	forget_old(l, mono_us);
	if (limit == LV_LIMIT_SERVICE)
		passes = used_share(l) + shares[class] <= WHOLE;
	else if (limit != LV_LIMIT_NONE)
		passes = (int64_t)l->count < limit;
	if (passes)
		remember(l, class, mono_us);
	return passes;
}

int64_t
lv_limit_used(struct lv_limit *l, int64_t limit, int64_t mono_us)
{
	forget_old(l, mono_us);
	return limit == LV_LIMIT_SERVICE ? used_share(l) / 1000000 : (int64_t)l->count;
}
