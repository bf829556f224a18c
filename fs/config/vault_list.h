#ifndef KV_FS_CONFIG_VAULT_LIST_H
#define KV_FS_CONFIG_VAULT_LIST_H
/*
 * The vaults of a mount as they were given: each a name, a host or an https URL, with or without NAME= before it.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

struct kv_buf;

struct kv_given_vault {
	char *text;	   /* as given, without NAME= */
	char *folder;	   /* its folder in the mount: NAME, or the first part of the vault's host */
	bool is_named;	   /* NAME was given */
	const char *where; /* "argument", or file and line; borrowed */
};

struct kv_vault_list {
	struct kv_given_vault *vaults;
	size_t n;
};

/* Add the vault that text, of len characters, is. -EINVAL with a sentence in why, -ENOMEM. */
int kv_vault_list_add(struct kv_vault_list *list, const char *text, size_t len, const char *where,
    struct kv_buf *why) KV_MUST_CHECK;
/* The same for several, separated by blanks or commas. */
int kv_vault_list_add_all(
    struct kv_vault_list *list, const char *text, const char *where, struct kv_buf *why) KV_MUST_CHECK;
/* -EINVAL and a sentence in why if a folder has no name, or two have the same one. */
int kv_vault_list_check(const struct kv_vault_list *list, struct kv_buf *why) KV_MUST_CHECK;
void kv_vault_list_release(struct kv_vault_list *list);

/* Whether text can only be a path: "/mnt", "./x", "a/b". */
bool kv_vault_list_is_path(const char *text);
#endif
