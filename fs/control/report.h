#ifndef KV_FS_CONTROL_REPORT_H
#define KV_FS_CONTROL_REPORT_H
/*
 * The status of a mount, as `kvfs status` reads it: counts, rates, times and the last failures; never a value,
 * a token or a blob.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"
#include "fs/mount/branch.h"

struct kv_buf;

/* Appended to text. -ENOMEM, -EFBIG. */
int kv_report(const struct kv_branch *branch, struct kv_buf *text) KV_MUST_CHECK;

/* ---- for the manifest too ---- */

#define KV_REPORT_TIME 32
/* As a JSON string, UTC; null for none. */
void kv_report_time(int64_t wall_s, char out[KV_REPORT_TIME]);
/* The first members of a JSON object: kvfs's version, the vault and its region. */
int kv_report_vault(const struct kv_branch *branch, struct kv_buf *text) KV_MUST_CHECK;

/* The objects that are shown, as far as the listings have come in. */
struct kv_census {
	size_t n[KV_TYPES], n_all;
	size_t n_known;		      /* whose size is known: their blob was fetched, now or before */
	size_t n_backed_up[KV_TYPES]; /* the same, but for those whose last backup failed */
	size_t n_refused[KV_TYPES];   /* whose last backup failed */
	bool is_listed[KV_TYPES];
	bool is_complete;
};
struct kv_census kv_report_count(const struct kv_branch *branch);
#endif
