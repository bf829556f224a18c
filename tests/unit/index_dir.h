#ifndef KV_TESTS_UNIT_INDEX_DIR_H
#define KV_TESTS_UNIT_INDEX_DIR_H
/*
 * A separate folder for an index, with a fake loop and clock, and a captured log.
 */
#include "cache/index/index.h"
#include "cache/object.h"
#include "client/base/loop.h"

extern struct kv_loop *index_loop;

/* For cmocka: creates the folder, which must contain nothing but the index "v" at the end. */
int index_dir_set_up(void **state);
int index_dir_tear_down(void **state);
/* The path of a file in the folder, valid until the next call. */
const char *index_dir_path(const char *file);
/* Opens the index "v". */
struct kv_index index_dir_open(void);

/* A secret as a listing would find it, filled from what rows (or NULL) has stored of it. */
struct kv_object *index_dir_recall(struct kv_object_rows *rows, const char *name);
/* Record in rows that object was downloaded and has this size. */
void index_dir_note(struct kv_object_rows *rows, struct kv_object *object, int64_t size);
#endif
