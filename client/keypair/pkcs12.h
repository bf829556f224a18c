#ifndef KV_CLIENT_KEYPAIR_PKCS12_H
#define KV_CLIENT_KEYPAIR_PKCS12_H
/* Reads keys and certificates from a PKCS#12 file (.pfx, .p12; RFC 7292). */
#include <stddef.h>
#include "client/base/err.h"

struct kv_material;

/* Returns as material.h says. */
int kv_pkcs12_read(struct kv_material *m, const void *data, size_t len) KV_MUST_CHECK;
#endif
