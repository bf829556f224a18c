#ifndef KV_FS_OBJECT_FIND_H
#define KV_FS_OBJECT_FIND_H
/*
 * LOOKUP of NAME.blob: in the listing, or by a request to the vault if the listing does not have the name.
 */
#include "fs/object/objects.h"

/* Answers req exactly once, now or later. file_name: as the kernel sent it. */
void kv_find(struct kv_objects *objects, enum kv_type type, fuse_req_t req, const char *file_name);
#endif
