#ifndef KV_FS_RESTORE_RESTORE_H
#define KV_FS_RESTORE_RESTORE_H
/*
 * restore/: a drop box whose files are restored, as a part of the tree.
 */
#include "fs/dropbox/dropbox.h"
#include "fs/mount/branch.h"

extern const struct kv_tree_part kv_restore_part;
extern const struct kv_dropbox_kind kv_restore_kind;
#endif
