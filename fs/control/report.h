#ifndef KV_FS_CONTROL_REPORT_H
#define KV_FS_CONTROL_REPORT_H
/*
 * The status of a mount, for `kvfs status`: counts, rates, times and the last failures; never a value, a
 * token or a blob.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"
#include "fs/control/scope.h"

struct kv_buf;

/* Append the status to text: of one vault, or the sums of all with a summary of each. -ENOMEM, -EFBIG. */
int kv_report(const struct kv_scope *scope, struct kv_buf *text) KV_MUST_CHECK;

/* ---- for the manifest and for the status of a service too ---- */

#define KV_REPORT_TIME 32
/* Write the time as a JSON string, in UTC; 0 as null. */
void kv_report_time(int64_t wall_s, char out[KV_REPORT_TIME]);
/* The first members of a JSON object: kvfs's version, the vault and its region. */
int kv_report_vault(const struct kv_branch *branch, struct kv_buf *text) KV_MUST_CHECK;

/* Counts of the objects that the tree shows, by the last complete listings, or as far as the first have arrived. */
struct kv_census {
	size_t n[KV_TYPES], n_all;
	size_t n_known;		      /* with known size: the blob was downloaded, now or earlier */
	size_t n_backed_up[KV_TYPES]; /* n_known without those whose last backup failed */
	size_t n_earlier[KV_TYPES];   /* n_backed_up that only earlier mounts downloaded */
	size_t n_refused[KV_TYPES];   /* with a failed last backup */
	bool is_listed[KV_TYPES];
	bool is_complete;
};
struct kv_census kv_report_count(const struct kv_scope *scope);
/* Backups and restores per second that the vaults have served lately. */
double kv_report_rate(const struct kv_scope *scope);
#endif
