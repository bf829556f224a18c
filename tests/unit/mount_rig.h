#ifndef KV_TESTS_UNIT_MOUNT_RIG_H
#define KV_TESTS_UNIT_MOUNT_RIG_H
/*
 * A mount without a kernel, with parts of the tree, on the volume of tests/unit/rig.h; that and
 * tests/unit/fake_fuse.h must be included too.
 */
#include "fs/mount/branch.h"

extern struct kv_settings
    mount_settings; /* all types, nothing else; a test may change it before mount_rig_begin() */
extern struct kv_mount mount;
extern struct kv_branch branch;

/* After rig_begin(), and with the listings that it needs. */
void mount_rig_begin(const struct kv_part_row parts[]);
/* Asserts all invariants, frees the mount and ends the rig. */
void mount_rig_end(void);
/* Asserts all invariants. */
void mount_rig_check(void);
/* The node of this name in the root. */
struct kv_node *mount_rig_find(const char *name);
/* A new request of this process. */
struct fuse_req *mount_rig_request(void);
/* Let time go on until req is answered, at most an hour. */
void mount_rig_wait(struct fuse_req *req);
/* The same, and check. Its errno, negative; req is freed. */
int mount_rig_answer(struct fuse_req *req);
#endif
