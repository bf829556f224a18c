#ifndef KV_FS_COMMAND_PROOF_H
#define KV_FS_COMMAND_PROOF_H
/*
 * Which state of an object a file of an archive has, and what proves that: the file's bytes, judged as restore/ judges
 * them, and the sizes and SHA-256 of manifests.
 *
 * Each download of an object has other bytes, so an equal SHA-256 proves that a file is sound. A different one proves
 * damage only in a manifest of the files themselves, as kvfs-archive(8) writes it.
 */
#include "client/base/crypto.h"
#include "client/base/err.h"
#include "fs/command/archive.h"
#include "fs/command/inventory.h"

struct kv_buf;

struct kv_proof_base {
	const struct kv_archive *archive;
	const struct kv_inventory *kept;  /* the archive's manifest; empty without one */
	const struct kv_inventory *there; /* the mount's; empty without one */
	bool
	    has_known_forms; /* the vault's blobs are of forms that kvfs recognises, so another one is damage */
};

/* From the strongest to the weakest. */
enum kv_proof_kind {
	KV_PROOF_THERE,	   /* the mount's manifest has this SHA-256 */
	KV_PROOF_KEPT,	   /* the archive's manifest has this SHA-256 */
	KV_PROOF_FORM,	   /* it is a whole blob, and no manifest speaks for or against it */
	KV_PROOF_DOWNLOAD, /* the manifest has another SHA-256 of this state, maybe of another download */
	KV_PROOF_FILE,	   /* the manifest describes the archive's files, and a file of another time */
	KV_PROOF_NONE	   /* no form that kvfs recognises */
};

struct kv_proof {
	enum kv_proof_kind kind;
	char updated[KV_INVENTORY_TIME]; /* of the state */
	int64_t size;
	int64_t blob_size; /* less than size if the file has the blob as text */
	char sha256[2 * KV_DIGEST_LEN + 1];
};

/*
 * 0; -ENOMEM; or another -errno with a sentence in why: the file is damaged.
 */
int kv_proof_find(const struct kv_proof_base *base, const struct kv_archive_file *file,
    struct kv_proof *proof, struct kv_buf *why) KV_MUST_CHECK;
/* Whether one of the files is a blob of a form that kvfs recognises. */
int kv_proof_has_known_forms(const struct kv_archive *archive, bool *has_known_forms) KV_MUST_CHECK;
#endif
