#ifndef KV_TESTS_UNIT_INDEX_DIR_H
#define KV_TESTS_UNIT_INDEX_DIR_H
/*
 * A folder of its own for an index, with a fake loop and clock, and the log caught.
 */
#include "cache/index/index.h"
#include "cache/object.h"
#include "client/base/loop.h"

extern struct kv_loop *index_loop;

/* For cmocka: the folder is made; it must hold nothing but the index "v" at the end. */
int index_dir_set_up(void **state);
int index_dir_tear_down(void **state);
/* The path of a file in it, valid until the next call. */
const char *index_dir_path(const char *file);
/* The index "v", opened. */
struct kv_index index_dir_open(void);

/* A secret as a listing finds it: what rows (or NULL) have of it is recalled. */
struct kv_object *index_dir_recall(struct kv_object_rows *rows, const char *name);
/* It was fetched, and has this size: noted. */
void index_dir_note(struct kv_object_rows *rows, struct kv_object *object, int64_t size);
#endif
