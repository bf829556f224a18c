/*
 * Names of objects and types contain only letters, digits and '-', so nothing needs quoting.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cache/list/catalog.h"
#include "cache/list/listing.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/refusal.h"
#include "client/vault/vault.h"
#include "fs/control/manifest.h"
#include "fs/control/report.h"

#define TYPICAL_LINE 160 /* bytes per object */
#define MOST_WHY     500

/* ---- what is skipped ---- */

struct skipping {
	const struct kv_branch *branch;
	char folder[80]; /* before each line: "estate/" or "" */
	struct kv_buf *text;
	int err;
};

/*
 * Only the kind of the failure is kept for each object, so the sentence has the details that all objects of a
 * type share.
 */
static int
put_refused(struct skipping *s, const struct kv_object *o)
{
	const char *type = kv_type_name(o->type);
	char action[80], permission[40];
	const struct kv_refusal refusal = { .row = o->cause,
		.who = kv_vault_name(s->branch->volume->vault),
		.action = action,
		.permission = permission };
	struct kv_buf why;
	int err;

	snprintf(action, sizeof(action), "Microsoft.KeyVault/%s/%s/backup/action",
	    s->branch->settings->is_hsm ? "managedHsm" : "vaults", type);
	snprintf(permission, sizeof(permission), "%s backup", type);
	kv_buf_init(&why, MOST_WHY);
	if (o->cause != NULL)
		kv_refusal_say(&refusal, &why);
	err = kv_buf_printf(s->text, "%s%s/%s\tno backup: %s (%s)\n", s->folder, type, o->name,
	    kv_err_name(o->refused), why.len > 0 ? kv_buf_str(&why) : strerror(-o->refused));
	kv_buf_release(&why);
	return err;
}

static void
skip_one(void *arg, struct kv_object *o)
{
	struct skipping *s = arg;
	const char *type = kv_type_name(o->type);

	if (s->err != 0 || o->is_gone)
		return;
	if (o->is_external)
		s->err = kv_buf_printf(s->text,
		    "%s%s/%s\tnot shown: an external key, of which the HSM holds only a reference; a restore of it "
		    "could degrade the HSM\n",
		    s->folder, type, o->name);
	else if (o->is_managed && s->branch->volume->listings[KV_CERTIFICATES] != NULL)
		s->err =
		    kv_buf_printf(s->text, "%s%s/%s\tnot shown: the backup of certificates/%s holds it\n",
			s->folder, type, o->name, o->name);
	else if (o->is_managed)
		s->err = kv_buf_printf(s->text,
		    "%s%s/%s\tnot shown, and not in this mount: the backup of certificates/%s holds it (-o types=)\n",
		    s->folder, type, o->name, o->name);
	else if (o->refused != 0)
		s->err = put_refused(s, o);
}

int
kv_manifest_skipped(const struct kv_scope *scope, struct kv_buf *text)
{
	struct skipping s = { .text = text };

	KV_SCOPE_EACH(b, scope) {
		s.branch = b;
		if (scope->only == NULL)
			snprintf(s.folder, sizeof(s.folder), "%s/", b->settings->folder);
		for (int t = 0; t < KV_TYPES; t++)
			if (b->volume->listings[t] != NULL)
				kv_catalog_each(kv_listing_catalog(b->volume->listings[t]), skip_one, &s);
	}
	return s.err;
}

/* ---- manifest ---- */

/* Write digest as a JSON string, or null. */
static void
write_hex(const unsigned char *digest, bool is_known, char out[2 * KV_DIGEST_LEN + 3])
{
	static const char hex[] = "0123456789abcdef";
	char *at = out;

	*at++ = '"';
	for (int i = 0; i < KV_DIGEST_LEN; i++) {
		*at++ = hex[digest[i] >> 4];
		*at++ = hex[digest[i] & 15];
	}
	memcpy(at, "\"", 2);
	if (!is_known)
		memcpy(out, "null", sizeof("null"));
}

static int
put_object(const struct kv_object *o, const char *folder, struct kv_buf *text)
{
	char updated[KV_REPORT_TIME], expires[KV_REPORT_TIME], size[24] = "null",
							       digest[2 * KV_DIGEST_LEN + 3];

	kv_report_time(o->wall_updated, updated);
	kv_report_time(o->wall_expires, expires);
	if (o->size >= 0)
		snprintf(size, sizeof(size), "%" PRId64, o->size);
	write_hex(o->digest, o->has_digest, digest);
	return kv_buf_printf(text,
	    "{%s\"type\":\"%s\",\"name\":\"%s\",\"updated\":%s,\"enabled\":%s,\"expires\":%s,"
	    "\"size\":%s,\"sha256\":%s}\n",
	    folder, kv_type_name(o->type), o->name, updated, o->is_enabled ? "true" : "false", expires, size,
	    digest);
}

/* When the oldest listing was started. */
static int64_t
wall_listed(const struct kv_branch *branch)
{
	int64_t age_ms = 0;

	for (int t = 0; t < KV_TYPES; t++)
		if (branch->volume->listings[t] != NULL &&
		    kv_listing_age_ms(branch->volume->listings[t]) > age_ms)
			age_ms = kv_listing_age_ms(branch->volume->listings[t]);
	return kv_clock_wall_s() - age_ms / 1000;
}

static int
put_objects(const struct kv_branch *branch, const char *folder, struct kv_buf *text)
{
	int err = 0;

	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		struct kv_object *const *objects;
		bool is_complete;
		size_t n = 0;

		if (branch->volume->listings[t] == NULL)
			continue;
		objects = kv_listing_view(branch->volume->listings[t], &n, NULL, &is_complete);
		if (!is_complete)
			err = -EAGAIN;
		for (size_t i = 0; err == 0 && i < n; i++)
			if (!objects[i]->is_gone && !objects[i]->is_managed)
				err = put_object(objects[i], folder, text);
	}
	return err;
}

/* folder: a member of each line, "\"folder\":\"a\"," or "". */
static int
put_manifest(const struct kv_branch *branch, const char *folder, size_t n, struct kv_buf *text)
{
	char listed[KV_REPORT_TIME];
	int err = kv_report_vault(branch, text);

	kv_report_time(wall_listed(branch), listed);
	if (err == 0)
		err = kv_buf_printf(text, ",%s\"listed\":%s,\"objects\":%zu}\n", folder, listed, n);
	return err == 0 ? put_objects(branch, folder, text) : err;
}

int
kv_manifest(const struct kv_scope *scope, struct kv_buf *text)
{
	/* One large block, which free() returns to the system. */
	int err = kv_buf_reserve(text, (kv_report_count(scope).n_all + 1) * TYPICAL_LINE);

	KV_SCOPE_EACH(b, scope) {
		const struct kv_scope one = { scope->mount, b };
		char folder[100] = "";

		if (scope->only == NULL)
			snprintf(folder, sizeof(folder), "\"folder\":\"%s\",", b->settings->folder);
		if (err == 0)
			err = put_manifest(b, folder, kv_report_count(&one).n_all, text);
	}
	return err;
}
