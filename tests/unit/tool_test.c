/*
 * The developers' tools as scripts in a folder of the test, run by the real client/base/spawn.c in the real
 * loop.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/auth/ask.h"
#include "client/auth/chain.h"
#include "client/auth/token_answer.h"
#include "client/base/loop.h"
#include "tests/unit/emulator.h"
#include "tests/unit/fake_http.h"

#define DEADLINE_S 30 /* of one test: then SIGALRM ends the program */
#define TENANT	   "11111111-aaaa-bbbb-cccc-222222222222"

static struct kv_loop *loop;
static struct kv_http *http;
static struct kv_chain *chain;
static struct kv_credential_options options;
static struct kv_audience audience;
static char folder[] = "/tmp/kvfs-az-XXXXXX";
static char *path_before;

static struct {
	int n, err;
	char token[100], why[4096];
	int64_t life_s;
} done;

static void
take(void *arg, int err, const struct kv_token_answer *token, const char *why)
{
	(void)arg;
	done.n++;
	done.err = err;
	done.life_s = token != NULL ? token->life_s : 0;
	snprintf(done.token, sizeof(done.token), "%s", token != NULL ? token->value : "");
	snprintf(done.why, sizeof(done.why), "%s", why);
	assert_null(strstr(why, "t0ken"));
	kv_loop_stop(loop);
}

static int64_t
nobody(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	(void)request;
	reply->err = -EHOSTUNREACH;
	reply->answer.reason = "no such host";
	return 1;
}

static const char *
file(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* A program does what script says, and has its folder in $folder. */
static void
install(const char *name, const char *script)
{
	FILE *f = fopen(file(name), "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nfolder=%s\n%s\n", folder, script);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file(name), 0755), 0);
}

static void
install_az(const char *script)
{
	install("az", script);
}

static void
set(const char *name, const char *value)
{
	assert_int_equal(kv_credential_set_variable(&options, name, value), 0);
}

static void
make(const char *auth)
{
	assert_int_equal(kv_auth_order_parse(auth, &options.order), 0);
	chain = kv_chain_new(loop, http, &options);
	assert_non_null(chain);
}

static void
fetch(void)
{
	done.n = 0;
	assert_int_equal(kv_chain_fetch(chain, &audience, take, &done), 0);
	assert_int_equal(done.n, 0);
	assert_int_equal(kv_loop_run(loop), 0);
	assert_int_equal(done.n, 1);
}

static int
set_up(void **state)
{
	const char *search_path = getenv("PATH");
	char search[300];

	(void)state;
	alarm(DEADLINE_S);
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	path_before = strdup(search_path != NULL ? search_path : "/usr/bin:/bin");
	snprintf(search, sizeof(search), "%s:/usr/bin:/bin", folder);
	setenv("PATH", search, 1);
	loop = kv_loop_new();
	http = fake_http_new(loop, nobody);
	options = (struct kv_credential_options){ .authority = "https://login.microsoftonline.com" };
	audience = (struct kv_audience){ .resource = "https://vault.azure.net",
		.scope = "https://vault.azure.net/.default",
		.tenant = TENANT };
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "az", "azd", "pwsh", "arguments", "pid", "where" };

	(void)state;
	kv_chain_free(chain);
	chain = NULL;
	fake_http_free(http);
	kv_loop_free(loop);
	setenv("PATH", path_before, 1);
	free(path_before);
	for (size_t i = 0; i < N_OF(names); i++)
		unlink(file(names[i]));
	assert_int_equal(rmdir(folder), 0);
	alarm(0);
	return 0;
}

static void
read_whole(const char *name, char *text, size_t size)
{
	FILE *f = fopen(file(name), "re");
	size_t n = f != NULL ? fread(text, 1, size - 1, f) : 0;

	text[n] = '\0';
	if (f != NULL)
		(void)fclose(f);
}

#define ANSWER                                                                                 \
	"cat <<END\n"                                                                          \
	"{\n  \"accessToken\": \"t0ken\",\n  \"expiresOn\": \"2023-01-01 00:00:00.000000\",\n" \
	"  \"expires_on\": $(($(date +%s) + 3600)),\n  \"subscription\": \"x\",\n"             \
	"  \"tenant\": \"" TENANT "\",\n  \"tokenType\": \"Bearer\"\n}\nEND\n"

static void
az_is_asked_for_the_vaults_resource(void **state)
{
	static const struct {
		const char *tenant, *arguments;
	} rows[] = {
		{ TENANT,
		    "account get-access-token --output json --resource https://vault.azure.net --tenant " TENANT
		    "\n" },
		{ "contoso.com",
		    "account get-access-token --output json --resource https://vault.azure.net --tenant contoso.com\n" },
		{ NULL, "account get-access-token --output json --resource https://vault.azure.net\n" },
		{ "$(touch x); \"",
		    "account get-access-token --output json --resource https://vault.azure.net --tenant $(touch x); \"\n" },
	};
	char text[500];

	(void)state;
	install_az("printf '%s\\n' \"$*\" >$folder/arguments\n" ANSWER);
	for (size_t i = 0; i < N_OF(rows); i++) {
		audience.tenant = rows[i].tenant;
		kv_chain_free(chain);
		make("cli");
		fetch();
		assert_row(done.err == 0, i, done.why);
		assert_string_equal(done.token, "t0ken");
		assert_in_range(done.life_s, 3590, 3600);
		read_whole("arguments", text, sizeof(text));
		assert_row(strcmp(text, rows[i].arguments) == 0, i, text);
	}
}

static void
the_words_of_az_are_passed_on(void **state)
{
	static const struct {
		const char *script, *words;
	} rows[] = {
		{ "echo 'WARNING: old' >&2; echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1",
		    "az account get-access-token failed: Please run 'az login' to setup account." },
		{ "echo 'ERROR: AADSTS50076: Due to a change you must use multi-factor authentication. Trace ID: x' "
		  ">&2; exit 1",
		    "az account get-access-token failed: this sign-in requires multi-factor authentication: "
		    "sign in again with az login --tenant " TENANT
		    " --scope https://vault.azure.net/.default (AADSTS50076)" },
		{ "echo 'ERROR: AADSTS1: Something new.' >&2; exit 1",
		    "az account get-access-token failed: AADSTS1: Something new." },
		{ "printf 'one\\ntwo\\n' >&2; exit 2", "az account get-access-token failed: one" },
		{ "echo t0ken; exit 1", "az account get-access-token failed" },
		{ "kill -9 $$", "az account get-access-token failed" },
		{ "echo \"ERROR: found 'eyJ0b2tlbg.x' for you\" >&2; exit 1",
		    "az account get-access-token failed: found '(token)' for you" },
		{ "echo ERROR: got "
		  "0123456789012345678901234567890123456789012345678901234567890123456789 >&2; exit 1",
		    "az account get-access-token failed: got (token)" },
	};

	(void)state;
	make("cli");
	for (size_t i = 0; i < N_OF(rows); i++) {
		install_az(rows[i].script);
		fetch();
		assert_row(done.err == -EACCES, i, done.why);
		assert_row(strcmp(done.why, rows[i].words) == 0, i, done.why);
	}
}

static void
an_answer_without_a_token_is_ebadmsg_and_names_az(void **state)
{
	static const char *const scripts[] = { "true", "echo '{}'", "echo t0ken",
		"echo '{\"accessToken\": 7}'" };

	(void)state;
	make("cli");
	for (size_t i = 0; i < N_OF(scripts); i++) {
		install_az(scripts[i]);
		fetch();
		assert_row(done.err == -EBADMSG, i, done.why);
		assert_row(strstr(done.why, "az account get-access-token") != NULL, i, done.why);
	}
}

static void
without_az_the_sentence_says_so(void **state)
{
	(void)state;
	if (is_emulated())
		skip();
	setenv("PATH", folder, 1);
	make("cli");
	fetch();
	assert_int_equal(done.err, -EACCES);
	assert_string_equal(done.why, "az is not installed, or not in PATH");
}

static void
the_subscription_names_the_account(void **state)
{
	char text[500];

	(void)state;
	install_az("printf '%s\\n' \"$*\" >$folder/arguments; pwd >$folder/where\n" ANSWER);
	options.subscription = "My Subscription";
	make("cli");
	fetch();
	assert_int_equal(done.err, 0);
	read_whole("arguments", text, sizeof(text));
	assert_non_null(strstr(text, " --tenant " TENANT " --subscription My Subscription\n"));
	read_whole("where", text, sizeof(text));
	assert_string_equal(text, "/\n");
}

static void
azd_is_asked_for_the_scope(void **state)
{
	char text[500];

	(void)state;
	install("azd",
	    "printf '%s\\n' \"$*\" >$folder/arguments\n"
	    "echo '{\"token\":\"t0ken\",\"expiresOn\":\"2099-01-01T00:00:00Z\"}'");
	make("azd");
	fetch();
	assert_int_equal(done.err, 0);
	assert_string_equal(done.token, "t0ken");
	assert_true(done.life_s > 1000000);
	read_whole("arguments", text, sizeof(text));
	assert_string_equal(text,
	    "auth token --output json --no-prompt --scope https://vault.azure.net/.default --tenant-id " TENANT
	    "\n");
	audience.claims = "{\"a\":1}";
	fetch();
	read_whole("arguments", text, sizeof(text));
	/* {"a":1,"access_token":{"xms_cc":{"values":["CP1"]}}} */
	assert_non_null(strstr(
	    text, " --claims eyJhIjoxLCJhY2Nlc3NfdG9rZW4iOnsieG1zX2NjIjp7InZhbHVlcyI6WyJDUDEiXX19fQ==\n"));
}

static void
the_errors_of_azd_are_lines_of_json_or_text(void **state)
{
	static const struct {
		const char *script, *words;
	} rows[] = {
		{ "echo 'ERROR: not logged in, run azd auth login to login' >&2; exit 1",
		    "azd auth token failed: not logged in, run azd auth login to login" },
		{ "echo '{\"type\":\"x\"}' >&2; echo '{\"error\":\"not logged in\"}' >&2; exit 1",
		    "azd auth token failed: not logged in" },
		{ "exit 1", "azd auth token failed" },
	};

	(void)state;
	make("azd");
	for (size_t i = 0; i < N_OF(rows); i++) {
		install("azd", rows[i].script);
		fetch();
		assert_row(done.err == -EACCES, i, done.why);
		assert_row(strcmp(done.why, rows[i].words) == 0, i, done.why);
	}
}

/* The command is base64 of UTF-16. */
static void
powershell_gets_a_script_that_nothing_parses_before_it(void **state)
{
	char text[4000];

	(void)state;
	install("pwsh",
	    "printf '%s %s %s\\n' \"$1\" \"$2\" \"$3\" >$folder/arguments\n"
	    "printf %s \"$4\" | base64 -d | tr -d '\\000' >>$folder/arguments\n"
	    "echo 'azsdk%t0ken%4070908800'");
	make("powershell");
	fetch();
	assert_int_equal(done.err, 0);
	assert_string_equal(done.token, "t0ken");
	assert_true(done.life_s > 1000000);
	read_whole("arguments", text, sizeof(text));
	assert_non_null(strstr(text, "-NoProfile -NonInteractive -EncodedCommand\n"));
	assert_non_null(strstr(text, "ResourceUrl = 'https://vault.azure.net'"));
	assert_non_null(strstr(text, "$p.TenantId = '" TENANT "'\n"));
	assert_non_null(strstr(text, "Write-Output \"azsdk%$v%$("));
	audience.tenant = "a'; Remove-Item x";
	kv_chain_free(chain);
	make("powershell");
	fetch();
	assert_int_equal(done.err, -EACCES);
	assert_non_null(strstr(done.why, "would interpret"));
}

static void
powershell_without_the_module_or_a_token_says_so(void **state)
{
	static const struct {
		const char *script, *word;
	} rows[] = {
		{ "echo kvfs-no-module", "Install-Module Az.Accounts" },
		{ "echo hello", "printed no token" },
		{ "true", "printed no token" },
		{ "echo 'azsdk%'", "contains no token" },
		{ "echo 'azsdk%a b%1'", "contains no token" },
		{ "echo 'Run Connect-AzAccount to login.' >&2; exit 1",
		    "failed: Run Connect-AzAccount to login." },
	};

	(void)state;
	make("powershell");
	for (size_t i = 0; i < N_OF(rows); i++) {
		install("pwsh", rows[i].script);
		fetch();
		assert_row(done.err != 0, i, done.why);
		assert_row(strstr(done.why, rows[i].word) != NULL, i, done.why);
	}
}

static void
auto_comes_to_az_in_the_end(void **state)
{
	(void)state;
	install_az(ANSWER);
	make("auto");
	fetch();
	assert_int_equal(done.err, 0);
	assert_string_equal(done.token, "t0ken");
	assert_int_equal(fake_http_requests(http), 1);
}

static void
under_sudo_the_sentence_names_who_called_it(void **state)
{
	(void)state;
	install_az("echo 'ERROR: Please run az login' >&2; exit 1");
	set("SUDO_USER", "alice");
	make("cli");
	fetch();
	assert_int_equal(strstr(done.why, "run kvfs as alice") != NULL, getuid() == 0);
}

static void
the_end_kills_az(void **state)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	char text[50] = "";
	struct stat st;
	pid_t pid;

	(void)state;
	install_az("echo $$ >$folder/pid; exec sleep 1000");
	make("cli");
	done.n = 0;
	assert_int_equal(kv_chain_fetch(chain, &audience, take, &done), 0);
	while (stat(file("pid"), &st) != 0 || st.st_size == 0)
		nanosleep(&pause, NULL);
	read_whole("pid", text, sizeof(text));
	pid = (pid_t)strtol(text, NULL, 10);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, 0), 0);
	kv_chain_free(chain);
	chain = NULL;
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(done.n, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(az_is_asked_for_the_vaults_resource),
		TEST(the_words_of_az_are_passed_on),
		TEST(an_answer_without_a_token_is_ebadmsg_and_names_az),
		TEST(without_az_the_sentence_says_so),
		TEST(the_subscription_names_the_account),
		TEST(azd_is_asked_for_the_scope),
		TEST(the_errors_of_azd_are_lines_of_json_or_text),
		TEST(powershell_gets_a_script_that_nothing_parses_before_it),
		TEST(powershell_without_the_module_or_a_token_says_so),
		TEST(auto_comes_to_az_in_the_end),
		TEST(under_sudo_the_sentence_names_who_called_it),
		TEST(the_end_kills_az),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
