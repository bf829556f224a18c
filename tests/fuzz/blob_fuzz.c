/* Any bytes are looked at; base64url is the same both ways. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/vault/blob.h"
#include "client/base/base64.h"
#include "client/base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void
encode_and_back(const uint8_t *data, size_t size)
{
	struct kv_buf text, back;

	kv_buf_init(&text, 2 * size + 4);
	kv_buf_init(&back, size);
	CHECK(kv_base64_encode(data, size, &text) == 0);
	CHECK(kv_base64_decode(kv_buf_str(&text), text.len, &back) == 0);
	CHECK(back.len == size && (size == 0 || memcmp(back.data, data, size) == 0));
	kv_buf_release(&text);
	kv_buf_release(&back);
}

/* What decodes is spelt in one way, but for the alphabet and padding. */
static void
decode_and_back(const uint8_t *data, size_t size)
{
	struct kv_buf raw, text;

	kv_buf_init(&raw, size);
	kv_buf_init(&text, 2 * size + 4);
	if (kv_base64_decode((const char *)data, size, &raw) == 0) {
		CHECK(kv_base64_encode(raw.data, raw.len, &text) == 0);
		CHECK(text.len <= size && size - text.len <= 2);
		for (size_t i = 0; i < text.len; i++)
			CHECK(text.data[i] == data[i] || data[i] == '+' || data[i] == '/');
	} else {
		CHECK(raw.len == 0);
	}
	kv_buf_release(&raw);
	kv_buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum kv_blob_format format;
	struct kv_buf raw;
	bool is_complete;

	format = kv_blob_look(data, size, &is_complete);
	CHECK(format != KV_BLOB_UNKNOWN || is_complete);
	kv_buf_init(&raw, size);
	CHECK(kv_blob_text_start(data, size) <= size);
	if (kv_blob_from_text(data, size, &raw) == 1)
		CHECK(raw.len > 0);
	else
		CHECK(raw.len == 0);
	if (size > 0 && format != KV_BLOB_UNKNOWN)
		CHECK(kv_blob_may_begin(data, size));
	kv_buf_release(&raw);
	encode_and_back(data, size);
	decode_and_back(data, size);
	return 0;
}
