#ifndef KV_CLIENT_KEYPAIR_PKCS8_H
#define KV_CLIENT_KEYPAIR_PKCS8_H
/* Reads the DER of a private key in the form of PKCS#8 (RFC 5208), plain or encrypted. Both return as material.h says. */
#include <stddef.h>
#include "client/base/err.h"

struct kv_material;

int kv_pkcs8_read(struct kv_material *m, const unsigned char *der, size_t len) KV_MUST_CHECK;
int kv_pkcs8_read_encrypted(struct kv_material *m, const unsigned char *der, size_t len) KV_MUST_CHECK;
#endif
