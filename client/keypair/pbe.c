/* Password-based algorithms of certificate files. */
#include "client/keypair/pbe.h"

#include <errno.h>
#include <string.h>
#include <openssl/asn1t.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "client/keypair/material.h"

#define UNKNOWN UINT64_MAX /* rounds */

static uint64_t
number_of(const ASN1_INTEGER *n)
{
	uint64_t value;

	return n != NULL && ASN1_INTEGER_get_uint64(&value, n) == 1 ? value : UNKNOWN;
}

static uint64_t
rounds_of_pbkdf2(const X509_ALGOR *algorithm)
{
	PBKDF2PARAM *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), algorithm->parameter);
	const uint64_t rounds = p != NULL ? number_of(p->iter) : UNKNOWN;

	PBKDF2PARAM_free(p);
	return rounds;
}

#ifndef OPENSSL_NO_SCRYPT
/* Mixing one block of 128 bytes takes about as long as a round of the others; OpenSSL limits the memory. */
static uint64_t
rounds_of_scrypt(const X509_ALGOR *algorithm)
{
	SCRYPT_PARAMS *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), algorithm->parameter);
	const uint64_t most = UINT32_MAX / 2;
	uint64_t n, r, lanes, rounds = UNKNOWN;

	if (p != NULL) {
		n = number_of(p->costParameter);
		r = number_of(p->blockSize);
		lanes = number_of(p->parallelizationParameter);
		if (n <= most && r <= most && n * r <= most && lanes <= most)
			rounds = n * r * lanes;
	}
	SCRYPT_PARAMS_free(p);
	return rounds;
}
#endif

static uint64_t
rounds_of_function(const X509_ALGOR *function)
{
	switch (OBJ_obj2nid(function->algorithm)) {
	case NID_id_pbkdf2:
		return rounds_of_pbkdf2(function);
#ifndef OPENSSL_NO_SCRYPT
	case NID_id_scrypt:
		return rounds_of_scrypt(function);
#endif
	default:
		return UNKNOWN;
	}
}

/* PBES2 and PBMAC1: a function that makes the key, and what it is a key for; their parameters have one form. */
static PBE2PARAM *
unpack_modern(const X509_ALGOR *algorithm)
{
	return ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
}

static uint64_t
rounds_of(const X509_ALGOR *algorithm, const PBE2PARAM *modern)
{
	PBEPARAM *old;
	uint64_t rounds;

	if (modern != NULL)
		return rounds_of_function(modern->keyfunc);
	old = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);
	rounds = old != NULL ? number_of(old->iter) : UNKNOWN;
	PBEPARAM_free(old);
	return rounds;
}

static int
count(struct kv_material *m, uint64_t rounds)
{
	if (rounds > KV_PBE_MAX_ROUNDS || m->work + rounds > KV_PBE_MAX_ROUNDS)
		return kv_material_refuse(m,
		    "asks for more than %d rounds of hashing the password, or in a form that is not supported; "
		    "write it with fewer",
		    KV_PBE_MAX_ROUNDS);
	m->work += rounds;
	return 0;
}

static int
refuse_old(struct kv_material *m, const char *algorithm)
{
	return kv_material_refuse(m,
	    "is encrypted with %s, which this installation of OpenSSL can read only with its legacy provider, and that "
	    "is not installed; convert the file on another machine: openssl pkcs12 -legacy -in FILE -nodes -out "
	    "FILE.pem",
	    algorithm);
}

static bool
has_cipher(const struct kv_material *m, const char *name)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(m->context, name, NULL);

	EVP_CIPHER_free(cipher);
	return cipher != NULL;
}

static int
check_name(struct kv_material *m, const char *name)
{
	bool has_legacy;

	if (has_cipher(m, name))
		return 0;
	if (kv_material_lacks_memory())
		return -ENOMEM;
	has_legacy = kv_material_load_legacy(m);
	if (has_legacy && has_cipher(m, name))
		return 0;
	return has_legacy ? kv_material_refuse(m, "is encrypted with %s, which is not supported", name) :
			    refuse_old(m, name);
}

int
kv_pbe_check_cipher(struct kv_material *m, const X509_ALGOR *algorithm)
{
	const int nid = OBJ_obj2nid(algorithm->algorithm);
	PBE2PARAM *modern = nid == NID_pbes2 ? unpack_modern(algorithm) : NULL;
	int cipher = NID_undef, err;

	if (modern != NULL)
		cipher = OBJ_obj2nid(modern->encryption->algorithm);
	else if (nid != NID_pbes2)
		(void)EVP_PBE_find(EVP_PBE_TYPE_OUTER, nid, &cipher, NULL, NULL);
	err = cipher > 0 ? check_name(m, OBJ_nid2sn(cipher)) :
			   kv_material_refuse(m, "is encrypted with an algorithm that is not supported");
	if (err == 0)
		err = count(m, rounds_of(algorithm, modern));
	PBE2PARAM_free(modern);
	return err;
}

/* PBMAC1 (RFC 9579), which OpenSSL has from version 3.4 on. */
static bool
is_pbmac1(const X509_ALGOR *algorithm)
{
	char name[64];

	return OBJ_obj2txt(name, sizeof(name), algorithm->algorithm, 1) > 0 &&
	    strcmp(name, "1.2.840.113549.1.5.14") == 0;
}

static int
check_pbmac1(struct kv_material *m, const X509_ALGOR *algorithm)
{
	PBE2PARAM *modern = unpack_modern(algorithm);
	int err;

	if (OpenSSL_version_num() < 0x30400000L)
		err = kv_material_refuse(m,
		    "has a MAC of the form PBMAC1, which OpenSSL supports from version 3.4 on; convert the file there: "
		    "openssl pkcs12 -in FILE -nodes -out FILE.pem");
	else
		err = count(m, modern != NULL ? rounds_of(algorithm, modern) : UNKNOWN);
	PBE2PARAM_free(modern);
	return err;
}

int
kv_pbe_check_mac(struct kv_material *m, const X509_ALGOR *algorithm, const ASN1_INTEGER *rounds)
{
	const char *name = OBJ_nid2sn(OBJ_obj2nid(algorithm->algorithm));
	EVP_MD *digest;

	if (is_pbmac1(algorithm))
		return check_pbmac1(m, algorithm);
	digest = name != NULL ? EVP_MD_fetch(m->context, name, NULL) : NULL;
	EVP_MD_free(digest);
	if (digest == NULL)
		return kv_material_lacks_memory() ?
		    -ENOMEM :
		    kv_material_refuse(
			m, "has a MAC whose digest (%s) is not supported", name != NULL ? name : "?");
	return count(m, rounds != NULL ? number_of(rounds) : 1);
}
