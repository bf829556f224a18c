#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "cache/pace/throttle.h"
#include "client/base/base64.h"
#include "client/base/clock.h"
#include "fs/mount/branch.h"
#include "fs/mount/entry.h"
#include "fs/mount/folder.h"
#include "fs/mount/mount.h"
#include "fs/mount/ops.h"
#include "fs/mount/process.h"
#include "fs/mount/request.h"
#include "fs/mount/tree.h"
#include "fs/dropbox/drop.h"
#include "fs/dropbox/nodes.h"
#include "fs/restore/restore.h"
#include "fs/restore/send.h"
#include "fs/restore/classify.h"
#include "fs/dropbox/close.h"
#include "fs/dropbox/confirm.h"
#include "fs/restore/conflict.h"
#include "fs/dropbox/dropbox.h"
#include "fs/dropbox/folders.h"
#include "fs/dropbox/recall.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/submit.h"
#include "fs/dropbox/upload.h"
#include "tests/unit/blob_bytes.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_fuse.h"
#include "tests/unit/mount_rig.h"
#include "tests/unit/rig.h"

#define MINUTES_MS ((int64_t)60 * 1000)

static struct kv_dropbox *box;
static struct kv_drop *drop_root; /* restore/ */

/* As long as a blob, and of no format that kvfs knows. */
static char unknown[600];

static void
make_unknown(const char *content)
{
	memset(unknown, '#', sizeof(unknown) - 1);
	memcpy(unknown, content, strlen(content));
}

/* ---- the vault ---- */

struct scripted {
	long status;
	int err;
	bool was_sent; /* of status 0 */
	const char *inner, *message;
};

static const struct scripted done = { 200, 0, true, NULL, NULL }, denied = { 403, -EACCES, true, NULL, NULL },
			     malformed = { 400, -EINVAL, true, NULL, NULL },
			     conflict = { 409, -EEXIST, true, NULL, NULL },
			     missing = { 404, -ENOENT, true, NULL, NULL },
			     failed = { 500, -EIO, true, NULL, NULL }, busy = { 503, -EIO, true, NULL, NULL };

/* What restores are answered, one after the other; the last one again and again. */
static struct scripted answers[8];
static size_t n_answers;
static struct scripted versions, deleted;
static const char *version;		   /* the one that versions has */
static int64_t wall_purge, listed_updated; /* of a deleted object; of the version */
static struct kv_item restored;
static const char *listed[KV_TYPES];

/* What came. */
static int n_sent;
static struct {
	enum kv_type type;
	int64_t mono;
	char content[800];
} sent[100];
static char asked_for[KV_NAME_MAX + 1];

static int64_t
reply_as(struct kv_reply *reply, const struct scripted *s)
{
	reply->status = s->status;
	reply->err = s->err;
	reply->was_sent = s->was_sent;
	if (s->inner != NULL)
		snprintf(reply->fault.inner, sizeof(reply->fault.inner), "%s", s->inner);
	if (s->message != NULL)
		snprintf(reply->fault.message, sizeof(reply->fault.message), "%s", s->message);
	return 10;
}

static int64_t
answer_restore(const struct kv_call *call, struct kv_reply *reply)
{
	const size_t i = (size_t)n_sent < n_answers ? (size_t)n_sent : n_answers - 1;

	assert_true((size_t)n_sent < N_OF(sent));
	sent[n_sent].type = call->type;
	sent[n_sent].mono = kv_clock_mono_ms();
	snprintf(sent[n_sent].content, sizeof(sent[n_sent].content), "%.*s", (int)call->blob->len,
	    (const char *)call->blob->data);
	n_sent++;
	if (answers[i].err == 0)
		reply->item = &restored;
	return reply_as(reply, &answers[i]);
}

static int64_t
answer(const struct kv_call *call, struct kv_reply *reply)
{
	switch (call->op) {
	case KV_OP_LIST:
		reply->wall_date = kv_clock_wall_s();
		reply->page = fake_vault_page(listed[call->type], 1600000000, "");
		reply->err = reply->page == NULL ? -ENOMEM : 0;
		return 10;
	case KV_OP_VERSIONS:
		snprintf(asked_for, sizeof(asked_for), "%s", call->name);
		if (versions.err == 0) {
			reply->page = fake_vault_page(call->name, listed_updated, "");
			snprintf(reply->page->items[0].version, sizeof(reply->page->items[0].version), "%s",
			    version);
		}
		return reply_as(reply, &versions);
	case KV_OP_DELETED:
		assert_string_equal(call->name, asked_for);
		reply->wall_purge = wall_purge;
		return reply_as(reply, &deleted);
	case KV_OP_RESTORE:
		return answer_restore(call, reply);
	default:
		fail();
		return -1;
	}
}

#define ANSWERS(...)                                                          \
	do {                                                                  \
		const struct scripted rows_[] = { __VA_ARGS__ };              \
		_Static_assert(sizeof(rows_) <= sizeof(answers), "too many"); \
		memcpy(answers, rows_, sizeof(rows_));                        \
		n_answers = N_OF(rows_);                                      \
	} while (0)

/* ---- the mount ---- */

static const struct kv_tree_part_row parts[] = { { &kv_restore_part, 2 }, { NULL, 0 } };

/* A mount with complete listings of these types. */
static void
begin(bool has_keys, bool has_secrets, bool has_certificates)
{
	const bool has[KV_TYPES] = { has_keys, has_secrets, has_certificates };

	rig_begin_at(INT64_C(1000000000000), answer, 0, 8); /* long after this process began */
	rig.absent = kv_absent_new();
	assert_non_null(rig.absent);
	memcpy(mount_settings.types, has, sizeof(has));
	for (int t = 0; t < KV_TYPES; t++)
		if (has[t])
			rig_list((enum kv_type)t);
	mount_rig_begin(parts);
	box = kv_branch_state(&branch, &kv_restore_part);
	drop_root = kv_drop_of(mount_rig_find("restore"));
	n_sent = 0;
	asked_for[0] = '\0';
}

static int
set_up(void **state)
{
	(void)state;
	ANSWERS(done);
	make_unknown("unknown");
	versions = deleted = missing;
	version = "v1";
	wall_purge = 0;
	listed_updated = 1700000000;
	restored = (struct kv_item){ .name = "a", .version = "v1", .wall_updated = 1700000000 };
	for (int t = 0; t < KV_TYPES; t++)
		listed[t] = "old";
	begin(true, true, true);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	mount_rig_end();
	return 0;
}

/* The folder of the drop box of this name, NULL for itself. */
static struct kv_drop *
folder_of(const char *name)
{
	struct kv_drop *folder = name != NULL ? kv_drop_child(drop_root, name) : drop_root;

	if (folder == NULL)
		assert_int_equal(kv_drop_make_folder(drop_root, name, &folder), 0);
	return folder;
}

/* An open file of a tool. */
struct file {
	struct kv_drop *node;
	struct fuse_file_info fi;
};

static int
try_open(const char *folder, const char *name, int flags, struct file *f)
{
	struct fuse_req *req = mount_rig_request();
	struct kv_drop *node = kv_dropbox_child(folder_of(folder), name);

	f->fi = (struct fuse_file_info){ .flags = flags };
	if (node == NULL)
		kv_dropbox_create(&folder_of(folder)->node, req, name, 0600, &f->fi);
	else
		kv_dropbox_open(&node->node, req, &f->fi);
	f->fi = req->fi;
	f->node = node != NULL ? node : kv_drop_of(req->node);
	return mount_rig_answer(req);
}

static int
write_at(struct file *f, const void *content, size_t len, off_t offset)
{
	struct fuse_req *req = mount_rig_request();

	kv_dropbox_write(&f->node->node, req, content, len, offset, &f->fi);
	return mount_rig_answer(req);
}

/* Open it to write, as cp does; a file that is there is emptied. */
static struct file
create(const char *folder, const char *name, const void *content, size_t len)
{
	struct file f;

	assert_int_equal(try_open(folder, name, O_WRONLY | O_TRUNC, &f), 0);
	if (len > 0)
		assert_int_equal(write_at(&f, content, len, 0), 0);
	return f;
}

static struct fuse_req *
begin_flush(struct file *f)
{
	struct fuse_req *req = mount_rig_request();

	kv_close_flush(&f->node->node, req, &f->fi);
	return req;
}

static int
flush(struct file *f)
{
	return mount_rig_answer(begin_flush(f));
}

static void
release(struct file *f)
{
	struct fuse_req *req = mount_rig_request();

	kv_handle_close(kv_handle_of(&f->fi));
	fuse_reply_err(req, 0);
	assert_int_equal(mount_rig_answer(req), 0);
}

/* What close(2) says. */
static int
finish(struct file f)
{
	const int err = flush(&f);

	release(&f);
	return err;
}

/* What a tool says that stops at the first error. */
static int
copy(const char *folder, const char *name, const char *content)
{
	struct file f = create(folder, name, "", 0);
	const int err = *content != '\0' ? write_at(&f, content, strlen(content), 0) : 0;
	const int close_err = finish(f);

	assert_true(err == 0 || close_err == err);
	return close_err;
}

static bool
is_there(const char *folder, const char *name)
{
	return kv_dropbox_child(folder_of(folder), name) != NULL;
}

/* ---- what is refused, and what is sent ---- */

static void
what_is_surely_wrong_is_refused_without_a_request(void **state)
{
	static const struct {
		const char *folder, *content, *why;
	} rows[] = {
		{ "keys", "", "the file is empty" },
		{ "keys", KEY_MAGIC, "the blob is cut" },
		{ "keys", KEY_MAGIC HEADER ".AAAA.BBBB", "the blob is cut" },
		{ "secrets", SECRET_MAGIC HEADER ".AAAA.BBBB.CCCC.", "the blob is cut" },
		{ NULL, "&Azure", "the blob is cut" },
		{ "keys", HEADER ".AAAA", "the blob is cut" },
		{ "secrets", "KUF6", "the blob is cut" },  /* text */
		{ "secrets", "JkF6d", "the blob is cut" }, /* text of a length that none has */
		{ "secrets", "{\"name\":\"JkF6\"}", "this JSON is not a backup" },
		{ "secrets", "\"JkF6", "the blob is cut" },
		{ "keys", SECRET, "the blob of a secret cannot be restored in keys/" },
		{ "certificates", SECRET, "the blob of a secret cannot be restored in certificates/" },
		{ "secrets", KEY, "the blob of a key or certificate cannot be restored in secrets/" },
		{ NULL, "hello", "this is not a blob" },
		{ "keys", "hello", "this is not a blob" },
		{ "backup", JWE, "this is not a blob format" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		caught_clear();
		assert_row(copy(rows[i].folder, "a.blob", rows[i].content) == -EINVAL, i, "errno");
		assert_row(strstr(caught_line("op=restore file=a.blob errno=EINVAL uid=1000 pid="),
			       rows[i].why) != NULL,
		    i, caught_text());
		assert_row(!is_there(rows[i].folder, "a.blob"), i, "no receipt");
	}
	assert_int_equal(n_sent, 0);
}

static void
what_is_larger_than_any_blob_is_refused_without_a_request(void **state)
{
	char *content = calloc(1, KV_BLOB_MAX + 1);

	(void)state;
	assert_non_null(content);
	memset(content, 'x', KV_BLOB_MAX + 1);
	memcpy(content, "eyJ", 3);
	assert_int_equal(finish(create("keys", "a.blob", content, KV_BLOB_MAX + 1)), -EFBIG);
	assert_int_equal(n_sent, 0);
	free(content);
}

static void
an_empty_close_is_not_remembered(void **state)
{
	static const char key[] = KEY;
	struct file f = create("keys", "a.blob", "", 0);

	(void)state;
	assert_int_equal(flush(&f), -EINVAL); /* a shell's */
	assert_string_equal(caught_text(), "");
	assert_int_equal(write_at(&f, key, 60, 0), 0);
	assert_int_equal(flush(&f), -EINVAL); /* { cat a; cat b; } > f */
	assert_int_equal(write_at(&f, key + 60, strlen(key) - 60, 60), 0);
	assert_int_equal(finish(f), 0);
	assert_int_equal(n_sent, 1);
}

static void
the_folder_or_the_blob_says_what_it_is(void **state)
{
	static const struct {
		const char *folder, *content;
		enum kv_type type;
		const char *sent; /* NULL: content */
	} rows[] = {
		{ "keys", KEY, KV_KEYS, NULL },
		{ "certificates", KEY, KV_CERTIFICATES, NULL },
		{ "secrets", SECRET, KV_SECRETS, NULL },
		{ NULL, SECRET, KV_SECRETS, NULL },
		{ "backup", SECRET, KV_SECRETS, NULL },
		{ NULL, KEY, KV_CERTIFICATES, NULL },
		/* of no known format: the vault judges */
		{ "keys", unknown, KV_KEYS, NULL },
		{ "secrets", unknown, KV_SECRETS, NULL },
		{ "certificates", JWE, KV_CERTIFICATES, NULL },
		{ "keys", JWE, KV_KEYS, NULL },
		/* base64url text of one, as the service gives it: what begins as a blob's and is no known format */
		{ "keys", "KUF6dXJlS2V5VmF1bHQgaXMgYmx1ZQ", KV_KEYS, ")AzureKeyVault is blue" },
		{ "secrets", "JkF6dXJlS2V5VmF1bHQgaXMgYmx1ZQ==\r\n", KV_SECRETS, "&AzureKeyVault is blue" },
		{ "secrets", "{\"value\":\"KUF6dXJlS2V5VmF1bHQgaXMgYmx1ZQ\"}", KV_SECRETS,
		    ")AzureKeyVault is blue" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		assert_row(copy(rows[i].folder, "a.blob", rows[i].content) == 0, i, caught_text());
		assert_row(n_sent == 1 && sent[0].type == rows[i].type, i, "type");
		assert_row(
		    strcmp(sent[0].content, rows[i].sent != NULL ? rows[i].sent : rows[i].content) == 0, i,
		    sent[0].content);
	}
}

static void
the_text_of_a_blob_is_restored_as_the_blob(void **state)
{
	struct kv_buf text;

	(void)state;
	versions = done;
	kv_buf_init(&text, 1000);
	assert_int_equal(kv_base64_encode(SECRET, strlen(SECRET), &text), 0);
	assert_int_equal(kv_buf_puts(&text, "\n"), 0);
	assert_int_equal(copy(NULL, "a.blob", kv_buf_str(&text)), 0);
	assert_int_equal(sent[0].type, KV_SECRETS);
	assert_string_equal(sent[0].content, SECRET);
	assert_int_equal(copy(NULL, "b.blob", SECRET), 0); /* the same blob */
	assert_int_equal(n_sent, 1);
	kv_buf_release(&text);
}

static void
without_a_folder_it_is_a_certificate_first_and_then_a_key(void **state)
{
	static const struct {
		const struct scripted *first, *second;
		int end, n_sent;
	} rows[] = {
		{ &done, &denied, 0, 1 },
		{ &malformed, &done, 0, 2 },
		{ &denied, &done, 0, 2 },
		{ &malformed, &denied, -EACCES, 2 },
		{ &malformed, &malformed, -EINVAL, 2 },
		{ &conflict, &done, -EEXIST, 1 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		versions = done;
		ANSWERS(*rows[i].first, *rows[i].second);
		assert_row(copy(NULL, "a.blob", KEY) == rows[i].end, i, "errno");
		assert_row(n_sent == rows[i].n_sent, i, "how often");
		assert_row(sent[0].type == KV_CERTIFICATES, i, "certificate first");
		assert_row(n_sent < 2 || sent[1].type == KV_KEYS, i, "key then");
		version = "v1";
		if (rows[i].end == 0) /* the versions confirm it */
			assert_row(copy(NULL, "again.blob", KEY) == 0, i, "again");
		assert_row(rows[i].end != 0 || n_sent == rows[i].n_sent, i, "the same bytes");
	}
}

static void
with_a_folder_it_is_nothing_else(void **state)
{
	(void)state;
	ANSWERS(malformed, done);
	assert_int_equal(copy("certificates", "a.blob", KEY), -EINVAL);
	assert_int_equal(n_sent, 1);
}

static void
types_that_are_left_out_are_not_restored(void **state)
{
	static const struct {
		bool has[KV_TYPES];
		const char *folder, *content;
		int end;
		enum kv_type type;
	} rows[] = {
		{ { true, false, true }, "secrets", SECRET, -EACCES, 0 },
		{ { true, false, true }, NULL, SECRET, -EACCES, 0 },
		{ { false, true, true }, "keys", KEY, -EACCES, 0 },
		{ { false, true, false }, NULL, KEY, -EACCES, 0 },
		{ { false, true, true }, NULL, KEY, 0, KV_CERTIFICATES },
		{ { true, true, false }, NULL, KEY, 0, KV_KEYS },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		begin(rows[i].has[KV_KEYS], rows[i].has[KV_SECRETS], rows[i].has[KV_CERTIFICATES]);
		assert_row(copy(rows[i].folder, "a.blob", rows[i].content) == rows[i].end, i, "errno");
		assert_row(n_sent == (rows[i].end == 0), i, "sent");
		assert_row(n_sent == 0 || sent[0].type == rows[i].type, i, "type");
		assert_row(rows[i].end == 0 || *caught_line("leaves ") != '\0', i, caught_text());
	}
}

static void
in_a_dry_run_all_is_checked_and_nothing_sent(void **state)
{
	(void)state;
	mount_settings.is_dry_run = true;
	assert_int_equal(copy("keys", "a.blob", KEY), 0);
	assert_string_not_equal(caught_line("op=restore file=a.blob"), "");
	assert_string_not_equal(caught_line("dry_run"), "");
	assert_int_equal(copy("keys", "b.blob", SECRET), -EINVAL);
	assert_int_equal(copy("keys", "c.blob", KEY_MAGIC), -EINVAL);
	assert_int_equal(n_sent, 0);
	assert_int_equal(branch.n_restored, 0);
}

/* ---- once ---- */

static void
however_often_it_is_closed_it_is_sent_once(void **state)
{
	static const struct {
		const struct scripted *answer;
		int end;
	} rows[] = { { &done, 0 }, { &denied, -EACCES } };
	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct fuse_req *reqs[3];
		struct file f;

		tear_down(state);
		set_up(state);
		ANSWERS(*rows[i].answer);
		f = create("keys", "a.blob", KEY, strlen(KEY));
		for (size_t k = 0; k < N_OF(reqs); k++)
			reqs[k] = begin_flush(&f);
		assert_row(kv_dropbox_under_way(box) == 1, i, "under way");
		for (size_t k = 0; k < N_OF(reqs); k++)
			assert_row(mount_rig_answer(reqs[k]) == rows[i].end, i, "answered");
		assert_row(kv_dropbox_under_way(box) == 0, i, "over");
		assert_row(flush(&f) == rows[i].end, i, "repeated");
		assert_row(n_sent == 1, i, "sent");
		assert_int_equal(branch.n_restored, rows[i].end == 0);
		assert_int_equal(branch.n_failed, rows[i].end != 0);
		release(&f);
	}
}

static void
a_close_that_is_not_waited_for_goes_on(void **state)
{
	struct file f = create("keys", "a.blob", KEY, strlen(KEY));
	struct fuse_req *req = begin_flush(&f), *other = begin_flush(&f);

	(void)state;
	kv_request_fail_all(&mount, -EINTR); /* is_sent: it goes on */
	LIST_FIRST(&mount.requests)->is_sent = false;
	kv_request_fail_all(&mount, -EINTR);
	assert_true(req->is_answered != other->is_answered);
	release(&f);
	assert_int_equal(mount_rig_answer(req) + mount_rig_answer(other), -EINTR);
	assert_true(is_there("keys", "a.blob"));
	assert_int_equal(n_sent, 1);
}

static void
what_was_restored_leaves_a_receipt_and_is_listed_at_once(void **state)
{
	struct kv_object *object;

	(void)state;
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_true(is_there("secrets", "a.blob"));
	assert_int_equal(
	    kv_upload_size(kv_drop_child(folder_of("secrets"), "a.blob")->upload), strlen(SECRET));
	assert_int_equal(kv_listing_find(rig.listings[KV_SECRETS], "a", &object), 0);
	assert_int_equal(object->wall_updated, 1700000000);
	fake_loop_run(rig.loop, 60 * MINUTES_MS);
	assert_true(is_there("secrets", "a.blob"));
	assert_string_equal(caught_line("file="), "");
}

static void
what_the_blob_holds_is_told_where_the_name_is_another(void **state)
{
	struct kv_object *object;

	(void)state;
	snprintf(restored.name, sizeof(restored.name), "Real");
	assert_int_equal(copy("secrets", "copy.blob", SECRET), 0);
	assert_string_not_equal(caught_line("why=\"the blob contains secrets/Real"), "");
	assert_int_equal(kv_listing_find(rig.listings[KV_SECRETS], "Real", &object), 0);
	assert_int_equal(kv_listing_find(rig.listings[KV_SECRETS], "copy", &object), -EAGAIN);
}

static void
what_failed_leaves_nothing_and_can_be_written_again(void **state)
{
	(void)state;
	ANSWERS(denied, done);
	assert_int_equal(copy("keys", "a.blob", KEY), -EACCES);
	assert_false(is_there("keys", "a.blob"));
	assert_string_not_equal(caught_line("op=restore object=keys/a status=403 errno=EACCES"), "");
	assert_int_equal(copy("keys", "a.blob", KEY), 0);
	assert_int_equal(n_sent, 2);
}

static void
the_same_bytes_again_are_no_restore_while_the_version_is_there(void **state)
{
	(void)state;
	versions = done;
	listed_updated = restored.wall_updated;
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 0);
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_int_equal(copy("secrets", "b.blob", SECRET), 0);
	assert_int_equal(copy(NULL, "c.blob", SECRET), 0);
	assert_int_equal(n_sent, 1);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 3);
	assert_string_not_equal(caught_line("op=confirm object=secrets/a version=v1 uid=1000 pid="), "");
	assert_true(is_there(NULL, "c.blob"));
	make_unknown("other bytes");
	assert_int_equal(copy("secrets", "d.blob", unknown), 0);
	assert_int_equal(n_sent, 2);
}

static void
the_same_bytes_as_another_type_are_another_request(void **state)
{
	(void)state;
	versions = done;
	listed_updated = restored.wall_updated;
	assert_int_equal(copy("certificates", "a.blob", KEY), 0);
	assert_int_equal(copy("keys", "a.blob", KEY), 0);
	assert_int_equal(n_sent, 2);
	assert_int_equal(copy(NULL, "a.blob", KEY), 0);
	assert_int_equal(n_sent, 2);
}

/* A listing that was read in between changes nothing: it has no versions. */
static void
anything_but_the_very_version_is_restored_again(void **state)
{
	static const struct {
		const char *what;
		const struct scripted *versions;
		const char *version;
		int64_t updated;
		int n_sent;
	} rows[] = {
		{ "there", &done, "v1", 1700000000, 1 },
		{ "gone", &missing, "v1", 1700000000, 2 },
		{ "another version", &done, "v2", 1700000000, 2 },
		{ "its attributes were changed", &done, "v1", 1700000001, 2 },
		{ "nothing can be told", &denied, "v1", 1700000000, 2 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
		versions = *rows[i].versions;
		version = rows[i].version;
		listed_updated = rows[i].updated;
		assert_row(copy("secrets", "b.blob", SECRET) == 0, i, rows[i].what);
		assert_row(n_sent == rows[i].n_sent, i, rows[i].what);
	}
}

static void
a_close_takes_no_confirmation_that_is_older_than_itself(void **state)
{
	struct file early;

	(void)state;
	early = create("secrets", "early.blob", SECRET, strlen(SECRET));
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_int_equal(
	    finish(early), 0); /* versions is missing: it is sent, though that one was just restored */
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 1);
	assert_int_equal(n_sent, 2);
}

/* ---- several writers ---- */

static void
a_writer_that_was_replaced_is_told(void **state)
{
	struct file a = create("keys", "a.blob", "", 0), b = create("keys", "a.blob", "", 0);

	(void)state;
	make_unknown("first");
	assert_int_equal(write_at(&a, unknown, 600, 0), 0);
	make_unknown("second");
	assert_int_equal(write_at(&b, unknown, 600, 0), 0);
	assert_int_equal(write_at(&a, "more", 4, 600), -ESTALE);
	assert_int_equal(finish(b), 0);
	assert_int_equal(finish(a), -ESTALE);
	assert_int_equal(n_sent, 1);
	assert_memory_equal(sent[0].content, "second", 6);
}

static void
parts_written_through_several_handles_are_one_content(void **state)
{
	static const char key[] = KEY;
	struct file a = create("keys", "a.blob", key, 60), b;

	(void)state;
	assert_int_equal(try_open("keys", "a.blob", O_WRONLY, &b), 0);
	assert_int_equal(write_at(&b, key + 60, strlen(key) - 60, 60), 0);
	assert_int_equal(finish(b), 0);
	assert_int_equal(finish(a), 0);
	assert_int_equal(n_sent, 1);
	assert_string_equal(sent[0].content, KEY);
}

static void
a_handle_that_wrote_nothing_sends_nothing(void **state)
{
	struct file a = create("keys", "a.blob", KEY, strlen(KEY)), b;

	(void)state;
	assert_int_equal(try_open("keys", "a.blob", O_WRONLY, &b), 0);
	assert_int_equal(finish(b), 0);
	assert_int_equal(n_sent, 0);
	assert_int_equal(finish(a), 0);
	assert_int_equal(n_sent, 1);
}

static void
what_is_written_after_a_failed_close_is_another_restore(void **state)
{
	static const char key[] = KEY;
	struct file f = create("keys", "a.blob", key, strlen(key));

	(void)state;
	ANSWERS(denied, done);
	assert_int_equal(flush(&f), -EACCES);
	assert_false(is_there("keys", "a.blob"));
	assert_int_equal(write_at(&f, key, 60, 0), 0);
	assert_int_equal(flush(&f), -EINVAL); /* the rest was not written again */
	assert_int_equal(write_at(&f, key + 60, strlen(key) - 60, 60), 0);
	assert_int_equal(finish(f), 0);
	assert_int_equal(n_sent, 2);
}

static void
a_failed_file_leaves_its_name_to_the_next(void **state)
{
	struct file f = create("keys", "a.blob", KEY, strlen(KEY));

	(void)state;
	ANSWERS(denied, done);
	assert_int_equal(flush(&f), -EACCES);
	assert_int_equal(copy("keys", "a.blob", KEY), 0);
	assert_int_equal(write_at(&f, KEY, strlen(KEY), 0), 0);
	assert_int_equal(finish(f), -ESTALE);
	assert_int_equal(n_sent, 2);
}

/* ---- names that go ---- */

static int
unlink_it(const char *folder, const char *name)
{
	struct fuse_req *req = mount_rig_request();

	kv_folders_unlink(&folder_of(folder)->node, req, name);
	return mount_rig_answer(req);
}

static int
rmdir_it(const char *name)
{
	struct fuse_req *req = mount_rig_request();

	kv_folders_rmdir(&drop_root->node, req, name);
	return mount_rig_answer(req);
}

static int
rename_to(const char *folder, const char *name, const char *to, const char *to_name)
{
	struct fuse_req *req = mount_rig_request();

	kv_folders_rename(&folder_of(folder)->node, req, name, &folder_of(to)->node, to_name, 0);
	return mount_rig_answer(req);
}

static void
a_close_whose_name_is_gone_is_estale_and_frees_the_bytes(void **state)
{
	struct file f = create("keys", "a.blob", KEY, strlen(KEY)), other;

	(void)state;
	assert_int_equal(unlink_it("keys", "a.blob"), 0);
	assert_int_equal(flush(&f), -ESTALE);
	assert_int_equal(finish(f), -ESTALE);
	assert_int_equal(box->staged, 0);
	assert_int_equal(copy("keys", "b.blob", KEY), 0);
	other = create("keys", "c.blob", KEY, strlen(KEY));
	assert_int_equal(rename_to("keys", "b.blob", "keys", "c.blob"), 0);
	assert_int_equal(finish(other), -ESTALE);
	assert_int_equal(n_sent, 1);
}

static void
a_close_whose_bytes_were_sent_repeats_their_result_without_a_name(void **state)
{
	struct file f = create("keys", "a.blob", KEY, strlen(KEY));
	struct fuse_req *req = begin_flush(&f);

	(void)state;
	assert_int_equal(unlink_it("keys", "a.blob"), 0);
	assert_int_equal(mount_rig_answer(req), 0);
	assert_int_equal(finish(f), 0);
	assert_int_equal(n_sent, 1);
}

static void
a_later_close_is_told_what_the_vault_says_then(void **state)
{
	struct file f = create("keys", "a.blob", KEY, strlen(KEY));

	(void)state;
	listed_updated = restored.wall_updated;
	assert_int_equal(flush(&f), 0); /* of a child that inherited the descriptor, say */
	assert_int_equal(flush(&f), 0);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 0);
	fake_loop_run(rig.loop, 6000);
	versions = done;
	assert_int_equal(flush(&f), 0);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 1);
	fake_loop_run(rig.loop, 6000);
	versions = missing;
	assert_int_equal(finish(f), -ESTALE);
	assert_string_not_equal(caught_line("no longer in the vault: write it again"), "");
	assert_int_equal(n_sent, 1);
}

static void
a_folder_is_removed_when_everybody_was_told(void **state)
{
	struct file f;

	(void)state;
	assert_int_equal(rmdir_it("keys"), -EBUSY);
	folder_of("x");
	f = create("x", "a.blob", "", 0);
	assert_int_equal(rmdir_it("x"), -ENOTEMPTY);
	assert_int_equal(write_at(&f, SECRET, strlen(SECRET), 0), 0);
	assert_int_equal(rmdir_it("x"), -ENOTEMPTY);
	assert_int_equal(rename_to(NULL, "secrets", NULL, "y"), -EBUSY);
	assert_int_equal(rename_to("x", "a.blob", NULL, "x"), -EISDIR);
	assert_int_equal(finish(f), 0);
	assert_int_equal(rmdir_it("x"), 0);
	assert_null(kv_drop_child(drop_root, "x"));
	folder_of(".~tmp~");
	assert_int_equal(copy(".~tmp~", "a.blob", SECRET), 0);
	assert_int_equal(rmdir_it(".~tmp~"), -ENOTEMPTY);
	folder_of("y");
	assert_int_equal(rename_to(NULL, ".~tmp~", "y", ".~tmp~"), 0);
	assert_int_equal(rename_to("y", ".~tmp~", NULL, ".~tmp~"), 0);
	assert_int_equal(rename_to(".~tmp~", "a.blob", "secrets", "a.blob"), 0);
	assert_int_equal(rmdir_it(".~tmp~"), 0);
}

/* ---- looking up ---- */

static int
look_up(const char *folder, const char *name)
{
	struct fuse_req *req = mount_rig_request();

	kv_recall_lookup(&folder_of(folder)->node, req, name);
	if (req->node != NULL)
		kv_tree_forget(req->node, 1);
	return mount_rig_answer(req);
}

static void
a_receipt_is_shown_while_the_vault_confirms_it(void **state)
{
	(void)state;
	versions = done;
	listed_updated = restored.wall_updated;
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_int_equal(look_up("secrets", "a.blob"), 0); /* the restore's own answer is 5 s good */
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 0);
	fake_loop_run(rig.loop, 6000);
	assert_int_equal(look_up("secrets", "a.blob"), 0);
	assert_int_equal(look_up("secrets", "a.blob"), 0);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 1);
	fake_loop_run(rig.loop, 6000);
	versions = denied;
	assert_int_equal(look_up("secrets", "a.blob"), -EACCES);
	versions = missing;
	assert_int_equal(look_up("secrets", "a.blob"), -ENOENT);
	versions = done;
	assert_int_equal(look_up("secrets", "a.blob"), -ENOENT); /* the receipt is gone */
	assert_int_equal(look_up("secrets", "never.blob"), -ENOENT);
	assert_int_equal(fake_vault_calls(rig.vault, KV_OP_VERSIONS), 3);
}

static void
a_look_at_what_is_being_sent_waits_for_its_result(void **state)
{
	struct file f = create("keys", "a.blob", KEY, strlen(KEY));
	struct fuse_req *req = begin_flush(&f), *look = mount_rig_request();

	(void)state;
	ANSWERS(denied);
	kv_recall_lookup(&folder_of("keys")->node, look, "a.blob");
	assert_false(look->is_answered);
	assert_int_equal(mount_rig_answer(req), -EACCES);
	assert_int_equal(mount_rig_answer(look), -ENOENT);
	release(&f);
}

/* ---- what is in the way ---- */

static void
a_conflict_is_told_apart(void **state)
{
	static const struct {
		const struct scripted *versions, *deleted;
		const char *inner;
		int64_t wall_purge;
		int end, n_sent;
		const char *log;
	} rows[] = {
		{ &done, &missing, NULL, 0, -EEXIST, 1,
		    "why=\"the vault already has an object of this name: remove" },
		{ &missing, &done, NULL, 1800000000, -EEXIST, 1,
		    "recover or purge it (its scheduled purge is on 2027-01-15)\"" },
		{ &missing, &done, NULL, 0, -EEXIST, 1, "recover or purge it\"" },
		{ &missing, &done, "ObjectIsDeletedButRecoverable", 0, -EEXIST, 1, "recover or purge it\"" },
		{ &missing, &missing, NULL, 0, -EBUSY, 6, "why=\"the name is still being deleted or purged" },
		{ &missing, &denied, NULL, 0, -EBUSY, 6, "errno=EBUSY" },
		{ &denied, &missing, NULL, 0, -EEXIST, 1, "errno=EEXIST" },
		{ &done, &done, "ObjectIsBeingDeleted", 0, -EBUSY, 6,
		    "code=ObjectIsBeingDeleted errno=EBUSY" },
		{ &done, &done, "ObjectIsBeingRecovered", 0, -EBUSY, 6, "errno=EBUSY" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		versions = *rows[i].versions;
		deleted = *rows[i].deleted;
		wall_purge = rows[i].wall_purge;
		ANSWERS(conflict);
		answers[0].inner = rows[i].inner;
		assert_row(copy("keys", "a.blob", KEY) == rows[i].end, i, "errno");
		assert_row(n_sent == rows[i].n_sent, i, "sent");
		assert_row(strstr(caught_text(), rows[i].log) != NULL, i, caught_text());
		assert_row(!is_there("keys", "a.blob"), i, "no receipt");
	}
}

static void
a_purge_that_takes_effect_is_waited_for(void **state)
{
	static const int64_t pauses_s[] = { 2, 4, 8, 15, 15 };

	(void)state;
	ANSWERS(conflict, conflict, conflict, conflict, conflict, done);
	assert_int_equal(copy("keys", "a.blob", KEY), 0);
	assert_int_equal(n_sent, 6);
	for (size_t i = 0; i < N_OF(pauses_s); i++) {
		const int64_t ms = sent[i + 1].mono - sent[i].mono;

		assert_row(ms >= pauses_s[i] * 1000 && ms < pauses_s[i] * 1000 + 500, i, "pause");
	}
	assert_int_equal(branch.n_failed, 0);
}

static void
the_object_that_the_vault_names_is_looked_at(void **state)
{
	(void)state;
	ANSWERS(conflict);
	versions = done;
	assert_int_equal(copy("keys", "a.blob", KEY), -EEXIST);
	assert_string_equal(asked_for, "a");
	answers[0].message =
	    "There was a conflict restoring the key 'https://v.vault.azure.net/keys/Real/0a1b'. Try again.";
	assert_int_equal(copy("keys", "a.blob", KEY), -EEXIST);
	assert_string_equal(asked_for, "Real");
	assert_string_not_equal(caught_line("op=restore object=keys/Real status=409 errno=EEXIST"), "");
}

#define NAMES(name) "There was a conflict restoring the key 'https://v.example/keys/" name "/0a1b'."

/* The first attempt may have been applied; somebody else may as well have taken the name meanwhile. */
static void
what_is_in_the_way_is_never_taken_for_ours(void **state)
{
	static const struct {
		const struct scripted *first;
		const char *message, *listed, *why;
	} rows[] = {
		{ &busy, NAMES("a"), "old",
		    "an earlier attempt, which was not answered, may have restored it" },
		{ &busy, NAMES("a"), "a",
		    "an earlier attempt, which was not answered, may have restored it" },
		{ &busy, "conflict", "old",
		    "an earlier attempt, which was not answered, may have restored it" },
		{ &conflict, NAMES("a"), "old", "the vault already has an object of this name: remove" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		versions = done;
		version = "0a1b";
		ANSWERS(*rows[i].first, conflict);
		answers[0].message = answers[1].message = rows[i].message;
		assert_row(copy("keys", "a.blob", KEY) == -EEXIST, i, caught_text());
		assert_row(strstr(caught_text(), rows[i].why) != NULL, i, caught_text());
		assert_row(n_sent == (rows[i].first != &conflict) + 1, i, "sent");
		assert_row(!is_there("keys", "a.blob"), i, "receipt");
	}
}

static void
a_lost_answer_is_a_failure_and_nothing_is_sent_again(void **state)
{
	static const struct scripted lost = { 0, -EIO, true, NULL, NULL };

	(void)state;
	ANSWERS(lost, done);
	versions = done;
	assert_int_equal(copy("keys", "a.blob", KEY), -EIO);
	assert_int_equal(n_sent, 1);
	assert_string_not_equal(caught_line("why=\"the answer was lost"), "");
	assert_false(is_there("keys", "a.blob"));
}

static void
what_did_not_reach_the_vault_is_sent_again(void **state)
{
	static const struct scripted refused = { 0, -ECONNREFUSED, false, NULL, NULL };

	(void)state;
	ANSWERS(refused, refused, done);
	assert_int_equal(copy("keys", "a.blob", KEY), 0);
	assert_int_equal(n_sent, 3);
}

static void
a_vault_that_fails_five_times_is_looked_into(void **state)
{
	static const struct {
		const struct scripted *versions, *deleted;
		int end;
	} rows[] = {
		{ &done, &missing, -EEXIST },
		{ &missing, &done, -EEXIST },
		{ &missing, &missing, -EIO },
		{ &denied, &missing, -EIO },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		ANSWERS(failed);
		versions = *rows[i].versions;
		deleted = *rows[i].deleted;
		assert_row(copy("keys", "a.blob", KEY) == rows[i].end, i, "errno");
		assert_row(n_sent == 5, i, "sent");
		assert_row(strcmp(asked_for, "a") == 0, i, "looked into");
		assert_row(
		    *caught_line("op=restore object=keys/a status=500 errno=E") != '\0', i, caught_text());
	}
	ANSWERS(failed, failed, done);
	n_sent = 0;
	assert_int_equal(copy("keys", "b.blob", KEY), 0);
}

/* ---- names ---- */

static void
a_name_with_a_dot_is_one_that_is_being_staged(void **state)
{
	static const struct {
		const char *name;
		int err;
	} rows[] = {
		{ ".a.blob.AbC123", 0 },
		{ ".a.blob", -EINVAL },
		{ ".nfs0001", -EINVAL },
		{ ".DS_Store", -EINVAL },
		{ "a.blob", 0 },
		{ "a", 0 },
		{ "a.blob", -EEXIST },
	};
	struct kv_drop *node;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(kv_dropbox_make(box, folder_of("keys"), rows[i].name, &node) == rows[i].err, i,
		    rows[i].name);
		assert_row((node != NULL) == (rows[i].err == 0), i, rows[i].name);
	}
}

/* What rsync does: write, close, rename. The kernel still knows the node. */
static struct kv_drop *
stage(const char *content)
{
	struct file f = create("keys", ".a.blob.AbC123", content, strlen(content));

	assert_int_equal(finish(f), 0);
	assert_int_equal(n_sent, 0);
	return f.node;
}

static int
rename_it(void)
{
	return rename_to("keys", ".a.blob.AbC123", "keys", "a.blob");
}

static void
a_staged_file_is_restored_when_it_is_renamed(void **state)
{
	struct kv_drop *node = stage(KEY);

	(void)state;
	assert_int_equal(n_sent, 0);
	assert_int_equal(rename_it(), 0);
	assert_int_equal(n_sent, 1);
	kv_tree_forget(&node->node, 1);
	fake_loop_run(rig.loop, 60 * MINUTES_MS);
	assert_true(is_there("keys", "a.blob"));
	assert_false(is_there("keys", ".a.blob.AbC123"));
	assert_string_equal(caught_line("dropped"), "");
}

static void
a_staged_file_goes_with_the_folder_that_it_is_renamed_into(void **state)
{
	struct kv_drop *node = stage(KEY);
	struct fuse_req *req = mount_rig_request();

	(void)state;
	kv_folders_rename(
	    &folder_of("keys")->node, req, ".a.blob.AbC123", &folder_of("x")->node, "a.blob", 0);
	assert_int_equal(rmdir_it("x"), 0);
	assert_int_equal(mount_rig_answer(req), 0);
	assert_false(is_there("keys", ".a.blob.AbC123"));
	kv_tree_forget(&node->node, 1);
	fake_loop_run(rig.loop, 60 * MINUTES_MS);
	assert_string_equal(caught_line("not renamed"), "");
	assert_int_equal(n_sent, 1);
}

static void
a_staged_file_that_is_never_renamed_is_dropped_after_10_minutes(void **state)
{
	struct kv_drop *node = stage(KEY);

	(void)state;
	kv_tree_forget(&node->node, 1);
	fake_loop_run(rig.loop, 10 * MINUTES_MS - 1000);
	assert_true(is_there("keys", ".a.blob.AbC123"));
	fake_loop_run(rig.loop, 2000);
	assert_false(is_there("keys", ".a.blob.AbC123"));
	assert_string_not_equal(caught_line("why=\"discarded: it was not renamed"), "");
	assert_int_equal(n_sent, 0);
}

static void
a_staged_file_that_is_removed_is_not_spoken_of(void **state)
{
	struct kv_drop *node = stage(KEY);

	(void)state;
	assert_int_equal(unlink_it("keys", ".a.blob.AbC123"), 0);
	assert_int_equal(box->staged, 0);
	fake_loop_run(rig.loop, 60 * MINUTES_MS);
	assert_string_equal(caught_text(), "");
	kv_tree_forget(&node->node, 1);
}

static void
a_staged_file_whose_restore_failed_keeps_its_name_and_goes_later(void **state)
{
	struct kv_drop *node = stage(KEY);

	(void)state;
	ANSWERS(denied);
	assert_int_equal(rename_it(), -EACCES);
	assert_true(is_there("keys", ".a.blob.AbC123"));
	assert_false(is_there("keys", "a.blob"));
	assert_int_equal(rename_it(), -EACCES); /* it is remembered */
	assert_int_equal(n_sent, 1);
	kv_tree_forget(&node->node, 1);
	fake_loop_run(rig.loop, 11 * MINUTES_MS);
	assert_false(is_there("keys", ".a.blob.AbC123"));
}

/* ---- the end, and memory ---- */

static void
all_can_be_freed_while_a_restore_is_under_way(void **state)
{
	struct file f = create("keys", "a.blob", KEY, strlen(KEY));
	struct fuse_req *req;

	(void)state;
	create("keys", "b.blob", "eyJhalf of it", 10);
	stage(KEY);
	req = begin_flush(&f);
	fake_loop_run(rig.loop, 5);
	LIST_FIRST(&mount.requests)->is_sent = false;
	kv_request_fail_all(&mount, -EIO);
	assert_int_equal(fake_fuse_done(req), -EIO);
	kv_dropbox_stop(box);
	fake_loop_run(rig.loop, 20 * MINUTES_MS);
}

static void
a_close_while_the_mount_ends_sends_nothing(void **state)
{
	struct file f = create("keys", "a.blob", KEY, strlen(KEY));

	(void)state;
	mount.is_ending = true;
	assert_int_equal(finish(f), -EIO);
	assert_int_equal(n_sent, 0);
	assert_string_not_equal(caught_line("the mount is ending"), "");
	assert_string_equal(caught_line("written after its close"), ""); /* one line, and the right one */
}

/* The mount ends while the vault is asked what the answer to the restore means. */
static void
end_while_it_is_looked_into(const struct scripted *answer, const char *wanted)
{
	struct file f = create("keys", "a.blob", KEY, strlen(KEY));
	struct fuse_req *req = begin_flush(&f);

	ANSWERS(*answer);
	while (fake_vault_calls(rig.vault, KV_OP_VERSIONS) == 0)
		fake_loop_run(rig.loop, 1);
	kv_dropbox_log_lost(box);
	assert_string_not_equal(caught_line(wanted), "");
	assert_int_not_equal(mount_rig_answer(req), 0);
	release(&f);
}

static void
at_the_end_of_the_mount_what_may_have_been_restored_is_not_said_to_be_unsent(void **state)
{
	(void)state;
	end_while_it_is_looked_into(&failed, "the object may have been restored");
	tear_down(state);
	set_up(state);
	end_while_it_is_looked_into(&conflict, "nothing was restored");
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	bool has_failed = true;
	int n = 0, err, n_before;

	(void)state;
	while (has_failed) {
		char name[20];
		struct file f;
		struct fuse_req *req;

		snprintf(name, sizeof(name), "n%d", ++n);
		make_unknown(name);
		snprintf(restored.name, sizeof(restored.name), "%s", name);
		f = create("keys", name, unknown, 600);
		n_before = n_sent;
		req = mount_rig_request();
		fake_alloc_fail_at(n);
		kv_close_flush(&f.node->node, req, &f.fi);
		fake_loop_run(rig.loop, 60000);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		err = mount_rig_answer(req);
		assert_row(err == 0 || err == -ENOMEM, (size_t)n, "errno");
		assert_row(err == 0 ? n_sent == n_before + 1 : n_sent <= n_before + 1, (size_t)n, "sent");
		release(&f);
		assert_row(copy("keys", name, unknown) == 0, (size_t)n, "again");
	}
	assert_in_range(n, 5, 60);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_surely_wrong_is_refused_without_a_request),
		TEST(what_is_larger_than_any_blob_is_refused_without_a_request),
		TEST(an_empty_close_is_not_remembered),
		TEST(the_folder_or_the_blob_says_what_it_is),
		TEST(the_text_of_a_blob_is_restored_as_the_blob),
		TEST(without_a_folder_it_is_a_certificate_first_and_then_a_key),
		TEST(with_a_folder_it_is_nothing_else),
		TEST(types_that_are_left_out_are_not_restored),
		TEST(in_a_dry_run_all_is_checked_and_nothing_sent),
		TEST(however_often_it_is_closed_it_is_sent_once),
		TEST(a_close_that_is_not_waited_for_goes_on),
		TEST(what_was_restored_leaves_a_receipt_and_is_listed_at_once),
		TEST(what_the_blob_holds_is_told_where_the_name_is_another),
		TEST(what_failed_leaves_nothing_and_can_be_written_again),
		TEST(the_same_bytes_again_are_no_restore_while_the_version_is_there),
		TEST(the_same_bytes_as_another_type_are_another_request),
		TEST(anything_but_the_very_version_is_restored_again),
		TEST(a_close_takes_no_confirmation_that_is_older_than_itself),
		TEST(a_writer_that_was_replaced_is_told),
		TEST(parts_written_through_several_handles_are_one_content),
		TEST(a_handle_that_wrote_nothing_sends_nothing),
		TEST(what_is_written_after_a_failed_close_is_another_restore),
		TEST(a_failed_file_leaves_its_name_to_the_next),
		TEST(a_close_whose_name_is_gone_is_estale_and_frees_the_bytes),
		TEST(a_close_whose_bytes_were_sent_repeats_their_result_without_a_name),
		TEST(a_later_close_is_told_what_the_vault_says_then),
		TEST(a_folder_is_removed_when_everybody_was_told),
		TEST(a_receipt_is_shown_while_the_vault_confirms_it),
		TEST(a_look_at_what_is_being_sent_waits_for_its_result),
		TEST(a_conflict_is_told_apart),
		TEST(a_purge_that_takes_effect_is_waited_for),
		TEST(the_object_that_the_vault_names_is_looked_at),
		TEST(what_is_in_the_way_is_never_taken_for_ours),
		TEST(a_lost_answer_is_a_failure_and_nothing_is_sent_again),
		TEST(what_did_not_reach_the_vault_is_sent_again),
		TEST(a_vault_that_fails_five_times_is_looked_into),
		TEST(a_name_with_a_dot_is_one_that_is_being_staged),
		TEST(a_staged_file_is_restored_when_it_is_renamed),
		TEST(a_staged_file_goes_with_the_folder_that_it_is_renamed_into),
		TEST(a_staged_file_that_is_never_renamed_is_dropped_after_10_minutes),
		TEST(a_staged_file_that_is_removed_is_not_spoken_of),
		TEST(a_staged_file_whose_restore_failed_keeps_its_name_and_goes_later),
		TEST(all_can_be_freed_while_a_restore_is_under_way),
		TEST(a_close_while_the_mount_ends_sends_nothing),
		TEST(at_the_end_of_the_mount_what_may_have_been_restored_is_not_said_to_be_unsent),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
