#include "client/vault/counts.h"

void
kv_counts_add(struct kv_counts *counts, enum kv_op op, long status)
{
	for (int i = 0; i < KV_COUNTS; i++) {
		struct kv_count *slot = &counts->slots[i];

		if (slot->n == 0)
			*slot = (struct kv_count){ .op = op, .status = status };
		if (slot->op == op && slot->status == status) {
			slot->n++;
			return;
		}
	}
}

uint64_t
kv_counts_get(const struct kv_counts *counts, enum kv_op op, long status)
{
	for (size_t i = 0; i < kv_counts_len(counts); i++)
		if (counts->slots[i].op == op && counts->slots[i].status == status)
			return counts->slots[i].n;
	return 0;
}

size_t
kv_counts_len(const struct kv_counts *counts)
{
	size_t n = 0;

	while (n < KV_COUNTS && counts->slots[n].n > 0)
		n++;
	return n;
}
