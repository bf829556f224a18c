#ifndef KV_CACHE_INDEX_INDEX_H
#define KV_CACHE_INDEX_INDEX_H
/*
 * A vault's state kept between mounts: a database, and the modules of its tables.
 */
#include "client/base/err.h"

struct kv_bookmark_rows;
struct kv_buf;
struct kv_db;
struct kv_loop;
struct kv_object_rows;
struct kv_rate_rows;
struct kv_receipt_rows;

/* All NULL if nothing is kept: the functions of the row modules accept NULL. */
struct kv_index {
	struct kv_db *db;
	struct kv_object_rows *objects;
	struct kv_receipt_rows *receipts;
	struct kv_rate_rows *rates;
	struct kv_bookmark_rows *bookmarks;
};

/* As kv_db_open(). On failure all of index is NULL. */
int kv_index_open(struct kv_index *index, struct kv_loop *loop, const char *folder, const char *vault,
    struct kv_buf *why) KV_MUST_CHECK;
/* Writes all notes; then all of index is NULL. */
void kv_index_close(struct kv_index *index);
#endif
