#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/clock.h"
#include "client/base/json.h"
#include "client/vault/byok.h"
#include "fs/dropbox/close.h"
#include "fs/dropbox/confirm.h"
#include "fs/dropbox/drop.h"
#include "fs/dropbox/dropbox.h"
#include "fs/dropbox/folders.h"
#include "fs/dropbox/nodes.h"
#include "fs/dropbox/recall.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/submit.h"
#include "fs/dropbox/upload.h"
#include "fs/import/import.h"
#include "fs/import/key_import.h"
#include "fs/import/seen.h"
#include "fs/import/target.h"
#include "fs/mount/branch.h"
#include "fs/mount/entry.h"
#include "fs/mount/folder.h"
#include "fs/mount/mount.h"
#include "fs/mount/ops.h"
#include "fs/mount/process.h"
#include "fs/mount/request.h"
#include "fs/mount/tree.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_fuse.h"
#include "tests/unit/mount_rig.h"
#include "tests/unit/rig.h"

#define KID "https://v.vault.azure.net/keys/KEK/083cf1b67d314d15b1fa46915cde3217"

static struct kv_dropbox *box;
static struct kv_drop *root;
static struct kv_buf package;

/* ---- the vault ---- */

static long status;	       /* of an import; 0: the answer is lost */
static bool may_list, is_made; /* the import takes effect */
static int n_versions, n_imports, n_reads;
static char name_sent[KV_NAME_MAX + 1], body_sent[8192];
static struct kv_item imported;
static struct kv_json *bundle;

static int64_t
answer_versions(const struct kv_call *call, struct kv_reply *reply)
{
	n_reads++;
	reply->was_sent = true;
	reply->status = !may_list ? 403 : n_versions > 0 ? 200 : 404;
	reply->err = !may_list ? -EACCES : n_versions > 0 ? 0 : -ENOENT;
	if (reply->err == 0) {
		reply->page = fake_vault_page(call->name, 1700000000, "");
		if (reply->page == NULL) {
			reply->err = -ENOMEM;
			return 10;
		}
		snprintf(
		    reply->page->items[0].version, sizeof(reply->page->items[0].version), "v%d", n_versions);
	}
	return 10;
}

static int64_t
answer_import(const struct kv_call *call, struct kv_reply *reply)
{
	n_imports++;
	snprintf(name_sent, sizeof(name_sent), "%s", call->name);
	snprintf(body_sent, sizeof(body_sent), "%.*s", (int)call->blob->len, (const char *)call->blob->data);
	if (is_made)
		n_versions++;
	reply->was_sent = true;
	reply->status = status;
	reply->err = status == 200 ? 0 : status == 0 || status >= 500 ? -EIO : -EINVAL;
	if (status == 400) {
		snprintf(reply->fault.code, sizeof(reply->fault.code), "BadParameter");
		snprintf(reply->fault.message, sizeof(reply->fault.message), "a message");
	}
	if (reply->err == 0) {
		imported = (struct kv_item){ .wall_updated = 1700000000, .is_enabled = true };
		snprintf(imported.name, sizeof(imported.name), "%s", call->name);
		snprintf(imported.version, sizeof(imported.version), "v%d", n_versions);
		reply->item = &imported;
		reply->json = bundle;
	}
	return 10;
}

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	if (call->op == KV_OP_LIST) {
		reply->wall_date = kv_clock_wall_s();
		reply->page = fake_vault_page("old", 1600000000, "");
		reply->err = reply->page == NULL ? -ENOMEM : 0;
		return 10;
	}
	assert_true(call->op == KV_OP_VERSIONS || call->op == KV_OP_IMPORT);
	return call->op == KV_OP_VERSIONS ? answer_versions(call, reply) : answer_import(call, reply);
}

/* ---- the mount ---- */

static const struct kv_tree_part_row parts[] = { { &kv_import_part, 15 }, { NULL, 0 } };

static void
returns(const char *kty)
{
	char text[100];

	kv_json_free(bundle);
	snprintf(text, sizeof(text), "{\"key\":{\"kty\":\"%s\"}}", kty);
	assert_int_equal(kv_json_parse(text, strlen(text), &bundle), 0);
}

static void
make_package(const char *kid, size_t n)
{
	struct kv_buf ciphertext;

	kv_buf_init(&ciphertext, 4096);
	kv_buf_clear(&package);
	assert_int_equal(kv_buf_resize(&ciphertext, n), 0);
	assert_int_equal(kv_byok_put_package(kid, &ciphertext, &package), 0);
	kv_buf_release(&ciphertext);
}

static int
set_up(void **state)
{
	(void)state;
	kv_buf_init(&package, 1 << 16);
	make_package(KID, 512 + 1232);
	status = 200;
	may_list = is_made = true;
	n_versions = n_imports = n_reads = 0;
	bundle = NULL;
	returns("RSA-HSM");
	rig_begin_at(INT64_C(1000000000000), answer, 0, 8);
	rig.absent = kv_absent_new();
	assert_non_null(rig.absent);
	snprintf(rig.options.origin.host, sizeof(rig.options.origin.host), "v.vault.azure.net");
	rig_list(KV_KEYS);
	mount_rig_begin(parts);
	box = kv_branch_state(&branch, &kv_import_part);
	root = kv_drop_of(mount_rig_find("import"));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	mount_rig_end();
	kv_json_free(bundle);
	kv_buf_release(&package);
	return 0;
}

/* "EC-HSM/P-256"; "" for import/ itself. Makes what is not there. */
static struct kv_drop *
folder_of(const char *path)
{
	char copy[200], *rest = copy, *name;
	struct kv_drop *folder = root, *child;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&rest, "/")) != NULL && *name != '\0') {
		child = kv_drop_child(folder, name);
		if (child == NULL)
			assert_int_equal(kv_drop_make_folder(folder, name, &child), 0);
		folder = child;
	}
	return folder;
}

struct file {
	struct kv_drop *node;
	struct fuse_file_info fi;
};

static int
try_create(const char *folder, const char *name, struct file *f)
{
	struct fuse_req *req = mount_rig_request();
	struct kv_drop *node = kv_dropbox_child(folder_of(folder), name);

	f->fi = (struct fuse_file_info){ .flags = O_WRONLY | O_TRUNC };
	if (node == NULL)
		kv_dropbox_create(&folder_of(folder)->node, req, name, 0600, &f->fi);
	else
		kv_dropbox_open(&node->node, req, &f->fi);
	f->fi = req->fi;
	f->node = node != NULL ? node : kv_drop_of(req->node);
	return mount_rig_answer(req);
}

static struct file
create(const char *folder, const char *name)
{
	struct fuse_req *req;
	struct file f;

	assert_int_equal(try_create(folder, name, &f), 0);
	req = mount_rig_request();
	kv_dropbox_write(&f.node->node, req, (const char *)package.data, package.len, 0, &f.fi);
	assert_int_equal(mount_rig_answer(req), 0);
	return f;
}

static int
finish(struct file f)
{
	struct fuse_req *req = mount_rig_request();
	int err;

	kv_close_flush(&f.node->node, req, &f.fi);
	err = mount_rig_answer(req);
	req = mount_rig_request();
	kv_handle_close(kv_handle_of(&f.fi));
	fuse_reply_err(req, 0);
	assert_int_equal(mount_rig_answer(req), 0);
	return err;
}

static int
copy(const char *folder, const char *name)
{
	return finish(create(folder, name));
}

/* ---- tests ---- */

static void
folders_and_name_say_as_what_it_is_imported(void **state)
{
	static const struct {
		const char *folder, *name;
		size_t n;
		const char *kty, *want;
	} rows[] = {
		{ "", "mine.byok", 1744, "RSA-HSM", "{\"key\":{\"kty\":\"RSA-HSM\",\"key_ops\"" },
		{ "", "A-1.BYOK", 1744, "RSA-HSM", "{\"key\":{\"kty\":\"RSA-HSM\",\"key_ops\"" },
		{ "RSA-HSM", "mine.byok", 1744, "RSA-HSM", "{\"key\":{\"kty\":\"RSA-HSM\",\"key_ops\"" },
		{ "RSA", "mine.byok", 1744, "RSA", "{\"key\":{\"kty\":\"RSA\",\"key_ops\"" },
		{ "EC-HSM/P-256", "mine.byok", 664, "EC-HSM",
		    "{\"key\":{\"kty\":\"EC-HSM\",\"crv\":\"P-256\",\"key_ops\":[\"sign\",\"verify\"]" },
		{ "EC/P-521", "mine.byok", 664, "EC", "{\"key\":{\"kty\":\"EC\",\"crv\":\"P-521\"" },
		{ "oct-HSM", "mine.byok", 552, "oct-HSM", "{\"key\":{\"kty\":\"oct-HSM\",\"key_ops\"" },
		/* folders that say nothing, and any order */
		{ "today/EC-HSM/mine/P-384/x", "mine.byok", 664, "EC-HSM",
		    "{\"key\":{\"kty\":\"EC-HSM\",\"crv\":\"P-384\"" },
		{ "P-256", "mine.byok", 664, "EC-HSM", "{\"key\":{\"kty\":\"EC-HSM\",\"crv\":\"P-256\"" },
		{ "EC-HSM/P-256/RSA-HSM", "mine.byok", 1744, NULL, "is for keys without a curve" },
		{ "EC-HSM", "mine.byok", 664, NULL, "does not say which curve" },
	};

	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		make_package(KID, rows[i].n);
		returns(rows[i].kty != NULL ? rows[i].kty : "RSA-HSM");
		assert_row(copy(rows[i].folder, rows[i].name) == (rows[i].kty != NULL ? 0 : -EINVAL), i,
		    caught_text());
		assert_row(n_imports == (rows[i].kty != NULL), i, "imports");
		assert_row(strstr(rows[i].kty != NULL ? body_sent : caught_text(), rows[i].want) != NULL, i,
		    body_sent);
	}
}

static void
a_name_that_is_none_is_refused_before_a_byte_is_written(void **state)
{
	static const char *const names[] = { "mine", "mine.blob", ".byok", "a_b.byok", "a.b.byok",
		"mine.byok~" };
	struct file f;

	(void)state;
	for (size_t i = 0; i < N_OF(names); i++) {
		assert_row(try_create("", names[i], &f) == -EINVAL, i, names[i]);
		assert_row(kv_target_refuse_name(names[i]) != NULL, i, names[i]);
	}
	assert_null(kv_target_refuse_name("a.byok"));
	assert_non_null(strstr(caught_text(), "op=import file=mine errno=EINVAL"));
}

static void
the_versions_are_read_and_then_it_is_imported_once(void **state)
{
	(void)state;
	assert_int_equal(copy("", "mine.byok"), 0);
	assert_int_equal(n_reads, 1);
	assert_int_equal(n_imports, 1);
	assert_string_equal(name_sent, "mine");
	assert_non_null(strstr(caught_text(), "imported as the key mine, version v1, of type RSA-HSM"));
	assert_int_equal(branch.n_imported, 1);
	make_package(KID, 512 + 1224);
	assert_int_equal(copy("", "mine.byok"), 0);
	assert_non_null(strstr(caught_text(), "imported as a new version of the key mine, version v2"));
}

static void
what_the_vault_made_otherwise_is_no_success(void **state)
{
	(void)state;
	returns("RSA");
	assert_int_equal(copy("", "mine.byok"), -EBADMSG);
	assert_non_null(strstr(caught_text(), "it may not be in the HSM"));
}

static void
after_a_lost_answer_the_log_has_what_appeared(void **state)
{
	static const struct {
		long status;
		bool is_made, may_list;
		int n_before;
		const char *want;
	} rows[] = {
		{ 0, true, true, 3, "since then it has the new version v4" },
		{ 0, true, true, 0, "since then it has the new version v1" },
		{ 0, false, true, 3, "no version of it has appeared since" },
		{ 0, false, true, 0, "no version of it has appeared since" },
		{ 0, true, false, 0, "which versions it has is not known" },
		{ 500, true, true, 1, "since then it has the new version v2" },
		{ 503, false, true, 1, "no version of it has appeared since" },
	};

	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		status = rows[i].status;
		is_made = rows[i].is_made;
		may_list = rows[i].may_list;
		n_versions = rows[i].n_before;
		assert_row(copy("", "mine.byok") == -EIO, i, caught_text());
		assert_row(n_imports == 1, i, "sent once");
		assert_row(strstr(caught_text(), rows[i].want) != NULL, i, caught_text());
		assert_row(
		    strstr(caught_text(), "check the key before you try again") != NULL, i, "what to do");
	}
}

static void
at_the_end_of_the_mount_an_import_whose_answer_was_lost_may_have_happened(void **state)
{
	struct file f = create("", "mine.byok");
	struct fuse_req *req = mount_rig_request();

	(void)state;
	status = 0;
	kv_close_flush(&f.node->node, req, &f.fi);
	kv_dropbox_log_lost(box);
	assert_non_null(strstr(caught_text(), "nothing was imported"));
	while (n_reads < 2)
		fake_loop_run(rig.loop, 1);
	kv_dropbox_log_lost(box);
	assert_non_null(strstr(caught_text(), "the object may have been imported"));
	assert_int_equal(mount_rig_answer(req), -EIO);
	kv_handle_close(kv_handle_of(&f.fi));
}

static void
a_refusal_made_nothing_and_is_not_asked_about(void **state)
{
	(void)state;
	status = 400;
	is_made = false;
	assert_int_equal(copy("", "mine.byok"), -EINVAL);
	assert_int_equal(n_reads, 1);
	assert_int_equal(n_imports, 1);
	assert_non_null(strstr(caught_text(), "the key KEK"));
	assert_null(kv_dropbox_child(root, "mine.byok"));
}

static void
in_a_dry_run_nothing_is_sent(void **state)
{
	(void)state;
	mount_settings.is_dry_run = true;
	assert_int_equal(copy("", "mine.byok"), 0);
	mount_settings.is_dry_run = false;
	assert_int_equal(n_reads + n_imports, 0);
	assert_non_null(strstr(caught_text(), "dry_run: would be imported"));
}

static void
a_package_of_another_vault_is_refused(void **state)
{
	(void)state;
	make_package("https://w.vault.azure.net/keys/KEK/1", 1744);
	assert_int_equal(copy("", "mine.byok"), -EINVAL);
	assert_int_equal(n_reads + n_imports, 0);
	rig.options.any_host = true; /* an emulator, whose names are not its host's */
	assert_int_equal(copy("", "mine.byok"), 0);
}

/* The same package, under another name or as another type, is another key. */
static void
a_receipt_is_of_name_and_type_too(void **state)
{
	(void)state;
	assert_int_equal(copy("", "one.byok"), 0);
	n_versions = 0;
	assert_int_equal(copy("", "two.byok"), 0);
	assert_string_equal(name_sent, "two");
	returns("RSA");
	assert_int_equal(copy("RSA", "one.byok"), 0);
	assert_int_equal(n_imports, 3);
}

static void
short_of_memory_nothing_is_imported_or_it_is_and_said_so(void **state)
{
	bool has_failed = true;
	int n;

	(void)state;
	for (n = 1; has_failed; n++) {
		const int n_before = n_imports;
		struct fuse_req *req;
		struct file f;
		char name[40];
		int err;

		snprintf(name, sizeof(name), "a%d.byok", n);
		n_versions = 0;
		f = create("", name);
		req = mount_rig_request();
		fake_alloc_fail_at(n);
		kv_close_flush(&f.node->node, req, &f.fi);
		fake_loop_run(rig.loop, 60000);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		err = mount_rig_answer(req);
		assert_row(err == 0 || err == -ENOMEM || err == -EIO || err == -EBADMSG, (size_t)n, "errno");
		assert_row(n_imports <= n_before + 1, (size_t)n, "once");
		assert_row(err != 0 || n_imports == n_before + 1, (size_t)n, "success");
		kv_handle_close(kv_handle_of(&f.fi));
	}
	assert_in_range(n, 5, 120);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(folders_and_name_say_as_what_it_is_imported),
		TEST(a_name_that_is_none_is_refused_before_a_byte_is_written),
		TEST(the_versions_are_read_and_then_it_is_imported_once),
		TEST(what_the_vault_made_otherwise_is_no_success),
		TEST(after_a_lost_answer_the_log_has_what_appeared),
		TEST(at_the_end_of_the_mount_an_import_whose_answer_was_lost_may_have_happened),
		TEST(a_refusal_made_nothing_and_is_not_asked_about),
		TEST(in_a_dry_run_nothing_is_sent),
		TEST(a_package_of_another_vault_is_refused),
		TEST(a_receipt_is_of_name_and_type_too),
		TEST(short_of_memory_nothing_is_imported_or_it_is_and_said_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
