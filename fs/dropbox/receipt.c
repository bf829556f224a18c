/*
 * Receipts of this mount are in memory, keyed by digest; those of earlier mounts are in the index, keyed by
 * digest and by path.
 */
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/dropbox/drop.h"
#include "fs/dropbox/dropbox.h"
#include "fs/dropbox/receipt.h"
#include "fs/dropbox/upload.h"

struct kv_receipts {
	struct kv_receipt_rows *rows;
	void *kept; /* tsearch(3) of struct kv_receipt by digest and type */
};

/* ---- by bytes ---- */

static int
compare(const void *a, const void *b)
{
	const struct kv_receipt *x = a, *y = b;
	const int order = memcmp(x->digest, y->digest, KV_DIGEST_LEN);

	return order != 0 ? order : (int)x->type - (int)y->type;
}

/* If memory runs out, the only cost is a needless request later. */
void
kv_receipts_keep(struct kv_receipts *rs, const struct kv_receipt *receipt)
{
	struct kv_receipt *copy = malloc(sizeof(*copy)), **slot;

	if (copy == NULL)
		return;
	*copy = *receipt;
	slot = tsearch(copy, &rs->kept, compare);
	if (slot == NULL || *slot != copy) {
		if (slot != NULL)
			**slot = *receipt;
		free(copy);
	}
}

bool
kv_receipts_find(struct kv_receipts *rs, const unsigned char digest[KV_DIGEST_LEN], enum kv_type type,
    struct kv_receipt *receipt)
{
	struct kv_receipt probe = { .type = type };
	struct kv_receipt *const *found;

	memcpy(probe.digest, digest, KV_DIGEST_LEN);
	found = tfind(&probe, &rs->kept, compare);
	if (found != NULL)
		*receipt = **found;
	return found != NULL || kv_receipt_rows_find_digest(rs->rows, digest, type, receipt);
}

/* ---- by path ---- */

bool
kv_receipts_path(const struct kv_drop *folder, const char *name, char *path)
{
	const char *prefix;
	char rest[PATH_MAX];
	int n = snprintf(path, PATH_MAX, "%s", name);

	if (folder == NULL || kv_drop_is_removed(folder))
		return false;
	prefix = folder->dropbox->kind->prefix;
	for (; n < PATH_MAX && folder != NULL && folder->name != NULL; folder = folder->parent) {
		memcpy(rest, path, (size_t)n + 1);
		n = snprintf(path, PATH_MAX, "%s/%s", folder->name, rest);
	}
	if (n < PATH_MAX && prefix[0] != '\0') {
		memcpy(rest, path, (size_t)n + 1);
		n = snprintf(path, PATH_MAX, "%s%s", prefix, rest);
	}
	return n < PATH_MAX;
}

void
kv_receipts_note(struct kv_receipts *rs, const struct kv_drop *file)
{
	const struct kv_upload *u = file->upload;
	char path[PATH_MAX];
	struct kv_receipt receipt;

	if (u->state != KV_UPLOAD_DONE || u->receipt.name[0] == '\0' || kv_upload_is_staging(file->name) ||
	    !kv_receipts_path(file->parent, file->name, path))
		return;
	receipt = u->receipt;
	receipt.size = kv_upload_size(u);
	receipt.wall_mtime_ns = u->wall_mtime_ns;
	receipt.mode = u->mode;
	kv_receipt_rows_keep(rs->rows, path, &receipt);
}

void
kv_receipts_forget(struct kv_receipts *rs, const struct kv_drop *folder, const char *name)
{
	char path[PATH_MAX];

	if (kv_receipts_path(folder, name, path))
		kv_receipt_rows_keep(rs->rows, path, NULL);
}

void
kv_receipts_forget_below(struct kv_receipts *rs, const struct kv_drop *folder, const char *name)
{
	char path[PATH_MAX];

	if (kv_receipts_path(folder, name, path))
		kv_receipt_rows_move(rs->rows, path, NULL);
}

void
kv_receipts_move_below(struct kv_receipts *rs, const struct kv_drop *folder, const char *name,
    const struct kv_drop *to, const char *to_name)
{
	char from_path[PATH_MAX], to_path[PATH_MAX];

	if (kv_receipts_path(folder, name, from_path))
		kv_receipt_rows_move(
		    rs->rows, from_path, kv_receipts_path(to, to_name, to_path) ? to_path : NULL);
}

bool
kv_receipts_find_path(
    struct kv_receipts *rs, const struct kv_drop *folder, const char *name, struct kv_receipt *receipt)
{
	char path[PATH_MAX];

	return kv_receipts_path(folder, name, path) && kv_receipt_rows_find_path(rs->rows, path, receipt);
}

/* ---- the whole ---- */

struct kv_receipts *
kv_receipts_new(struct kv_receipt_rows *rows)
{
	struct kv_receipts *rs = calloc(1, sizeof(*rs));

	if (rs != NULL)
		rs->rows = rows;
	return rs;
}

void
kv_receipts_free(struct kv_receipts *rs)
{
	if (rs == NULL)
		return;
	tdestroy(rs->kept, free);
	free(rs);
}
