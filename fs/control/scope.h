#ifndef KV_FS_CONTROL_SCOPE_H
#define KV_FS_CONTROL_SCOPE_H
/*
 * What a file of .kvfs/ is about: one vault, or all vaults of a mount with a folder for each.
 */
#include "fs/mount/branch.h"

struct kv_scope {
	const struct kv_mount *mount;
	const struct kv_branch *only; /* NULL: all vaults */
};

/* The vaults of scope, one after another: for (b = kv_scope_first(scope); b != NULL; b = kv_scope_next(scope, b)). */
static inline const struct kv_branch *
kv_scope_first(const struct kv_scope *scope)
{
	return scope->only != NULL ? scope->only : TAILQ_FIRST(&scope->mount->branches);
}

static inline const struct kv_branch *
kv_scope_next(const struct kv_scope *scope, const struct kv_branch *branch)
{
	return scope->only != NULL ? NULL : TAILQ_NEXT(branch, link);
}

#define KV_SCOPE_EACH(b, scope) \
	for (const struct kv_branch *b = kv_scope_first(scope); b != NULL; b = kv_scope_next(scope, b))
#endif
