#ifndef KV_FS_OBJECT_TOLD_H
#define KV_FS_OBJECT_TOLD_H
/*
 * For each object, the size that the kernel was last given ("told") and the node that its name currently
 * stands for.
 *
 * A program reads as many bytes as the size it was given. So an entry outlives the node: the kernel may
 * forget a node while a program still relies on its size.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "client/base/err.h"

struct kv_caller;
struct kv_file;
struct kv_object;
struct kv_told_map;

struct kv_told {
	struct kv_object *object; /* a reference */
	struct kv_file *file;	  /* returned by a LOOKUP of its name; or NULL */
	unsigned int n_files;	  /* files that refer to this, stale ones included */
	int64_t size;		  /* last one that the kernel was given, or -1 */
	int64_t mono_end;	  /* until then programs may rely on size */
	int64_t mono_kept;	  /* until then the kernel caches size */
	int64_t stale_size; /* of a blob that a handle keeps, told after the object had changed; or -1 */
	int64_t mono_stale; /* when it was told last */
	/* The thread whose open was just refused, to recognize the kernel's retry; 0: none. */
	pid_t refused_tid;
	int64_t mono_refused;
	struct kv_told *next; /* in the same hash slot */
};

/* One per branch. NULL: out of memory. */
struct kv_told_map *kv_told_map_new(void);
/* No file may refer to it any more. NULL does nothing. */
void kv_told_map_free(struct kv_told_map *map);
/* The entry of object, created if needed. NULL: out of memory. */
struct kv_told *kv_told_of(struct kv_told_map *map, struct kv_object *object);
/* The entry of object, or NULL. */
struct kv_told *kv_told_find(const struct kv_told_map *map, const struct kv_object *object);
/*
 * Free told if no file refers to it and either the object is gone, or it holds no size and expects no retry.
 */
void kv_told_settle(struct kv_told_map *map, struct kv_told *told);
/* Assert the invariants that hold between two requests. */
void kv_told_check(const struct kv_told_map *map);

/* The kernel is given size (exact, of the object's blob) and caches it for valid_ms. */
void kv_told_note(struct kv_told *told, int64_t size, int64_t valid_ms);
/* A program read a blob of this size. The time for which the kernel caches a size is unchanged. */
void kv_told_note_read(struct kv_told *told, int64_t size);
/* The kernel is given attributes without an exact size, so it no longer caches the previous one. */
void kv_told_note_unknown(struct kv_told *told);
/* A program was given the size of a stale node, which the kernel does not cache. It may rely on it for a minute. */
void kv_told_note_stale(struct kv_told *told, int64_t size);
/* The object has changed: programs may rely on the old size for one more minute. */
void kv_told_expire(struct kv_told *told);

/*
 * Whether caller may still rely on a size other than size, of the object or of a stale node, and so must not be
 * given a blob of that length. A process that started after the kernel's cached size expired, or after the stale
 * node's was given, does not: last night's size does not make tonight's cron job fail.
 */
bool kv_told_differs(const struct kv_told *told, int64_t size, const struct kv_caller *caller);
/* An open by tid was refused for that reason. Forget the size, and expect the kernel's retry. */
void kv_told_refuse(struct kv_told *told, pid_t tid);
/*
 * Whether an open by tid is the kernel's retry of a refused one, which must be refused too: after ESTALE the
 * kernel repeats the open once with a new LOOKUP, and the program still has the old size. Returns true at
 * most once.
 */
bool kv_told_is_second_try(struct kv_told *told, pid_t tid);
#endif
