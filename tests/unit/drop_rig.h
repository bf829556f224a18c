#ifndef KV_TESTS_UNIT_DROP_RIG_H
#define KV_TESTS_UNIT_DROP_RIG_H
/*
 * A drop box's tree of names, without its operations. Include fs/mount/tree.h, fs/dropbox/drop.h and
 * fs/dropbox/upload.h too.
 */
#include "fs/dropbox/dropbox.h"

extern struct kv_dropbox drop_box;
extern struct kv_drop *drop_root; /* restore/, with keys/, secrets/ and certificates/ in it */

void drop_rig_begin(void);
/* Frees everything that has a name, and asserts that nothing else is left. */
void drop_rig_end(void);
/* The number of files and folders. */
int drop_rig_count(void);
/* The subfolder of this name, created if needed. */
struct kv_drop *drop_rig_folder(struct kv_drop *folder, const char *name);
/* Creates a file with an empty upload. */
struct kv_drop *drop_rig_file(struct kv_drop *folder, const char *name);
#endif
