/*
 * First the versions of the name are read: creating a key of a name that exists would give that key a new version, which
 * every program that uses it would take. Then the key is created, once.
 */
#include "fs/command/byok_kek.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/auth/token.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/json.h"
#include "client/base/json_quote.h"
#include "client/base/log.h"
#include "client/base/loop.h"
#include "client/base/refusal_rows.h"
#include "client/http/http.h"
#include "client/vault/byok.h"
#include "client/vault/explain.h"
#include "client/vault/vault.h"
#include "fs/command/byok_cmd.h"
#include "fs/command/output.h"
#include "fs/command/usage.h"
#include "fs/config/settings.h"
#include "fs/guard.h"

#define MOST_ARGUMENTS 64
#define MOST_WHY       4096
#define LONGEST_S      ((int64_t)366 * 86400)

struct given {
	char *settings[MOST_ARGUMENTS]; /* arguments for fs/config */
	int n_settings;
	const char *name;
	int bits;
	int64_t life_s;
};

/* ---- arguments ---- */

/* "24h"; seconds, or -1. */
static int64_t
parse_life(const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char *end;
	const long n = strtol(text, &end, 10);

	if (end == text || n <= 0 || n > 100000 || end[0] == '\0' || end[1] != '\0')
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].unit == end[0] && n * units[i].seconds <= LONGEST_S)
			return n * units[i].seconds;
	return -1;
}

static int
add(struct given *given, const char *argument)
{
	if (given->n_settings == MOST_ARGUMENTS - 1)
		return kv_byok_cmd_fail("too many arguments");
	given->settings[given->n_settings] = strdup(argument);
	if (given->settings[given->n_settings++] == NULL)
		return kv_byok_cmd_fail("out of memory");
	return 0;
}

static int
read_option(struct given *given, int c)
{
	if (c == 'o')
		return add(given, "-o") == 0 ? add(given, optarg) : 1;
	if (c == 's') {
		given->bits = strcmp(optarg, "2048") == 0 ? 2048 :
		    strcmp(optarg, "3072") == 0		  ? 3072 :
		    strcmp(optarg, "4096") == 0		  ? 4096 :
							    0;
		return given->bits != 0 ? 0 : kv_byok_cmd_fail("--size must be 2048, 3072 or 4096");
	}
	if (c == 'e') {
		given->life_s = parse_life(optarg);
		return given->life_s > 0 ? 0 :
					   kv_byok_cmd_fail("--expires must be a time like 90m, 24h or 7d");
	}
	return 1;
}

static int
read_arguments(int argc, char *const argv[], struct given *given)
{
	static const struct option options[] = { { "size", required_argument, NULL, 's' },
		{ "expires", required_argument, NULL, 'e' }, { NULL, 0, NULL, 0 } };
	static const struct kv_usage usage = { "byok kek", NULL };
	int c, status = add(given, "kvfs");

	if (status == 0)
		status = add(given, "--print-config"); /* the settings of a vault, without a mount point */
	optind = 0;
	while (status == 0 && (c = kv_usage_option(&usage, argc, argv, ":o:", options)) != -1)
		status = read_option(given, c);
	if (status != 0)
		return status;
	if (argc - optind != 2)
		return kv_byok_cmd_fail(
		    "kvfs byok kek takes a vault and the name of the key to be created (kvfs byok -h)");
	given->name = argv[optind + 1];
	if (!kv_type_is_name(given->name))
		return kv_byok_cmd_fail(
		    "'%s' is not the name of a key: 1 to 127 letters, digits and '-'", given->name);
	return add(given, argv[optind]);
}

/* ---- the vault ---- */

struct kek {
	const struct given *given;
	const struct kv_settings *settings;
	struct kv_loop *loop;
	struct kv_http *http;
	struct kv_token_cache *auth;
	struct kv_vault *vault;
	struct kv_vault_call *call;
	bool is_creating; /* what call does */
	struct kv_timer timer;
	struct kv_blob *request;
	struct kv_buf answer, why; /* KEK.json; a sentence */
	int64_t wall_expires;
	int err;
};

static void overdue(void *);
static void versions_answered(void *, struct kv_reply *);
static void create_answered(void *, struct kv_reply *);

static int
connect_to(struct kek *k)
{
	const struct kv_settings *o = k->settings;
	const struct kv_http_options http_options = {
		.ca = o->ca, .proxy = o->proxy, .resolve = o->resolve, .max_connections = 4
	};
	const struct kv_vault_options options = { .api_version = o->api_version,
		.older_api_version = o->older_api_version,
		.public = o->public_vault,
		.any_host = o->auth.no_challenge_verify };
	int err;

	k->loop = kv_loop_new();
	if (k->loop == NULL)
		return -ENOMEM;
	kv_timer_init(&k->timer, k->loop, overdue, k);
	err = kv_http_new(k->loop, &http_options, &k->http, &k->why);
	if (err != 0)
		return err;
	k->auth = kv_token_new(k->loop, k->http, &o->public_vault, &o->auth);
	if (k->auth != NULL)
		k->vault = kv_vault_new(k->loop, k->http, k->auth, &o->vault, &options);
	return k->vault != NULL ? 0 : -ENOMEM;
}

static void
disconnect(struct kek *k)
{
	kv_call_cancel(k->call);
	kv_blob_unref(k->request);
	if (k->vault != NULL)
		kv_vault_free(k->vault);
	if (k->auth != NULL)
		kv_token_free(k->auth);
	if (k->http != NULL)
		kv_http_free(k->http);
	if (k->loop != NULL) {
		kv_timer_stop(&k->timer);
		kv_loop_free(k->loop);
	}
}

static void
end(struct kek *k, int err)
{
	k->err = err;
	kv_timer_stop(&k->timer);
	kv_loop_stop(k->loop);
}

/* What failed, before the vault's or the network's reason. */
static void
explain(struct kek *k, const char *what, const struct kv_reply *reply)
{
	kv_buf_say(&k->why, "%s: ", what);
	kv_explain(reply, kv_vault_name(k->vault), &k->why);
	if (reply->fault.message[0] != '\0' && !reply->is_of_token)
		kv_buf_say(&k->why, " (%s)", reply->fault.message);
}

/* After a lost answer: what to do before the next try. */
static void
explain_lost(struct kek *k)
{
	kv_buf_say(&k->why,
	    "; it would be billed: look for it with az keyvault key show --id https://%s/keys/%s, or at "
	    "MOUNTPOINT/keys/%s.json, before you try again",
	    kv_vault_name(k->vault), k->given->name, k->given->name);
}

/* To wait for a token has time-outs of its own, and a person may have to sign in. */
static void
overdue(void *arg)
{
	struct kek *k = arg;
	const int64_t left_ms = k->settings->timeout_ms - kv_call_sent_ms(k->call);

	if (left_ms > 0) {
		kv_timer_set(&k->timer, left_ms);
		return;
	}
	kv_call_cancel(k->call);
	k->call = NULL;
	kv_buf_say(&k->why, "%s did not answer within %lld s (-o timeout=), ", kv_vault_name(k->vault),
	    (long long)k->settings->timeout_ms / 1000);
	if (k->is_creating) {
		kv_buf_say(&k->why, "and the key %s may have been created", k->given->name);
		explain_lost(k);
	} else {
		kv_buf_say(&k->why, "so nothing was created");
	}
	end(k, -ETIMEDOUT);
}

static int
send(struct kek *k, enum kv_op op, kv_vault_done *done)
{
	const struct kv_call call = { .op = op, .type = KV_KEYS, .name = k->given->name, .blob = k->request };

	k->is_creating = op == KV_OP_CREATE;
	kv_timer_set(&k->timer, k->settings->timeout_ms);
	return kv_call_send(k->vault, &call, done, k, &k->call);
}

static int
make_request(struct kek *k)
{
	struct kv_buf body;
	int err;

	kv_buf_init(&body, 1024);
	err = kv_byok_put_create(k->given->bits, k->wall_expires, &body);
	if (err == 0)
		err = kv_blob_new(&body, &k->request);
	kv_buf_release(&body);
	return err;
}

static void
versions_answered(void *arg, struct kv_reply *reply)
{
	struct kek *k = arg;
	int err = reply->err;

	k->call = NULL;
	if (err == 0 && (reply->page->n > 0 || reply->page->next_link != NULL)) {
		kv_buf_say(&k->why,
		    "%s has a key called %s: choose a name that is not in use, because it would get a new version",
		    kv_vault_name(k->vault), k->given->name);
		end(k, -EEXIST);
		return;
	}
	if (err != 0 && err != -ENOENT) {
		explain(k, "whether the vault has a key of this name cannot be found out", reply);
		end(k, err);
		return;
	}
	err = make_request(k);
	if (err == 0)
		err = send(k, KV_OP_CREATE, create_answered);
	if (err != 0)
		end(k, err);
}

static bool
is_kek(const struct kek *k, const struct kv_json *key)
{
	const struct kv_json *ops = NULL;
	const char *kty = NULL, *op;

	if (kv_json_string(key, "kty", &kty) != 0 || kv_json_member(key, "key_ops", &ops) != 0 || kty == NULL)
		return false;
	op = kv_json_is_array(ops) && kv_json_count(ops) == 1 ? kv_json_as_string(kv_json_first(ops)) : NULL;
	(void)k;
	return strcmp(kty, "RSA-HSM") == 0 && op != NULL && strcmp(op, "import") == 0;
}

static int
put_member(struct kv_buf *out, const struct kv_json *key, const char *name, const char *before)
{
	const char *text = NULL;
	int err = kv_json_string(key, name, &text);

	if (err == 0 && text == NULL)
		err = -EBADMSG;
	if (err == 0)
		err = kv_buf_printf(out, "%s\"%s\": ", before, name);
	return err == 0 ? kv_json_quote(out, text) : err;
}

static int
put_kek(struct kek *k, const struct kv_json *root)
{
	const struct kv_json *key = NULL;
	int err = kv_json_object(root, "key", &key);

	if (err == 0 && !is_kek(k, key))
		err = -EBADMSG;
	if (err == 0)
		err = kv_buf_puts(&k->answer, "{\n  \"key\": {\n");
	if (err == 0)
		err = put_member(&k->answer, key, "kid", "    ");
	if (err == 0)
		err = kv_buf_puts(&k->answer, ",\n    \"kty\": \"RSA-HSM\",\n    \"key_ops\": [\"import\"]");
	if (err == 0)
		err = put_member(&k->answer, key, "n", ",\n    ");
	if (err == 0)
		err = put_member(&k->answer, key, "e", ",\n    ");
	return err == 0 ? kv_buf_puts(&k->answer, "\n  }\n}\n") : err;
}

static void
create_answered(void *arg, struct kv_reply *reply)
{
	struct kek *k = arg;
	int err = reply->err;

	k->call = NULL;
	if (err == 0)
		err = put_kek(k, reply->json);
	if (err != 0 && reply->err == 0) {
		kv_buf_say(&k->why,
		    "%s created a key %s, but not one for key exchange, of type RSA-HSM and for import only: delete it",
		    kv_vault_name(k->vault), k->given->name);
	} else if (err != 0 && reply->was_sent && (reply->status < 300 || reply->status >= 500)) {
		kv_buf_say(&k->why, "the key %s may have been created; ", k->given->name);
		explain(k, "the answer was lost", reply);
		explain_lost(k);
	} else if (err != 0) {
		explain(k, "the key was not created", reply);
	}
	end(k, err);
}

/* ---- the command ---- */

static void
say_done(const struct kek *k)
{
	const time_t expires = (time_t)k->wall_expires;
	char date[40] = "";
	struct tm tm;

	if (gmtime_r(&expires, &tm) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &tm);
	fprintf(stderr,
	    "kvfs: created %s in %s. It is billed as a key of an HSM. It expires on %s, but an expired one still "
	    "imports: delete it after use.\n",
	    k->given->name, kv_vault_name(k->vault), date);
}

static int
create(struct kek *k)
{
	int err = connect_to(k);

	k->wall_expires = kv_clock_wall_s() + k->given->life_s;
	if (err == 0)
		err = send(k, KV_OP_VERSIONS, versions_answered);
	if (err == 0)
		err = kv_loop_run(k->loop);
	if (err == 0)
		err = k->err;
	if (err == 0 &&
	    (fwrite(k->answer.data, 1, k->answer.len, stdout) != k->answer.len || fflush(stdout) != 0)) {
		(void)kv_byok_cmd_fail(
		    "the key %s was created, but its public half could not be written: %s; read it from "
		    "MOUNTPOINT/keys/%s.json",
		    k->given->name, strerror(errno), k->given->name);
		kv_output_give_up();
		return 1;
	}
	if (err != 0)
		return kv_byok_cmd_fail("%s", k->why.len > 0 ? kv_buf_str(&k->why) : strerror(-err));
	say_done(k);
	return 0;
}

/* Why no key is to be created; NULL: nothing. */
static const char *
find_fault(const struct kv_settings *settings)
{
	if (kv_settings_vaults(settings) != 1)
		return "a key exchange key is created in one vault: name one";
	if (settings->is_dry_run || kv_settings_vault(settings, 0)->is_dry_run)
		return "kvfs byok kek creates a key, which -o dry_run forbids: leave the option out";
	if (settings->is_read_only || kv_settings_vault(settings, 0)->is_read_only)
		return "kvfs byok kek creates a key, which -o ro forbids: leave the option out";
	return kv_settings_vault(settings, 0)->secret_fault;
}

static int
run(const struct given *given)
{
	struct kv_settings settings;
	struct kek k = { .given = given };
	const char *fault;
	int err, status = 1;

	kv_buf_init(&k.answer, (size_t)64 << 10);
	kv_buf_init(&k.why, MOST_WHY);
	if (kv_settings_parse(given->n_settings, given->settings, &settings, &k.why) != 0) {
		(void)kv_byok_cmd_fail("%s", kv_buf_str(&k.why));
	} else if ((fault = find_fault(&settings)) != NULL) {
		(void)kv_byok_cmd_fail("%s", fault);
	} else if ((err = kv_output_check()) != 0) {
		(void)kv_byok_cmd_fail(
		    "the key %s was not created, because its public half cannot be printed: "
		    "standard output: %s",
		    given->name, strerror(-err));
	} else {
		k.settings = kv_settings_vault(&settings, 0);
		kv_guard_secrets();
		kv_guard_complete_environment();
		kv_log_open(true, settings.debug);
		status = create(&k);
		disconnect(&k);
		kv_log_close();
	}
	kv_buf_release(&k.answer);
	kv_buf_release(&k.why);
	kv_settings_release(&settings);
	return status;
}

int
kv_byok_kek(int argc, char *const argv[])
{
	struct given given = { .bits = 4096, .life_s = 86400 };
	int status = read_arguments(argc, argv, &given);

	(void)signal(SIGPIPE, SIG_IGN);
	if (status == 0)
		status = run(&given);
	for (int i = 0; i < given.n_settings; i++)
		kv_buf_free_string(given.settings[i]); /* an option may be a secret */
	return status;
}
