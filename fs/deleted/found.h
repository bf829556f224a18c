#ifndef KV_FS_DELETED_FOUND_H
#define KV_FS_DELETED_FOUND_H
/*
 * Whether what the vault has after a recovery is what was deleted, or what became of it since: created no later, updated
 * no earlier, and with the version that was the current one. A recovery changes neither times nor versions. But after a
 * purge, somebody may have created another object of this name, or restored an older backup of it.
 */
#include "cache/list/versions.h"
#include "client/vault/item.h"

enum kv_found {
	KV_FOUND_IT,
	KV_FOUND_OTHER,	  /* created later */
	KV_FOUND_OLDER,	  /* an older state */
	KV_FOUND_UNCLEAR, /* it depends on whether it has the deleted one's version */
};

/* was: the deleted object; what is not known of it is 0 or "", and counts as equal. */

/* The answer to GET, which is about the newest version. */
enum kv_found kv_found_item(const struct kv_item *was, const struct kv_item *item);
/* All versions, read by kv_versions_read(). */
enum kv_found kv_found_versions(const struct kv_item *was, const struct kv_versions *versions);
/* The version of was, by kv_versions_confirm(), after KV_FOUND_UNCLEAR. */
enum kv_found kv_found_version(const struct kv_item *was, const struct kv_versions *versions);
/* The vault has accepted the recovery, and describes what it recovers. */
void kv_found_note_recovered(struct kv_item *was, const struct kv_item *item);
/* A sentence why something is not what was deleted. */
const char *kv_found_explain(enum kv_found found);
#endif
