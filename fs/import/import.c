/*
 * import/ as a part of the tree, and what its drop box does: a package becomes a key of the HSM.
 */
#include "fs/import/import.h"

#include <errno.h>

#include "client/vault/byok.h"
#include "fs/dropbox/drop.h"
#include "fs/import/key_import.h"
#include "fs/import/target.h"
#include "fs/mount/folder.h"

const struct kv_dropbox_kind kv_import_kind = {
	.name = "import",
	.done = "imported",
	.prefix = "//import/",
	.most = KV_BYOK_MAX,
	.proof = KV_PROOF_VERSION,
	.too_large = "larger than any key-transfer package",
	.wrong_start = "this is no key-transfer package, which is JSON; kvfs byok wrap makes one of a key",
	.no_backups = "import/ keeps no numbered backups: what was imported is in the vault",
	.refuse_name = kv_target_refuse_name,
	.may_begin = kv_key_import_may_begin,
	.start = kv_key_import_start,
	.send = kv_key_import_send,
	.release = kv_key_import_release,
};

static const char *const curves[] = { "P-256", "P-384", "P-521", "P-256K", NULL };

/* Folders that exist from the start, so that packages can be copied there without mkdir. */
static const struct {
	const char *kty;
	const char *const *curves;
} folders[] = {
	{ "RSA-HSM", NULL },
	{ "EC-HSM", curves },
	{ "oct-HSM", NULL },
	{ "RSA", NULL },
	{ "EC", curves },
};

static int
make_folder(struct kv_drop *folder, const char *name, struct kv_drop **made)
{
	const int err = kv_drop_make_folder(folder, name, made);

	if (err == 0)
		(*made)->is_fixed = true;
	return err;
}

static int
make_folders(struct kv_drop *root)
{
	struct kv_drop *type, *curve;
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(folders) / sizeof(folders[0]); i++) {
		err = make_folder(root, folders[i].kty, &type);
		for (const char *const *c = folders[i].curves; err == 0 && c != NULL && *c != NULL; c++)
			err = make_folder(type, *c, &curve);
	}
	return err;
}

static int
attach(struct kv_branch *branch, struct kv_folder *root, uint64_t first_ino, void **state)
{
	const struct kv_settings *settings = branch->settings;
	struct kv_dropbox *box;
	struct kv_drop *drop;
	int err;

	if (settings->is_read_only || !settings->types[KV_KEYS])
		return 0;
	*state = box = kv_dropbox_new(branch, &kv_import_kind);
	drop = box != NULL ? kv_drop_new_root(box, first_ino) : NULL;
	err = drop != NULL ? kv_folder_add(root, "import", &drop->node, false) : -ENOMEM;
	return err == 0 ? make_folders(drop) : err;
}

const struct kv_tree_part kv_import_part = {
	.attach = attach,
	.under_way = kv_dropbox_under_way,
	.log_lost = kv_dropbox_log_lost,
	.stop = kv_dropbox_stop,
	.release = kv_dropbox_free,
	.check = kv_dropbox_check,
};
