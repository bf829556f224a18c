#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "cache/object.h"
#include "fs/restore/upload.h"
#include "fs/mount/tree.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"

static const bool all_types[KV_TYPES] = { true, true, true };
static struct kv_tree tree;
static struct kv_object *object;

static int
set_up(void **state)
{
	(void)state;
	assert_int_equal(kv_tree_init(&tree, all_types, true), 0);
	object = kv_object_new(KV_SECRETS, "a");
	assert_non_null(object);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_tree_release(&tree);
	assert_true(LIST_EMPTY(&tree.all));
	assert_null(object->node);
	assert_int_equal(object->refs, 1);
	kv_object_unref(object);
	return 0;
}

static int
n_nodes(void)
{
	int n = 0;

	for (const struct kv_node *node = LIST_FIRST(&tree.all); node != NULL; node = LIST_NEXT(node, all))
		n++;
	return n;
}

static struct kv_node *
make(struct kv_node *folder, enum kv_node_kind kind, const char *name)
{
	struct kv_node *node;

	assert_int_equal(kv_tree_make(folder, kind, name, &node), 0);
	return node;
}

/* ---- folders ---- */

static void
the_folders_are_those_that_are_mounted(void **state)
{
	static const struct {
		bool types[KV_TYPES];
		bool has_drop;
	} rows[] = {
		{ { true, true, true }, true },
		{ { true, false, false }, true },
		{ { false, true, true }, false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		kv_tree_release(&tree);
		assert_int_equal(kv_tree_init(&tree, rows[i].types, rows[i].has_drop), 0);
		assert_non_null(tree.root);
		assert_row((tree.drop != NULL) == rows[i].has_drop, i, "restore/");
		for (int t = 0; t < KV_TYPES; t++) {
			const char *name = kv_type_name((enum kv_type)t);

			assert_row((tree.types[t] != NULL) == rows[i].types[t], i, name);
			assert_row(tree.types[t] == NULL || tree.types[t]->type == (enum kv_type)t, i, name);
			if (tree.drop != NULL) /* a blob can be copied there at once */
				assert_row(
				    (kv_tree_child(tree.drop, name) != NULL) == rows[i].types[t], i, name);
		}
	}
}

static void
a_number_is_its_node_and_the_roots_is_1(void **state)
{
	struct kv_node *file = make(tree.drop, KV_NODE_DROP_FILE, "a.blob");

	(void)state;
	assert_int_equal(kv_tree_number(tree.root), 1);
	assert_ptr_equal(kv_tree_node(&tree, 1), tree.root);
	assert_ptr_equal(kv_tree_node(&tree, kv_tree_number(file)), file);
	assert_ptr_equal(kv_tree_node(&tree, kv_tree_number(tree.types[KV_KEYS])), tree.types[KV_KEYS]);
}

static void
folders_stay_when_the_kernel_forgets_them(void **state)
{
	const int n = n_nodes();

	(void)state;
	kv_tree_looked_up(tree.types[KV_KEYS]);
	kv_tree_forget(tree.types[KV_KEYS], 1);
	kv_tree_forget(tree.root, 100);
	kv_tree_forget(tree.drop, 1);
	kv_tree_opened(tree.drop);
	kv_tree_closed(tree.drop);
	assert_int_equal(n_nodes(), n);
	assert_int_equal(tree.root->n_lookup, 0);
}

/* ---- blobs ---- */

static void
an_object_has_one_node_as_long_as_it_is_referred_to(void **state)
{
	const int n = n_nodes();
	struct kv_node *node = kv_tree_blob(&tree, object);

	(void)state;
	assert_ptr_equal(kv_tree_blob(&tree, object), node);
	assert_int_equal(node->kind, KV_NODE_BLOB);
	assert_int_equal(node->type, KV_SECRETS);
	assert_int_equal(node->ino, object->ino);
	kv_tree_looked_up(node);
	kv_tree_looked_up(node);
	kv_tree_opened(node);
	kv_tree_forget(node, 1);
	assert_ptr_equal(object->node, node);
	kv_tree_forget(node, 1);
	assert_ptr_equal(object->node, node); /* it is open */
	kv_tree_closed(node);
	assert_null(object->node);
	assert_int_equal(object->refs, 1);
	assert_int_equal(n_nodes(), n);
}

static void
a_stale_node_lives_on_beside_the_new_one(void **state)
{
	struct kv_node *old = kv_tree_blob(&tree, object), *new;

	(void)state;
	kv_tree_looked_up(old);
	kv_tree_make_stale(old);
	assert_true(old->is_stale);
	new = kv_tree_blob(&tree, object);
	assert_ptr_not_equal(new, old);
	assert_true(kv_tree_number(new) != kv_tree_number(old));
	assert_int_equal(new->ino, old->ino);
	assert_false(new->is_stale);
	kv_tree_make_stale(old); /* once more, which must not touch the new one */
	assert_ptr_equal(object->node, new);
	kv_tree_looked_up(new);
	kv_tree_forget(old, 1);
	assert_ptr_equal(object->node, new);
	kv_tree_forget(new, 1);
	assert_null(object->node);
}

static void
a_blob_is_kept_while_a_handle_is_open(void **state)
{
	struct kv_node *node = kv_tree_blob(&tree, object);
	struct kv_blob *blob;
	struct kv_buf b;

	(void)state;
	kv_buf_init(&b, 10);
	assert_int_equal(kv_buf_puts(&b, "x"), 0);
	assert_int_equal(kv_blob_new(&b, &blob), 0);
	kv_buf_release(&b);
	kv_tree_looked_up(node);
	kv_tree_opened(node);
	kv_tree_opened(node);
	node->blob = kv_blob_ref(blob);
	kv_tree_closed(node);
	assert_ptr_equal(node->blob, blob);
	kv_tree_closed(node);
	assert_null(node->blob);
	assert_int_equal(blob->refs, 1);
	kv_blob_unref(blob);
	kv_tree_forget(node, 1);
}

/* ---- the drop box ---- */

static void
a_name_is_there_once_in_a_folder(void **state)
{
	struct kv_node *folder = make(tree.drop, KV_NODE_DROP_FOLDER, "backup"), *node;
	struct kv_node *file = make(folder, KV_NODE_DROP_FILE, "a.blob");

	(void)state;
	assert_ptr_equal(kv_tree_child(folder, "a.blob"), file);
	assert_null(kv_tree_child(folder, "A.blob"));
	assert_null(kv_tree_child(tree.drop, "a.blob"));
	assert_int_equal(kv_tree_make(folder, KV_NODE_DROP_FILE, "a.blob", &node), -EEXIST);
	assert_null(node);
	make(tree.drop, KV_NODE_DROP_FILE, "a.blob");
}

static void
a_file_with_a_name_stays_when_nobody_refers_to_it(void **state)
{
	struct kv_node *file = make(tree.drop, KV_NODE_DROP_FILE, "a.blob");

	(void)state;
	kv_tree_looked_up(file);
	kv_tree_opened(file);
	kv_tree_closed(file);
	kv_tree_forget(file, 1);
	assert_ptr_equal(kv_tree_child(tree.drop, "a.blob"), file);
}

static void
a_removed_file_lives_until_the_last_reference_is_gone(void **state)
{
	const int n = n_nodes();
	struct kv_node *file = make(tree.drop, KV_NODE_DROP_FILE, "a.blob");

	(void)state;
	kv_tree_looked_up(file);
	kv_tree_opened(file);
	kv_tree_remove(file);
	assert_null(kv_tree_child(tree.drop, "a.blob"));
	assert_string_equal(file->name, "a.blob");
	kv_tree_closed(file);
	assert_int_equal(n_nodes(), n + 1);
	kv_tree_forget(file, 1);
	assert_int_equal(n_nodes(), n);
	kv_tree_remove(make(tree.drop, KV_NODE_DROP_FILE, "a.blob"));
	assert_int_equal(n_nodes(), n);
}

static void
a_removed_folder_takes_all_below_it_along(void **state)
{
	const int n = n_nodes();
	struct kv_node *top = make(tree.drop, KV_NODE_DROP_FOLDER, "top");
	struct kv_node *sub = make(top, KV_NODE_DROP_FOLDER, "sub");
	struct kv_node *open = make(sub, KV_NODE_DROP_FILE, "open");

	(void)state;
	make(top, KV_NODE_DROP_FILE, "a");
	make(sub, KV_NODE_DROP_FILE, "b");
	kv_tree_opened(open);
	kv_tree_remove(top);
	assert_int_equal(n_nodes(), n + 1);
	assert_null(open->parent);
	kv_tree_closed(open);
	assert_int_equal(n_nodes(), n);
}

static void
a_file_is_moved_in_the_place_of_another(void **state)
{
	struct kv_node *folder = make(tree.drop, KV_NODE_DROP_FOLDER, "backup");
	struct kv_node *file = make(tree.drop, KV_NODE_DROP_FILE, ".a.XXXXXX");
	int n;

	(void)state;
	make(folder, KV_NODE_DROP_FILE, "a");
	n = n_nodes();
	assert_int_equal(kv_tree_move(file, folder, "a"), 0);
	assert_ptr_equal(kv_tree_child(folder, "a"), file);
	assert_null(kv_tree_child(tree.drop, ".a.XXXXXX"));
	assert_ptr_equal(file->parent, folder);
	assert_int_equal(n_nodes(), n - 1);
	assert_int_equal(kv_tree_move(file, folder, "a"), 0); /* to where it is */
	assert_ptr_equal(kv_tree_child(folder, "a"), file);
	assert_int_equal(kv_tree_move(file, folder, "b"), 0);
	assert_null(kv_tree_child(folder, "a"));
	assert_string_equal(file->name, "b");
}

static void
the_nearest_folder_of_a_types_name_says_the_type(void **state)
{
	static const struct {
		const char *path[4];
		int err;
		enum kv_type type;
	} rows[] = {
		{ { NULL }, -ENOENT, KV_KEYS },
		{ { "x", "y" }, -ENOENT, KV_KEYS },
		{ { "x", "keys" }, 0, KV_KEYS },
		{ { "secrets", "x", "y" }, 0, KV_SECRETS },
		{ { "secrets", "certificates" }, 0, KV_CERTIFICATES },
		{ { "certificates", "x", "secrets", "y" }, 0, KV_SECRETS },
		{ { "Keys" }, -ENOENT, KV_KEYS },
		{ { "keys-old" }, -ENOENT, KV_KEYS },
	};
	struct kv_node *folder, *child;
	enum kv_type type;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		folder = tree.drop;
		for (size_t k = 0; k < 4 && rows[i].path[k] != NULL; k++) {
			child = kv_tree_child(folder, rows[i].path[k]);
			folder = child != NULL ? child : make(folder, KV_NODE_DROP_FOLDER, rows[i].path[k]);
		}
		assert_row(kv_tree_type_of(folder, &type) == rows[i].err, i, "err");
		assert_row(rows[i].err != 0 || type == rows[i].type, i, "type");
	}
}

static int
init_all(void)
{
	const int err = kv_tree_init(&tree, all_types, true);

	if (err != 0)
		kv_tree_release(&tree);
	return err;
}

static int
make_and_move(void)
{
	struct kv_node *node;
	int err = kv_tree_make(tree.drop, KV_NODE_DROP_FILE, "a", &node);

	if (err != 0)
		assert_null(kv_tree_child(tree.drop, "a"));
	else
		err = kv_tree_move(node, tree.drop, "b");
	if (node != NULL)
		kv_tree_remove(node);
	return err;
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	int n;

	(void)state;
	kv_tree_release(&tree);
	EACH_ALLOCATION_FAILS(init_all());
	n = n_nodes();
	EACH_ALLOCATION_FAILS(make_and_move());
	fake_alloc_fail_at(1);
	assert_null(kv_tree_blob(&tree, object));
	fake_alloc_fail_at(0);
	assert_null(object->node);
	assert_int_equal(n_nodes(), n);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_folders_are_those_that_are_mounted),
		TEST(a_number_is_its_node_and_the_roots_is_1),
		TEST(folders_stay_when_the_kernel_forgets_them),
		TEST(an_object_has_one_node_as_long_as_it_is_referred_to),
		TEST(a_stale_node_lives_on_beside_the_new_one),
		TEST(a_blob_is_kept_while_a_handle_is_open),
		TEST(a_name_is_there_once_in_a_folder),
		TEST(a_file_with_a_name_stays_when_nobody_refers_to_it),
		TEST(a_removed_file_lives_until_the_last_reference_is_gone),
		TEST(a_removed_folder_takes_all_below_it_along),
		TEST(a_file_is_moved_in_the_place_of_another),
		TEST(the_nearest_folder_of_a_types_name_says_the_type),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
