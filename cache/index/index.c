/*
 * An index: its tables, in the order in which they are written. Receipts come first: they are few, while a
 * listing notes thousands of objects.
 */
#include <errno.h>
#include <stddef.h>

#include "cache/index/bookmark_rows.h"
#include "cache/index/db.h"
#include "cache/index/index.h"
#include "cache/index/object_rows.h"
#include "cache/index/rate_rows.h"
#include "cache/index/receipt_rows.h"

int
kv_index_open(
    struct kv_index *x, struct kv_loop *loop, const char *folder, const char *vault, struct kv_buf *why)
{
	int err = -ENOMEM;

	*x = (struct kv_index){ .objects = kv_object_rows_new(),
		.receipts = kv_receipt_rows_new(),
		.rates = kv_rate_rows_new(),
		.bookmarks = kv_bookmark_rows_new() };
	if (x->objects != NULL && x->receipts != NULL && x->rates != NULL && x->bookmarks != NULL) {
		struct kv_db_table *const tables[] = {
			kv_receipt_rows_table(x->receipts),
			kv_object_rows_table(x->objects),
			kv_rate_rows_table(x->rates),
			kv_bookmark_rows_table(x->bookmarks),
		};

		err =
		    kv_db_open(loop, folder, vault, tables, sizeof(tables) / sizeof(tables[0]), &x->db, why);
	}
	if (err != 0)
		kv_index_close(x);
	return err;
}

void
kv_index_close(struct kv_index *x)
{
	kv_db_close(x->db);
	kv_object_rows_free(x->objects);
	kv_receipt_rows_free(x->receipts);
	kv_rate_rows_free(x->rates);
	kv_bookmark_rows_free(x->bookmarks);
	*x = (struct kv_index){ .db = NULL };
}
