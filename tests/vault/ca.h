#ifndef LV_CA_H
#define LV_CA_H
/*
 * The certificate authority of a state folder, by which the server proves to be the vaults that it
 * plays. Whoever trusts ca.pem once trusts every later start with the same folder.
 */
#include "tests/vault/text.h"

/*
 * The authority in dir (ca.pem, ca.key; made if they are missing) and a fresh server certificate
 * for names (DNS names, ended by NULL; 127.0.0.1 and ::1 are always in it): 0 and two PEM texts,
 * or -errno and a sentence in why.
 */
int lv_ca_open(
    const char *dir, const char *const *names, char **certificate, char **key, struct lv_text *why);
#endif
