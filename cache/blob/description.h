#ifndef KV_CACHE_BLOB_DESCRIPTION_H
#define KV_CACHE_BLOB_DESCRIPTION_H
/*
 * The content of a sibling (cache/object.h), composed of the service's answers about an object.
 *
 * NAME.json is one JSON object: what the service returns for a key or certificate, or for the newest version of a
 * secret; "versions", newest first, with id, attributes and tags of each; and "rotationPolicy" of a key. Members are
 * chosen by name, so that no answer can bring a value or a private key into it. What the service refuses to show is
 * null, and "notShown" has the refusal. NAME.pem is a key's public part or a certificate, without its chain.
 */
#include "cache/object.h"
#include "client/base/err.h"

struct kv_buf;
struct kv_description;
struct kv_fault;
struct kv_json;
struct kv_page;

/* NULL: out of memory. */
struct kv_description *kv_description_new(enum kv_type type, enum kv_kind kind);
void kv_description_free(struct kv_description *description);

/* Each returns 0; -EBADMSG: an invalid answer; -ENOMEM, -EFBIG. Answers may come in any order. */

/*
 * The answer to KV_OP_GET or KV_OP_GET_VERSION. -EOPNOTSUPP: there is no public part, and why has a sentence whose
 * subject is the object.
 */
int kv_description_object(
    struct kv_description *description, const struct kv_json *answer, struct kv_buf *why) KV_MUST_CHECK;
/* The next page of KV_OP_VERSIONS. */
int kv_description_versions(struct kv_description *description, const struct kv_page *page) KV_MUST_CHECK;
/* The answer to KV_OP_ROTATION_POLICY, or the refusal. */
int kv_description_policy(struct kv_description *description, const struct kv_json *answer) KV_MUST_CHECK;
int kv_description_no_policy(
    struct kv_description *description, long status, const struct kv_fault *fault) KV_MUST_CHECK;

/* The version created last, as in its id; "" if there were none. */
const char *kv_description_newest(const struct kv_description *description);
size_t kv_description_n_versions(const struct kv_description *description);

/* Append the whole content. */
int kv_description_put(struct kv_description *description, struct kv_buf *out) KV_MUST_CHECK;
#endif
