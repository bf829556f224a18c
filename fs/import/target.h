#ifndef KV_FS_IMPORT_TARGET_H
#define KV_FS_IMPORT_TARGET_H
/*
 * What a path below import/ says about the key that a package becomes: NAME.byok is its name, the nearest folders that
 * are called like a type and a curve are these. Without them it is RSA-HSM.
 */
#include "client/vault/byok.h"

struct kv_buf;
struct kv_drop;

struct kv_target {
	const struct kv_byok_type *type;
	char name[KV_NAME_MAX + 1];
};

/* -EINVAL with a sentence in why. */
int kv_target_find(const struct kv_drop *folder, const char *file_name, struct kv_target *target,
    struct kv_buf *why) KV_MUST_CHECK;
/* Why a package cannot have this name; NULL: it can. */
const char *kv_target_refuse_name(const char *file_name);
#endif
