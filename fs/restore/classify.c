/* The bytes, the folder and the types of the mount, one after the other. */
#include <errno.h>

#include "client/blob.h"
#include "fs/restore/classify.h"
#include "fs/mount.h"

/* The file's bytes as the vault gave them, in raw. */
static int
read_content(struct kv_verdict *v, const struct kv_buf *content, struct kv_buf *why)
{
	const int is_text = kv_blob_from_text(content->data, content->len, &v->raw);

	if (is_text == -EINVAL)
		kv_buf_say(why, "the blob is cut: it is base64url text that ends too early");
	if (is_text != 0)
		return is_text < 0 ? is_text : 0;
	return kv_buf_append(&v->raw, content->data, content->len);
}

/* What the bytes themselves and the folder say. */
static int
judge(struct kv_verdict *v, const struct kv_node *folder, struct kv_buf *why)
{
	bool is_complete;
	const enum kv_blob_format format = kv_blob_look(v->raw.data, v->raw.len, &is_complete);
	const bool has_folder = kv_tree_type_of(folder, &v->type) == 0;

	if (!is_complete)
		kv_buf_say(why, "the blob is cut: %zu bytes are not all of it", v->raw.len);
	else if (v->raw.len > KV_BLOB_MAX)
		kv_buf_say(why, "larger than any blob");
	else if (has_folder &&
	    ((format == KV_BLOB_SECRET && v->type != KV_SECRETS) ||
		(format == KV_BLOB_KEY_OR_CERT && v->type == KV_SECRETS)))
		kv_buf_say(why, "the blob of a %s cannot be restored in %s/",
		    format == KV_BLOB_SECRET ? "secret" : "key or certificate", kv_type_name(v->type));
	else if (!has_folder && format == KV_BLOB_SECRET)
		v->type = KV_SECRETS;
	else if (!has_folder && format == KV_BLOB_KEY_OR_CERT) {
		v->type = KV_CERTIFICATES;
		v->is_guess = true;
	} else if (!has_folder)
		kv_buf_say(why,
		    "this is no blob that kvfs knows: put it into a folder keys/, secrets/ or certificates/ to restore it as one");
	if (why->len == 0)
		return 0;
	return is_complete && v->raw.len > KV_BLOB_MAX ? -EFBIG : -EINVAL;
}

/* A type that types= leaves out is not restored either. */
static int
check_mounted(struct kv_verdict *v, const struct kv_mount *m, struct kv_buf *why)
{
	if (v->is_guess && (m->listings[KV_CERTIFICATES] == NULL || m->listings[KV_KEYS] == NULL)) {
		v->type = m->listings[KV_CERTIFICATES] != NULL ? KV_CERTIFICATES : KV_KEYS;
		v->is_guess = false;
	}
	if (m->listings[v->type] != NULL)
		return 0;
	kv_buf_say(why, "this mount leaves %s out (-o types=)", kv_type_name(v->type));
	return -EACCES;
}

int
kv_judge(const struct kv_mount *m, const struct kv_buf *content, const struct kv_node *folder,
    struct kv_verdict *v, struct kv_buf *why)
{
	int err;

	*v = (struct kv_verdict){ .type = KV_KEYS };
	kv_buf_init(&v->raw, content->max);
	err = read_content(v, content, why);
	if (err == 0)
		err = judge(v, folder, why);
	if (err == 0)
		err = check_mounted(v, m, why);
	return err;
}

void
kv_judge_release(struct kv_verdict *v)
{
	kv_buf_release(&v->raw);
}
