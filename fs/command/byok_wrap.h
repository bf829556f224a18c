#ifndef KV_FS_COMMAND_BYOK_WRAP_H
#define KV_FS_COMMAND_BYOK_WRAP_H
/*
 * kvfs byok wrap: encrypts a private key for the HSM of a vault. It uses no network. KEK.json is what kvfs byok kek
 * prints: {"key":{"kid":"…","kty":"RSA-HSM","key_ops":["import"],"n":"…","e":"…"}}, with any other members; so the
 * service's own answer and the output of az keyvault key show will do.
 */
int kv_byok_wrap(int argc, char *const argv[]);
#endif
