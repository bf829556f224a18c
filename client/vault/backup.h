#ifndef KV_CLIENT_VAULT_BACKUP_H
#define KV_CLIENT_VAULT_BACKUP_H
/*
 * Checks whether the answer to a backup can be the requested blob. Nothing checks it later: the blob
 * is cached, read and archived, and a bad one would be noticed only at the restore.
 */
#include "client/vault/blob.h"
#include "client/vault/type.h"

struct kv_buf;

/*
 * Bytes; shorter than any blob: an object has a name and, for each version, an id of 32 characters,
 * and encryption adds at least a nonce of 12 bytes and a tag of 16 (AES-GCM). The shortest recorded
 * from the service has 2,748 bytes.
 */
#define KV_BACKUP_MIN 64

/*
 * 0 if blob may be the backup of an object of this type. -EBADMSG and a sentence in why if it is too
 * short, is truncated after a known magic, or has the magic of another type. Other formats are
 * accepted: a Managed HSM's have no magic, and other servers use their own.
 */
int kv_backup_check(const struct kv_blob *blob, enum kv_type type, struct kv_buf *why) KV_MUST_CHECK;
#endif
