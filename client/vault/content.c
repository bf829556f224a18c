#include "client/vault/content.h"

#include <errno.h>

#include "client/vault/blob.h"
#include "client/vault/body.h"

static int
refuse(struct kv_buf *why, int err, const char *sentence)
{
	kv_buf_say(why, "%s", sentence);
	return err;
}

/* Decode the REST body {"value":"..."}. */
static int
decode_body(struct kv_content *c, const struct kv_buf *bytes, size_t start, struct kv_buf *why)
{
	const int err = kv_body_decode((const char *)bytes->data + start, bytes->len - start, &c->decoded);

	if (err == -EBADMSG || err == -EINVAL)
		return refuse(why, -EINVAL, "this JSON is not a backup: {\"value\":\"...\"} is expected");
	return err;
}

/* Decode a text form of a blob into c->decoded, which stays empty if bytes are the blob itself. */
static int
decode(struct kv_content *c, const struct kv_buf *bytes, struct kv_buf *why)
{
	const size_t start = kv_blob_text_start(bytes->data, bytes->len);
	bool is_complete;
	int is_text;

	if (start < bytes->len && bytes->data[start] == '{')
		return decode_body(c, bytes, start, why);
	is_text = kv_blob_from_text(bytes->data, bytes->len, &c->decoded);
	if (is_text == -EINVAL)
		return refuse(why, -EINVAL, "the blob is cut: it is base64url text that ends too early");
	if (is_text != 0)
		return is_text < 0 ? is_text : 0;
	if (start > 0 &&
	    kv_blob_look(bytes->data + start, bytes->len - start, &is_complete) != KV_BLOB_UNKNOWN)
		return kv_buf_append(&c->decoded, bytes->data + start, bytes->len - start);
	return 0;
}

/* Only keys are backed up by a Managed HSM. */
static bool
is_known(enum kv_blob_format format, bool has_folder, enum kv_type type)
{
	return format != KV_BLOB_UNKNOWN && (format != KV_BLOB_HSM || !has_folder || type == KV_KEYS);
}

/* Determine the type from the bytes, and from the folder, whose type is in v if it has one. */
static int
judge(struct kv_content *c, const struct kv_buf *raw, bool has_folder, struct kv_buf *why)
{
	bool is_complete;
	const enum kv_blob_format format = kv_blob_look(raw->data, raw->len, &is_complete);

	c->is_known = is_known(format, has_folder, c->type);
	if (!is_complete) {
		kv_buf_say(why, "the blob is cut: %zu bytes are not all of it", raw->len);
		return -EINVAL;
	}
	if (raw->len > KV_BLOB_MAX)
		return refuse(why, -EFBIG, "larger than any blob");
	if (has_folder &&
	    ((format == KV_BLOB_SECRET && c->type != KV_SECRETS) ||
		(format == KV_BLOB_KEY_OR_CERT && c->type == KV_SECRETS))) {
		kv_buf_say(why, "the blob of a %s cannot be restored in %s/",
		    format == KV_BLOB_SECRET ? "secret" : "key or certificate", kv_type_name(c->type));
		return -EINVAL;
	}
	if (has_folder)
		return 0;
	if (format != KV_BLOB_SECRET && format != KV_BLOB_KEY_OR_CERT)
		return refuse(why, -EINVAL,
		    "this is not a blob format that kvfs recognises: copy it into keys/, secrets/ or certificates/ to restore it as one of these");
	c->type = format == KV_BLOB_SECRET ? KV_SECRETS : KV_CERTIFICATES;
	c->is_guess = format == KV_BLOB_KEY_OR_CERT;
	return 0;
}

int
kv_content_judge(
    const struct kv_buf *bytes, const enum kv_type *folder, struct kv_content *c, struct kv_buf *why)
{
	int err;

	*c = (struct kv_content){ .type = folder != NULL ? *folder : KV_KEYS };
	kv_buf_init(&c->decoded, bytes->max);
	err = decode(c, bytes, why);
	return err == 0 ? judge(c, kv_content_blob(c, bytes), folder != NULL, why) : err;
}

const struct kv_buf *
kv_content_blob(const struct kv_content *c, const struct kv_buf *bytes)
{
	return c->decoded.len > 0 ? &c->decoded : bytes;
}

void
kv_content_release(struct kv_content *c)
{
	kv_buf_release(&c->decoded);
}
