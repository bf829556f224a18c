/* Writes client assertions. */
#include "client/auth/assertion.h"

#include <inttypes.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/crypto.h"
#include "client/base/json_quote.h"
#include "client/keypair/keypair.h"

#define MAX_PART ((size_t)256 << 10)

/* The certificates in ordinary base64, as RFC 7515, 4.1.6 has it. */
static int
add_chain(const struct kv_keypair *pair, struct kv_buf *json)
{
	int err = kv_buf_puts(json, ",\"x5c\":[");
	size_t len;

	for (size_t i = 0; err == 0 && i < kv_keypair_count(pair); i++) {
		const unsigned char *der = kv_keypair_der(pair, i, &len);

		err = kv_buf_puts(json, i == 0 ? "\"" : ",\"");
		if (err == 0)
			err = kv_base64_encode_standard(der, len, json);
		if (err == 0)
			err = kv_buf_puts(json, "\"");
	}
	return err == 0 ? kv_buf_puts(json, "]") : err;
}

static int
make_header(const struct kv_assertion *a, struct kv_buf *json)
{
	int err = kv_buf_puts(json, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"");

	if (err == 0)
		err = kv_base64_encode(kv_keypair_thumbprint(a->pair), KV_DIGEST_LEN, json);
	if (err == 0)
		err = kv_buf_puts(json, "\"");
	if (err == 0 && a->sends_chain)
		err = add_chain(a->pair, json);
	return err == 0 ? kv_buf_puts(json, "}") : err;
}

static int
make_claims(const struct kv_assertion *a, struct kv_buf *json)
{
	const struct {
		const char *name, *value;
	} claims[] = { { "{\"aud\":", a->token_url }, { ",\"iss\":", a->client_id },
		{ ",\"sub\":", a->client_id } };
	const int64_t wall_now = kv_clock_wall_s();
	char id[37];
	int err = kv_crypto_uuid(id);

	for (size_t i = 0; err == 0 && i < sizeof(claims) / sizeof(claims[0]); i++) {
		err = kv_buf_puts(json, claims[i].name);
		if (err == 0)
			err = kv_json_quote(json, claims[i].value);
	}
	if (err == 0)
		err = kv_buf_printf(json,
		    ",\"jti\":\"%s\",\"nbf\":%" PRId64 ",\"iat\":%" PRId64 ",\"exp\":%" PRId64 "}", id,
		    wall_now, wall_now, wall_now + KV_ASSERTION_LIFE_S);
	return err;
}

static int
add_part(const struct kv_assertion *a, int (*make)(const struct kv_assertion *, struct kv_buf *),
    struct kv_buf *text)
{
	struct kv_buf json;
	int err;

	kv_buf_init(&json, MAX_PART);
	err = make(a, &json);
	if (err == 0)
		err = kv_base64_encode(json.data, json.len, text);
	kv_buf_release(&json);
	return err;
}

static int
add_signature(const struct kv_assertion *a, size_t from, struct kv_buf *text)
{
	struct kv_buf signature;
	int err;

	kv_buf_init(&signature, 4096);
	err = kv_keypair_sign(a->pair, text->data + from, text->len - from, &signature);
	if (err == 0)
		err = kv_buf_puts(text, ".");
	if (err == 0)
		err = kv_base64_encode(signature.data, signature.len, text);
	kv_buf_release(&signature);
	return err;
}

int
kv_assertion_make(const struct kv_assertion *assertion, struct kv_buf *text)
{
	const size_t from = text->len;
	int err = add_part(assertion, make_header, text);

	if (err == 0)
		err = kv_buf_puts(text, ".");
	if (err == 0)
		err = add_part(assertion, make_claims, text);
	if (err == 0)
		err = add_signature(assertion, from, text);
	return err;
}
