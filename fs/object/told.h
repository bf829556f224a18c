#ifndef KV_FS_OBJECT_TOLD_H
#define KV_FS_OBJECT_TOLD_H
/*
 * The size of each object that the kernel was last given ("told"), and the node that the object's name stands for.
 *
 * A program that was given a size reads that many bytes and no more. So this outlives the node: the kernel may
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
	struct kv_file *file;	  /* that a LOOKUP of its name returns, or NULL */
	unsigned int n_files;	  /* that refer to this; the stale ones too */
	int64_t size;		  /* that the kernel was last given, or -1 */
	int64_t mono_end;	  /* until then a program may still rely on it */
	int64_t mono_kept;	  /* until then the kernel caches it */
	pid_t
	    refused_tid; /* the thread whose open was just refused, to recognise the kernel's retry; 0: none */
	int64_t mono_refused;
	struct kv_told *next; /* of the same hash */
};

/* One for each branch. NULL: out of memory. */
struct kv_told_map *kv_told_map_new(void);
/* No file may be left in it. NULL does nothing. */
void kv_told_map_free(struct kv_told_map *map);
/* That of object, made where there is none. NULL: out of memory. */
struct kv_told *kv_told_of(struct kv_told_map *map, struct kv_object *object);
/* The same, or NULL where there is none. */
struct kv_told *kv_told_find(const struct kv_told_map *map, const struct kv_object *object);
/* Free it if no file refers to it and it is no longer needed: the object is gone, or no size was given. */
void kv_told_settle(struct kv_told_map *map, struct kv_told *told);
/* Assert what must hold between two requests. */
void kv_told_check(const struct kv_told_map *map);

/* The kernel is given size (of the object's blob, exact), and caches it for so long. */
void kv_told_note(struct kv_told *told, int64_t size, int64_t valid_ms);
/* A program has read a blob of this size; how long the kernel caches a size stays as it is. */
void kv_told_note_read(struct kv_told *told, int64_t size);
/* The kernel is given attributes without an exact size: it no longer caches the one that it had. */
void kv_told_note_unknown(struct kv_told *told);
/* The object has changed: programs may rely on the old size for one more minute. */
void kv_told_expire(struct kv_told *told);

/*
 * Whether caller may still rely on a size other than size, so that it must not be given a blob of that length. A
 * process that started after the kernel's cached size expired does not: so a nightly cat is not refused because of
 * the size that yesterday's was given.
 */
bool kv_told_differs(const struct kv_told *told, int64_t size, const struct kv_caller *caller);
/* The open of tid was refused for that: no size counts as given any more. */
void kv_told_refuse(struct kv_told *told, pid_t tid);
/*
 * Whether an open of tid is the kernel's retry of one that was refused: the kernel repeats an open that fails with
 * ESTALE once, after a new LOOKUP, and the program behind it still has the old size. True at most once.
 */
bool kv_told_is_second_try(struct kv_told *told, pid_t tid);
#endif
