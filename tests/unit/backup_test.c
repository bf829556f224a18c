#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "client/vault/backup.h"
#include "client/base/buf.h"
#include "tests/unit/blob_bytes.h"

/* What a check of these bytes says; why holds its sentence. */
static int
check(const char *bytes, size_t len, enum kv_type type, struct kv_buf *why)
{
	struct kv_blob *blob = NULL;
	struct kv_buf b;
	int err;

	kv_buf_clear(why);
	kv_buf_init(&b, KV_BLOB_MAX);
	assert_int_equal(kv_buf_append(&b, bytes, len), 0);
	assert_int_equal(kv_blob_new(&b, &blob), 0);
	err = kv_backup_check(blob, type, why);
	kv_blob_unref(blob);
	kv_buf_release(&b);
	return err;
}

#define UNKNOWN "another server's own format, sealed and longer than anything that is too short for a blob"
#define SHORT	"{\"error\":\"something went wrong\"}"

static void
only_a_whole_blob_of_the_type_is_a_backup(void **state)
{
	static const struct {
		const char *bytes;
		enum kv_type type;
		const char *why; /* NULL: it is one */
	} rows[] = {
		{ KEY, KV_KEYS, NULL },
		{ KEY, KV_CERTIFICATES, NULL },
		{ SECRET, KV_SECRETS, NULL },
		{ JWE, KV_KEYS, NULL }, /* of a Managed HSM */
		{ UNKNOWN, KV_KEYS, NULL },
		{ UNKNOWN, KV_SECRETS, NULL },
		{ KEY, KV_SECRETS, "the blob of a key or certificate for a secret" },
		{ SECRET, KV_KEYS, "the blob of a secret for a key" },
		{ SECRET, KV_CERTIFICATES, "the blob of a secret for a certificate" },
		{ KEY_MAGIC, KV_KEYS, "a truncated blob" },
		{ SECRET_MAGIC HEADER, KV_SECRETS, "a truncated blob" },
		{ "&", KV_KEYS, "a truncated blob" },
		{ ")Azure", KV_SECRETS, "a truncated blob" },
		{ "x", KV_KEYS, "too short for a blob: 1 bytes" },
		{ "", KV_KEYS, "too short for a blob: 0 bytes" },
		{ SHORT, KV_SECRETS, "too short for a blob" },
	};
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 512);
	for (size_t i = 0; i < N_OF(rows); i++) {
		const int err = check(rows[i].bytes, strlen(rows[i].bytes), rows[i].type, &why);

		assert_row(err == (rows[i].why != NULL ? -EBADMSG : 0), i, kv_buf_str(&why));
		assert_row(strstr(kv_buf_str(&why), rows[i].why != NULL ? rows[i].why : "") != NULL, i,
		    kv_buf_str(&why));
		assert_row((why.len == 0) == (rows[i].why == NULL), i, kv_buf_str(&why));
	}
	kv_buf_release(&why);
}

static void
no_cut_of_a_known_blob_is_a_backup(void **state)
{
	static const struct {
		const char *bytes;
		enum kv_type type;
	} rows[] = { { KEY, KV_KEYS }, { SECRET, KV_SECRETS } };
	struct kv_buf why;

	(void)state;
	kv_buf_init(&why, 512);
	for (size_t i = 0; i < N_OF(rows); i++)
		for (size_t len = 0; len < strlen(rows[i].bytes); len++)
			assert_row(check(rows[i].bytes, len, rows[i].type, &why) == -EBADMSG, len, "cut");
	kv_buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_whole_blob_of_the_type_is_a_backup),
		cmocka_unit_test(no_cut_of_a_known_blob_is_a_backup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
