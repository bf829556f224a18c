/*
 * Importing one package.
 *
 *	start -> no package, of another vault, …: EINVAL, nothing is sent
 *	   |
 *	   +-> read the versions that the key has -> import once -> 200: a new version, or a new key
 *	                                                 |
 *	                                                 +-> a refusal: the vault made nothing
 *	                                                 +-> anything else: read the versions again; EIO, and the log
 *	                                                     names those that are new
 *
 * An import into a name that exists is a new version and no error, so nothing shows that an import has happened before:
 * it is sent once. A lost answer is left to the user, who gets what can be found out.
 */
#include "fs/import/key_import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/base/clock.h"
#include "client/base/crypto.h"
#include "client/base/json.h"
#include "client/base/log.h"
#include "client/base/refusal_rows.h"
#include "client/vault/audit.h"
#include "client/vault/explain.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/submit.h"
#include "fs/import/seen.h"
#include "fs/import/target.h"

#define MOST_BODY (2 * KV_BYOK_MAX)
#define MOST_WHY  2048

struct key_import {
	struct kv_submit submit;
	struct kv_target target;
	char kek[KV_NAME_MAX + 1]; /* "" for an opaque package */
	struct kv_seen *seen;
	bool is_known;	      /* which versions the key had before */
	bool existed;	      /* it had some */
	struct kv_reply lost; /* the import's, while the versions are read again */
	char why_lost[400];   /* what was wrong with an answer; "": there was none */
};

static void before_answered(void *, int, size_t, size_t, const struct kv_reply *);
static void import_answered(void *, struct kv_reply *);
static void after_answered(void *, int, size_t, size_t, const struct kv_reply *);

static struct kv_volume *
volume_of(const struct key_import *i)
{
	return i->submit.dropbox->branch->volume;
}

static struct kv_call
call_of(const struct key_import *i)
{
	return (struct kv_call){ .op = KV_OP_IMPORT,
		.type = KV_KEYS,
		.name = i->target.name,
		.blob = i->submit.blob,
		.caller = i->submit.question.caller };
}

static void
fail(struct key_import *i, const struct kv_reply *reply, int err, const char *why)
{
	const struct kv_call call = call_of(i);
	struct kv_reply failed = *reply;

	failed.err = err;
	kv_audit_failure(volume_of(i)->vault, &call, &failed, why);
	kv_submit_end(&i->submit, err);
}

/* ---- the versions before ---- */

/* A failure that can pass would meet the import, too; here nothing has been sent yet. */
static bool
is_of_the_way(int err, const struct kv_reply *reply)
{
	return err != 0 &&
	    (reply == NULL || reply->status == 0 || reply->status == 401 ||
		kv_err_is_temporary(reply->status));
}

static void
send_import(struct key_import *i)
{
	const struct kv_task task = { .call = call_of(i),
		.priority = KV_RESTORE,
		.is_quiet = true,
		.mono_deadline = i->submit.question.mono_deadline };
	int err;

	i->submit.mono_sent = kv_clock_mono_ms();
	err = kv_throttle_send(volume_of(i)->throttle, &task, import_answered, i, &i->submit.ticket);
	if (err != 0) {
		kv_dropbox_log(i->submit.dropbox, i->submit.name, &i->submit.question.caller, err, NULL);
		kv_submit_end(&i->submit, err);
	}
}

void
kv_key_import_send(struct kv_submit *submit)
{
	struct key_import *i = (struct key_import *)submit;
	int err;

	if (submit->question.mono_deadline == 0)
		submit->question.mono_deadline =
		    kv_clock_mono_ms() + submit->dropbox->branch->settings->timeout_ms;
	i->seen = kv_seen_new(volume_of(i)->throttle, i->target.name);
	err = i->seen != NULL ? kv_seen_read(i->seen, &submit->question, before_answered, i) : -ENOMEM;
	if (err == -EACCES) {
		send_import(i);
	} else if (err != 0) {
		kv_dropbox_log(submit->dropbox, submit->name, &submit->question.caller, err, NULL);
		kv_submit_end(submit, err);
	}
}

static void
before_answered(void *arg, int err, size_t n, size_t n_new, const struct kv_reply *reply)
{
	struct key_import *i = arg;

	(void)n_new;
	if (is_of_the_way(err, reply)) {
		fail(i, reply, err, NULL);
		return;
	}
	i->is_known = err == 0;
	i->existed = err == 0 && n > 0;
	send_import(i);
}

/* ---- the answer ---- */

/* Whether the key is protected as it was asked for: in the HSM. */
static bool
is_protected(const struct key_import *i, const struct kv_reply *reply)
{
	const struct kv_json *key = NULL;
	const char *kty = NULL;

	if (kv_json_object(reply->json, "key", &key) != 0 || kv_json_string(key, "kty", &kty) != 0)
		return false;
	return kty != NULL && strcmp(kty, i->target.type->kty) == 0;
}

static void
succeed(struct key_import *i, const struct kv_reply *reply)
{
	struct kv_dropbox *box = i->submit.dropbox;
	char text[256];

	if (!is_protected(i, reply)) {
		fail(i, reply, -EBADMSG,
		    "the vault imported the key, but not as the type that was requested: it may not be in the HSM; "
		    "check it, and delete it if it is not");
		return;
	}
	snprintf(text, sizeof(text), "%s the key %s, version %s, of type %s",
	    i->existed	    ? "imported as a new version of" :
		i->is_known ? "imported as" :
			      "imported as, or as a new version of,",
	    reply->item->name, reply->item->version, i->target.type->kty);
	/* a new version is used by every program that uses the key */
	if (i->existed || !i->is_known)
		kv_dropbox_log(box, i->submit.name, &i->submit.question.caller, 0, text);
	else
		kv_dropbox_log_usual(box, i->submit.name, &i->submit.question.caller, text);
	box->branch->n_imported++;
	kv_submit_succeed(&i->submit, KV_KEYS, reply->item);
}

/* The service does not say that it is the KEK that it lacks, or that the package does not fit it. */
static void
refused(struct key_import *i, const struct kv_reply *reply)
{
	const bool is_vague = reply->status == 404 ||
	    (reply->status == 400 && kv_refusal_find(reply->status, &reply->fault)->remedy == NULL);
	struct kv_buf why;

	if (!is_vague || i->kek[0] == '\0' || reply->is_of_proxy) {
		fail(i, reply, reply->err, NULL);
		return;
	}
	kv_buf_init(&why, MOST_WHY);
	kv_explain(reply, kv_vault_name(volume_of(i)->vault), &why);
	kv_buf_say(&why,
	    "; the package was encrypted with the key %s: check that this version of it still exists, can do nothing but "
	    "import, and is what the package was made with",
	    i->kek);
	fail(i, reply, reply->err, kv_buf_str(&why));
	kv_buf_release(&why);
}

/* Whether the vault may have imported the key although it did not answer so. */
static bool
may_have_happened(const struct kv_reply *reply)
{
	return reply->was_sent && (reply->status < 300 || reply->status >= 500 || reply->status == 408);
}

static void
import_answered(void *arg, struct kv_reply *reply)
{
	struct key_import *i = arg;

	i->submit.question.mono_deadline = kv_throttle_deadline(i->submit.ticket);
	i->submit.ticket = NULL;
	if (reply->err == 0) {
		succeed(i, reply);
		return;
	}
	if (!may_have_happened(reply)) {
		refused(i, reply);
		return;
	}
	i->submit.is_in_doubt = true;
	i->lost = *reply;
	snprintf(i->why_lost, sizeof(i->why_lost), "%s", reply->status != 0 ? reply->why : "");
	i->lost.why = "";
	i->lost.page = NULL;
	i->lost.json = NULL;
	i->lost.item = NULL;
	i->submit.question.mono_deadline =
	    0; /* a time-out of its own: the import may have used up the other */
	if (!i->is_known || kv_seen_read(i->seen, &i->submit.question, after_answered, i) != 0)
		after_answered(i, -EACCES, 0, 0, NULL);
}

static void
after_answered(void *arg, int err, size_t n, size_t n_new, const struct kv_reply *reply)
{
	struct key_import *i = arg;
	struct kv_buf why, found;

	(void)n;
	(void)reply;
	kv_buf_init(&why, MOST_WHY);
	kv_buf_init(&found, MOST_WHY / 2);
	if (err != 0) {
		kv_buf_say(&found, "which versions it has is not known");
	} else if (n_new == 0) {
		kv_buf_say(&found, "no version of it has appeared since");
	} else {
		kv_buf_say(&found, "since then it has the new version%s ", n_new > 1 ? "s" : "");
		kv_seen_say_new(i->seen, &found);
		kv_buf_say(&found, ", of this import or of another client's");
	}
	kv_buf_say(&why,
	    "the answer was lost%s%s%s, and the key may have been imported: %s; it was sent once and is not repeated: "
	    "check the key before you try again",
	    i->why_lost[0] != '\0' ? " (" : "", i->why_lost, i->why_lost[0] != '\0' ? ")" : "",
	    kv_buf_str(&found));
	fail(i, &i->lost, -EIO, kv_buf_str(&why));
	kv_buf_release(&why);
	kv_buf_release(&found);
}

/* ---- the interface ---- */

bool
kv_key_import_may_begin(const unsigned char *data, size_t len, const struct kv_drop *folder)
{
	(void)folder;
	return kv_byok_may_begin(data, len);
}

/* A package may be imported under several names, so the name is part of what its receipt is found by. */
static int
digest_of(const struct kv_target *target, const struct kv_blob *blob, unsigned char digest[KV_DIGEST_LEN])
{
	struct kv_buf text;
	int err;

	kv_buf_init(&text, 512);
	err = kv_buf_printf(&text, "import/%s/", target->name);
	for (size_t k = 0; k < text.len; k++)
		text.data[k] =
		    (unsigned char)(text.data[k] >= 'A' && text.data[k] <= 'Z' ? text.data[k] + ('a' - 'A') :
										 text.data[k]);
	if (err == 0)
		err = kv_buf_append(&text, blob->digest, KV_DIGEST_LEN);
	if (err == 0)
		err = kv_crypto_sha256(text.data, text.len, digest);
	kv_buf_release(&text);
	return err;
}

static int
check(const struct kv_drop *file, const struct kv_drop *folder, const char *name, struct kv_target *target,
    struct kv_byok *byok, struct kv_buf *why)
{
	const struct kv_volume_options *o = &file->dropbox->branch->volume->options;
	const struct kv_buf *data = &file->upload->data;
	const struct kv_url *vault = o->any_host ? NULL : o->public.host[0] != '\0' ? &o->public : &o->origin;
	struct kv_buf reason;
	int err = kv_target_find(folder, name, target, why);

	if (err != 0)
		return err;
	kv_buf_init(&reason, 512);
	err = kv_byok_parse(data->data, data->len, byok, &reason);
	if (err == 0)
		err = kv_byok_check(byok, vault, target->type, &reason);
	if (err == -EINVAL)
		kv_buf_say(why, "this file %s", kv_buf_str(&reason));
	kv_buf_release(&reason);
	return err;
}

static int
start(struct kv_drop *file, struct kv_drop *folder, const char *name, const struct kv_caller *caller,
    const struct kv_target *target, const char *kek, struct kv_buf *body)
{
	struct kv_submit *submit;
	struct key_import *i;
	int err = kv_submit_new(sizeof(*i), file, folder, name, caller, body, &submit);
	bool has_receipt;

	if (err != 0)
		return err;
	i = (struct key_import *)submit;
	i->target = *target;
	snprintf(i->kek, sizeof(i->kek), "%s", kek);
	/* without memory, the digest remains one by which nothing is found */
	has_receipt = digest_of(target, submit->blob, submit->digest) == 0 &&
	    kv_receipts_find(file->dropbox->receipts, submit->digest, KV_KEYS, &submit->receipt);
	kv_submit_begin(submit, has_receipt);
	return 0;
}

int
kv_key_import_start(struct kv_drop *file, struct kv_drop *folder, const char *name,
    const struct kv_caller *caller, struct kv_buf *why)
{
	struct kv_target target;
	struct kv_byok byok;
	struct kv_buf body;
	int err = check(file, folder, name, &target, &byok, why);

	if (err == 0 && file->dropbox->branch->settings->is_dry_run) {
		kv_submit_pretend(file, name, KV_KEYS, caller, "dry_run: would be imported");
		return 0;
	}
	kv_buf_init(&body, MOST_BODY);
	if (err == 0)
		err = kv_byok_put_request(
		    target.type, file->upload->data.data, file->upload->data.len, &byok, &body);
	if (err == 0)
		err = start(file, folder, name, caller, &target, byok.kek.name, &body);
	kv_buf_release(&body);
	return err;
}

void
kv_key_import_release(struct kv_submit *submit)
{
	kv_seen_free(((struct key_import *)submit)->seen);
}
