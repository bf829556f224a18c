#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/finder.h"
#include "cache/listing.h"
#include "cache/throttle.h"
#include "client/clock.h"
#include "fs/restore/upload.h"
#include "fs/restore/classify.h"
#include "fs/restore/receipt.h"
#include "fs/restore/submit.h"
#include "fs/tree.h"
#include "tests/unit/blob_bytes.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

#define MINUTES_MS ((int64_t)60 * 1000)

static const struct kv_caller me = { .uid = 1000, .pid = 17, .command = "cp" };

static struct kv_options options;
static struct kv_mount mount;
static struct kv_restores *restores;

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
static const char *version; /* the one that versions has */
static int64_t wall_purge;
static struct kv_item restored;
static const char *listed[KV_TYPES];

/* What came. */
static int n_sent;
static struct {
	enum kv_type type;
	int64_t mono;
	char content[300];
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
			reply->page = fake_vault_page(call->name, 1600000000, "");
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

static void
changed(void *arg, struct kv_object *object)
{
	(void)arg;
	(void)object;
}

static struct told {
	int n, err;
} told;

static void
tell(void *arg, int err)
{
	struct told *t = arg;

	t->n++;
	t->err = err;
}

/* A mount with complete listings of these types. */
static void
begin(bool has_keys, bool has_secrets, bool has_certificates)
{
	const struct kv_throttle_options throttle = { .share = 0.5, .max_inflight = 8, .timeout_ms = 300000 };
	const bool has[KV_TYPES] = { has_keys, has_secrets, has_certificates };
	struct kv_generation *g;

	fake_clock_set(1000000, 1700000000);
	memset(&mount, 0, sizeof(mount));
	memset(&options, 0, sizeof(options));
	mount.o = &options;
	mount.loop = kv_loop_new();
	mount.vault = fake_vault_new(mount.loop, answer);
	mount.throttle = kv_throttle_new(mount.loop, mount.vault, &throttle);
	mount.unlisted = kv_unlisted_new();
	assert_non_null(mount.unlisted);
	assert_int_equal(kv_tree_init(&mount.tree, has, true), 0);
	for (int t = 0; t < KV_TYPES; t++) {
		if (!has[t])
			continue;
		mount.listings[t] =
		    kv_listing_new(mount.loop, mount.throttle, NULL, (enum kv_type)t, 60000, changed, NULL);
		assert_int_equal(kv_listing_open(mount.listings[t], &g), 0);
		kv_generation_unref(g);
	}
	fake_loop_run(mount.loop, 100);
	mount.receipts = kv_receipts_new(&mount);
	assert_non_null(mount.receipts);
	restores = mount.restores = kv_restores_new(&mount);
	assert_non_null(restores);
	n_sent = 0;
	asked_for[0] = '\0';
	told = (struct told){ 0 };
	caught_begin();
}

static int
set_up(void **state)
{
	(void)state;
	ANSWERS(done);
	versions = deleted = missing;
	version = "v1";
	wall_purge = 0;
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
	caught_end();
	kv_restores_stop(mount.restores);
	kv_tree_release(&mount.tree);
	kv_restores_free(mount.restores);
	kv_receipts_free(mount.receipts);
	for (int t = 0; t < KV_TYPES; t++)
		kv_listing_free(mount.listings[t]);
	kv_unlisted_free(mount.unlisted);
	kv_throttle_free(mount.throttle);
	assert_int_equal(fake_vault_under_way(mount.vault), 0);
	assert_int_equal(fake_loop_timers(mount.loop), 0);
	fake_vault_free(mount.vault);
	kv_loop_free(mount.loop);
	return 0;
}

/* The folder of the drop box of this name, NULL for itself. */
static struct kv_node *
folder_of(const char *name)
{
	struct kv_node *folder = name != NULL ? kv_tree_child(mount.tree.drop, name) : mount.tree.drop;

	if (folder == NULL)
		assert_int_equal(kv_tree_make(mount.tree.drop, KV_NODE_DROP_FOLDER, name, &folder), 0);
	return folder;
}

/* Open it to write, as FUSE does; a file that is there is emptied. */
static struct kv_node *
create(const char *folder, const char *name, const void *content, size_t len)
{
	struct kv_node *node = kv_tree_child(folder_of(folder), name);

	if (node == NULL)
		assert_int_equal(kv_restore_make(restores, folder_of(folder), name, &node), 0);
	else
		assert_int_equal(kv_drop_truncate(node->drop, 0), 0);
	kv_tree_looked_up(node);
	kv_tree_opened(node);
	node->drop->writer = me;
	assert_int_equal(kv_drop_write(node->drop, content, len, 0), 0);
	return node;
}

static int
flush(struct kv_node *node, struct kv_restore_wait **wait)
{
	return kv_restore_commit(restores, node, node->parent, node->name, &me, tell, &told, wait);
}

static void
release(struct kv_node *node)
{
	if (node->n_open == 1)
		kv_restore_closed(restores, node);
	kv_tree_closed(node);
	kv_tree_forget(node, 1);
}

/* What close(2) says. */
static int
finish(struct kv_node *node)
{
	struct kv_restore_wait *wait;
	int err;

	told = (struct told){ 0 };
	err = flush(node, &wait);
	assert_int_equal(told.n, 0);
	if (err == -EINPROGRESS) {
		for (int64_t ms = 0; told.n == 0 && ms < 6 * MINUTES_MS; ms += 10)
			fake_loop_run(mount.loop, 10);
		fake_loop_run(mount.loop, 10);
		assert_int_equal(told.n, 1);
		err = told.err;
	}
	release(node);
	return err;
}

static int
copy(const char *folder, const char *name, const char *content)
{
	return finish(create(folder, name, content, strlen(content)));
}

static bool
is_there(const char *folder, const char *name)
{
	return kv_tree_child(folder_of(folder), name) != NULL;
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
		{ "secrets", "KUF6", "the blob is cut" },	      /* text */
		{ "secrets", "JkF6d", "the blob is cut" },	      /* text of a length that none has */
		{ "secrets", "JkF6dXJl IHRleHQ", "the blob is cut" }, /* text with a blank in it */
		{ "keys", SECRET, "the blob of a secret cannot be restored in keys/" },
		{ "certificates", SECRET, "the blob of a secret cannot be restored in certificates/" },
		{ "secrets", KEY, "the blob of a key or certificate cannot be restored in secrets/" },
		{ NULL, "hello", "this is no blob that kvfs knows" },
		{ "backup", JWE, "this is no blob that kvfs knows" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		caught_clear();
		assert_row(copy(rows[i].folder, "a.blob", rows[i].content) == -EINVAL, i, "errno");
		assert_row(
		    strstr(caught_line("op=restore file=a.blob errno=EINVAL uid=1000 pid=17 cmd=cp why="),
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
	assert_int_equal(finish(create("keys", "a.blob", content, KV_BLOB_MAX + 1)), -EFBIG);
	assert_int_equal(n_sent, 0);
	free(content);
}

static void
an_empty_close_is_not_remembered(void **state)
{
	static const char key[] = KEY;
	struct kv_restore_wait *wait;
	struct kv_node *node = create("keys", "a.blob", "", 0);

	(void)state;
	assert_int_equal(flush(node, &wait), -EINVAL); /* a shell's */
	assert_string_equal(caught_text(), "");
	assert_int_equal(kv_drop_write(node->drop, key, 60, 0), 0);
	assert_int_equal(flush(node, &wait), -EINVAL); /* { cat a; cat b; } > f */
	assert_int_equal(kv_drop_write(node->drop, key + 60, strlen(key) - 60, 60), 0);
	assert_int_equal(finish(node), 0);
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
		{ "keys", "hello", KV_KEYS, NULL },
		{ "secrets", "hello", KV_SECRETS, NULL },
		{ "certificates", JWE, KV_CERTIFICATES, NULL },
		{ "keys", JWE, KV_KEYS, NULL },
		/* base64url text of one, as the service gives it: what begins as a blob's and is no known format */
		{ "keys", "KUF6dXJlIGlzIGJsdWU", KV_KEYS, ")Azure is blue" },
		{ "secrets", "JkF6dXJlIGlzIGJsdWU=\r\n", KV_SECRETS, "&Azure is blue" },
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
	kv_buf_init(&text, 1000);
	assert_int_equal(kv_blob_encode(SECRET, strlen(SECRET), &text), 0);
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
		assert_row(copy(NULL, "again.blob", KEY) == (rows[i].end == 0 ? 0 : told.err), i, "again");
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
	options.is_dry_run = true;
	assert_int_equal(copy("keys", "a.blob", KEY), 0);
	assert_string_not_equal(caught_line("op=restore file=a.blob"), "");
	assert_string_not_equal(caught_line("dry_run"), "");
	assert_int_equal(copy("keys", "b.blob", SECRET), -EINVAL);
	assert_int_equal(copy("keys", "c.blob", KEY_MAGIC), -EINVAL);
	assert_int_equal(n_sent, 0);
	assert_int_equal(mount.n_restored, 0);
}

/* ---- once ---- */

static void
however_often_it_is_closed_it_is_sent_once(void **state)
{
	static const struct {
		const struct scripted *answer;
		int end;
	} rows[] = { { &done, 0 }, { &denied, -EACCES } };
	struct kv_restore_wait *wait;
	struct kv_node *node;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		set_up(state);
		ANSWERS(*rows[i].answer);
		node = create("keys", "a.blob", KEY, strlen(KEY));
		for (int k = 0; k < 3; k++)
			assert_int_equal(flush(node, &wait), -EINPROGRESS);
		assert_row(kv_restores_under_way(restores) == 1, i, "under way");
		fake_loop_run(mount.loop, 1000);
		assert_row(kv_restores_under_way(restores) == 0, i, "over");
		assert_row(told.n == 3 && told.err == rows[i].end, i, "told");
		for (int k = 0; k < 3; k++)
			assert_row(kv_restore_commit(restores, node, folder_of("keys"), "a.blob", &me, tell,
				       &told, &wait) == rows[i].end,
			    i, "repeated");
		assert_row(n_sent == 1, i, "sent");
		assert_int_equal(mount.n_restored, rows[i].end == 0);
		assert_int_equal(mount.n_failed, rows[i].end != 0);
		release(node);
	}
}

static void
a_close_that_is_not_waited_for_goes_on(void **state)
{
	struct kv_restore_wait *wait, *other;
	struct kv_node *node = create("keys", "a.blob", KEY, strlen(KEY));
	struct told late = { 0 };

	(void)state;
	assert_int_equal(flush(node, &wait), -EINPROGRESS);
	assert_int_equal(
	    kv_restore_commit(restores, node, node->parent, node->name, &me, tell, &late, &other),
	    -EINPROGRESS);
	kv_restore_cancel(wait);
	kv_restore_cancel(NULL);
	release(node);
	fake_loop_run(mount.loop, 1000);
	assert_int_equal(told.n, 0);
	assert_int_equal(late.n, 1);
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
	assert_int_equal(kv_drop_size(kv_tree_child(folder_of("secrets"), "a.blob")->drop), strlen(SECRET));
	assert_int_equal(kv_listing_find(mount.listings[KV_SECRETS], "a", &object), 0);
	assert_int_equal(object->wall_updated, 1700000000);
	fake_loop_run(mount.loop, 60 * MINUTES_MS);
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
	assert_string_not_equal(
	    caught_line("file=copy.blob uid=1000 pid=17 cmd=cp why=\"the blob holds secrets/Real"), "");
	assert_int_equal(kv_listing_find(mount.listings[KV_SECRETS], "Real", &object), 0);
	assert_int_equal(kv_listing_find(mount.listings[KV_SECRETS], "copy", &object), -EAGAIN);
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
the_same_bytes_again_are_no_request(void **state)
{
	(void)state;
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_int_equal(copy("secrets", "b.blob", SECRET), 0);
	assert_int_equal(copy(NULL, "c.blob", SECRET), 0);
	assert_int_equal(n_sent, 1);
	assert_true(is_there(NULL, "c.blob"));
	assert_int_equal(copy("secrets", "d.blob", "other bytes"), 0);
	assert_int_equal(n_sent, 2);
}

static void
the_same_bytes_as_another_type_are_another_request(void **state)
{
	(void)state;
	assert_int_equal(copy("certificates", "a.blob", KEY), 0);
	assert_int_equal(copy("keys", "a.blob", KEY), 0);
	assert_int_equal(n_sent, 2);
	assert_int_equal(copy(NULL, "a.blob", KEY), 0);
	assert_int_equal(n_sent, 2);
}

/* The listing gets old, is used, and the next one comes in. */
static void
list_anew(enum kv_type type)
{
	struct kv_generation *g;

	fake_loop_run(mount.loop, 50000);
	assert_int_equal(kv_listing_open(mount.listings[type], &g), 0);
	kv_generation_unref(g);
	fake_loop_run(mount.loop, 100);
}

static void
what_is_gone_meanwhile_is_restored_again(void **state)
{
	struct kv_object *object;

	(void)state;
	restored.wall_updated = 1600000000; /* as the list has it */
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	listed[KV_SECRETS] = "a";
	list_anew(KV_SECRETS);
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_int_equal(n_sent, 1);
	listed[KV_SECRETS] = "";
	list_anew(KV_SECRETS);
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_int_equal(n_sent, 2);
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_int_equal(n_sent, 2);
	assert_int_equal(kv_listing_find(mount.listings[KV_SECRETS], "a", &object), 0);
	kv_listing_remove(mount.listings[KV_SECRETS], object); /* a read has told it */
	assert_int_equal(copy("secrets", "a.blob", SECRET), 0);
	assert_int_equal(n_sent, 3);
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
		    "errno=EEXIST uid=1000 pid=17 cmd=cp "
		    "why=\"an object of this name is in the vault\"" },
		{ &missing, &done, NULL, 1800000000, -EEXIST, 1,
		    "recover or purge it (the service purges it itself on 2027-01-15)\"" },
		{ &missing, &done, NULL, 0, -EEXIST, 1, "recover or purge it\"" },
		{ &missing, &done, "ObjectIsDeletedButRecoverable", 0, -EEXIST, 1, "recover or purge it\"" },
		{ &missing, &missing, NULL, 0, -EBUSY, 6,
		    "errno=EBUSY uid=1000 pid=17 cmd=cp "
		    "why=\"the name is still being deleted or purged" },
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
	assert_int_equal(mount.n_failed, 0);
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

static void
only_an_earlier_attempt_of_our_own_counts_as_done(void **state)
{
	static const struct {
		const struct scripted *first;
		const char *folder, *message, *version, *listed;
		int end;
	} rows[] = {
		{ &busy, "keys", NAMES("a"), "0a1b", "old", 0 },
		{ &busy, "keys", NAMES("A"), "0A1B", "old", 0 },
		{ &busy, "keys", NAMES("other"), "0a1b", "old", 0 },
		{ &busy, "keys", NAMES("a"), "ffff", "old", -EEXIST },	   /* another version */
		{ &busy, "keys", NAMES("a"), "0a1b", "a", -EEXIST },	   /* it was there before */
		{ &busy, "keys", NAMES("old"), "0a1b", "old", -EEXIST },   /* by the name inside the blob */
		{ &busy, "keys", "conflict", "0a1b", "old", -EEXIST },	   /* nobody knows which */
		{ &conflict, "keys", NAMES("a"), "0a1b", "old", -EEXIST }, /* there was no earlier attempt */
		{ &malformed, NULL, NAMES("a"), "0a1b", "a", -EEXIST },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		tear_down(state);
		listed[KV_KEYS] = rows[i].listed;
		begin(true, true, true);
		versions = done;
		version = rows[i].version;
		ANSWERS(*rows[i].first, conflict);
		answers[0].message = answers[1].message = rows[i].message;
		assert_row(copy(rows[i].folder, "a.blob", KEY) == rows[i].end, i, caught_text());
		assert_row(n_sent == (rows[i].first != &conflict) + 1, i, "sent");
		assert_row(is_there(rows[i].folder, "a.blob") == (rows[i].end == 0), i, "receipt");
	}
}

/* As a certificate it is refused; as a key it is tried twice, and was there before. */
static void
what_was_listed_counts_by_the_type_that_it_is_in_the_end(void **state)
{
	(void)state;
	tear_down(state);
	listed[KV_KEYS] = "a";
	begin(true, true, true);
	versions = done;
	version = "0a1b";
	ANSWERS(malformed, busy, conflict);
	answers[2].message = NAMES("a");
	assert_int_equal(copy(NULL, "a.blob", KEY), -EEXIST);
	assert_int_equal(n_sent, 3);
	assert_string_not_equal(caught_line("an attempt of ours that was not answered may have"), "");
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
	assert_string_not_equal(
	    caught_line("errno=EIO uid=1000 pid=17 cmd=cp why=\"the answer was lost"), "");
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
	struct kv_node *node;

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(kv_restore_make(restores, folder_of("keys"), rows[i].name, &node) == rows[i].err,
		    i, rows[i].name);
		assert_row((node != NULL) == (rows[i].err == 0), i, rows[i].name);
	}
}

/* What rsync does: write, close, rename. */
static struct kv_node *
stage(const char *content)
{
	struct kv_node *node = create("keys", ".a.blob.AbC123", content, strlen(content));

	kv_tree_looked_up(node);
	release(node);
	return node;
}

static int
rename_it(struct kv_node *node)
{
	struct kv_restore_wait *wait;
	int err = kv_restore_commit(restores, node, folder_of("keys"), "a.blob", &me, tell, &told, &wait);

	if (err == -EINPROGRESS) {
		fake_loop_run(mount.loop, 1000);
		assert_int_equal(told.n, 1);
		err = told.err;
	}
	if (err == 0)
		err = kv_tree_move(node, folder_of("keys"), "a.blob");
	return err;
}

static void
a_staged_file_is_restored_when_it_is_renamed(void **state)
{
	struct kv_node *node = stage(KEY);

	(void)state;
	assert_int_equal(n_sent, 0);
	assert_int_equal(rename_it(node), 0);
	assert_int_equal(n_sent, 1);
	kv_tree_forget(node, 1);
	fake_loop_run(mount.loop, 60 * MINUTES_MS);
	assert_true(is_there("keys", "a.blob"));
	assert_false(is_there("keys", ".a.blob.AbC123"));
	assert_string_equal(caught_line("dropped"), "");
}

static void
a_staged_file_that_is_never_renamed_is_dropped_after_10_minutes(void **state)
{
	struct kv_node *node = stage(KEY);

	(void)state;
	kv_tree_forget(node, 1);
	fake_loop_run(mount.loop, 10 * MINUTES_MS - 1000);
	assert_true(is_there("keys", ".a.blob.AbC123"));
	fake_loop_run(mount.loop, 2000);
	assert_false(is_there("keys", ".a.blob.AbC123"));
	assert_string_not_equal(
	    caught_line("op=restore file=.a.blob.AbC123 uid=1000 pid=17 cmd=cp why=\"dropped"), "");
	assert_int_equal(n_sent, 0);
}

static void
a_staged_file_that_is_removed_is_not_spoken_of(void **state)
{
	struct kv_node *node = stage(KEY);

	(void)state;
	kv_tree_remove(node); /* the kernel still knows it */
	fake_loop_run(mount.loop, 60 * MINUTES_MS);
	assert_string_equal(caught_text(), "");
	kv_tree_forget(node, 1);
}

static void
a_staged_file_whose_restore_failed_keeps_its_name_and_goes_later(void **state)
{
	struct kv_node *node = stage(KEY);

	(void)state;
	ANSWERS(denied);
	assert_int_equal(rename_it(node), -EACCES);
	assert_true(is_there("keys", ".a.blob.AbC123"));
	assert_false(is_there("keys", "a.blob"));
	assert_int_equal(rename_it(node), -EACCES); /* it is remembered */
	assert_int_equal(n_sent, 1);
	kv_tree_forget(node, 1);
	fake_loop_run(mount.loop, 11 * MINUTES_MS);
	assert_false(is_there("keys", ".a.blob.AbC123"));
}

/* ---- the end, and memory ---- */

static void
all_can_be_freed_while_a_restore_is_under_way(void **state)
{
	struct kv_restore_wait *wait;
	struct kv_node *node = create("keys", "a.blob", KEY, strlen(KEY));

	(void)state;
	create("keys", "b.blob", "half of it", 10);
	stage(KEY);
	assert_int_equal(flush(node, &wait), -EINPROGRESS);
	fake_loop_run(mount.loop, 5);
	kv_restores_stop(mount.restores);
	fake_loop_run(mount.loop, 20 * MINUTES_MS);
	assert_int_equal(told.n, 0);
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	struct kv_restore_wait *wait;
	bool has_failed = true;
	int n = 0, err, n_before;

	(void)state;
	while (has_failed) {
		char content[20], name[20];
		struct kv_node *node;

		snprintf(content, sizeof(content), "blob %d", ++n);
		snprintf(name, sizeof(name), "n%d", n);
		snprintf(restored.name, sizeof(restored.name), "%s", name);
		node = create("keys", name, content, strlen(content));
		told = (struct told){ 0 };
		n_before = n_sent;
		fake_alloc_fail_at(n);
		err = flush(node, &wait);
		fake_loop_run(mount.loop, 60000);
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		if (err == -EINPROGRESS) {
			assert_row(told.n == 1, (size_t)n, "answered");
			err = told.err;
		}
		assert_row(err == 0 || err == -ENOMEM, (size_t)n, "errno");
		assert_row(err == 0 ? n_sent == n_before + 1 : n_sent <= n_before + 1, (size_t)n, "sent");
		release(node);
		assert_row(copy("keys", name, content) == 0, (size_t)n, "again");
		list_anew(KV_KEYS);
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
		TEST(the_same_bytes_again_are_no_request),
		TEST(the_same_bytes_as_another_type_are_another_request),
		TEST(what_is_gone_meanwhile_is_restored_again),
		TEST(a_conflict_is_told_apart),
		TEST(a_purge_that_takes_effect_is_waited_for),
		TEST(the_object_that_the_vault_names_is_looked_at),
		TEST(only_an_earlier_attempt_of_our_own_counts_as_done),
		TEST(what_was_listed_counts_by_the_type_that_it_is_in_the_end),
		TEST(a_lost_answer_is_a_failure_and_nothing_is_sent_again),
		TEST(what_did_not_reach_the_vault_is_sent_again),
		TEST(a_vault_that_fails_five_times_is_looked_into),
		TEST(a_name_with_a_dot_is_one_that_is_being_staged),
		TEST(a_staged_file_is_restored_when_it_is_renamed),
		TEST(a_staged_file_that_is_never_renamed_is_dropped_after_10_minutes),
		TEST(a_staged_file_that_is_removed_is_not_spoken_of),
		TEST(a_staged_file_whose_restore_failed_keeps_its_name_and_goes_later),
		TEST(all_can_be_freed_while_a_restore_is_under_way),
		TEST(no_allocation_that_fails_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
