#ifndef KV_FS_CONTROL_METRICS_H
#define KV_FS_CONTROL_METRICS_H
/*
 * The counters of a mount in Prometheus' text format.
 */
#include "client/base/err.h"
#include "fs/control/scope.h"

struct kv_buf;

/* Append the metrics to text; of several vaults, with a label vault for the host. -ENOMEM, -EFBIG. */
int kv_metrics(const struct kv_scope *scope, struct kv_buf *text) KV_MUST_CHECK;
#endif
