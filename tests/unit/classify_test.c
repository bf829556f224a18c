#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "fs/restore/upload.h"
#include "fs/restore/classify.h"
#include "fs/mount.h"
#include "fs/tree.h"
#include "tests/unit/blob_bytes.h"

#define CUT SECRET_MAGIC HEADER ".AAAA.BB"

enum { K = 1 << KV_KEYS, S = 1 << KV_SECRETS, C = 1 << KV_CERTIFICATES, ALL = K | S | C };

static void
what_it_is_restored_as(void **state)
{
	static const struct {
		const char *content, *folder; /* NULL: the drop box itself */
		int mounted;
		int err;
		enum kv_type type;
		bool is_guess;
		const char *why; /* a part of the sentence */
	} rows[] = {
		{ SECRET, NULL, ALL, 0, KV_SECRETS, false, "" },
		{ KEY, NULL, ALL, 0, KV_CERTIFICATES, true, "" },
		{ KEY, NULL, K | S, 0, KV_KEYS, false, "" },
		{ KEY, NULL, C, 0, KV_CERTIFICATES, false, "" },
		{ KEY, "keys", ALL, 0, KV_KEYS, false, "" },
		{ KEY, "certificates", ALL, 0, KV_CERTIFICATES, false, "" },
		{ SECRET, "secrets", ALL, 0, KV_SECRETS, false, "" },
		{ SECRET, "elsewhere", ALL, 0, KV_SECRETS, false, "" },
		{ "another server's blob", "secrets", ALL, 0, KV_SECRETS, false, "" },
		{ "another server's blob", NULL, ALL, -EINVAL, 0, false, "put it into a folder" },
		{ SECRET, "keys", ALL, -EINVAL, 0, false, "of a secret cannot be restored in keys/" },
		{ KEY, "secrets", ALL, -EINVAL, 0, false, "cannot be restored in secrets/" },
		{ CUT, NULL, ALL, -EINVAL, 0, false, "the blob is cut" },
		{ CUT, "secrets", ALL, -EINVAL, 0, false, "the blob is cut" },
		{ SECRET, NULL, K | C, -EACCES, 0, false, "leaves secrets out (-o types=)" },
		{ KEY, NULL, S, -EACCES, 0, false, "(-o types=)" },
	};
	const bool has[KV_TYPES] = { true, true, true };
	static char anything; /* in the place of a listing: only that there is one counts */
	struct kv_mount mount;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_verdict verdict;
		struct kv_node *folder;
		struct kv_buf content, why;
		int err;

		memset(&mount, 0, sizeof(mount));
		assert_int_equal(kv_tree_init(&mount.tree, has, true), 0);
		folder =
		    rows[i].folder != NULL ? kv_tree_child(mount.tree.drop, rows[i].folder) : mount.tree.drop;
		if (folder == NULL)
			assert_int_equal(
			    kv_tree_make(mount.tree.drop, KV_NODE_DROP_FOLDER, rows[i].folder, &folder), 0);
		for (int t = 0; t < KV_TYPES; t++)
			if ((rows[i].mounted & (1 << t)) != 0)
				mount.listings[t] = (struct kv_listing *)(void *)&anything;
		kv_buf_init(&content, 4096);
		kv_buf_init(&why, 512);
		assert_int_equal(kv_buf_append(&content, rows[i].content, strlen(rows[i].content)), 0);
		err = kv_judge(&mount, &content, folder, &verdict, &why);
		assert_row(err == rows[i].err, i, kv_buf_str(&why));
		if (err == 0) {
			assert_row(verdict.type == rows[i].type, i, "type");
			assert_row(verdict.is_guess == rows[i].is_guess, i, "guess");
			assert_row(verdict.raw.len == content.len &&
				memcmp(verdict.raw.data, content.data, content.len) == 0,
			    i, "raw");
		}
		assert_row(strstr(kv_buf_str(&why), rows[i].why) != NULL, i, kv_buf_str(&why));
		kv_judge_release(&verdict);
		kv_buf_release(&content);
		kv_buf_release(&why);
		kv_tree_release(&mount.tree);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_it_is_restored_as) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
