#ifndef KV_FS_DROPBOX_NODES_H
#define KV_FS_DROPBOX_NODES_H
/* The operations of a drop box's folders and of its files. */
#include "fs/mount/tree.h"

extern const struct kv_node_ops kv_dropbox_folder_ops;
extern const struct kv_node_ops kv_dropbox_file_ops;
#endif
