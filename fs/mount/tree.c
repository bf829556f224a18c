/*
 * Nodes: made, named, counted, freed.
 *
 * A blob's node lives while the kernel knows it or a handle is open on it. A node of the drop box lives
 * also while it has a name there, because receipts are found by it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/object.h"
#include "client/base/clock.h"
#include "fs/restore/upload.h"
#include "fs/mount/tree.h"

#define FIRST_INO   2 /* the folders', in the order of enum kv_type; restore/ comes after them */
#define CONTROL_INO 6 /* of .kvfs/; its files come after it */

static struct kv_node *
new_node(struct kv_tree *tree, enum kv_node_kind kind, uint64_t ino)
{
	struct kv_node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->tree = tree;
	node->kind = kind;
	node->ino = ino;
	node->wall_changed = kv_clock_wall_s();
	LIST_INSERT_HEAD(&tree->all, node, all);
	return node;
}

static void
free_node(struct kv_node *node)
{
	LIST_REMOVE(node, all);
	if (node->object != NULL && node->object->node == node)
		node->object->node = NULL;
	kv_object_unref(node->object);
	kv_blob_unref(node->blob);
	kv_upload_free(node->upload);
	free(node->name);
	free(node);
}

static void
free_if_unused(struct kv_node *node)
{
	const struct kv_tree *tree = node->tree;
	const bool is_fixed = node->kind == KV_NODE_ROOT || node->kind == KV_NODE_TYPE ||
	    node->kind == KV_NODE_CONTROL_FOLDER || node->kind == KV_NODE_CONTROL || node == tree->drop;

	if (!is_fixed && node->n_lookup == 0 && node->n_open == 0 && node->parent == NULL)
		free_node(node);
}

/* restore/ with a folder for each type in it, so that a blob can be copied there at once. */
static int
make_drop(struct kv_tree *tree, const bool has_type[KV_TYPES])
{
	struct kv_node *folder;
	int err = 0;

	tree->drop = new_node(tree, KV_NODE_DROP_FOLDER, FIRST_INO + KV_TYPES);
	if (tree->drop == NULL)
		return -ENOMEM;
	tree->drop->is_fixed = true;
	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		if (!has_type[t])
			continue;
		err = kv_tree_make(tree->drop, KV_NODE_DROP_FOLDER, kv_type_name((enum kv_type)t), &folder);
		if (err == 0)
			folder->is_fixed = true;
	}
	return err;
}

static int
make_control(struct kv_tree *tree)
{
	tree->control = new_node(tree, KV_NODE_CONTROL_FOLDER, CONTROL_INO);
	if (tree->control == NULL)
		return -ENOMEM;
	for (int i = 0; i < KV_CONTROLS; i++) {
		tree->controls[i] = new_node(tree, KV_NODE_CONTROL, (uint64_t)(CONTROL_INO + 1 + i));
		if (tree->controls[i] == NULL)
			return -ENOMEM;
		tree->controls[i]->control = (enum kv_control)i;
	}
	return 0;
}

int
kv_tree_init(struct kv_tree *tree, const bool has_type[KV_TYPES], bool has_drop)
{
	*tree = (struct kv_tree){ .root = NULL };
	tree->root = new_node(tree, KV_NODE_ROOT, KV_ROOT_NUMBER);
	if (tree->root == NULL || make_control(tree) != 0)
		return -ENOMEM;
	for (int t = 0; t < KV_TYPES; t++) {
		if (!has_type[t])
			continue;
		tree->types[t] = new_node(tree, KV_NODE_TYPE, (uint64_t)(FIRST_INO + t));
		if (tree->types[t] == NULL)
			return -ENOMEM;
		tree->types[t]->type = (enum kv_type)t;
	}
	return has_drop ? make_drop(tree, has_type) : 0;
}

void
kv_tree_release(struct kv_tree *tree)
{
	while (!LIST_EMPTY(&tree->all))
		free_node(LIST_FIRST(&tree->all));
}

uint64_t
kv_tree_number(const struct kv_node *node)
{
	return node->kind == KV_NODE_ROOT ? KV_ROOT_NUMBER : (uint64_t)(uintptr_t)node;
}

struct kv_node *
kv_tree_node(const struct kv_tree *tree, uint64_t number)
{
	return number == KV_ROOT_NUMBER ? tree->root : (struct kv_node *)(uintptr_t)number;
}

/* ---- blobs ---- */

struct kv_node *
kv_tree_blob(struct kv_tree *tree, struct kv_object *object)
{
	struct kv_node *node = object->node;

	if (node != NULL)
		return node;
	node = new_node(tree, KV_NODE_BLOB, object->ino);
	if (node == NULL)
		return NULL;
	node->type = object->type;
	node->object = kv_object_ref(object);
	object->node = node;
	object->is_ino_used = true;
	return node;
}

void
kv_tree_make_stale(struct kv_node *node)
{
	node->is_stale = true;
	if (node->object->node == node)
		node->object->node = NULL;
}

/* ---- the drop box ---- */

int
kv_tree_make(struct kv_node *folder, enum kv_node_kind kind, const char *name, struct kv_node **out)
{
	struct kv_node *node;

	*out = NULL;
	if (kv_tree_child(folder, name) != NULL)
		return -EEXIST;
	node = new_node(folder->tree, kind, 0);
	if (node == NULL)
		return -ENOMEM;
	node->ino = (uint64_t)(uintptr_t)node;
	node->name = strdup(name);
	if (node->name == NULL) {
		free_node(node);
		return -ENOMEM;
	}
	node->parent = folder;
	node->sibling = folder->children;
	folder->children = node;
	*out = node;
	return 0;
}

struct kv_node *
kv_tree_child(struct kv_node *folder, const char *name)
{
	struct kv_node *node = folder->children;

	while (node != NULL && strcmp(node->name, name) != 0)
		node = node->sibling;
	return node;
}

static void
unlink_from_parent(struct kv_node *node)
{
	struct kv_node **at;

	if (node->parent == NULL)
		return;
	for (at = &node->parent->children; *at != node; at = &(*at)->sibling)
		continue;
	*at = node->sibling;
	node->parent = NULL;
	node->sibling = NULL;
}

void
kv_tree_remove(struct kv_node *node)
{
	unlink_from_parent(node);
	while (node->children != NULL)
		kv_tree_remove(node->children);
	free_if_unused(node);
}

int
kv_tree_move(struct kv_node *node, struct kv_node *folder, const char *name)
{
	struct kv_node *other = kv_tree_child(folder, name);
	char *copy;

	if (other == node)
		return 0;
	copy = strdup(name);
	if (copy == NULL)
		return -ENOMEM;
	if (other != NULL)
		kv_tree_remove(other);
	unlink_from_parent(node);
	free(node->name);
	node->name = copy;
	node->parent = folder;
	node->sibling = folder->children;
	folder->children = node;
	return 0;
}

int
kv_tree_type_of(const struct kv_node *folder, enum kv_type *type)
{
	for (; folder != NULL; folder = folder->parent)
		if (folder->name != NULL && kv_type_parse(folder->name, type) == 0)
			return 0;
	return -ENOENT;
}

/* ---- references ---- */

void
kv_tree_looked_up(struct kv_node *node)
{
	node->n_lookup++;
}

void
kv_tree_forget(struct kv_node *node, uint64_t n)
{
	node->n_lookup -= n < node->n_lookup ? n : node->n_lookup;
	free_if_unused(node);
}

void
kv_tree_opened(struct kv_node *node)
{
	node->n_open++;
}

void
kv_tree_closed(struct kv_node *node)
{
	if (--node->n_open == 0) {
		kv_blob_unref(node->blob);
		node->blob = NULL;
	}
	free_if_unused(node);
}
