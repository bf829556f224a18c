#include "client/keypair/pkcs8.h"

#include <string.h>
#include <openssl/pkcs12.h>

#include "client/keypair/material.h"
#include "client/keypair/pbe.h"

int
kv_pkcs8_read(struct kv_material *m, const unsigned char *der, size_t len)
{
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, (long)len);
	const int err = kv_material_add_pkcs8(m, info);

	PKCS8_PRIV_KEY_INFO_free(info);
	return err;
}

static int
decrypt(struct kv_material *m, const X509_SIG *encrypted)
{
	const char *password = m->password != NULL ? m->password : "";
	PKCS8_PRIV_KEY_INFO *info =
	    PKCS8_decrypt_ex(encrypted, password, (int)strlen(password), m->context, NULL);
	const int err = info != NULL ? kv_material_add_pkcs8(m, info) : kv_material_refuse_password(m);

	PKCS8_PRIV_KEY_INFO_free(info);
	return err;
}

int
kv_pkcs8_read_encrypted(struct kv_material *m, const unsigned char *der, size_t len)
{
	const X509_ALGOR *algorithm = NULL;
	X509_SIG *encrypted = d2i_X509_SIG(NULL, &der, (long)len);
	int err;

	if (encrypted == NULL)
		return kv_material_take_key(m, NULL);
	X509_SIG_get0(encrypted, &algorithm, NULL);
	err = kv_pbe_check_cipher(m, algorithm);
	if (err == 0)
		err = decrypt(m, encrypted);
	X509_SIG_free(encrypted);
	return err;
}
