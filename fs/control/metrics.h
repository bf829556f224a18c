#ifndef KV_FS_CONTROL_METRICS_H
#define KV_FS_CONTROL_METRICS_H
/*
 * The counters of a mount in Prometheus' text format.
 */
#include "client/base/err.h"
#include "fs/mount/branch.h"

struct kv_buf;

/* Append the metrics to text. -ENOMEM, -EFBIG. */
int kv_metrics(const struct kv_branch *branch, struct kv_buf *text) KV_MUST_CHECK;
#endif
