#ifndef KV_FS_COMMAND_VERIFY_H
#define KV_FS_COMMAND_VERIFY_H
/*
 * Compares an archive with a vault, or with the manifest that was kept beside it, and checks the content of each file.
 * The vault is only asked for lists.
 */
#include "client/base/err.h"
#include "fs/command/archive.h"
#include "fs/command/inventory.h"

enum kv_finding {
	KV_FINDING_MISSING, /* the archive has no file of the object */
	KV_FINDING_DAMAGED, /* its content is incomplete, of another type, or not that of the manifest */
	KV_FINDING_CHANGED, /* the object has changed since */
	KV_FINDING_GONE,    /* the vault has no such object any more */
	KV_FINDING_UNPROVED /* nothing proves that its content is this object in this state; nor that it is not */
};
#define KV_FINDINGS   5

#define KV_VERIFY_WHY 200

struct kv_verify_item {
	enum kv_finding finding;
	char *object;  /* "keys/db" */
	char *path;    /* of the file, below the archive; NULL if there is none */
	bool is_newer; /* unproved, because the file has a later time than the object */
	char why[KV_VERIFY_WHY];
};

struct kv_verify {
	struct kv_archive archive;
	struct kv_inventory kept;   /* the archive's manifest; empty without one */
	struct kv_inventory there;  /* what the vault has; empty without a mount */
	bool is_compared[KV_TYPES]; /* false: the mount does not have this type, so kept counts */
	bool
	    is_other_vault; /* the archive is of another vault than the mount, by its manifest, or by its name */
	char other[256];    /* that name: it is called as the folder of another vault in the mount; else "" */
	bool is_all_gone; /* the vault has nothing of the archive, and no manifest proves that it ever had */
	bool has_known_forms; /* the archive has blobs of forms that kvfs recognises */
	struct kv_verify_item *items;
	size_t n;
	size_t n_newer; /* of items */
	size_t count[KV_FINDINGS];
	size_t n_whole;	    /* objects of which the archive has the newest state */
	size_t n_by_form;   /* of these: whole blobs whose SHA-256 is in no manifest */
	size_t n_unchecked; /* objects of types that the mount does not have, whole, and in no manifest */
};

struct kv_verify_options {
	const char *archive, *mount; /* as the user gave them; mount may be NULL */
	const char *manifest;	     /* NULL: ARCHIVE/manifest or ARCHIVE.manifest */
};

/* -errno, with one line printed on stderr. Release verify in any case. */
int kv_verify_make(const struct kv_verify_options *options, struct kv_verify *verify) KV_MUST_CHECK;
void kv_verify_release(struct kv_verify *verify);
/* "missing", "damaged", "changed", "gone", "unproved" */
const char *kv_verify_name(enum kv_finding finding);
#endif
