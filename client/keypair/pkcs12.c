/*
 * A PKCS#12 file is a list of safes, each plain or encrypted, with bags in them, and a MAC over all. PKCS12_parse() is
 * not used, because it takes the first of several keys and derives keys from the password for as long as the file wants.
 */
#include "client/keypair/pkcs12.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "client/base/buf.h"
#include "client/keypair/material.h"
#include "client/keypair/pbe.h"

#define MAX_DEPTH 4 /* of bags in bags */

/* The password as the file means it. No password has two forms there: an empty one, and none. */
struct password {
	const char *text;
	int len;
};

static int
read_shrouded(struct kv_material *m, const PKCS12_SAFEBAG *bag, const struct password *p)
{
	const X509_SIG *encrypted = PKCS12_SAFEBAG_get0_pkcs8(bag);
	const X509_ALGOR *algorithm = NULL;
	PKCS8_PRIV_KEY_INFO *info = NULL;
	int err;

	if (encrypted == NULL)
		return kv_material_take_key(m, NULL);
	X509_SIG_get0(encrypted, &algorithm, NULL);
	err = kv_pbe_check_cipher(m, algorithm);
	if (err == 0) {
		info = PKCS8_decrypt_ex(encrypted, p->text, p->len, m->context, NULL);
		err = info != NULL ? kv_material_add_pkcs8(m, info) : kv_material_refuse_password(m);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	return err;
}

static int
read_bags(struct kv_material *m, const STACK_OF(PKCS12_SAFEBAG) * bags, const struct password *p, int depth)
{
	const PKCS12_SAFEBAG *bag;
	int err = depth <= MAX_DEPTH ? 0 : kv_material_refuse(m, "has bags in bags, too deep to be read");

	for (int i = 0; err == 0 && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		bag = sk_PKCS12_SAFEBAG_value(bags, i);
		switch (PKCS12_SAFEBAG_get_nid(bag)) {
		case NID_keyBag:
			err = kv_material_add_pkcs8(m, PKCS12_SAFEBAG_get0_p8inf(bag));
			break;
		case NID_pkcs8ShroudedKeyBag:
			err = read_shrouded(m, bag, p);
			break;
		case NID_certBag:
			if (PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate)
				err = kv_material_take_certificate(m, PKCS12_SAFEBAG_get1_cert(bag));
			break;
		case NID_safeContentsBag:
			err = read_bags(m, PKCS12_SAFEBAG_get0_safes(bag), p, depth + 1);
			break;
		default: /* a revocation list, a secret of somebody else */
			break;
		}
	}
	return err;
}

static bool
has_content(const PKCS7 *safe)
{
	const PKCS7_ENC_CONTENT *content;

	if (safe->d.ptr == NULL)
		return false;
	if (OBJ_obj2nid(safe->type) == NID_pkcs7_data)
		return true;
	content = safe->d.encrypted->enc_data;
	return content != NULL && content->algorithm != NULL && content->enc_data != NULL;
}

static int
read_safe(struct kv_material *m, PKCS7 *safe, const struct password *p)
{
	const int nid = OBJ_obj2nid(safe->type);
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	int err = 0;

	if ((nid != NID_pkcs7_data && nid != NID_pkcs7_encrypted) || !has_content(safe))
		return kv_material_refuse(
		    m, "has a part that is not encrypted with a password; that is not supported");
	if (nid == NID_pkcs7_encrypted)
		err = kv_pbe_check_cipher(m, safe->d.encrypted->enc_data->algorithm);
	if (err != 0)
		return err;
	bags = nid == NID_pkcs7_data ? PKCS12_unpack_p7data(safe) :
				       PKCS12_unpack_p7encdata(safe, p->text, p->len);
	if (bags == NULL)
		return kv_material_refuse_password(m);
	err = read_bags(m, bags, p, 0);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return err;
}

static int
read_safes(struct kv_material *m, const PKCS12 *file, const struct password *p)
{
	STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(file);
	int err = 0;

	if (safes == NULL)
		return kv_material_lacks_memory() ? -ENOMEM :
						    kv_material_refuse(m, "is a damaged PKCS#12 file");
	for (int i = 0; err == 0 && i < sk_PKCS7_num(safes); i++)
		err = read_safe(m, sk_PKCS7_value(safes, i), p);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	return err;
}

/* Find the form of the password that the MAC was made with; one that is given, and not needed, does no harm. */
static int
find_password(struct kv_material *m, PKCS12 *file, struct password *found)
{
	const struct password forms[] = { { m->password, -1 }, { NULL, 0 }, { "", 0 } };
	const X509_ALGOR *algorithm = NULL;
	const ASN1_INTEGER *rounds = NULL;
	int err;

	if (PKCS12_mac_present(file) != 1)
		return kv_material_refuse(m,
		    "has no MAC, so that nothing shows whether it was changed; convert it: openssl pkcs12 -nomacver -in "
		    "FILE -nodes -out FILE.pem");
	PKCS12_get0_mac(NULL, &algorithm, NULL, &rounds, file);
	err = kv_pbe_check_mac(m, algorithm, rounds);
	for (size_t i = m->password == NULL; err == 0 && i < sizeof(forms) / sizeof(forms[0]); i++) {
		*found = forms[i];
		if (PKCS12_verify_mac(file, forms[i].text, forms[i].len) == 1)
			return 0;
	}
	return err != 0 ? err : kv_material_refuse_password(m);
}

/* "MII", the start of every DER file of ordinary length, as base64. */
static int
refuse_form(struct kv_material *m, const void *data, size_t len)
{
	return kv_material_refuse(m, "is neither PEM nor PKCS#12%s",
	    len > 3 && memcmp(data, "MII", 3) == 0 ? "; it looks like base64: decode it with \"base64 -d\"" :
						     "");
}

int
kv_pkcs12_read(struct kv_material *m, const void *data, size_t len)
{
	const unsigned char *p = data;
	struct password password = { NULL, 0 };
	PKCS12 *file = PKCS12_init_ex(NID_pkcs7_data, m->context, NULL);
	int err;

	if (file == NULL)
		return -ENOMEM;
	if (len > LONG_MAX || d2i_PKCS12(&file, &p, (long)len) == NULL)
		err = kv_material_lacks_memory() ? -ENOMEM : refuse_form(m, data, len);
	else
		err = find_password(m, file, &password);
	if (err == 0)
		err = read_safes(m, file, &password);
	PKCS12_free(file);
	return err;
}
