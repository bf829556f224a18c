#ifndef KV_FS_COMMAND_PLAN_H
#define KV_FS_COMMAND_PLAN_H
/*
 * What a restore of an archive would do: a verdict for each of its files, from names, times and sizes, and from the bytes
 * of files that have other times than the vault. The vault is only asked for lists, which begin after kv_plan_make() was
 * called.
 */
#include <limits.h>
#include "client/base/err.h"
#include "fs/command/archive.h"
#include "fs/command/inventory.h"

struct kv_buf;

enum kv_verdict {
	KV_VERDICT_RESTORE, /* the vault does not list it */
	KV_VERDICT_PRESENT, /* the vault has it in this state */
	KV_VERDICT_DIFFERS, /* the vault has it in another state: left alone */
	KV_VERDICT_DELETED, /* it is deleted and can be recovered: left alone */
	KV_VERDICT_OLDER,   /* the archive has a newer file of the same object: not used */
	KV_VERDICT_UNPROVED /* the vault has one of that name and time, and nothing proves that it is the same */
};
#define KV_VERDICTS 6

struct kv_plan_item {
	const struct kv_archive_file *file;
	enum kv_verdict verdict;
	char updated[KV_INVENTORY_TIME];	/* of the file's state */
	const struct kv_inventory_entry *there; /* in the vault, or NULL */
	/*
	 * What speaks against KV_VERDICT_PRESENT: the archive is of another vault, or the size is another one. Only the
	 * vault can confirm that it was restored from these bytes.
	 */
	bool needs_proof;
	int64_t size; /* of the file's blob, where it is not that of the vault's; else 0 */
};

struct kv_plan {
	char mount[PATH_MAX];
	int fd; /* of that directory, so that all is done in this very mount, whatever is mounted there later */
	char other[256]; /* the vault of the archive, if it is not that of the mount; else "" */
	struct kv_archive archive;
	struct kv_inventory kept;  /* the archive's manifest; empty without one */
	struct kv_inventory there; /* what the vault has */
	char **deleted[KV_TYPES];  /* names, sorted ignoring case */
	size_t n_deleted[KV_TYPES];
	struct kv_plan_item *items; /* certificates first, then by path */
	size_t n;
	size_t count[KV_VERDICTS];
};

struct kv_plan_options {
	const char *archive, *mount; /* as the user gave them */
	const char
	    *manifest; /* of the archive; NULL: ARCHIVE/manifest or ARCHIVE.manifest, if there is one */
	char *const *paths;
	int n_paths;
};

/*
 * -errno, with one line printed on stderr. Release plan in any case. A list of deleted objects that may not be read
 * counts as empty: then the vault refuses what is deleted. One that fails otherwise is an error.
 */
int kv_plan_make(const struct kv_plan_options *options, struct kv_plan *plan) KV_MUST_CHECK;
void kv_plan_release(struct kv_plan *plan);
/*
 * What needs proof is KV_VERDICT_PRESENT if the mount finds a file of this size in restore/, because the vault confirms
 * that it was restored so; else KV_VERDICT_UNPROVED. The bytes are proved if they are written there again, under another
 * name: the mount sends those that it has restored only if the vault does not confirm them, and the vault refuses others
 * (EEXIST).
 */
void kv_plan_prove(struct kv_plan *plan);
/* The path of file below restore/, in a folder of its type. -ENAMETOOLONG. */
int kv_plan_target(const struct kv_archive_file *file, char *path, size_t size) KV_MUST_CHECK;

/* "restore", "present", "differs", "deleted", "older", "unproved" */
const char *kv_plan_verdict_name(enum kv_verdict verdict);
/* How many files of the archive a restore leaves for certain: no usable blobs, other states, and deleted objects. */
size_t kv_plan_count_left(const struct kv_plan *plan);
/* Append "keys/db: the vault has another state, of …": why item is not restored. */
void kv_plan_say(const struct kv_plan *plan, const struct kv_plan_item *item, struct kv_buf *text);
#endif
