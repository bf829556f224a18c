#ifndef KV_FS_CONFIG_CLOUD_H
#define KV_FS_CONFIG_CLOUD_H
/*
 * Azure's clouds, the public one and the national ones. In each the suffix of a vault's host and the authority, the host
 * that gives tokens, belong together.
 * https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates (vault suffixes)
 */

/* The authority of the vault with this host, an https URL; of a host in no cloud, the public cloud's. */
const char *kv_cloud_authority(const char *host);
/* ".vault.azure.net", or that of the cloud with this authority (a host or a URL; NULL: the public one). */
const char *kv_cloud_suffix(const char *authority);
#endif
