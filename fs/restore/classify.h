#ifndef KV_FS_RESTORE_CLASSIFY_H
#define KV_FS_RESTORE_CLASSIFY_H
/*
 * What a file of the drop box is to be restored as, before anything is sent: by its bytes and the folder
 * that it is in. What is surely wrong is refused here; the rest is the vault's to judge.
 */
#include <stdbool.h>
#include "client/base/buf.h"
#include "client/vault/type.h"

struct kv_drop;
struct kv_volume;

struct kv_verdict {
	enum kv_type type;
	bool is_guess;	       /* a key has the form of a certificate: first as that, then as a key */
	struct kv_buf decoded; /* the blob's bytes where the file holds a text form of them, else empty */
};

/*
 * content: of the file, in folder. verdict is to be released, whatever the answer. -EINVAL for what is no
 * blob, is cut or of another type than the folder's, -EFBIG, -EACCES for a type that types= leaves out,
 * each with a sentence in why; -ENOMEM without one.
 */
int kv_classify(const struct kv_volume *volume, const struct kv_buf *content, const struct kv_drop *folder,
    struct kv_verdict *verdict, struct kv_buf *why) KV_MUST_CHECK;
void kv_verdict_release(struct kv_verdict *verdict);

/*
 * Whether a file in folder may begin with these bytes, its first write: a tool that ignores a failing close
 * (`echo x >FILE`) must fail here already. A format that kvfs does not know is left to the vault where the
 * folder tells the type and the write has the length of something that could be a blob.
 */
bool kv_classify_may_begin(const unsigned char *data, size_t len, const struct kv_drop *folder);
#endif
