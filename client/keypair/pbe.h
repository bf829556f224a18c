#ifndef KV_CLIENT_KEYPAIR_PBE_H
#define KV_CLIENT_KEYPAIR_PBE_H
/*
 * Checks, before it is tried, whether a password-based algorithm of a file can be used at all. A file says itself how
 * often the password is hashed, and kvfs can do nothing else meanwhile, so there is a maximum.
 */
#include <openssl/x509.h>
#include "client/base/err.h"

struct kv_material;

/*
 * The rounds that one file may ask for, all its encrypted parts and its MAC together: half a second on a processor with
 * instructions for SHA, some seconds without. Windows asks for some thousand, NSS for less than 2 million.
 */
#define KV_PBE_MAX_ROUNDS 3000000

/* For an encrypted part: counts its rounds. Returns as material.h says. */
int kv_pbe_check_cipher(struct kv_material *m, const X509_ALGOR *algorithm) KV_MUST_CHECK;
/* For the MAC of a PKCS#12 file; rounds is NULL for 1. */
int kv_pbe_check_mac(
    struct kv_material *m, const X509_ALGOR *algorithm, const ASN1_INTEGER *rounds) KV_MUST_CHECK;
#endif
