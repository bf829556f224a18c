/*
 * A hash table keyed by the object's address. An entry exists while a file refers to it, a size was given, or
 * the kernel's retry is expected:
 *
 *	note(size) -> given --expire()--> given, for one more minute -> no longer counts
 *	                |
 *	                `--refuse()--> no size; one retry by the same thread is refused too
 *
 * The size of a stale node, which is that of the blob a handle keeps, is remembered beside it, and counts for a minute.
 */
#include <assert.h>
#include <stdlib.h>

#include "cache/object.h"
#include "client/base/clock.h"
#include "fs/mount/process.h"
#include "fs/object/told.h"

#define OLD_SIZE_MS   60000 /* how long a program may rely on a size after the object has changed */
#define SECOND_TRY_MS 2000  /* the kernel retries at once */
#define FIRST_SIZE    64

/* Has at most as many entries as slots, unless memory runs out. */
struct kv_told_map {
	struct kv_told **slots;
	size_t size; /* a power of two */
	size_t n;
};

static struct kv_told **
slot_of(struct kv_told **slots, size_t size, const struct kv_object *object)
{
	const uint64_t hash = (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15);

	return &slots[(hash >> 32) & (size - 1)];
}

struct kv_told_map *
kv_told_map_new(void)
{
	struct kv_told_map *map = calloc(1, sizeof(*map));

	if (map == NULL)
		return NULL;
	map->size = FIRST_SIZE;
	map->slots = calloc(map->size, sizeof(*map->slots));
	if (map->slots == NULL) {
		free(map);
		return NULL;
	}
	return map;
}

static void
free_told(struct kv_told *told)
{
	assert(told->n_files == 0);
	kv_object_unref(told->object);
	free(told);
}

void
kv_told_map_free(struct kv_told_map *map)
{
	if (map == NULL)
		return;
	for (size_t i = 0; i < map->size; i++)
		while (map->slots[i] != NULL) {
			struct kv_told *told = map->slots[i];

			map->slots[i] = told->next;
			free_told(told);
		}
	free(map->slots);
	free(map);
}

/* If memory runs out, the table stays as it is and lookups get slower. */
static void
grow(struct kv_told_map *map)
{
	const size_t size = map->size * 2;
	struct kv_told **slots = calloc(size, sizeof(*slots));

	if (slots == NULL)
		return;
	for (size_t i = 0; i < map->size; i++)
		while (map->slots[i] != NULL) {
			struct kv_told *told = map->slots[i], **slot = slot_of(slots, size, told->object);

			map->slots[i] = told->next;
			told->next = *slot;
			*slot = told;
		}
	free(map->slots);
	map->slots = slots;
	map->size = size;
}

struct kv_told *
kv_told_find(const struct kv_told_map *map, const struct kv_object *object)
{
	struct kv_told *told = *slot_of(map->slots, map->size, object);

	while (told != NULL && told->object != object)
		told = told->next;
	return told;
}

struct kv_told *
kv_told_of(struct kv_told_map *map, struct kv_object *object)
{
	struct kv_told *told = kv_told_find(map, object), **slot;

	if (told != NULL || (told = calloc(1, sizeof(*told))) == NULL)
		return told;
	if (map->n >= map->size)
		grow(map);
	told->object = kv_object_ref(object);
	told->size = told->stale_size = -1;
	slot = slot_of(map->slots, map->size, object);
	told->next = *slot;
	*slot = told;
	map->n++;
	return told;
}

/* Whether there is something to remember although no file refers to it. */
static bool
is_needed(const struct kv_told *told)
{
	return told->size >= 0 || told->stale_size >= 0 || told->refused_tid != 0;
}

void
kv_told_settle(struct kv_told_map *map, struct kv_told *told)
{
	struct kv_told **at;

	if (told->n_files > 0 || (!told->object->is_gone && is_needed(told)))
		return;
	for (at = slot_of(map->slots, map->size, told->object); *at != told; at = &(*at)->next)
		continue;
	*at = told->next;
	map->n--;
	free_told(told);
}

void
kv_told_check(const struct kv_told_map *map)
{
	size_t n = 0;

	for (size_t i = 0; i < map->size; i++)
		for (const struct kv_told *told = map->slots[i]; told != NULL; told = told->next) {
			n++;
			assert(slot_of(map->slots, map->size, told->object) == &map->slots[i]);
			assert(told->file == NULL || told->n_files > 0);
			/* something needs the entry */
			assert(told->n_files > 0 || is_needed(told));
			assert(told->size >= -1 && told->stale_size >= -1);
		}
	assert(n == map->n);
}

/* ---- sizes ---- */

void
kv_told_note_read(struct kv_told *told, int64_t size)
{
	told->size = size;
	told->mono_end = INT64_MAX;
}

void
kv_told_note(struct kv_told *told, int64_t size, int64_t valid_ms)
{
	kv_told_note_read(told, size);
	told->mono_kept = kv_clock_mono_ms() + valid_ms;
}

void
kv_told_note_unknown(struct kv_told *told)
{
	const int64_t mono_now = kv_clock_mono_ms();

	if (told->mono_kept > mono_now)
		told->mono_kept = mono_now;
}

void
kv_told_note_stale(struct kv_told *told, int64_t size)
{
	told->stale_size = size;
	told->mono_stale = kv_clock_mono_ms();
}

void
kv_told_expire(struct kv_told *told)
{
	if (told->size >= 0 && told->mono_end == INT64_MAX)
		told->mono_end = kv_clock_mono_ms() + OLD_SIZE_MS;
}

bool
kv_told_differs(const struct kv_told *told, int64_t size, const struct kv_caller *caller)
{
	const int64_t mono_now = kv_clock_mono_ms();

	return (told->size >= 0 && told->size != size && mono_now < told->mono_end &&
		   kv_process_of(caller).mono_begun <= told->mono_kept) ||
	    (told->stale_size >= 0 && told->stale_size != size && mono_now < told->mono_stale + OLD_SIZE_MS &&
		kv_process_of(caller).mono_begun <= told->mono_stale);
}

void
kv_told_refuse(struct kv_told *told, pid_t tid)
{
	told->size = told->stale_size = -1;
	told->refused_tid = tid;
	told->mono_refused = kv_clock_mono_ms();
}

bool
kv_told_is_second_try(struct kv_told *told, pid_t tid)
{
	if (told->refused_tid != tid)
		return false;
	told->refused_tid = 0;
	return kv_clock_mono_ms() < told->mono_refused + SECOND_TRY_MS;
}
