/*
 * Nodes: numbers, reference counts, freeing.
 *
 * A node lives while the kernel refers to it, a handle is open on it, a request waits on it, or is_kept is
 * set. A new node has none of these yet; it is freed when its first reference is dropped.
 */
#include <assert.h>
#include <stddef.h>

#include "client/base/clock.h"
#include "fs/mount/tree.h"

#define ROOT_NUMBER 1 /* FUSE_ROOT_ID */

void
kv_tree_init(struct kv_tree *tree)
{
	*tree = (struct kv_tree){ .root = NULL };
}

static void
free_node(struct kv_node *node)
{
	LIST_REMOVE(node, all);
	node->ops->release(node);
}

static bool
is_used(const struct kv_node *node)
{
	return node->is_kept || node->n_lookup > 0 || node->n_open > 0;
}

void
kv_tree_release(struct kv_tree *tree)
{
	while (!LIST_EMPTY(&tree->all))
		free_node(LIST_FIRST(&tree->all));
	tree->root = NULL;
}

void
kv_tree_check(const struct kv_tree *tree)
{
	const struct kv_node *node;
	bool has_root = tree->root == NULL;

	LIST_FOREACH(node, &tree->all, all) {
		assert(node->tree == tree);
		assert(node->ops != NULL && node->ops->release != NULL && node->ops->attributes != NULL);
		assert(node->ino != 0);
		has_root = has_root || node == tree->root;
	}
	assert(has_root);
	assert(tree->root == NULL || tree->root->is_kept);
}

void
kv_tree_add(struct kv_tree *tree, struct kv_node *node, const struct kv_node_ops *ops,
    struct kv_branch *branch, uint64_t ino)
{
	node->ops = ops;
	node->tree = tree;
	node->branch = branch;
	node->ino = ino;
	node->wall_changed = kv_clock_wall_s();
	LIST_INSERT_HEAD(&tree->all, node, all);
	if (tree->root == NULL)
		tree->root = node;
}

uint64_t
kv_tree_number(const struct kv_node *node)
{
	return node == node->tree->root ? ROOT_NUMBER : (uint64_t)(uintptr_t)node;
}

struct kv_node *
kv_tree_node(const struct kv_tree *tree, uint64_t number)
{
	return number == ROOT_NUMBER ? tree->root : (struct kv_node *)(uintptr_t)number;
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
	if (!is_used(node))
		free_node(node);
}

void
kv_tree_opened(struct kv_node *node)
{
	node->n_open++;
}

void
kv_tree_closed(struct kv_node *node)
{
	if (--node->n_open == 0 && node->ops->closed != NULL)
		node->ops->closed(node);
	if (!is_used(node))
		free_node(node);
}

void
kv_tree_drop(struct kv_node *node)
{
	node->is_kept = false;
	if (!is_used(node))
		free_node(node);
}
