#ifndef LV_QUERIES_H
#define LV_QUERIES_H
/* The SQL of the store: its schema, and a statement for each thing that it does. */

enum query {
	BEGIN,
	COMMIT,
	ROLLBACK,
	FIND,
	ADD,
	SAVE,
	ERASE,
	ERASE_VERSIONS,
	GET,
	PUT,
	CHANGE,
	COUNT,
	WALK,
	WALK_PAST,
	WALK_ADDED,
	WALK_ADDED_PAST,
	WALK_VERSIONS,
	WALK_MADE,
	DUE,
	FACT,
	SET_FACT,
	QUERIES
};

/* The columns of a statement that reads objects; those of a version are behind them. */
enum { OBJECT_COUNT = 11 };

extern const char lv_queries_schema[];
extern const char lv_queries_past[]; /* see lv_store_keep_past() */
extern const char *const lv_queries[QUERIES];
#endif
