#ifndef KV_CLIENT_VAULT_COUNTS_H
#define KV_CLIENT_VAULT_COUNTS_H
/*
 * How many requests of each operation got which status, for metrics.
 */
#include "client/vault/operations.h"

#define KV_COUNTS 64 /* pairs of operation and status; further ones are not counted */

struct kv_count {
	enum kv_op op;
	long status; /* 0: no answer */
	uint64_t n;
};
/* In the order in which they came first. Zero it before. */
struct kv_counts {
	struct kv_count slots[KV_COUNTS];
};

void kv_counts_add(struct kv_counts *counts, enum kv_op op, long status);
uint64_t kv_counts_get(const struct kv_counts *counts, enum kv_op op, long status);
/* How many pairs there are. */
size_t kv_counts_len(const struct kv_counts *counts);
#endif
