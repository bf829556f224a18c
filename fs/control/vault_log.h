#ifndef KV_FS_CONTROL_VAULT_LOG_H
#define KV_FS_CONTROL_VAULT_LOG_H
/*
 * The log as far as it is about one vault.
 */
#include "fs/control/scope.h"

struct kv_buf;

/*
 * Append the last log lines, as kv_log_recent(). In the folder of one vault of several, those of other vaults are left
 * out.
 */
void kv_vault_log(const struct kv_scope *scope, bool without_info, struct kv_buf *text);
#endif
