#ifndef KV_FS_CONFIG_SECTIONS_H
#define KV_FS_CONFIG_SECTIONS_H
/*
 * Which sections of the configuration files apply to a mount, and to one vault of it.
 *
 * A mount is given by the name of a section instead of a vault. The section names its vault, or its vaults; without
 * either, its own name is that of the vault. [MOUNT/FOLDER] is for one vault of several. The more specific section
 * has precedence; within one section it is the personal file before the system's, and then the first line.
 */
#include "client/base/err.h"

struct kv_buf;
struct kv_conf;
struct kv_given;

/* Set section, vaults, and the option vault, from given->vaults and given->conf. -EINVAL with a sentence, -ENOMEM. */
int kv_sections_choose(struct kv_given *given, struct kv_buf *why) KV_MUST_CHECK;
/*
 * Take the values for the mount of section (NULL: of none), and for its vault in folder (NULL: for the whole mount).
 * As above; given->warnings get a line about each key that is given twice in a section.
 */
int kv_sections_apply(struct kv_given *given, const struct kv_conf *conf, const char *section,
    const char *folder, struct kv_buf *why) KV_MUST_CHECK;
#endif
