#include "tests/unit/unit.h"

#include <stdlib.h>

#include "fs/mount/tree.h"
#include "tests/unit/fake_clock.h"

static struct kv_tree tree;
static int n_released, n_closed;

static void
release(struct kv_node *node)
{
	n_released++;
	free(node);
}

static void
closed(struct kv_node *node)
{
	assert_int_equal(node->n_open, 0);
	n_closed++;
}

static void
attributes(struct kv_node *node, struct kv_attributes *a)
{
	(void)node;
	(void)a;
}

static const struct kv_node_ops ops = { .release = release, .closed = closed, .attributes = attributes };

static struct kv_node *
make(uint64_t ino, bool is_kept)
{
	struct kv_node *node = calloc(1, sizeof(*node));

	assert_non_null(node);
	node->is_kept = is_kept;
	kv_tree_add(&tree, node, &ops, NULL, ino);
	kv_tree_check(&tree);
	return node;
}

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	n_released = n_closed = 0;
	kv_tree_init(&tree);
	make(1, true);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_tree_check(&tree);
	kv_tree_release(&tree);
	assert_true(LIST_EMPTY(&tree.all));
	return 0;
}

static void
a_number_is_its_node_and_the_roots_is_1(void **state)
{
	struct kv_node *node = make(7, true);

	(void)state;
	assert_int_equal(kv_tree_number(tree.root), 1);
	assert_ptr_equal(kv_tree_node(&tree, 1), tree.root);
	assert_ptr_equal(kv_tree_node(&tree, kv_tree_number(node)), node);
	assert_int_equal(node->wall_changed, 1700000000);
}

static void
what_is_kept_stays_when_the_kernel_forgets_it(void **state)
{
	struct kv_node *node = make(7, true);

	(void)state;
	kv_tree_looked_up(node);
	kv_tree_forget(node, 1);
	kv_tree_forget(node, 100);
	kv_tree_opened(node);
	kv_tree_closed(node);
	kv_tree_forget(tree.root, 100);
	assert_int_equal(n_released, 0);
	assert_int_equal(node->n_lookup, 0);
	kv_tree_drop(node);
	assert_int_equal(n_released, 1);
}

static void
a_node_goes_with_its_last_reference(void **state)
{
	struct kv_node *node = make(7, false);

	(void)state;
	kv_tree_looked_up(node);
	kv_tree_looked_up(node);
	kv_tree_opened(node);
	kv_tree_opened(node);
	kv_tree_forget(node, 2);
	kv_tree_closed(node);
	assert_int_equal(n_closed, 0);
	kv_tree_check(&tree);
	assert_int_equal(n_released, 0);
	kv_tree_closed(node);
	assert_int_equal(n_closed, 1);
	assert_int_equal(n_released, 1);
}

static void
what_has_lost_its_name_lives_until_then_too(void **state)
{
	struct kv_node *node = make(7, true);

	(void)state;
	kv_tree_looked_up(node);
	kv_tree_drop(node);
	assert_int_equal(n_released, 0);
	kv_tree_forget(node, 1);
	assert_int_equal(n_released, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_number_is_its_node_and_the_roots_is_1),
		TEST(what_is_kept_stays_when_the_kernel_forgets_it),
		TEST(a_node_goes_with_its_last_reference),
		TEST(what_has_lost_its_name_lives_until_then_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
