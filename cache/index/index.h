#ifndef KV_CACHE_INDEX_INDEX_H
#define KV_CACHE_INDEX_INDEX_H
/*
 * What is worth remembering of a vault from one mount to the next: of each object its inode number,
 * fingerprint, size and SHA-256; the receipts of what was restored; the pace learnt. No blobs, and no
 * names to show: what there is, only a listing says.
 *
 * One SQLite file for each vault (WAL, mode 0600), so several mounts may use it at once. Nothing here
 * waits: what is noted is written soon, in transactions of a few milliseconds without an fsync
 * (synchronous=NORMAL); while another process writes, it is tried again later; the WAL is put back
 * when nothing has been noted for a while. A crash costs what was noted last, never the file.
 *
 * Every function takes index NULL, for cache=none or a folder that cannot be used, and then does
 * nothing, finds nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cache/object.h"
#include "client/vault/blob.h"

struct kv_buf;
struct kv_index;
struct kv_loop;

/*
 * The file vault.db in folder, which is made (0700) where it is
 * missing. A damaged file or one of something else is set aside as *.damaged with a warning in the
 * log, and a new one begun. -errno and a sentence in why where there can be none. May wait: for the
 * start only.
 */
int kv_index_open(struct kv_loop *loop, const char *folder, const char *vault, struct kv_index **index,
    struct kv_buf *why) KV_MUST_CHECK;
/* Writes what was noted; may wait for another process, a second at most. */
void kv_index_close(struct kv_index *index);

/* ---- objects ---- */

/* What is recalled from here to kv_index_settle() is read in one transaction, not each in its own. */
void kv_index_begin_recalls(struct kv_index *index);
/*
 * object is new in this mount: its inode number, 16 + 4 x its id in the index, and what was known of
 * it when it had this fingerprint. One that the index does not know gets the next id.
 */
void kv_index_recall(struct kv_index *index, struct kv_object *object);
/* object's fingerprint, size, digest or times are others now, or it is gone. */
void kv_index_note(struct kv_index *index, struct kv_object *object);
/*
 * Write what was noted at once, unless another process writes now. Objects that another mount was the
 * first to know get its numbers, where theirs were not told to anybody yet. Ends what
 * kv_index_begin_recalls() began.
 */
void kv_index_settle(struct kv_index *index);
/* A complete listing of type has n objects: forget those of other mounts' times that is_listed does not know. */
void kv_index_prune(struct kv_index *index, enum kv_type type, size_t n,
    bool (*is_listed)(void *arg, const char *key), void *arg);

/* ---- receipts ---- */

/* A blob that was restored, and what the vault said that it is. */
struct kv_receipt {
	unsigned char digest[KV_DIGEST_LEN]; /* of the bytes that were restored */
	enum kv_type type;
	char name[KV_NAME_MAX + 1];
	char version[64];
	int64_t wall_updated;  /* of that version, 0 where the vault did not say */
	uint64_t size;	       /* of the file as it was written, bytes */
	int64_t wall_mtime_ns; /* that its writer gave it */
	uint32_t mode;
};
/* path: below restore/. Copied; replaces an earlier one of that path. NULL: the path is forgotten, its bytes are not. */
void kv_index_keep_receipt(struct kv_index *index, const char *path, const struct kv_receipt *receipt);
/*
 * A folder was renamed: what is below path, not path itself, is below to from now on, in the place of what was
 * below that. to NULL: those paths are forgotten, their bytes are not.
 */
void kv_index_move_receipts(struct kv_index *index, const char *path, const char *to);
bool kv_index_find_path(struct kv_index *index, const char *path, struct kv_receipt *receipt);
bool kv_index_find_digest(struct kv_index *index, const unsigned char digest[KV_DIGEST_LEN],
    enum kv_type type, struct kv_receipt *receipt);

/* The first n receipts behind path, in the byte order of paths, of those that are written. visit must not call this module. */
typedef void kv_index_visit_receipt(void *arg, const char *path, const struct kv_receipt *receipt);
void kv_index_next_receipts(
    struct kv_index *index, const char *path, int n, kv_index_visit_receipt *visit, void *arg);

/* ---- pace ---- */

/* Requests per second of a class (a word of cache/pace/throttle); limit 0: none was found; age_s: of the limit. */
void kv_index_keep_pace(struct kv_index *index, const char *class, double rate, double limit, int64_t age_s);
/* age_s: now. */
bool kv_index_find_pace(
    struct kv_index *index, const char *class, double *rate, double *limit, int64_t *age_s);
#endif
