/*
 * A folder for an index.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/index/object_rows.h"
#include "client/base/buf.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/index_dir.h"

struct kv_loop *index_loop;

static char folder[32];

const char *
index_dir_path(const char *file)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	return path;
}

int
index_dir_set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, 1700000000);
	snprintf(folder, sizeof(folder), "/tmp/kvfs-index.XXXXXX");
	caught_begin();
	index_loop = kv_loop_new();
	return mkdtemp(folder) != NULL && index_loop != NULL ? 0 : -1;
}

int
index_dir_tear_down(void **state)
{
	static const char *const names[] = { "v.db", "v.db-wal", "v.db-shm", "v.db.damaged" };

	(void)state;
	assert_int_equal(fake_loop_timers(index_loop), 0);
	kv_loop_free(index_loop);
	caught_end();
	for (size_t i = 0; i < N_OF(names); i++)
		(void)unlink(index_dir_path(names[i]));
	return rmdir(folder);
}

struct kv_index
index_dir_open(void)
{
	struct kv_index index;
	struct kv_buf why;

	kv_buf_init(&why, 512);
	assert_int_equal(kv_index_open(&index, index_loop, folder, "v", &why), 0);
	kv_buf_release(&why);
	return index;
}

struct kv_object *
index_dir_recall(struct kv_object_rows *rows, const char *name)
{
	struct kv_object *object = kv_object_new(KV_SECRETS, name);

	assert_non_null(object);
	kv_object_rows_recall(rows, object);
	kv_object_rows_check(rows);
	return object;
}

void
index_dir_note(struct kv_object_rows *rows, struct kv_object *object, int64_t size)
{
	object->has_fingerprint = object->has_digest = true;
	memset(object->fingerprint, 7, KV_FINGERPRINT_LEN);
	memset(object->digest, 9, KV_DIGEST_LEN);
	object->size = size;
	kv_object_rows_note(rows, object);
	kv_object_rows_check(rows);
}
