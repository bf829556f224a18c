/*
 * restore/ as a part of the tree, and what its drop box does: a file becomes an object again.
 */
#include "fs/restore/restore.h"

#include <errno.h>

#include "client/vault/blob.h"
#include "fs/dropbox/drop.h"
#include "fs/mount/folder.h"
#include "fs/restore/classify.h"
#include "fs/restore/send.h"

const struct kv_dropbox_kind kv_restore_kind = {
	.name = "restore",
	.done = "restored",
	.prefix = "",
	/* text forms of a blob are longer than the blob: by a third, plus line ends */
	.most = KV_BLOB_MAX / 2 * 3,
	.proof = KV_PROOF_UPDATED,
	.too_large = "larger than the largest blob (64 MiB)",
	.wrong_start = "this is not a blob",
	.no_backups = "restore/ keeps no numbered backups: what was restored is in the vault",
	.may_begin = kv_classify_may_begin,
	.start = kv_send_start,
	.send = kv_send_begin,
	.release = kv_send_release,
};

/* restore/ has a folder for each type from the start, so that blobs can be copied there without mkdir. */
static int
attach(struct kv_branch *branch, struct kv_folder *root, uint64_t first_ino, void **state)
{
	const struct kv_settings *settings = branch->settings;
	struct kv_dropbox *box;
	struct kv_drop *drop, *folder;
	int err;

	if (settings->is_read_only)
		return 0;
	*state = box = kv_dropbox_new(branch, &kv_restore_kind);
	drop = box != NULL ? kv_drop_new_root(box, first_ino) : NULL;
	err = drop != NULL ? kv_folder_add(root, "restore", &drop->node, true) : -ENOMEM;
	if (drop != NULL)
		drop->is_of_keys = settings->is_hsm;
	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		if (!settings->types[t])
			continue;
		err = kv_drop_make_folder(drop, kv_type_name((enum kv_type)t), &folder);
		if (err == 0)
			folder->is_fixed = true;
	}
	return err;
}

const struct kv_tree_part kv_restore_part = {
	.attach = attach,
	.under_way = kv_dropbox_under_way,
	.log_lost = kv_dropbox_log_lost,
	.stop = kv_dropbox_stop,
	.release = kv_dropbox_free,
	.check = kv_dropbox_check,
};
