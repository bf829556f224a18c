#ifndef KV_FS_CONTROL_CONTROL_H
#define KV_FS_CONTROL_CONTROL_H
/*
 * .kvfs/: what a mount says about itself, as files. Not listed in the root, so that no archive has
 * them; found by name. As in procfs their size is 0 and they are read past the page cache. Each open
 * has the content of that moment.
 */
#include "fs/mount/mount.h"

#define KV_CONTROL_FOLDER ".kvfs"
/* "status", … */
const char *kv_control_name(enum kv_control control);

/* Each answers req once; the open of the manifest when the listings are complete, or with their failure. */
void kv_control_open(
    struct kv_mount *mount, fuse_req_t req, enum kv_control control, struct fuse_file_info *fi);
void kv_control_read(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
void kv_control_release(fuse_req_t req, struct fuse_file_info *fi);
/* At the end, as with files. */
void kv_control_release_all(struct kv_mount *mount);
#endif
