#ifndef LV_BLOB_H
#define LV_BLOB_H
/*
 * Backup blobs: a length byte and a magic (none on a Managed HSM), then a compact JWE, encrypted
 * afresh each time. Processes that share one protection key file can restore each other's blobs;
 * whether the geography and the subscription fit is written in the plaintext, which the caller
 * makes and judges.
 */
#include <stdbool.h>
#include <stddef.h>

#include "tests/vault/route.h"
#include "tests/vault/text.h"

struct lv_blob;

/* Read the protection key from file, or make it: 0, or -errno and a sentence in why. */
int lv_blob_new(struct lv_blob **b, const char *file, bool is_hsm, struct lv_text *why);
void lv_blob_free(struct lv_blob *b);

/* group names the vaults between which the blob can move; it only gives the header's kid. */
int lv_blob_seal(struct lv_blob *b, enum lv_type type, const char *group, const struct lv_text *plain,
    struct lv_text *out);

/* 0 and the plaintext, -EINVAL if it is no blob at all, -EACCES if it does not decrypt. */
int lv_blob_unseal(struct lv_blob *b, const char *data, size_t len, struct lv_text *plain);
#endif
