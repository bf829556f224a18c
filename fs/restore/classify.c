#include "fs/restore/classify.h"

#include <errno.h>

#include "cache/volume.h"
#include "client/vault/blob.h"
#include "fs/dropbox/drop.h"

#define SHORTEST_UNKNOWN 512 /* bytes of a first write; the shortest recorded blob has 2,748 */

/* A type that types= excludes cannot be restored either. */
static int
check_mounted(struct kv_content *c, const struct kv_volume *volume, struct kv_buf *why)
{
	if (c->is_guess && (volume->listings[KV_CERTIFICATES] == NULL || volume->listings[KV_KEYS] == NULL)) {
		c->type = volume->listings[KV_CERTIFICATES] != NULL ? KV_CERTIFICATES : KV_KEYS;
		c->is_guess = false;
	}
	if (volume->listings[c->type] != NULL)
		return 0;
	kv_buf_say(why, "this mount leaves %s out (-o types=)", kv_type_name(c->type));
	return -EACCES;
}

int
kv_classify(const struct kv_volume *volume, const struct kv_buf *bytes, const struct kv_drop *folder,
    struct kv_content *content, struct kv_buf *why)
{
	enum kv_type type;
	const bool has_type = kv_drop_type(folder, &type) == 0;
	const int err = kv_content_judge(bytes, has_type ? &type : NULL, content, why);

	return err == 0 ? check_mounted(content, volume, why) : err;
}

bool
kv_classify_may_begin(const unsigned char *data, size_t len, const struct kv_drop *folder)
{
	enum kv_type type;

	return kv_blob_may_begin(data, len) || (len >= SHORTEST_UNKNOWN && kv_drop_type(folder, &type) == 0);
}
