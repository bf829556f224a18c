#include "fs/command/proof.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/command/archive.h"
#include "fs/command/inventory.h"
#include "fs/command/misnamed.h"
#include "fs/command/mounted.h"
#include "tests/unit/blob_bytes.h"
#include "tests/unit/fake_alloc.h"

#define OLD   "2026-01-01T00:00:00Z"
#define NEWER "2026-01-02T00:00:00Z"
#define OTHER "0000000000000000000000000000000000000000000000000000000000000000"
#define RIGHT "right" /* in a row: the SHA-256 of the file */

static char file_path[] = "/tmp/kvfs-proof-XXXXXX";
static char name[] = "db";

static struct kv_archive_file file = { .path = name,
	.name = name,
	.has_type = true,
	.type = KV_SECRETS,
	.wall_modified = 1767225600 }; /* OLD */
static struct kv_archive archive = { .root = file_path, .is_file = true, .files = &file, .n = 1 };

static void
write_file(const char *bytes)
{
	FILE *f = fopen(file_path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, strlen(bytes), f), strlen(bytes));
	assert_int_equal(fclose(f), 0);
	file.size = (int64_t)strlen(bytes);
}

/* The proof of the file, with one line in each manifest; sha256 NULL: without it. */
static int
find(const char *kept_sha256, const char *kept_updated, bool is_of_files, const char *there_sha256,
    bool has_known_forms, struct kv_proof *proof)
{
	struct kv_inventory_entry kept_entry = { .type = KV_SECRETS, .name = name, .size = file.size };
	struct kv_inventory_entry there_entry = { .type = KV_SECRETS, .name = name, .size = file.size };
	const struct kv_inventory kept = { .entries = &kept_entry, .n = 1, .is_of_files = is_of_files };
	const struct kv_inventory there = { .entries = &there_entry, .n = 1 };
	const struct kv_inventory none = { .n = 0 };
	struct kv_proof_base base = { .archive = &archive, .kept = &none, .there = &none };
	struct kv_buf why;
	int err;

	kv_buf_init(&why, 512);
	err = kv_proof_find(&base, &file, proof, &why); /* for its SHA-256 */
	kv_buf_release(&why);
	if (err == -ENOMEM)
		return err;
	base = (struct kv_proof_base){ &archive, &kept, &there, has_known_forms };
	snprintf(kept_entry.updated, sizeof(kept_entry.updated), "%s", kept_updated);
	snprintf(there_entry.updated, sizeof(there_entry.updated), NEWER);
	snprintf(kept_entry.sha256, sizeof(kept_entry.sha256), "%s",
	    strcmp(kept_sha256, RIGHT) == 0 ? proof->sha256 : kept_sha256);
	snprintf(there_entry.sha256, sizeof(there_entry.sha256), "%s",
	    strcmp(there_sha256, RIGHT) == 0 ? proof->sha256 : there_sha256);
	kv_buf_init(&why, 512);
	err = kv_proof_find(&base, &file, proof, &why);
	assert_true(err == 0 || err == -ENOMEM || why.len > 0);
	kv_buf_release(&why);
	return err;
}

static void
what_proves_a_file(void **state)
{
	static const struct {
		const char *bytes, *kept, *kept_updated;
		bool is_of_files;
		const char *there;
		bool has_known_forms;
		int err;
		enum kv_proof_kind kind;
		const char *updated;
	} rows[] = {
		{ SECRET, "", OLD, false, "", true, 0, KV_PROOF_FORM, OLD },
		{ SECRET, "", OLD, false, OTHER, true, 0, KV_PROOF_FORM, OLD },
		{ SECRET, "", OLD, false, RIGHT, true, 0, KV_PROOF_THERE, NEWER },
		{ SECRET, RIGHT, NEWER, false, "", true, 0, KV_PROOF_KEPT, NEWER },
		{ SECRET, OTHER, OLD, false, "", true, 0, KV_PROOF_DOWNLOAD, OLD },
		{ SECRET, OTHER, OLD, false, RIGHT, true, 0, KV_PROOF_THERE, NEWER },
		{ SECRET, OTHER, NEWER, false, "", true, 0, KV_PROOF_FORM, OLD },
		{ SECRET, OTHER, OLD, true, "", true, -EINVAL, 0, "" },
		{ SECRET, OTHER, OLD, true, RIGHT, true, 0, KV_PROOF_THERE, NEWER },
		{ SECRET, OTHER, NEWER, true, "", true, 0, KV_PROOF_FILE, OLD },
		/* of another type: only what the mount has downloaded was checked */
		{ KEY, RIGHT, OLD, true, "", true, -EINVAL, 0, "" },
		{ KEY, "", OLD, true, "", false, -EINVAL, 0, "" },
		/* no form that is recognised */
		{ KEY_MAGIC "x" KEY_MAGIC, "", OLD, false, "", true, -EINVAL, 0, "" },
		{ "zero" OTHER, "", OLD, false, "", true, -EINVAL, 0, "" },
		{ "zero" OTHER, "", OLD, false, "", false, 0, KV_PROOF_NONE, OLD },
		{ "zero" OTHER, OTHER, OLD, false, "", false, 0, KV_PROOF_NONE, OLD },
		{ "zero" OTHER, RIGHT, OLD, true, "", false, 0, KV_PROOF_KEPT, OLD },
		{ "zero" OTHER, RIGHT, OLD, true, "", true, -EINVAL, 0, "" },
		{ "zero" OTHER, RIGHT, OLD, false, "", true, 0, KV_PROOF_KEPT, OLD },
		{ "", "", OLD, false, "", false, -EINVAL, 0, "" },
		{ "too short", "", OLD, false, "", false, -EINVAL, 0, "" },
		{ "{\"value\":\"JkF6dXJl\"}                                                  ", "", OLD,
		    false, "", false, -EINVAL, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_proof proof;
		int err;

		write_file(rows[i].bytes);
		err = find(rows[i].kept, rows[i].kept_updated, rows[i].is_of_files, rows[i].there,
		    rows[i].has_known_forms, &proof);
		assert_row(err == rows[i].err, i, "err");
		assert_row(err != 0 || proof.kind == rows[i].kind, i, "kind");
		assert_row(err != 0 || strcmp(proof.updated, rows[i].updated) == 0, i, proof.updated);
	}
}

static void
an_archive_has_known_forms_if_one_file_has(void **state)
{
	bool has_known_forms = false;

	(void)state;
	write_file(SECRET);
	assert_int_equal(kv_proof_has_known_forms(&archive, &has_known_forms), 0);
	assert_true(has_known_forms);
	write_file("zero" OTHER);
	assert_int_equal(kv_proof_has_known_forms(&archive, &has_known_forms), 0);
	assert_false(has_known_forms);
	write_file(KEY);
	assert_int_equal(kv_proof_has_known_forms(&archive, &has_known_forms), 0);
	assert_false(has_known_forms);
}

static void
without_memory_a_file_is_not_damaged(void **state)
{
	static const char *const forms[] = { SECRET, "\n" SECRET };
	bool has_failed = true;

	(void)state;
	for (size_t i = 0; i < N_OF(forms); i++, has_failed = true) {
		write_file(forms[i]);
		for (int n = 1; has_failed; n++) {
			struct kv_proof proof;
			int err;

			fake_alloc_fail_at(n);
			err = find("", OLD, false, "", true, &proof);
			has_failed = fake_alloc_has_failed();
			fake_alloc_fail_at(0);
			assert_row(err == 0 || (has_failed && err == -ENOMEM), i, "err");
		}
	}
}

static int
begin(void **state)
{
	const int fd = mkstemp(file_path);

	(void)state;
	return fd >= 0 ? close(fd) : -1;
}

static int
end(void **state)
{
	(void)state;
	return unlink(file_path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_proves_a_file),
		cmocka_unit_test(an_archive_has_known_forms_if_one_file_has),
		cmocka_unit_test(without_memory_a_file_is_not_damaged),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
