#ifndef KV_CLIENT_VAULT_BACKUP_H
#define KV_CLIENT_VAULT_BACKUP_H
/*
 * Whether what a backup brought can be the blob that was asked for. Everything behind this believes it:
 * it is kept, given to readers and archived, and a bad one would be found out only by the restore.
 */
#include "client/vault/blob.h"
#include "client/vault/type.h"

struct kv_buf;

/*
 * Shorter than anything that holds an object: each of its versions has an id of 32 characters, the object
 * a name, and what seals them adds a nonce of 12 bytes and a tag of 16 (AES-GCM) at least. The shortest
 * one recorded of the service has 2,748 bytes.
 */
#define KV_BACKUP_MIN 64

/*
 * 0 where blob may be the backup of an object of type; -EBADMSG and a sentence in why where it is too
 * short, has a known magic and is cut, or has the magic of another type. Other formats are left to the
 * service: a Managed HSM's have no magic, other servers have their own.
 */
int kv_backup_check(const struct kv_blob *blob, enum kv_type type, struct kv_buf *why) KV_MUST_CHECK;
#endif
