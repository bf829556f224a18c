#include "fs/command/verify_cmd.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "client/base/buf.h"
#include "client/base/json_quote.h"
#include "fs/command/usage.h"
#include "fs/command/verify.h"

#define MOST_LINE 16384

/* Exit statuses. */
enum { COMPLETE, INCOMPLETE, ONLY_CHANGED, ERROR };

/* What would be missing without a reason. */
static void
print_odd(const struct kv_verify *v)
{
	struct kv_buf line;

	kv_buf_init(&line, MOST_LINE);
	for (size_t i = 0; i < v->archive.n_odd; i++) {
		kv_buf_clear(&line);
		kv_archive_say(&line, v->archive.odd[i].path);
		fprintf(stderr, "kvfs: %s: %s\n", kv_buf_str(&line), v->archive.odd[i].why);
	}
	kv_buf_release(&line);
}

/* What is wrong with all of it. */
static void
print_remarks(const struct kv_verify *v, const struct kv_verify_options *o)
{
	print_odd(v);
	if (v->other[0] != '\0')
		fprintf(stderr,
		    "kvfs: the archive is called as the folder of %s, %s is %s: nothing proves that an object of both is the same; with the manifest of the vault beside it, that counts\n",
		    v->other, o->mount, v->there.vault);
	else if (v->is_other_vault)
		fprintf(stderr,
		    "kvfs: the manifest of the archive is of %s, %s is %s: nothing proves that an object of both is the same\n",
		    v->kept.vault, o->mount, v->there.vault);
	if (v->is_all_gone)
		fprintf(stderr,
		    "kvfs: the vault has nothing of what the archive has: is %s the mount of the vault that was archived?\n",
		    o->mount);
	if (v->n_unchecked > 0)
		fprintf(stderr,
		    "kvfs: objects of types that %s does not show, and that are in no manifest of the archive: %zu; only the form of their files was checked: mount the vault with these types, or name a manifest by -m\n",
		    o->mount, v->n_unchecked);
	if (v->n_newer > 0)
		fprintf(stderr,
		    "kvfs: the files do not have the times of the vault: were they copied without? cp -a, rsync -t and tar keep them\n");
}

/* Of files without the times of the vault, the first stands for all. */
static void
print_text(const struct kv_verify *v)
{
	struct kv_buf line;
	size_t n_newer = 0;

	kv_buf_init(&line, MOST_LINE);
	for (size_t i = 0; i < v->n; i++) {
		if (v->items[i].is_newer && n_newer++ > 0)
			continue;
		kv_buf_clear(&line);
		kv_archive_say(&line, v->items[i].object);
		if (v->items[i].path != NULL) {
			kv_buf_say(&line, " (");
			kv_archive_say(&line, v->items[i].path);
			kv_buf_say(&line, ")");
		}
		printf("%s  %s: %s", kv_verify_name(v->items[i].finding), kv_buf_str(&line), v->items[i].why);
		if (v->items[i].is_newer && v->n_newer > 1)
			printf(", and %zu others", v->n_newer - 1);
		printf("\n");
	}
	kv_buf_release(&line);
	printf("%zu complete, %zu missing, %zu damaged, %zu changed, %zu gone from the vault", v->n_whole,
	    v->count[KV_FINDING_MISSING], v->count[KV_FINDING_DAMAGED], v->count[KV_FINDING_CHANGED],
	    v->count[KV_FINDING_GONE]);
	if (v->count[KV_FINDING_UNPROVED] > 0)
		printf(", %zu unproved", v->count[KV_FINDING_UNPROVED]);
	if (v->n_by_form > 0)
		printf("; of the complete, the SHA-256 of %zu is in no manifest", v->n_by_form);
	printf("\n");
}

static int
put_item(const struct kv_verify_item *i, struct kv_buf *out)
{
	int err = kv_buf_printf(
	    out, "{\"finding\":\"%s\",\"object\":\"%s\",\"path\":", kv_verify_name(i->finding), i->object);

	if (err == 0)
		err = kv_json_quote(out, i->path);
	if (err == 0)
		err = kv_buf_puts(out, ",\"why\":");
	if (err == 0)
		err = kv_json_quote(out, i->why);
	return err == 0 ? kv_buf_puts(out, "}") : err;
}

static int
put_vaults(const struct kv_verify *v, struct kv_buf *out)
{
	int err = kv_buf_puts(out, "\"vault\":");

	if (err == 0)
		err = kv_json_quote(out, v->there.vault);
	if (err == 0)
		err = kv_buf_puts(out, ",\"manifest_vault\":");
	if (err == 0)
		err = kv_json_quote(out, v->kept.vault);
	return err == 0 ? kv_buf_printf(out, ",\"other_vault\":%s,\"all_gone\":%s",
			      v->is_other_vault ? "true" : "false", v->is_all_gone ? "true" : "false") :
			  err;
}

/* One line, so that it can be one record of a log. */
static int
print_json(const struct kv_verify *v)
{
	struct kv_buf item;
	int err = 0;

	printf(
	    "{\"complete\":%zu,\"missing\":%zu,\"damaged\":%zu,\"changed\":%zu,\"gone\":%zu,\"unproved\":%zu,\"without_sha256\":%zu,\"unchecked\":%zu,",
	    v->n_whole, v->count[KV_FINDING_MISSING], v->count[KV_FINDING_DAMAGED],
	    v->count[KV_FINDING_CHANGED], v->count[KV_FINDING_GONE], v->count[KV_FINDING_UNPROVED],
	    v->n_by_form, v->n_unchecked);
	kv_buf_init(&item, MOST_LINE);
	err = put_vaults(v, &item);
	printf("%s,\"findings\":[", kv_buf_str(&item));
	for (size_t i = 0; err == 0 && i < v->n; i++) {
		kv_buf_clear(&item);
		err = put_item(&v->items[i], &item);
		printf("%s%s", i > 0 ? "," : "", kv_buf_str(&item));
	}
	kv_buf_release(&item);
	printf("]}\n");
	return err;
}

static int
status_of(const struct kv_verify *v)
{
	if (v->count[KV_FINDING_MISSING] > 0 || v->count[KV_FINDING_DAMAGED] > 0 ||
	    v->count[KV_FINDING_UNPROVED] > 0 || v->is_other_vault || v->is_all_gone || v->n_unchecked > 0)
		return INCOMPLETE;
	return v->count[KV_FINDING_CHANGED] > 0 ? ONLY_CHANGED : COMPLETE;
}

int
kv_verify_cmd(int argc, char *const argv[])
{
	static const struct kv_usage usage = { "verify", "[--json] [-m MANIFEST] ARCHIVE [MOUNTPOINT]" };
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct kv_verify_options o = { .manifest = NULL };
	struct kv_verify verify;
	bool is_json = false;
	int c, err, status = ERROR;

	optind = 0;
	while ((c = kv_usage_option(&usage, argc, argv, ":m:", longs)) != -1) {
		if (c == '?')
			return ERROR;
		if (c == 'm')
			o.manifest = optarg;
		else
			is_json = true;
	}
	if (argc - optind < 1 || argc - optind > 2) {
		if (argc == optind)
			kv_usage_refuse(&usage, "no archive is given");
		else
			kv_usage_refuse(&usage, "too many arguments: '%s'", argv[optind + 2]);
		return ERROR;
	}
	o.archive = argv[optind];
	o.mount = argc - optind == 2 ? argv[optind + 1] : NULL;
	err = kv_verify_make(&o, &verify);
	if (err == 0)
		print_remarks(&verify, &o);
	if (err == 0 && is_json)
		err = print_json(&verify);
	else if (err == 0)
		print_text(&verify);
	if (err == 0)
		status = status_of(&verify);
	kv_verify_release(&verify);
	return status;
}
