#ifndef KV_FS_CONTROL_FACTS_H
#define KV_FS_CONTROL_FACTS_H
/*
 * .kvfs/vault.json: what no blob holds and a rebuilt vault needs. The contacts and issuers of certificates, and the
 * rotation policies of the keys that were given one. What the vault refuses to show is null, and "notShown" has the
 * refusal; so is a single issuer or policy that the vault does not find although its list has the issuer or key.
 * Anything else that is missing, or is no answer to the request, fails the whole.
 */
#include "client/base/buf.h"
#include "client/vault/call.h"
#include "fs/mount/branch.h"

struct kv_facts;

/*
 * err is 0 and text, which the callee may take, the content; or the errno of docs/errors.md, logged. Called once, from
 * the loop, never before kv_facts_begin() has returned.
 */
typedef void kv_facts_done(void *arg, int err, struct kv_buf *text);
/*
 * The listing of keys must be complete: each key is a request, paced as a listing is. All of it takes at most one
 * time-out. -ENOMEM: done is not called.
 */
int kv_facts_begin(struct kv_branch *branch, const struct kv_caller *caller, kv_facts_done *done, void *arg,
    struct kv_facts **facts) KV_MUST_CHECK;
/* done is not called. NULL does nothing. */
void kv_facts_cancel(struct kv_facts *facts);
#endif
