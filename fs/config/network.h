#ifndef KV_FS_CONFIG_NETWORK_H
#define KV_FS_CONFIG_NETWORK_H
/*
 * The settings of clouds and networks: checks the options, and adds the variables of the environment.
 */
#include <stddef.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_settings;

/*
 * The authority as an https URL without blanks and a final slash, if one is given. Before the vault's host is
 * derived from it. -EINVAL and a sentence in why, -ENOMEM.
 */
int kv_network_take_authority(struct kv_settings *settings, struct kv_buf *why) KV_MUST_CHECK;
/* The suffix for a vault that is given by its name. *suffix is owned by settings. As above. */
int kv_network_take_suffix(
    struct kv_settings *settings, const char **suffix, struct kv_buf *why) KV_MUST_CHECK;
/* The i-th variable of the environment that concerns the network, or NULL. */
const char *kv_network_variable_at(size_t i);
/* Everything else, after the vault is known. As above. */
int kv_network_take(struct kv_settings *settings, struct kv_buf *why) KV_MUST_CHECK;
#endif
