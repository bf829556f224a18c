#include <errno.h>
#include <string.h>

#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "cache/list/lookup.h"
#include "fs/mount/entry.h"
#include "fs/mount/request.h"
#include "fs/object/file.h"
#include "fs/object/find.h"

/* A LOOKUP that waits for the listing or the vault. */
struct find {
	struct kv_request request;
	struct kv_objects *objects;
	struct kv_lookup *lookup;
};

/* "NAME.blob" to "NAME"; -ENOENT if it cannot be an object's file. */
static int
object_name(const char *file_name, char name[KV_NAME_MAX + 1])
{
	const size_t n = strlen(file_name), suffix = strlen(KV_FILE_SUFFIX);

	if (n <= suffix || n - suffix > KV_NAME_MAX || strcmp(file_name + n - suffix, KV_FILE_SUFFIX) != 0)
		return -ENOENT;
	memcpy(name, file_name, n - suffix);
	name[n - suffix] = '\0';
	return kv_type_is_name(name) ? 0 : -ENOENT;
}

static void
reply(struct kv_objects *os, fuse_req_t req, int err, struct kv_object *object)
{
	struct kv_file *file = err == 0 ? kv_file_of(os, object) : NULL;

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
	reply(f->objects, kv_request_take(&f->request), err, object);
	kv_request_free(&f->request);
}

static void
ask(struct kv_objects *os, enum kv_type type, fuse_req_t req, const char *name)
{
	struct kv_volume *v = os->branch->volume;
	struct find *f = kv_request_new(os->branch->mount, req, sizeof(*f), release);
	int err;

	if (f == NULL)
		return;
	f->objects = os;
	err = kv_lookup_find(
	    v->loop, v->listings[type], v->absent, name, &f->request.caller, lookup_answered, f, &f->lookup);
	if (err != 0)
		kv_request_finish(&f->request, err);
}

void
kv_find(struct kv_objects *os, enum kv_type type, fuse_req_t req, const char *file_name)
{
	struct kv_listing *listing = os->branch->volume->listings[type];
	char name[KV_NAME_MAX + 1];
	struct kv_object *object = NULL;
	int err = object_name(file_name, name);

	if (err == 0)
		err = os->branch->settings->is_listless ? kv_listing_mention(listing, name, &object) :
								 kv_listing_find(listing, name, &object);
	else if (kv_listing_failure(listing) != 0) /* a literal "*.blob" from a shell whose readdir failed */
		err = kv_listing_failure(listing);
	if (err == -EAGAIN && kv_listing_is_serving(listing) &&
	    kv_absent_has(os->branch->volume->absent, type, name))
		err = -ENOENT;
	if (err == -EAGAIN)
		ask(os, type, req, name);
	else
		reply(os, req, err, object);
}
