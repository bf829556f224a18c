#include <assert.h>
#include <errno.h>

#include "fs/mount/branch.h"
#include "fs/mount/folder.h"

#define ROOT_INO     1
#define NUMBER_SHIFT 48 /* objects' numbers are below */

/* The index of the next attached part from i on; KV_PARTS_MAX: there is none. */
static size_t
next_part(const struct kv_branch *b, size_t i)
{
	while (i < KV_PARTS_MAX && b->states[i] == NULL)
		i++;
	return i;
}

int
kv_branch_init(struct kv_branch *b, struct kv_mount *mount, struct kv_volume *volume,
    const struct kv_settings *settings, const struct kv_tree_part_row parts[])
{
	struct kv_folder *root;
	int err = 0;

	*b = (struct kv_branch){ .mount = mount, .volume = volume, .settings = settings, .parts = parts };
	TAILQ_INSERT_TAIL(&mount->branches, b, link);
	root = b->root = kv_folder_new(&mount->tree, b, ROOT_INO, 0777);
	if (root == NULL)
		return -ENOMEM;
	if (settings->folder != NULL)
		err = kv_folder_add(
		    kv_folder_of(mount->tree.root), settings->folder, kv_folder_node(root), true);
	for (size_t i = 0; err == 0 && parts[i].part != NULL; i++) {
		assert(i < KV_PARTS_MAX);
		err = parts[i].part->attach(b, root, parts[i].first_ino, &b->states[i]);
	}
	return err;
}

uint64_t
kv_branch_ino(const struct kv_branch *b, uint64_t ino)
{
	return b != NULL && b->settings->folder != NULL ?
	    (uint64_t)b->settings->number << NUMBER_SHIFT | ino :
	    ino;
}

void *
kv_branch_state(const struct kv_branch *b, const struct kv_tree_part *part)
{
	for (size_t i = 0; b->parts[i].part != NULL; i++)
		if (b->parts[i].part == part)
			return b->states[i];
	return NULL;
}

void
kv_branch_stop(struct kv_branch *b)
{
	for (size_t i = next_part(b, 0); i < KV_PARTS_MAX; i = next_part(b, i + 1))
		if (b->parts[i].part->stop != NULL)
			b->parts[i].part->stop(b->states[i]);
}

void
kv_branch_release(struct kv_branch *b)
{
	for (size_t i = next_part(b, 0); i < KV_PARTS_MAX; i = next_part(b, i + 1))
		if (b->parts[i].part->release != NULL)
			b->parts[i].part->release(b->states[i]);
	if (b->mount != NULL)
		TAILQ_REMOVE(&b->mount->branches, b, link);
	*b = (struct kv_branch){ .mount = NULL };
}

void
kv_branch_changed(void *branch, struct kv_object *object)
{
	const struct kv_branch *b = branch;

	for (size_t i = next_part(b, 0); i < KV_PARTS_MAX; i = next_part(b, i + 1))
		if (b->parts[i].part->changed != NULL)
			b->parts[i].part->changed(b->states[i], object);
}

void
kv_branch_listing_failed(void *branch, enum kv_type type)
{
	const struct kv_branch *b = branch;

	for (size_t i = next_part(b, 0); i < KV_PARTS_MAX; i = next_part(b, i + 1))
		if (b->parts[i].part->listing_failed != NULL)
			b->parts[i].part->listing_failed(b->states[i], type);
}

int
kv_branch_under_way(const struct kv_branch *b)
{
	int sum = 0;

	for (size_t i = next_part(b, 0); i < KV_PARTS_MAX; i = next_part(b, i + 1))
		if (b->parts[i].part->under_way != NULL)
			sum += b->parts[i].part->under_way(b->states[i]);
	return sum;
}

void
kv_branch_log_lost(struct kv_branch *b)
{
	for (size_t i = next_part(b, 0); i < KV_PARTS_MAX; i = next_part(b, i + 1))
		if (b->parts[i].part->log_lost != NULL)
			b->parts[i].part->log_lost(b->states[i]);
}

void
kv_branch_check(const struct kv_branch *b)
{
	assert(b->away <= 0 && (b->away == 0 || b->settings->folder != NULL));
	assert(b->root == NULL ||
	    (kv_folder_node(b->root)->branch == b &&
		(b->settings->folder != NULL) == (kv_folder_node(b->root) != b->mount->tree.root)));
	kv_volume_check(b->volume);
	for (size_t i = next_part(b, 0); i < KV_PARTS_MAX; i = next_part(b, i + 1))
		if (b->parts[i].part->check != NULL)
			b->parts[i].part->check(b->states[i]);
}
