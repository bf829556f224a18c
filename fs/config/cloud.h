#ifndef KV_FS_CONFIG_CLOUD_H
#define KV_FS_CONFIG_CLOUD_H
/*
 * The Azure clouds, public and national. Each has its own suffixes of vault host names and its own authority,
 * the host that issues tokens.
 * https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates (vault suffixes)
 */

/* The authority for a vault on this host, an https URL; the public cloud's if host belongs to no cloud. */
const char *kv_cloud_authority(const char *host);
/*
 * The vault suffix of the cloud with this authority, a host or a URL: ".vault.azure.net" for NULL and for an
 * authority of no known cloud; NULL for a cloud whose suffix is not published.
 */
const char *kv_cloud_suffix(const char *authority);
#endif
