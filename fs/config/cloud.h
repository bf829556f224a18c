#ifndef KV_FS_CONFIG_CLOUD_H
#define KV_FS_CONFIG_CLOUD_H
#include <stdbool.h>

/*
 * The Azure clouds, public and national. Each has its own suffixes of vault host names and its own authority,
 * the host that issues tokens.
 * https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates (vault suffixes)
 */

/* The authority for a vault on this host, an https URL; the public cloud's if host belongs to no cloud. */
const char *kv_cloud_authority(const char *host);
/*
 * Whether host is that of a Managed HSM: its suffix is one of a cloud, or begins as they all do, because not
 * all clouds are published.
 */
bool kv_cloud_is_hsm(const char *host);
/*
 * The suffix of vaults, or of Managed HSMs, in the cloud with this authority, a host or a URL:
 * ".vault.azure.net" for NULL and for an authority of no known cloud; NULL for a cloud whose suffix is not
 * published.
 */
const char *kv_cloud_suffix(const char *authority, bool is_hsm);
#endif
