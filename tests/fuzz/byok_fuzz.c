/* Any file is a key-transfer package that can be described and sent, or is refused with one sentence. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/http/url.h"
#include "client/vault/byok.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void
check_line(const char *s, size_t size)
{
	CHECK(strlen(s) < size);
	for (; *s != '\0'; s++)
		CHECK((unsigned char)*s >= ' ' && *s != 0x7f);
}

static void
check_request(const struct kv_byok *byok, const uint8_t *data, size_t size)
{
	struct kv_json *root;
	struct kv_buf body;

	kv_buf_init(&body, 2 * KV_BYOK_MAX);
	CHECK(kv_byok_put_request(kv_byok_type("EC-HSM", "P-256"), data, size, byok, &body) == 0);
	CHECK(kv_json_parse(kv_buf_str(&body), body.len, &root) == 0);
	kv_json_free(root);
	kv_buf_release(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kv_url vault = { .host = "v.vault.azure.net", .port = 443, .is_https = true };
	struct kv_buf why;
	struct kv_byok byok;
	int err;

	kv_buf_init(&why, 1024);
	err = kv_byok_parse(data, size, &byok, &why);
	CHECK(err == 0 || (err == -EINVAL && why.len > 0));
	CHECK((err == 0) == (why.len == 0));
	if (err == 0) {
		check_request(&byok, data, size);
		check_line(byok.host, sizeof(byok.host));
		check_line(byok.generator, sizeof(byok.generator));
		CHECK(byok.is_opaque || (byok.ciphertext >= 272 && kv_type_is_name(byok.kek.name)));
		CHECK(kv_byok_may_begin(data, size));
		err = kv_byok_check(&byok, &vault, kv_byok_type("RSA-HSM", NULL), &why);
		CHECK((err == 0) == (why.len == 0));
		kv_byok_guess(&byok, &why);
	}
	check_line(kv_buf_str(&why), 1025);
	kv_buf_release(&why);
	return 0;
}
