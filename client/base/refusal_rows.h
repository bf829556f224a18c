#ifndef KV_CLIENT_BASE_REFUSAL_ROWS_H
#define KV_CLIENT_BASE_REFUSAL_ROWS_H
/*
 * The table of refusals. The first row that matches counts.
 */
#include "client/base/refusal.h"

/* The i-th row, from 0; NULL after the last, which matches anything. */
const struct kv_refusal_row *kv_refusal_row(size_t i);

/* Causes that kvfs finds itself, which no answer names. */
extern const struct kv_refusal_row kv_refusal_too_many_versions, kv_refusal_wrong_404, kv_refusal_lone_404;
extern const struct kv_refusal_row kv_refusal_name_in_use, kv_refusal_name_deleted, kv_refusal_name_vanishing,
    kv_refusal_lost_restore, kv_refusal_strange_restore, kv_refusal_strange_recovery;
#endif
