/*
 * Receipts.
 *
 * Those of this mount are in memory, by digest; those of earlier ones in the index, by digest and by
 * path. To check one, the listing is asked first: an object whose updated is that of the restored
 * version has not been touched since. Any other is looked for by its version, which is no restore.
 */
#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/finder.h"
#include "cache/listing.h"
#include "fs/restore/upload.h"
#include "fs/restore/receipt.h"

struct kv_receipts {
	struct kv_mount *mount;
	void *kept; /* tsearch(3) of struct kv_receipt by digest and type */
};

struct kv_receipt_check {
	struct kv_receipts *receipts;
	struct kv_receipt receipt;
	struct kv_caller caller;
	struct kv_timer later;
	struct kv_generation_wait *wait;
	struct kv_finder *finder;
	kv_receipts_checked *done;
	void *arg;
};

/* ---- by the bytes ---- */

static int
compare(const void *a, const void *b)
{
	const struct kv_receipt *x = a, *y = b;
	const int order = memcmp(x->digest, y->digest, KV_DIGEST_LEN);

	return order != 0 ? order : (int)x->type - (int)y->type;
}

/* That there is no memory for a receipt costs no more than a needless request later. */
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
	return found != NULL || kv_index_find_digest(rs->mount->index, digest, type, receipt);
}

/* ---- by the path ---- */

/* "keys/db.blob": name in folder, below restore/. False where it is too long to be remembered. */
static bool
path_of(const struct kv_node *folder, const char *name, char path[PATH_MAX])
{
	char rest[PATH_MAX];
	int n = snprintf(path, PATH_MAX, "%s", name);

	for (; n < PATH_MAX && folder != NULL && folder->name != NULL; folder = folder->parent) {
		memcpy(rest, path, (size_t)n + 1);
		n = snprintf(path, PATH_MAX, "%s/%s", folder->name, rest);
	}
	return n < PATH_MAX;
}

static bool
is_receipt(const struct kv_node *node)
{
	return node->kind == KV_NODE_DROP_FILE && node->parent != NULL && node->drop->state == KV_DROP_DONE &&
	    node->drop->receipt.name[0] != '\0' && !kv_drop_is_staging(node->name);
}

void
kv_receipts_note(struct kv_receipts *rs, const struct kv_node *node)
{
	char path[PATH_MAX];
	struct kv_receipt receipt;

	if (rs->mount->index == NULL || !is_receipt(node) || !path_of(node->parent, node->name, path))
		return;
	receipt = node->drop->receipt;
	receipt.size = kv_drop_size(node->drop);
	receipt.wall_mtime_ns = node->drop->wall_mtime_ns;
	receipt.mode = node->drop->mode;
	kv_index_keep_receipt(rs->mount->index, path, &receipt);
}

void
kv_receipts_forget(struct kv_receipts *rs, const struct kv_node *node)
{
	char path[PATH_MAX];

	if (rs->mount->index != NULL && is_receipt(node) && path_of(node->parent, node->name, path))
		kv_index_keep_receipt(rs->mount->index, path, NULL);
}

bool
kv_receipts_find_path(
    struct kv_receipts *rs, const struct kv_node *folder, const char *name, struct kv_receipt *receipt)
{
	char path[PATH_MAX];

	return rs->mount->index != NULL && path_of(folder, name, path) &&
	    kv_index_find_path(rs->mount->index, path, receipt);
}

/* ---- whether it is there ---- */

bool
kv_receipts_is_listed(struct kv_receipts *rs, const struct kv_receipt *receipt)
{
	struct kv_listing *listing = rs->mount->listings[receipt->type];
	struct kv_object *object;

	if (listing == NULL || kv_listing_find(listing, receipt->name, &object) != 0)
		return false;
	return object->mono_added != 0 || /* restored in this mount, and in no list yet */
	    (receipt->wall_updated != 0 && object->wall_updated == receipt->wall_updated);
}

static void
end(struct kv_receipt_check *c, int err)
{
	c->done(c->arg, err);
	kv_receipts_cancel(c);
}

static void
versions_known(void *arg, int err, const struct kv_versions *versions)
{
	struct kv_receipt_check *c = arg;

	c->finder = NULL;
	if (err == 0 && !versions->has_version)
		err = -ENOENT;
	end(c, err);
}

static void
look(void *arg)
{
	struct kv_receipt_check *c = arg;
	int err;

	if (kv_receipts_is_listed(c->receipts, &c->receipt)) {
		end(c, 0);
		return;
	}
	err = kv_finder_versions(c->receipts->mount->throttle, c->receipt.type, c->receipt.name,
	    c->receipt.version, &c->caller, versions_known, c, &c->finder);
	if (err != 0)
		end(c, err);
}

static void
listed(void *arg, int err, const struct kv_reply *reply)
{
	struct kv_receipt_check *c = arg;

	(void)err; /* without a listing the versions tell */
	(void)reply;
	c->wait = NULL;
	look(c);
}

int
kv_receipts_check(struct kv_receipts *rs, const struct kv_receipt *receipt, const struct kv_caller *caller,
    kv_receipts_checked *done, void *arg, struct kv_receipt_check **check)
{
	struct kv_listing *listing = rs->mount->listings[receipt->type];
	struct kv_receipt_check *c;
	int err = 0;

	*check = NULL;
	if (listing == NULL)
		return -ENOENT;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->receipts = rs;
	c->receipt = *receipt;
	c->caller = *caller;
	c->done = done;
	c->arg = arg;
	kv_timer_init(&c->later, rs->mount->loop, look, c);
	if (kv_listing_is_serving(listing))
		kv_timer_set(&c->later, 0);
	else
		err = kv_listing_wait_for(listing, receipt->name, listed, c, &c->wait);
	if (err != 0) {
		kv_receipts_cancel(c);
		return err;
	}
	*check = c;
	return 0;
}

void
kv_receipts_cancel(struct kv_receipt_check *c)
{
	if (c == NULL)
		return;
	kv_timer_stop(&c->later);
	kv_generation_cancel(c->wait);
	kv_finder_cancel(c->finder);
	free(c);
}

struct kv_receipts *
kv_receipts_new(struct kv_mount *mount)
{
	struct kv_receipts *rs = calloc(1, sizeof(*rs));

	if (rs != NULL)
		rs->mount = mount;
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
