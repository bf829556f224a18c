#ifndef KV_TESTS_UNIT_DROP_RIG_H
#define KV_TESTS_UNIT_DROP_RIG_H
/*
 * The names of a drop box without its operations. fs/mount/tree.h, fs/restore/drop.h and fs/restore/upload.h must be
 * included too.
 */
#include "fs/restore/dropbox.h"

extern struct kv_dropbox drop_box;
extern struct kv_drop *drop_root; /* restore/, with keys/, secrets/ and certificates/ in it */

void drop_rig_begin(void);
/* Frees all that has a name, and asserts that nothing else is left. */
void drop_rig_end(void);
/* How many files and folders there are. */
int drop_rig_count(void);
/* The folder of this name, made where there is none. */
struct kv_drop *drop_rig_folder(struct kv_drop *folder, const char *name);
/* A new file, with an empty upload. */
struct kv_drop *drop_rig_file(struct kv_drop *folder, const char *name);
#endif
