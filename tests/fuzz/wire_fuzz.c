/* Every reader of a body takes any bytes, and keeps its promises about what it returns. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/vault/blob.h"
#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/auth/token_answer.h"
#include "client/base/fault.h"
#include "client/base/refusal.h"
#include "client/vault/bundle.h"
#include "client/vault/page.h"
#include "client/vault/body.h"
#include "client/http/url.h"
#include "client/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kv_url vault = { .host = "v.vault.azure.net", .port = 443, .is_https = true };

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void
check_item(const struct kv_item *item)
{
	CHECK(kv_type_is_name(item->name));
	CHECK(strlen(item->version) < sizeof(item->version));
	CHECK(item->wall_created >= 0 && item->wall_updated >= 0);
}

static void
check_line(const char *s, size_t size)
{
	CHECK(strlen(s) < size);
	for (; *s != '\0'; s++)
		CHECK((unsigned char)*s >= ' ' && *s != 0x7f);
}

static void
read_page(const char *text, size_t len, enum kv_type type)
{
	const struct kv_page_asked asked = { .type = type, .vault = &vault };
	struct kv_url origin;
	struct kv_page page;
	struct kv_buf why;

	kv_buf_init(&why, 1024);
	if (kv_page_parse(text, len, &asked, &why, &page) == 0) {
		for (size_t i = 0; i < page.n; i++)
			check_item(&page.items[i]);
		CHECK(page.next_link == NULL ||
		    (kv_url_parse(page.next_link, &origin, NULL) == 0 &&
			kv_url_is_same_origin(&origin, &vault)));
	} else {
		CHECK(page.items == NULL && page.n == 0 && page.next_link == NULL);
	}
	check_line(kv_buf_str(&why), 1025);
	kv_buf_release(&why);
	kv_page_release(&page);
}

static void
check_refusal(const struct kv_fault *fault)
{
	static const long statuses[] = { 0, 302, 400, 401, 403, 404, 409, 429, 503 };
	struct kv_buf why;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		const struct kv_refusal refusal = {
			.status = statuses[i], .fault = fault, .who = "v", .login = "log in {tenant}"
		};

		CHECK(kv_refusal_find(statuses[i], fault) != NULL);
		kv_buf_init(&why, 4096);
		kv_refusal_say(&refusal, &why);
		CHECK(why.len > 0);
		check_line(kv_buf_str(&why), 4097);
		kv_buf_release(&why);
	}
}

static void
read_fault(const char *text, size_t len)
{
	struct kv_fault fault;
	struct kv_item item;

	kv_fault_parse(text, len, &fault);
	check_line(fault.code, sizeof(fault.code));
	check_line(fault.inner, sizeof(fault.inner));
	check_line(fault.message, sizeof(fault.message));
	if (kv_bundle_find_id(&fault, KV_SECRETS, &item) == 0)
		check_item(&item);
	check_refusal(&fault);
	kv_token_answer_fault(text, len, &fault);
	check_line(fault.code, sizeof(fault.code));
	check_line(fault.message, sizeof(fault.message));
	check_refusal(&fault);
}

static void
read_token(const char *text, size_t len)
{
	struct kv_token_answer token;
	char *copy = strndup(text, len);

	if (kv_token_answer_parse(text, len, 1700000000, &token) == 0) {
		CHECK(token.value[0] != '\0' && token.life_s >= 0);
		for (const char *p = token.value; *p != '\0'; p++)
			CHECK(*p > ' ' && *p <= '~');
	}
	kv_token_answer_release(&token);
	if (copy != NULL)
		CHECK(kv_token_answer_jwt_expiry(copy) >= 0);
	free(copy);
}

/* What the fast way through a backup's body yields is what cJSON would have yielded. */
static void
read_backup(const char *text, size_t len)
{
	struct kv_buf blob, slow;
	struct kv_json *root;
	const char *value;

	kv_buf_init(&blob, 100000);
	kv_buf_init(&slow, 100000);
	if (kv_body_decode(text, len, &blob) == 0) {
		CHECK(blob.len > 0 && blob.data[blob.len] == 0);
		CHECK(kv_json_parse(text, len, &root) == 0);
		CHECK(kv_json_string(root, "value", &value) == 0 && value != NULL);
		CHECK(kv_base64_decode(value, strlen(value), &slow) == 0);
		CHECK(slow.len == blob.len && memcmp(slow.data, blob.data, blob.len) == 0);
		kv_json_free(root);
	} else {
		CHECK(blob.len == 0);
	}
	kv_buf_release(&blob);
	kv_buf_release(&slow);
}

static void
take_fingerprint(const char *text, size_t len)
{
	unsigned char a[KV_JSON_FINGERPRINT], b[KV_JSON_FINGERPRINT];
	struct kv_json *root;

	if (kv_json_parse(text, len, &root) != 0) {
		CHECK(root == NULL);
		return;
	}
	if (kv_json_fingerprint(root, a) == 0)
		CHECK(kv_json_fingerprint(root, b) == 0 && memcmp(a, b, sizeof(a)) == 0);
	kv_json_free(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct kv_item item;

	for (int type = 0; type < KV_TYPES; type++) {
		read_page(text, size, (enum kv_type)type);
		const struct kv_bundle_asked asked = { .type = (enum kv_type)type, .vault = &vault };

		if (kv_bundle_parse(text, size, &asked, &item) == 0)
			check_item(&item);
	}
	read_fault(text, size);
	read_token(text, size);
	read_backup(text, size);
	take_fingerprint(text, size);
	return 0;
}
