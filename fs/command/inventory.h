#ifndef KV_FS_COMMAND_INVENTORY_H
#define KV_FS_COMMAND_INVENTORY_H
/*
 * The content of a file .kvfs/manifest: of the mount, or kept beside an archive.
 */
#include <stdbool.h>
#include <stdint.h>
#include "client/base/err.h"
#include "client/vault/type.h"

struct kv_buf;

#define KV_INVENTORY_TIME 24 /* "2026-01-31T23:59:59Z", or "" */

struct kv_inventory_entry {
	enum kv_type type;
	char *name;			 /* in the service's spelling */
	char updated[KV_INVENTORY_TIME]; /* of its newest change */
	int64_t size;			 /* of the blob downloaded last; -1: unknown */
	char sha256[65];		 /* of that blob; "" if unknown */
};

struct kv_inventory {
	struct kv_inventory_entry *entries; /* by type and upper-cased name */
	size_t n;
	char *vault;			/* its host */
	char listed[KV_INVENTORY_TIME]; /* when the oldest listing was started */
	bool
	    is_of_files; /* sizes and SHA-256 are those of the archive's files, not of the mount's last downloads */
};

/*
 * text need not end in NUL. -EBADMSG and a sentence in why: it is no manifest, or a truncated one. -ENOMEM. On failure
 * inventory is empty.
 */
int kv_inventory_parse(
    const char *text, size_t len, struct kv_inventory *inventory, struct kv_buf *why) KV_MUST_CHECK;
void kv_inventory_release(struct kv_inventory *inventory);
/* The object of that name, in any case; NULL if there is none. */
const struct kv_inventory_entry *kv_inventory_find(
    const struct kv_inventory *inventory, enum kv_type type, const char *name);

/* Unix seconds as text, as in a manifest. */
void kv_inventory_time(int64_t wall, char text[KV_INVENTORY_TIME]);
#endif
