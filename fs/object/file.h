#ifndef KV_FS_OBJECT_FILE_H
#define KV_FS_OBJECT_FILE_H
/*
 * Files of blobs: their attributes, open, read, release. Each function answers req once, now or later.
 */
#include "fs/mount/mount.h"

/* Attributes of any node as they are known now; a blob's size is 0 while it is not known. */
void kv_file_attributes(const struct kv_mount *mount, struct kv_node *node, struct stat *attr);
/* How long the kernel may keep a node's name, and its attributes; seconds. */
double kv_file_entry_valid_s(const struct kv_mount *mount, const struct kv_node *node);
double kv_file_attr_valid_s(const struct kv_mount *mount, const struct kv_node *node);

/* The answer to a GETATTR or SETATTR of any node. */
void kv_file_reply_attributes(struct kv_mount *mount, fuse_req_t req, struct kv_node *node);

/* For kv_volume_new(): an object's content is another now, or it is gone; its name stands for another node. */
void kv_file_changed(void *mount, struct kv_object *object);
/* The listing that type's names are from has failed: whatever comes by one of them must look it up again. */
void kv_file_take_back_all(struct kv_mount *mount, enum kv_type type);

/* Of a blob's node: with its exact size, which may have to be fetched. */
void kv_file_getattr(struct kv_mount *mount, fuse_req_t req, struct kv_node *node);
void kv_file_open(struct kv_mount *mount, fuse_req_t req, struct kv_node *node, struct fuse_file_info *fi);
void kv_file_read(
    struct kv_mount *mount, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
void kv_file_release(struct kv_mount *mount, fuse_req_t req, struct fuse_file_info *fi);
/* At the end: an unmount comes before the kernel's last releases. */
void kv_file_release_all(struct kv_mount *mount);
#endif
