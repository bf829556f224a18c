#include "fs/command/proof.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/vault/backup.h"
#include "client/vault/blob.h"
#include "client/vault/content.h"
#include "fs/command/mounted.h"

#define MOST_WHY 512

/* ---- the content ---- */

static void
write_hex(const unsigned char digest[KV_DIGEST_LEN], char text[2 * KV_DIGEST_LEN + 1])
{
	for (int i = 0; i < KV_DIGEST_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

struct form {
	int err;       /* it is no blob, or one of another type: -errno, with a sentence */
	bool is_known; /* damage would show */
	size_t len;    /* of the blob */
};

/* The form, as restore/ sees it. */
static void
look(const struct kv_buf *data, enum kv_type type, struct form *form, struct kv_buf *why)
{
	struct kv_content content = { .type = type };
	size_t len = data->len;

	form->err = 0;
	if (len >= KV_BACKUP_MIN) {
		form->err = kv_content_judge(data, &type, &content, why);
		len = kv_content_blob(&content, data)->len;
	}
	form->is_known = content.is_known;
	form->len = len;
	if (form->err == 0 && len < KV_BACKUP_MIN) {
		kv_buf_say(why, "too short for a blob: %zu bytes", len);
		form->err = -EINVAL;
	}
	if (form->err != 0 && form->err != -ENOMEM && why->len == 0)
		kv_buf_say(why, "%s", strerror(-form->err));
	kv_content_release(&content);
}

/* -errno if the file cannot be read. */
static int
read_content(const struct kv_archive *a, const struct kv_archive_file *f, struct kv_proof *proof,
    struct form *form, struct kv_buf *why)
{
	unsigned char digest[KV_DIGEST_LEN];
	char path[PATH_MAX];
	struct kv_buf data;
	int err = kv_archive_path(a, f, path, sizeof(path));

	kv_buf_init(&data, KV_BLOB_MAX / 2 * 3); /* as restore/ takes it */
	if (err == 0 && f->size > 0 && f->size <= (int64_t)data.max)
		err = kv_buf_reserve(&data, (size_t)f->size);
	if (err == 0)
		err = kv_mounted_read_file(path, &data);
	if (err == 0 && kv_crypto_sha256(data.data, data.len, digest) != 0)
		err = -ENOMEM;
	if (err == 0) {
		proof->size = (int64_t)data.len;
		write_hex(digest, proof->sha256);
		look(&data, f->type, form, why);
		proof->blob_size = (int64_t)form->len;
		err = form->err == -ENOMEM ? -ENOMEM : 0;
	}
	kv_buf_release(&data);
	if (err != 0 && err != -ENOMEM)
		kv_buf_say(why, "%s", strerror(-err));
	return err;
}

int
kv_proof_has_known_forms(const struct kv_archive *a, bool *has_known_forms)
{
	struct kv_proof proof;
	struct kv_buf why;
	int err = 0;

	*has_known_forms = false;
	kv_buf_init(&why, MOST_WHY);
	for (size_t i = 0; err != -ENOMEM && i < a->n && !*has_known_forms; i++)
		if (a->files[i].has_type) {
			struct form form;

			err = read_content(a, &a->files[i], &proof, &form, &why);
			*has_known_forms = err == 0 && form.err == 0 && form.is_known;
		}
	kv_buf_release(&why);
	return err == -ENOMEM ? err : 0;
}

/* ---- the manifests ---- */

static bool
is_that_of(const struct kv_inventory_entry *e, const struct kv_proof *proof)
{
	return e != NULL && e->size == proof->size && strcmp(e->sha256, proof->sha256) == 0;
}

/* What the archive's manifest has about another content than this one. */
static int
compare_kept(const struct kv_inventory *kept, const struct kv_inventory_entry *e, struct kv_proof *proof,
    struct kv_buf *why)
{
	if (e == NULL || e->sha256[0] == '\0')
		return 0;
	if (strcmp(proof->updated, e->updated) != 0) {
		if (kept->is_of_files)
			proof->kind = KV_PROOF_FILE;
		return 0;
	}
	if (!kept->is_of_files) {
		proof->kind = KV_PROOF_DOWNLOAD;
		return 0;
	}
	if (proof->size != e->size)
		kv_buf_say(
		    why, "%lld bytes, %lld in the manifest", (long long)proof->size, (long long)e->size);
	else
		kv_buf_say(why, "its SHA-256 is not that of the manifest");
	return -EINVAL;
}

static void
identify(const struct kv_proof_base *base, const struct kv_archive_file *f,
    const struct kv_inventory_entry *kept, struct kv_proof *proof)
{
	const struct kv_inventory_entry *there = kv_inventory_find(base->there, f->type, f->name);

	/* The time of the file, which tools keep; or that of a manifest, if the content is the manifest's. */
	kv_inventory_time(f->wall_modified, proof->updated);
	proof->kind = KV_PROOF_FORM;
	if (is_that_of(there, proof)) {
		proof->kind = KV_PROOF_THERE;
		memcpy(proof->updated, there->updated, sizeof(proof->updated));
	} else if (is_that_of(kept, proof)) {
		proof->kind = KV_PROOF_KEPT;
		memcpy(proof->updated, kept->updated, sizeof(proof->updated));
	}
}

int
kv_proof_find(const struct kv_proof_base *base, const struct kv_archive_file *f, struct kv_proof *proof,
    struct kv_buf *why)
{
	const struct kv_inventory_entry *kept = kv_inventory_find(base->kept, f->type, f->name);
	struct form form = { .err = 0 };
	int err;

	*proof = (struct kv_proof){ .kind = KV_PROOF_NONE };
	err = read_content(base->archive, f, proof, &form, why);
	if (err != 0)
		return err;
	identify(base, f, kept, proof);
	/* What the mount has downloaded was checked then. A file may have been damaged before it was described. */
	if (proof->kind == KV_PROOF_THERE || (proof->kind == KV_PROOF_KEPT && !base->kept->is_of_files))
		return 0;
	if (form.err != 0)
		return form.err;
	if (!form.is_known && base->has_known_forms) {
		kv_buf_say(why, "no blob of a form that kvfs recognises, as others of the archive are");
		return -EINVAL;
	}
	if (proof->kind == KV_PROOF_KEPT)
		return 0;
	err = compare_kept(base->kept, kept, proof, why);
	if (err == 0 && !form.is_known)
		proof->kind = KV_PROOF_NONE;
	return err;
}
