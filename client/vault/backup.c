/* Checks the answer to a backup. */
#include "client/vault/backup.h"

#include <errno.h>

#include "client/base/buf.h"

static const char *
one_of(enum kv_type type)
{
	static const char *const words[KV_TYPES] = { "a key", "a secret", "a certificate" };

	return words[type];
}

int
kv_backup_check(const struct kv_blob *blob, enum kv_type type, struct kv_buf *why)
{
	bool is_complete;
	const enum kv_blob_format format = kv_blob_look(blob->data, blob->len, &is_complete);

	if (!is_complete)
		kv_buf_say(why, "the vault's answer is a truncated blob of %zu bytes", blob->len);
	else if (blob->len < KV_BACKUP_MIN)
		kv_buf_say(why, "the vault's answer is too short for a blob: %zu bytes", blob->len);
	else if (format == KV_BLOB_SECRET && type != KV_SECRETS)
		kv_buf_say(why, "the vault's answer is the blob of a secret for %s", one_of(type));
	else if (format == KV_BLOB_KEY_OR_CERT && type == KV_SECRETS)
		kv_buf_say(why, "the vault's answer is the blob of a key or certificate for a secret");
	else
		return 0;
	return -EBADMSG;
}
