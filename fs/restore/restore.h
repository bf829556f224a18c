#ifndef KV_FS_RESTORE_RESTORE_H
#define KV_FS_RESTORE_RESTORE_H
/*
 * restore/: the part of the tree that is the drop box.
 */
#include "fs/mount/branch.h"

extern const struct kv_part kv_restore_part;

/* Of its folders and of its files. */
extern const struct kv_node_ops kv_restore_folder_ops;
extern const struct kv_node_ops kv_restore_file_ops;
#endif
