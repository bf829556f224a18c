#ifndef KV_CLIENT_VAULT_AUDIT_H
#define KV_CLIENT_VAULT_AUDIT_H
/*
 * The log lines about calls to the vault: every failure, and the audit of backups, restores and reads.
 */
#include "client/vault/vault.h"

/*
 * NOTICE: "vault=… op=backup object=secrets/db status=403 code=ForbiddenByRbac errno=EACCES request=…
 * client_request=… uid=0 pid=17 cmd=rsync why="…" message="…"". why (may be NULL) replaces the sentence of
 * kv_explain(); message is the vault's own, for its support, unless the
 * reply has a cause that kvfs found out itself.
 */
void kv_audit_failure(
    const struct kv_vault *vault, const struct kv_call *call, const struct kv_reply *reply, const char *why);
/* INFO: a backup or restore that was sent. bytes: size of the blob; 0 if there is none. */
void kv_audit_sent(
    const struct kv_vault *vault, const struct kv_call *call, const struct kv_reply *reply, size_t bytes);
/* INFO: an open for reading. */
void kv_audit_read(const struct kv_vault *vault, enum kv_type type, const char *name,
    const struct kv_caller *caller, size_t bytes);
/*
 * NOTICE: a class of requests is closed because the vault answered 429, or is open again, with this rate per
 * second. "vault=… event=closed class=keys rate=25.0 why=…"
 */
void kv_audit_class(const struct kv_vault *vault, const char *class, bool is_closed, double rate);
/*
 * NOTICE: kvfs pauses because many requests fail, and sends only probes; or it resumes. err: the last
 * request's.
 */
void kv_audit_pause(const struct kv_vault *vault, bool is_paused, int err);
/* INFO: a restore is skipped because the vault confirmed that the same blob was restored before. */
void kv_audit_confirmed(const struct kv_vault *vault, enum kv_type type, const char *name,
    const char *version, const struct kv_caller *caller);
#endif
