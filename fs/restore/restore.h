#ifndef KV_FS_RESTORE_RESTORE_H
#define KV_FS_RESTORE_RESTORE_H
/*
 * restore/: the drop box, as a part of the tree.
 */
#include "fs/mount/branch.h"

extern const struct kv_part kv_restore_part;

/* The operations of its folders and of its files. */
extern const struct kv_node_ops kv_restore_folder_ops;
extern const struct kv_node_ops kv_restore_file_ops;
#endif
