#include <errno.h>
#include <stdlib.h>

#include "fs/mount/folder.h"
#include "fs/object/file.h"
#include "fs/object/objects.h"
#include "fs/object/told.h"
#include "fs/object/type_folder.h"

struct kv_objects *
kv_objects_of(const struct kv_node *node)
{
	return kv_branch_state(node->branch, &kv_objects_part);
}

static int
attach(struct kv_branch *branch, struct kv_folder *root, uint64_t first_ino, void **state)
{
	const struct kv_settings *settings = branch->settings;
	struct kv_objects *os = calloc(1, sizeof(*os));
	int err = 0;

	if (os == NULL)
		return -ENOMEM;
	*state = os;
	os->branch = branch;
	kv_stat_only_init(&os->stat_only, branch->mount->loop, settings->stat_only);
	os->told = kv_told_map_new();
	if (os->told == NULL)
		return -ENOMEM;
	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		struct kv_node *node;

		if (!settings->types[t])
			continue;
		node = kv_type_folder_new(branch, (enum kv_type)t, first_ino + (uint64_t)t);
		err = node != NULL ? kv_folder_add(root, kv_type_name((enum kv_type)t), node, true) : -ENOMEM;
	}
	return err;
}

/* The content has changed, so the name must get a new node. */
static void
changed(void *state, struct kv_object *object)
{
	const struct kv_objects *os = state;
	struct kv_told *told = kv_told_find(os->told, object);

	if (told == NULL)
		return;
	kv_told_expire(told);
	if (told->file != NULL && (told->size >= 0 || told->file->is_bound || object->is_gone))
		kv_file_take_back(told->file);
	kv_told_settle(os->told, told);
}

/* Make the kernel look up every name of this type again. */
static void
listing_failed(void *state, enum kv_type type)
{
	const struct kv_objects *os = state;
	struct kv_node *node;

	LIST_FOREACH(node, &os->branch->mount->tree.all, all) {
		struct kv_file *file = kv_file_of_node(node);

		if (file != NULL && node->branch == os->branch && file->told->object->type == type &&
		    node->n_lookup > 0 && !file->is_stale)
			kv_file_take_back(file);
	}
}

static void
release(void *state)
{
	struct kv_objects *os = state;

	kv_stat_only_release(&os->stat_only);
	kv_told_map_free(os->told);
	free(os);
}

static void
check(const void *state)
{
	const struct kv_objects *os = state;

	kv_told_check(os->told);
}

const struct kv_tree_part kv_objects_part = {
	.attach = attach,
	.changed = changed,
	.listing_failed = listing_failed,
	.release = release,
	.check = check,
};
