#include "client/vault/content.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/blob_bytes.h"

#define CUT SECRET_MAGIC HEADER ".AAAA.BB"

/* The magic but for its last byte. */
static const char no_magic[100] = ")AzureKeyVaultSecretBackupV1.microsoft.co";
static const char zeros[100];

#define TEXT(s)	 s, sizeof(s) - 1
#define BYTES(s) s, sizeof(s)

static void
only_a_whole_blob_of_the_folders_type_is_known(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum kv_type folder;
		int err;
		bool is_known;
	} rows[] = {
		{ TEXT(SECRET), KV_SECRETS, 0, true },
		{ TEXT(KEY), KV_KEYS, 0, true },
		{ TEXT(KEY), KV_CERTIFICATES, 0, true },
		{ TEXT("\n" SECRET), KV_SECRETS, 0, true },
		{ TEXT(JWE), KV_KEYS, 0, true },
		{ TEXT(JWE), KV_SECRETS, 0, false }, /* a Managed HSM has only keys */
		{ TEXT("another server's blob"), KV_SECRETS, 0, false },
		{ BYTES(zeros), KV_SECRETS, 0, false },
		{ BYTES(no_magic), KV_SECRETS, 0, false },
		{ TEXT(""), KV_SECRETS, 0, false },
		{ TEXT(CUT), KV_SECRETS, -EINVAL, true },
		{ TEXT(SECRET_MAGIC), KV_SECRETS, -EINVAL, true },
		{ TEXT(KEY), KV_SECRETS, -EINVAL, true },
		{ TEXT(SECRET), KV_KEYS, -EINVAL, true },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct kv_content content;
		struct kv_buf bytes, why;
		int err;

		kv_buf_init(&bytes, 4096);
		kv_buf_init(&why, 512);
		assert_int_equal(kv_buf_append(&bytes, rows[i].bytes, rows[i].len), 0);
		err = kv_content_judge(&bytes, &rows[i].folder, &content, &why);
		assert_row(err == rows[i].err, i, kv_buf_str(&why));
		assert_row((why.len > 0) == (err != 0), i, "a sentence");
		assert_row(content.is_known == rows[i].is_known, i, "known");
		assert_row(content.type == rows[i].folder, i, "type");
		kv_content_release(&content);
		kv_buf_release(&bytes);
		kv_buf_release(&why);
	}
}

static void
the_blob_is_what_a_text_form_contains(void **state)
{
	struct kv_content content;
	struct kv_buf bytes, why;

	(void)state;
	kv_buf_init(&bytes, 4096);
	kv_buf_init(&why, 512);
	assert_int_equal(kv_buf_append(&bytes, TEXT("\xef\xbb\xbf " SECRET)), 0);
	assert_int_equal(kv_content_judge(&bytes, NULL, &content, &why), 0);
	assert_int_equal(content.type, KV_SECRETS);
	assert_int_equal(kv_content_blob(&content, &bytes)->len, strlen(SECRET));
	assert_memory_equal(kv_content_blob(&content, &bytes)->data, SECRET, strlen(SECRET));
	kv_content_release(&content);
	kv_buf_release(&bytes);
	kv_buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_whole_blob_of_the_folders_type_is_known),
		cmocka_unit_test(the_blob_is_what_a_text_form_contains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
