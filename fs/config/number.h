#ifndef KV_FS_CONFIG_NUMBER_H
#define KV_FS_CONFIG_NUMBER_H
/*
 * Numbers for the vaults of a mount with a folder for each, which their inode numbers carry. A number is made from
 * the vault's host, so that it is the same in every mount, whatever other vaults there are and in whatever order.
 * (Of two vaults with the same number, which is rare, the second one in the order of hosts gets the next.)
 */
#include "client/base/err.h"

struct kv_buf;
struct kv_settings;

/* Set number of each vault. -EINVAL with a sentence in why if two vaults are the same, -ENOMEM. */
int kv_number_vaults(struct kv_settings *settings, struct kv_buf *why) KV_MUST_CHECK;
#endif
