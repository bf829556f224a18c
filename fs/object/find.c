#include <errno.h>
#include <string.h>

#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "cache/list/lookup.h"
#include "client/base/clock.h"
#include "fs/mount/entry.h"
#include "fs/mount/request.h"
#include "fs/object/file.h"
#include "fs/object/find.h"

#define RECOVERED_MS 10000

/* A LOOKUP that waits for the listing or the vault. */
struct find {
	struct kv_request request;
	struct kv_objects *objects;
	enum kv_kind kind;
	struct kv_lookup *lookup;
};

/* "NAME.blob" to "NAME" and KV_KIND_BLOB; -ENOENT if it cannot be a file of an object of this type. */
static int
object_name(const char *file_name, enum kv_type type, char name[KV_NAME_MAX + 1], enum kv_kind *kind)
{
	const char *suffix = strrchr(file_name, '.');
	const size_t n = suffix != NULL ? (size_t)(suffix - file_name) : 0;

	*kind = KV_KIND_BLOB;
	if (n == 0 || n > KV_NAME_MAX)
		return -ENOENT;
	while (*kind < KV_KINDS && strcmp(suffix, kv_object_suffix(*kind)) != 0)
		++*kind;
	memcpy(name, file_name, n);
	name[n] = '\0';
	return *kind < KV_KINDS && kv_file_has_kind(type, *kind) && kv_type_is_name(name) ? 0 : -ENOENT;
}

static void
reply(struct kv_objects *os, enum kv_kind kind, fuse_req_t req, int err, struct kv_object *object)
{
	struct kv_file *file = err == 0 ? kv_file_of_kind(os, object, kind) : NULL;

	if (file != NULL)
		kv_entry_reply(&file->node, req);
	else
		fuse_reply_err(req, err != 0 ? -err : ENOMEM);
}

static void
release(struct kv_request *request)
{
	kv_lookup_cancel(((struct find *)request)->lookup);
}

static void
lookup_answered(void *arg, int err, struct kv_object *object)
{
	struct find *f = arg;

	f->lookup = NULL;
	reply(f->objects, f->kind, kv_request_take(&f->request), err, object);
	kv_request_free(&f->request);
}

static void
ask(struct kv_objects *os, enum kv_type type, fuse_req_t req, const char *name, enum kv_kind kind)
{
	struct kv_volume *v = os->branch->volume;
	struct find *f = kv_request_new(os->branch->mount, req, sizeof(*f), release);
	int err;

	if (f == NULL)
		return;
	f->objects = os;
	f->kind = kind;
	err = kv_lookup_find(
	    v->loop, v->listings[type], v->absent, name, &f->request.caller, lookup_answered, f, &f->lookup);
	if (err != 0)
		kv_request_finish(&f->request, err);
}

/*
 * mv(1) moves deleted/keys/NAME to keys/NAME, and with several sources it then calls lstat(2) for keys/NAME, to detect
 * that another source would replace it. So the name without a suffix exists for a moment. The kernel must not cache it.
 */
static bool
answer_recovered(struct kv_objects *os, enum kv_type type, fuse_req_t req, const char *name)
{
	struct fuse_entry_param entry;
	struct kv_object *object = NULL;
	struct kv_file *file;

	if (!kv_type_is_name(name) ||
	    kv_listing_find(os->branch->volume->listings[type], name, &object) != 0 ||
	    object->mono_recovered == 0 || kv_clock_mono_ms() - object->mono_recovered >= RECOVERED_MS)
		return false;
	file = kv_file_of_kind(os, object, KV_KIND_BLOB);
	if (file == NULL)
		return false;
	kv_entry_fill(&file->node, &entry);
	entry.entry_timeout = 0;
	kv_tree_looked_up(&file->node);
	if (fuse_reply_entry(req, &entry) != 0)
		kv_tree_forget(&file->node, 1);
	return true;
}

void
kv_find(struct kv_objects *os, enum kv_type type, fuse_req_t req, const char *file_name)
{
	struct kv_listing *listing = os->branch->volume->listings[type];
	char name[KV_NAME_MAX + 1];
	struct kv_object *object = NULL;
	enum kv_kind kind;
	int err = object_name(file_name, type, name, &kind);

	if (err != 0 && answer_recovered(os, type, req, file_name))
		return;
	if (err == 0)
		err = os->branch->settings->is_listless ? kv_listing_mention(listing, name, &object) :
							  kv_listing_find(listing, name, &object);
	else if (kv_listing_failure(listing) != 0) /* a literal "*.blob" from a shell whose readdir failed */
		err = kv_listing_failure(listing);
	if (err == -EAGAIN && kv_listing_is_serving(listing) &&
	    kv_absent_has(os->branch->volume->absent, type, name))
		err = -ENOENT;
	if (err == -EAGAIN)
		ask(os, type, req, name, kind);
	else
		reply(os, kind, req, err, object);
}
