#ifndef KV_FS_COMMAND_MANIFESTS_H
#define KV_FS_COMMAND_MANIFESTS_H
/*
 * Where manifests are: beside an archive, and in a mount. Failures are one line on stderr.
 */
#include "client/base/err.h"
#include "fs/command/inventory.h"

struct kv_archive;

/*
 * The manifest of the archive in the folder root: the file given, or, if given is NULL, ROOT/manifest or ROOT.manifest.
 * 0 and an empty inventory if there is none of these. -errno if it cannot be read or is no manifest.
 */
int kv_manifests_kept(const char *root, const char *given, struct kv_inventory *inventory) KV_MUST_CHECK;
/* What the vault has, from lists that begin now. given: the mount point as the user gave it, resolved to path. */
int kv_manifests_now(const char *given, const char *path, struct kv_inventory *inventory) KV_MUST_CHECK;
/*
 * An archive without a manifest: stores in other the name of its folder, if path is a vault's folder in a mount of several
 * and that name is another one's; else "".
 */
void kv_manifests_find_other(const char *path, const struct kv_archive *archive, char *other, size_t size);
#endif
