#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/vault/audit.h"
#include "client/base/log.h"
#include "client/base/refusal_rows.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

static struct kv_loop *loop;
static struct kv_vault *vault;

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	loop = kv_loop_new();
	vault = fake_vault_new(loop, NULL);
	assert_non_null(vault);
	caught_begin();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	caught_end();
	fake_vault_free(vault);
	kv_loop_free(loop);
	return 0;
}

#define RSYNC                                              \
	{                                                  \
		.uid = 1000, .pid = 17, .command = "rsync" \
	}
#define VAULT	 "vault=fake.vault.example "
#define BY_RSYNC " uid=1000 pid=17 cmd=rsync"

static void
a_failure_is_one_line_with_all_that_is_known(void **state)
{
	static const struct {
		struct kv_call call;
		struct kv_reply reply;
		const char *why, *line;
	} rows[] = {
		{ { .op = KV_OP_BACKUP, .type = KV_SECRETS, .name = "db", .caller = RSYNC },
		    { .err = -EACCES,
			.status = 403,
			.fault = { "Forbidden", "SecretDisabled", "Operation get is not allowed" },
			.request_id = "r-1",
			.client_request_id = "c-1",
			.attempts = 1,
			.why = "" },
		    NULL,
		    VAULT
		    "op=backup object=secrets/db status=403 code=SecretDisabled errno=EACCES request=r-1 "
		    "client_request=c-1" BY_RSYNC
		    " why=\"the secret is disabled: enable it\" message=\"Operation get is not allowed\"\n" },
		/* what the vault did not say is not there; the whole list has no name */
		{ { .op = KV_OP_LIST, .type = KV_KEYS, .caller.command = "listing" },
		    { .err = -EIO, .status = 503, .attempts = 7, .why = "" }, NULL,
		    VAULT "op=list object=keys status=503 errno=EIO attempts=7 uid=0 pid=0 cmd=listing "
			  "why=\"the vault is temporarily unavailable: try again later\"\n" },
		/* the code where there is no inner one */
		{ { .op = KV_OP_VERSIONS, .type = KV_CERTIFICATES, .name = "c", .caller = RSYNC },
		    { .err = -ENOENT, .status = 404, .fault = { .code = "CertificateNotFound" }, .why = "" },
		    NULL,
		    VAULT
		    "op=versions object=certificates/c status=404 code=CertificateNotFound errno=ENOENT" BY_RSYNC
		    " why=\"the vault has no such certificate: if it was deleted lately, it can be recovered\"\n" },
		/* no answer: our own sentence */
		{ { .op = KV_OP_RESTORE, .type = KV_KEYS, .name = "k", .caller = RSYNC },
		    { .err = -EHOSTUNREACH, .why = "no route" }, NULL,
		    VAULT "op=restore object=keys/k errno=EHOSTUNREACH" BY_RSYNC " why=\"no route\"\n" },
		/* a cause that kvfs found out: the vault's words would only say less */
		{ { .op = KV_OP_RESTORE, .type = KV_KEYS, .name = "k", .caller = RSYNC },
		    { .err = -EEXIST,
			.status = 409,
			.fault = { .message = "theirs" },
			.cause = &kv_refusal_name_deleted,
			.why = "its scheduled purge is on 2027-01-15" },
		    NULL,
		    VAULT
		    "op=restore object=keys/k status=409 errno=EEXIST" BY_RSYNC
		    " why=\"a soft-deleted object has this name: recover or purge it (its scheduled purge is on "
		    "2027-01-15)\"\n" },
		/* ours where one is given, the token's where the vault was not asked */
		{ { .op = KV_OP_DELETED, .type = KV_KEYS, .name = "k", .caller = RSYNC },
		    { .err = -EEXIST, .status = 409, .fault = { .message = "theirs" }, .why = "" }, "ours",
		    VAULT "op=deleted object=keys/k status=409 errno=EEXIST" BY_RSYNC
			  " why=ours message=theirs\n" },
		{ { .op = KV_OP_BACKUP, .type = KV_KEYS, .name = "k", .caller = RSYNC },
		    { .err = -EACCES,
			.status = 401,
			.fault = { .message = "theirs" },
			.is_of_token = true,
			.why = "the token's" },
		    NULL,
		    VAULT "op=backup object=keys/k status=401 errno=EACCES" BY_RSYNC
			  " why=\"the token's\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		caught_clear();
		kv_audit_failure(vault, &rows[i].call, &rows[i].reply, rows[i].why);
		assert_row(strcmp(caught_text(), rows[i].line) == 0, i, caught_text());
	}
}

static void
what_comes_from_outside_stays_one_field_of_one_line(void **state)
{
	const struct kv_call call = {
		.op = KV_OP_BACKUP, .type = KV_KEYS, .name = "k", .caller = { .command = "a b\nerrno=0" }
	};
	struct kv_reply reply = { .err = -EINVAL, .status = 400, .why = "" };
	const char *text;

	(void)state;
	snprintf(reply.fault.message, sizeof(reply.fault.message), "x\" errno=0\nop=restore\033[2J");
	kv_audit_failure(vault, &call, &reply, NULL);
	text = caught_text();
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, " cmd=\"a b\\x0Aerrno=0\""));
	assert_non_null(strstr(text, " message=\"x\\\" errno=0\\x0Aop=restore\\x1B[2J\""));
}

static void
what_was_sent_is_in_the_audit(void **state)
{
	static const struct kv_item restored = { .name = "Db" };
	static const struct {
		struct kv_call call;
		struct kv_reply reply;
		size_t bytes;
		const char *line;
	} rows[] = {
		{ { .op = KV_OP_BACKUP, .type = KV_SECRETS, .name = "db", .caller = RSYNC },
		    { .status = 200,
			.request_id = "r-1",
			.client_request_id = "c-1",
			.took_ms = 75,
			.attempts = 1 },
		    7161,
		    VAULT
		    "op=backup object=secrets/db status=200 request=r-1 client_request=c-1 bytes=7161 ms=75" BY_RSYNC
		    "\n" },
		/* the name that the vault answers, not the file's */
		{ { .op = KV_OP_RESTORE, .type = KV_SECRETS, .name = "copy", .caller = RSYNC },
		    { .status = 200, .item = &restored, .took_ms = 80, .attempts = 2 }, 100,
		    VAULT "op=restore object=secrets/Db status=200 attempts=2 bytes=100 ms=80" BY_RSYNC
			  "\n" },
		{ { .op = KV_OP_BACKUP, .type = KV_KEYS, .name = "k", .caller = RSYNC },
		    { .err = -EACCES, .status = 403, .took_ms = 5 }, 0,
		    VAULT "op=backup object=keys/k status=403 errno=EACCES ms=5" BY_RSYNC "\n" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		caught_clear();
		kv_audit_sent(vault, &rows[i].call, &rows[i].reply, rows[i].bytes);
		assert_row(strcmp(caught_text(), rows[i].line) == 0, i, caught_text());
	}
}

static void
an_open_that_reads_is_in_the_audit(void **state)
{
	static const struct kv_caller rsync = RSYNC;

	(void)state;
	kv_audit_read(vault, KV_CERTIFICATES, "tls", &rsync, 14200);
	assert_string_equal(caught_text(), VAULT "op=read object=certificates/tls bytes=14200" BY_RSYNC "\n");
}

static void
without_the_audit_only_failures_are_seen_on_a_terminal(void **state)
{
	static const struct kv_call call = { .op = KV_OP_BACKUP, .type = KV_KEYS, .name = "k" };
	static const struct kv_reply reply = { .err = -EIO, .why = "" };

	(void)state;
	kv_log_open(true, NULL);
	kv_audit_sent(vault, &call, &reply, 0);
	kv_audit_read(vault, KV_KEYS, "k", &call.caller, 1);
	assert_string_equal(caught_text(), "");
	kv_audit_failure(vault, &call, &reply, NULL);
	assert_string_not_equal(caught_line("op=backup object=keys/k errno=EIO"), "");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_failure_is_one_line_with_all_that_is_known),
		TEST(what_comes_from_outside_stays_one_field_of_one_line),
		TEST(what_was_sent_is_in_the_audit),
		TEST(an_open_that_reads_is_in_the_audit),
		TEST(without_the_audit_only_failures_are_seen_on_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
