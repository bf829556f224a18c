#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "fs/dropbox/upload.h"
#include "fs/restore/classify.h"
#include "fs/mount/tree.h"
#include "fs/dropbox/drop.h"
#include "tests/unit/blob_bytes.h"
#include "tests/unit/drop_rig.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"

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
		{ "another server's blob", NULL, ALL, -EINVAL, 0, false, "copy it into keys/" },
		{ SECRET, "keys", ALL, -EINVAL, 0, false, "of a secret cannot be restored in keys/" },
		{ KEY, "secrets", ALL, -EINVAL, 0, false, "cannot be restored in secrets/" },
		{ CUT, NULL, ALL, -EINVAL, 0, false, "the blob is cut" },
		{ CUT, "secrets", ALL, -EINVAL, 0, false, "the blob is cut" },
		{ SECRET, NULL, K | C, -EACCES, 0, false, "leaves secrets out (-o types=)" },
		{ KEY, NULL, S, -EACCES, 0, false, "(-o types=)" },
	};
	static char anything; /* in the place of a listing: only that there is one counts */
	struct kv_volume volume;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_content verdict;
		struct kv_drop *folder;
		struct kv_buf content, why;
		int err;

		memset(&volume, 0, sizeof(volume));
		drop_rig_begin();
		folder = rows[i].folder != NULL ? drop_rig_folder(drop_root, rows[i].folder) : drop_root;
		for (int t = 0; t < KV_TYPES; t++)
			if ((rows[i].mounted & (1 << t)) != 0)
				volume.listings[t] = (struct kv_listing *)(void *)&anything;
		kv_buf_init(&content, 4096);
		kv_buf_init(&why, 512);
		assert_int_equal(kv_buf_append(&content, rows[i].content, strlen(rows[i].content)), 0);
		err = kv_classify(&volume, &content, folder, &verdict, &why);
		assert_row(err == rows[i].err, i, kv_buf_str(&why));
		if (err == 0) {
			assert_row(verdict.type == rows[i].type, i, "type");
			assert_row(verdict.is_guess == rows[i].is_guess, i, "guess");
			assert_row(verdict.decoded.len == 0, i, "its own bytes");
		}
		assert_row(strstr(kv_buf_str(&why), rows[i].why) != NULL, i, kv_buf_str(&why));
		kv_content_release(&verdict);
		kv_buf_release(&content);
		kv_buf_release(&why);
		drop_rig_end();
	}
}

/* Each allocation fails in its turn: then it is -ENOMEM, never a verdict. */
static void
without_memory_there_is_no_verdict(void **state)
{
	static const char *const forms[] = { CUT, SECRET, "{\"value\":\"JkF6\"}", "JkF6\ndXJl",
		"\xef\xbb\xbf" CUT };
	static char anything;
	struct kv_volume volume;

	(void)state;
	memset(&volume, 0, sizeof(volume));
	drop_rig_begin();
	for (int t = 0; t < KV_TYPES; t++)
		volume.listings[t] = (struct kv_listing *)(void *)&anything;
	for (size_t i = 0; i < N_OF(forms); i++) {
		bool has_failed = true;
		int wanted = 0;

		for (int n = 0; has_failed; n++) { /* 0: none fails */
			struct kv_content verdict;
			struct kv_buf content, why;
			int err;

			kv_buf_init(&content, 4096);
			kv_buf_init(&why, 512);
			assert_int_equal(kv_buf_append(&content, forms[i], strlen(forms[i])), 0);
			fake_alloc_fail_at(n);
			err = kv_classify(&volume, &content, drop_root, &verdict, &why);
			has_failed = n == 0 || fake_alloc_has_failed();
			fake_alloc_fail_at(0);
			if (n == 0)
				wanted = err;
			/* the sentence may be lost, the refusal not */
			assert_row(err == wanted || (has_failed && err == -ENOMEM), i, forms[i]);
			kv_content_release(&verdict);
			kv_buf_release(&content);
			kv_buf_release(&why);
		}
	}
	drop_rig_end();
}

static void
what_a_first_write_may_be(void **state)
{
	static char unknown[600];
	struct kv_drop *keys;

	(void)state;
	memset(unknown, '#', sizeof(unknown));
	drop_rig_begin();
	keys = drop_rig_folder(drop_root, "keys");
	assert_true(kv_classify_may_begin((const unsigned char *)unknown, 512, keys));
	assert_false(kv_classify_may_begin((const unsigned char *)unknown, 511, keys));
	assert_false(kv_classify_may_begin((const unsigned char *)unknown, 600, drop_root));
	assert_true(kv_classify_may_begin((const unsigned char *)SECRET, 20, drop_root));
	drop_rig_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_it_is_restored_as),
		cmocka_unit_test(without_memory_there_is_no_verdict),
		cmocka_unit_test(what_a_first_write_may_be) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
