#ifndef KV_TESTS_UNIT_MOUNT_RIG_H
#define KV_TESTS_UNIT_MOUNT_RIG_H
/*
 * A mount without a kernel, with parts of the tree, on the volume of tests/unit/rig.h. Include that and
 * tests/unit/fake_fuse.h too.
 */
#include "fs/mount/branch.h"

extern struct kv_settings
    mount_settings; /* all types and no other option; a test may change it before mount_rig_begin() */
extern struct kv_mount mount;
extern struct kv_branch branch;

/* Call it after rig_begin() and after making the listings that the test needs. */
void mount_rig_begin(const struct kv_tree_part_row parts[]);
/* Asserts all invariants, frees the mount, and ends the rig. */
void mount_rig_end(void);
/* Asserts all invariants. */
void mount_rig_check(void);
/* The node with this name in the root. */
struct kv_node *mount_rig_find(const char *name);
/* A new request from this process. */
struct fuse_req *mount_rig_request(void);
/* Advance time until req is answered, by an hour at most. */
void mount_rig_wait(struct fuse_req *req);
/* The same, and check invariants. Returns req's errno, negative, and frees req. */
int mount_rig_answer(struct fuse_req *req);
#endif
