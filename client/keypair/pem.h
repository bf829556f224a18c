#ifndef KV_CLIENT_KEYPAIR_PEM_H
#define KV_CLIENT_KEYPAIR_PEM_H
/* Reads keys and certificates in PEM form: PKCS#8 and the older RSA form, plain or encrypted. */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

struct kv_material;

/* Whether the bytes are text with a block "-----BEGIN". */
bool kv_pem_is(const void *data, size_t len);
/* Returns as material.h says. */
int kv_pem_read(struct kv_material *m, const void *data, size_t len) KV_MUST_CHECK;
#endif
