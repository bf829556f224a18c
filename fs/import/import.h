#ifndef KV_FS_IMPORT_IMPORT_H
#define KV_FS_IMPORT_IMPORT_H
/*
 * import/: a drop box whose files are key-transfer packages, as a part of the tree. It is found by its name, and not
 * listed: an archive of the mount must not contain it.
 */
#include "fs/dropbox/dropbox.h"
#include "fs/mount/branch.h"

extern const struct kv_tree_part kv_import_part;
extern const struct kv_dropbox_kind kv_import_kind;
#endif
