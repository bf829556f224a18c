#include <errno.h>

#include "client/vault/blob.h"
#include "client/vault/body.h"
#include "cache/volume.h"
#include "fs/dropbox/drop.h"
#include "fs/restore/classify.h"

#define SHORTEST_UNKNOWN 512 /* bytes of a first write; the shortest recorded blob has 2,748 */

static int
refuse(struct kv_buf *why, int err, const char *sentence)
{
	kv_buf_say(why, "%s", sentence);
	return err;
}

/* Decode the REST body {"value":"..."}. */
static int
decode_body(struct kv_verdict *v, const struct kv_buf *content, size_t start, struct kv_buf *why)
{
	const int err =
	    kv_body_decode((const char *)content->data + start, content->len - start, &v->decoded);

	if (err == -EBADMSG || err == -EINVAL)
		return refuse(why, -EINVAL, "this JSON is not a backup: {\"value\":\"...\"} is expected");
	return err;
}

/* Decode a text form of a blob into v->decoded, which stays empty if content is the blob itself. */
static int
decode(struct kv_verdict *v, const struct kv_buf *content, struct kv_buf *why)
{
	const size_t start = kv_blob_text_start(content->data, content->len);
	bool is_complete;
	int is_text;

	if (start < content->len && content->data[start] == '{')
		return decode_body(v, content, start, why);
	is_text = kv_blob_from_text(content->data, content->len, &v->decoded);
	if (is_text == -EINVAL)
		return refuse(why, -EINVAL, "the blob is cut: it is base64url text that ends too early");
	if (is_text != 0)
		return is_text < 0 ? is_text : 0;
	if (start > 0 &&
	    kv_blob_look(content->data + start, content->len - start, &is_complete) != KV_BLOB_UNKNOWN)
		return kv_buf_append(&v->decoded, content->data + start, content->len - start);
	return 0;
}

/* Determine the type from the bytes and the folder. */
static int
judge(struct kv_verdict *v, const struct kv_buf *raw, const struct kv_drop *folder, struct kv_buf *why)
{
	bool is_complete;
	const enum kv_blob_format format = kv_blob_look(raw->data, raw->len, &is_complete);
	const bool has_folder = kv_drop_type(folder, &v->type) == 0;

	if (!is_complete) {
		kv_buf_say(why, "the blob is cut: %zu bytes are not all of it", raw->len);
		return -EINVAL;
	}
	if (raw->len > KV_BLOB_MAX)
		return refuse(why, -EFBIG, "larger than any blob");
	if (has_folder &&
	    ((format == KV_BLOB_SECRET && v->type != KV_SECRETS) ||
		(format == KV_BLOB_KEY_OR_CERT && v->type == KV_SECRETS))) {
		kv_buf_say(why, "the blob of a %s cannot be restored in %s/",
		    format == KV_BLOB_SECRET ? "secret" : "key or certificate", kv_type_name(v->type));
		return -EINVAL;
	}
	if (has_folder)
		return 0;
	if (format != KV_BLOB_SECRET && format != KV_BLOB_KEY_OR_CERT)
		return refuse(why, -EINVAL,
		    "this is not a blob format that kvfs recognises: copy it into keys/, secrets/ or certificates/ to restore it as one of these");
	v->type = format == KV_BLOB_SECRET ? KV_SECRETS : KV_CERTIFICATES;
	v->is_guess = format == KV_BLOB_KEY_OR_CERT;
	return 0;
}

/* A type that types= excludes cannot be restored either. */
static int
check_mounted(struct kv_verdict *v, const struct kv_volume *volume, struct kv_buf *why)
{
	if (v->is_guess && (volume->listings[KV_CERTIFICATES] == NULL || volume->listings[KV_KEYS] == NULL)) {
		v->type = volume->listings[KV_CERTIFICATES] != NULL ? KV_CERTIFICATES : KV_KEYS;
		v->is_guess = false;
	}
	if (volume->listings[v->type] != NULL)
		return 0;
	kv_buf_say(why, "this mount leaves %s out (-o types=)", kv_type_name(v->type));
	return -EACCES;
}

int
kv_classify(const struct kv_volume *volume, const struct kv_buf *content, const struct kv_drop *folder,
    struct kv_verdict *v, struct kv_buf *why)
{
	int err;

	*v = (struct kv_verdict){ .type = KV_KEYS };
	kv_buf_init(&v->decoded, content->max);
	err = decode(v, content, why);
	if (err == 0)
		err = judge(v, v->decoded.len > 0 ? &v->decoded : content, folder, why);
	if (err == 0)
		err = check_mounted(v, volume, why);
	return err;
}

void
kv_verdict_release(struct kv_verdict *v)
{
	kv_buf_release(&v->decoded);
}

bool
kv_classify_may_begin(const unsigned char *data, size_t len, const struct kv_drop *folder)
{
	enum kv_type type;

	return kv_blob_may_begin(data, len) || (len >= SHORTEST_UNKNOWN && kv_drop_type(folder, &type) == 0);
}
