#ifndef KV_FS_COMMAND_MANIFESTS_H
#define KV_FS_COMMAND_MANIFESTS_H
/*
 * Where manifests are: beside an archive, and in a mount. Failures are one line on stderr.
 */
#include "client/base/err.h"
#include "fs/command/inventory.h"

/*
 * The manifest of the archive in the folder root: the file given, or, if given is NULL, ROOT/manifest or ROOT.manifest.
 * 0 and an empty inventory if there is none of these. -errno if it cannot be read or is no manifest.
 */
int kv_manifests_kept(const char *root, const char *given, struct kv_inventory *inventory) KV_MUST_CHECK;
/* What the vault has, from lists that begin now. given: the mount point as the user gave it, resolved to path. */
int kv_manifests_now(const char *given, const char *path, struct kv_inventory *inventory) KV_MUST_CHECK;
#endif
