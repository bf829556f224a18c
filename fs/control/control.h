#ifndef KV_FS_CONTROL_CONTROL_H
#define KV_FS_CONTROL_CONTROL_H
/*
 * .kvfs/: the state of a mount as files. It is not listed in the root, so that no archive contains it. As in
 * procfs the files' size is 0, they are read past the page cache, and each open has the content of that moment.
 */
#include "fs/mount/branch.h"

#define KV_CONTROL_FOLDER ".kvfs"

extern const struct kv_part kv_control_part;
#endif
