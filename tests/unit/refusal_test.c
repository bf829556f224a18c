/*
 * The table of refusals, with answers as the service gives them.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/fault.h"
#include "client/base/refusal.h"
#include "client/base/refusal_rows.h"
#include "tests/unit/fake_clock.h"

#define NOW    1795658400 /* 2026-11-26 02:00:00 UTC */
#define HOST   "v.vault.azure.net"
#define CLIENT "11111111-2222-3333-4444-555555555555"

struct row {
	long status;
	const char *answer;
	int err;
	const char *sentence;
};

static struct kv_buf said;
static bool is_used[300]; /* rows of the table that an answer has found */

static int
set_up(void **state)
{
	(void)state;
	fake_clock_set(1000000, NOW);
	kv_buf_init(&said, 4000);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_buf_release(&said);
	return 0;
}

static const char *
say(const struct kv_refusal *refusal)
{
	kv_buf_clear(&said);
	kv_refusal_say(refusal, &said);
	return kv_buf_str(&said);
}

static void
mark_used(const struct kv_refusal_row *found)
{
	size_t i = 0;

	while (kv_refusal_row(i) != found)
		i++;
	assert_true(i < N_OF(is_used));
	is_used[i] = true;
}

static void
check(const struct row *row, size_t i, const struct kv_refusal *refusal)
{
	const struct kv_refusal_row *found = kv_refusal_find(refusal->status, refusal->fault);

	mark_used(found);
	assert_row(found->err == row->err, i, kv_err_name(found->err));
	assert_row(strcmp(say(refusal), row->sentence) == 0, i, kv_buf_str(&said));
}

static const struct row of_vault[] = {
	{ 401,
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10000: Request is missing a Bearer or "
	    "PoP token.\"}}",
	    EACCES,
	    "the vault refuses the token: it did not arrive: check whether a proxy removes the "
	    "Authorization header" },
	{ 401,
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10000: Request is missing a Bearer, "
	    "PoP, or MTLS_POP token.\"}}",
	    EACCES,
	    "the vault refuses the token: it did not arrive: check whether a proxy removes the "
	    "Authorization header" },
	{ 401,
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10022: Invalid audience. Expected "
	    "https://vault.azure.net, found: https://management.azure.com.\"}}",
	    EACCES,
	    "the vault refuses the token: it is for https://management.azure.com, and the vault "
	    "expects https://vault.azure.net: request the token for the resource of this vault's "
	    "cloud" },
	{ 401,
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10022: Invalid audience. Expected "
	    "https://vault.azure.net or cfa8b339-82a2-471a-a3c9-0fc0be7a4093, found: "
	    "spn:https://management.azure.com.\"}}",
	    EACCES,
	    "the vault refuses the token: it is for spn:https://management.azure.com, and the "
	    "vault expects https://vault.azure.net or cfa8b339-82a2-471a-a3c9-0fc0be7a4093: "
	    "request the token for the resource of this vault's cloud" },
	{ 401,
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10032: Invalid issuer. Expected one of "
	    "https://sts.windows.net/11111111-2222-3333-4444-555555555555/, found "
	    "https://sts.windows.net/66666666-7777-8888-9999-aaaaaaaaaaaa/.\"}}",
	    EACCES,
	    "the vault refuses the token: it is of another tenant "
	    "(https://sts.windows.net/66666666-7777-8888-9999-aaaaaaaaaaaa/), and the vault "
	    "belongs to https://sts.windows.net/11111111-2222-3333-4444-555555555555/: use a "
	    "credential of the vault's tenant, with AZURE_TENANT_ID or az login --tenant" },
	{ 401,
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10046: Unable to resolve the key used "
	    "for signature validation. EncodedJwtHeader: '***'.\"}}",
	    EACCES,
	    "the vault refuses the token: it could not resolve the key that signed it, which "
	    "usually passes within seconds: try again later" },
	{ 401,
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"[TokenExpired] Error validating token: "
	    "'S2S12086'.\"}}",
	    EACCES, "the vault refuses the token: it has expired: sign in again, or write a new token" },
	{ 401,
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10001: [TokenExpired] Error validating "
	    "token.\"}}",
	    EACCES, "the vault refuses the token: it has expired: sign in again, or write a new token" },
	{ 401,
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10001: [BearerReadAccessTokenFailed] "
	    "Error validating token: 'S2S12005'.\"}}",
	    EACCES,
	    "the vault refuses the token: check that the credential is for this vault's tenant "
	    "and cloud" },
	{ 401,
	    "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"AKV10000: Continuous access evaluation\","
	    "\"innererror\":{\"code\":\"insufficient_claims\"}}}",
	    EACCES,
	    "the vault refuses the token: it requires a newer one, because of Conditional Access "
	    "or a change of the account: sign in again, or ask the tenant's administrator which policy applies" },
	{ 401, "", EACCES,
	    "the vault refuses the token, and gives no reason: check that the credential is for "
	    "this vault's tenant and cloud" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Caller is not authorized to perform action "
	    "on resource.\\r\\nIf role assignments, deny assignments or role definitions were "
	    "changed recently, please observe propagation time.\\r\\nCaller: "
	    "appid=11111111-2222-3333-4444-555555555555;oid=66666666-7777-8888-9999-aaaaaaaaaaaa;iss=https://sts.windows.net/bbbbbbbb-cccc-dddd-eeee-ffffffffffff/\\r\\nAction: "
	    "'Microsoft.KeyVault/vaults/keys/read'\\r\\nResource: "
	    "'/subscriptions/cccccccc-0000-0000-0000-000000000000/resourcegroups/g/providers/microsoft.keyvault/vaults/v/keys/n'\\r\\nAssignment: "
	    "(not found)\\r\\nDenyAssignmentId: null\\r\\nDecisionReason: null \\r\\nVault: "
	    "v;location=canadacentral\\r\\n\",\"innererror\":{\"code\":\"ForbiddenByRbac\"}}}",
	    EACCES,
	    "no role assignment permits Microsoft.KeyVault/vaults/keys/read: assign a role with "
	    "this action to the caller (object id 66666666-7777-8888-9999-aaaaaaaaaaaa); this "
	    "takes effect after some minutes" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Caller is not authorized to perform action "
	    "on resource.\\r\\nIf role assignments, deny assignments or role definitions were "
	    "changed recently, please observe propagation time.\\r\\nCaller: name=A service; of "
	    "ours;appid=11111111-2222-3333-4444-555555555555;oid=66666666-7777-8888-9999-aaaaaaaaaaaa;iss=https://sts.windows.net/bbbbbbbb-cccc-dddd-eeee-ffffffffffff/;xms_mirid=/subscriptions/cccccccc-0000-0000-0000-000000000000/resourcegroups/g/providers/Microsoft.Compute/virtualMachines/m\\r\\nAction: "
	    "'Microsoft.KeyVault/vaults/keys/read'\\r\\nResource: "
	    "'/subscriptions/cccccccc-0000-0000-0000-000000000000/resourcegroups/g/providers/microsoft.keyvault/vaults/v/keys/n'\\r\\nAssignment: "
	    "(not found)\\r\\nDenyAssignmentId: null\\r\\nDecisionReason: null \\r\\nVault: "
	    "v;location=canadacentral\\r\\n\",\"innererror\":{\"code\":\"ForbiddenByRbac\"}}}",
	    EACCES,
	    "no role assignment permits Microsoft.KeyVault/vaults/keys/read: assign a role with "
	    "this action to the caller (object id 66666666-7777-8888-9999-aaaaaaaaaaaa); this "
	    "takes effect after some minutes" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Caller is not authorized to perform action "
	    "on resource.\",\"innererror\":{\"code\":\"ForbiddenByRbac\"}}}",
	    EACCES,
	    "no role assignment permits this: assign a role with this action to the caller; this "
	    "takes effect after some minutes" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"The user, group or application "
	    "'appid=11111111-2222-3333-4444-555555555555;oid=66666666-7777-8888-9999-aaaaaaaaaaaa;numgroups=0;iss=https://sts.windows.net/bbbbbbbb-cccc-dddd-eeee-ffffffffffff/' "
	    "does not have keys backup permission on key vault 'V;location=westus2'. For help "
	    "resolving this issue, please see "
	    "https://go.microsoft.com/fwlink/?linkid=2125287\",\"innererror\":{\"code\":\"ForbiddenByPolicy\"}}}",
	    EACCES,
	    "the vault's access policy does not grant the caller (object id "
	    "66666666-7777-8888-9999-aaaaaaaaaaaa) keys backup permission: add it to the policy "
	    "with az keyvault set-policy" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Client address is not authorized and caller "
	    "is not a trusted service.\\r\\nClient address: 192.0.2.4\\r\\nCaller: "
	    "appid=11111111-2222-3333-4444-555555555555;oid=66666666-7777-8888-9999-aaaaaaaaaaaa;iss=https://sts.windows.net/bbbbbbbb-cccc-dddd-eeee-ffffffffffff/\\r\\nVault: "
	    "V;location=westeurope\",\"innererror\":{\"code\":\"ForbiddenByFirewall\"}}}",
	    EACCES,
	    "the vault's firewall does not admit this machine, whose address it sees as "
	    "192.0.2.4: allow 192.0.2.4, or its network, in the vault's network settings" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Client address is not authorized and caller "
	    "is not a trusted service.\\r\\nClient address: 10.1.2.3 from unknown subnet\\r\\nCaller: "
	    "appid=11111111-2222-3333-4444-555555555555;oid=66666666-7777-8888-9999-aaaaaaaaaaaa;iss=https://sts.windows.net/bbbbbbbb-cccc-dddd-eeee-ffffffffffff/\\r\\nVault: "
	    "V;location=westeurope\",\"innererror\":{\"code\":\"ForbiddenByFirewall\"}}}",
	    EACCES,
	    "the vault's firewall does not admit this machine, whose address it sees as 10.1.2.3: "
	    "allow 10.1.2.3, or its network, in the vault's network settings" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Client address (2001:db8::1) is not "
	    "authorized and caller is not a trusted "
	    "service\",\"innererror\":{\"code\":\"ForbiddenByFirewall\"}}}",
	    EACCES,
	    "the vault's firewall does not admit this machine, whose address it sees as "
	    "2001:db8::1: allow 2001:db8::1, or its network, in the vault's network settings" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Client address is not authorized and caller "
	    "is not a trusted service.\",\"innererror\":{\"code\":\"ForbiddenByFirewall\"}}}",
	    EACCES,
	    "the vault's firewall does not admit this machine: allow its address, or its network, "
	    "in the vault's network settings" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Public network access is disabled and "
	    "request is not from a trusted service nor via an approved private link.\\r\\nCaller: "
	    "appid=11111111-2222-3333-4444-555555555555;oid=66666666-7777-8888-9999-aaaaaaaaaaaa;iss=https://sts.windows.net/bbbbbbbb-cccc-dddd-eeee-ffffffffffff/;xms_mirid=/subscriptions/c\",\"innererror\":{\"code\":\"ForbiddenByConnection\"}}}",
	    EACCES,
	    "the vault admits only private links, and this request did not come through one: "
	    "mount in a network with a private endpoint, and check that v.vault.azure.net "
	    "resolves to a private address there" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Connection is not an approved private link "
	    "and caller was ignored because bypass is not set to 'AzureServices' and "
	    "PublicNetworkAccess is set to "
	    "'Disabled'.\",\"innererror\":{\"code\":\"ForbiddenByConnection\"}}}",
	    EACCES,
	    "the vault admits only private links, and this request did not come through one: "
	    "mount in a network with a private endpoint, and check that v.vault.azure.net "
	    "resolves to a private address there" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Operation \\\"delete\\\" is not allowed as this "
	    "object's lifetime is managed by Key "
	    "Vault.\",\"innererror\":{\"code\":\"KeyManagedByKeyVault\"}}}",
	    EPERM,
	    "the key belongs to a certificate: use the certificate of this name, whose backup "
	    "contains it" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Operation \\\"delete\\\" is not allowed as this "
	    "object's lifetime is managed by Key "
	    "Vault.\",\"innererror\":{\"code\":\"SecretManagedByKeyVault\"}}}",
	    EPERM,
	    "the secret belongs to a certificate: use the certificate of this name, whose backup "
	    "contains it" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Operation \\\"delete\\\" is not allowed as this "
	    "object's lifetime is managed by Key "
	    "Vault.\",\"innererror\":{\"code\":\"StorageManagedByKeyVault\"}}}",
	    EPERM,
	    "the object belongs to a certificate: use the certificate of this name, whose backup "
	    "contains it" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Operation \\\"backup\\\" is not allowed on this "
	    "Key, since it is associated with a certificate. Perform the operation on the "
	    "corresponding certificate. For more details, see "
	    "https://go.microsoft.com/fwlink/?linkid=848316\"}}",
	    EPERM,
	    "the object belongs to a certificate: use the certificate of this name, whose backup "
	    "contains it" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Operation get is not allowed on a disabled "
	    "secret.\",\"innererror\":{\"code\":\"SecretDisabled\"}}}",
	    EACCES, "the secret is disabled: enable it" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Operation get is not allowed on a disabled "
	    "key.\",\"innererror\":{\"code\":\"KeyDisabled\"}}}",
	    EACCES, "the key is disabled: enable it" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"Operation \\\"purge\\\" is not allowed because "
	    "purge protection is enabled for this vault. Key Vault service will automatically "
	    "purge it after the retention period has passed.\\r\\nVault: V;location=westeurope\"}}",
	    EACCES, "purge protection is enabled in this vault: wait until the retention period is over" },
	{ 403,
	    "{\"error\":{\"code\":\"AccessDenied\",\"message\":\"Not authorized to access "
	    "Microsoft.KeyVault/managedHsm/keys/create on '/keys' (Activity ID: "
	    "5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    EACCES,
	    "no local role of the Managed HSM permits Microsoft.KeyVault/managedHsm/keys/create "
	    "on /keys: assign one with az keyvault role assignment create" },
	{ 403,
	    "{\"error\":{\"code\":\"AccessDenied\",\"message\":\"Something new. (Activity ID: "
	    "5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    EACCES, "the vault refuses this: Something new" },
	{ 403,
	    "{\"error\":{\"code\":\"Forbidden\",\"message\":\"\",\"innererror\":{\"code\":\"SomethingNew\"}}}",
	    EACCES, "the vault refuses this (SomethingNew): ask for the permission" },
	{ 403, "", EACCES,
	    "v.vault.azure.net refuses this, without a reason of Azure Key Vault: check whether a "
	    "proxy or a firewall answers" },
	{ 404, "{\"error\":{\"code\":\"SecretNotFound\",\"message\":\"Deleted Secret not found: N\"}}",
	    ENOENT, "the vault has no deleted object of this name: a deletion may still be taking effect" },
	{ 404, "{\"error\":{\"code\":\"KeyNotFound\",\"message\":\"Key not found: N\"}}", ENOENT,
	    "the vault has no such key: if it was deleted lately, it can be recovered" },
	{ 404,
	    "{\"error\":{\"code\":\"KeyNotFound\",\"message\":\"Key not found: "
	    "https://H.managedhsm.azure.net/deletedkeys/N (Activity ID: "
	    "5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    ENOENT, "the vault has no deleted object of this name: a deletion may still be taking effect" },
	{ 404,
	    "{\"error\":{\"code\":\"KeyNotFound\",\"message\":\"Key not found: "
	    "https://H.managedhsm.azure.net/keys/N (Activity ID: "
	    "5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    ENOENT, "the vault has no such key: if it was deleted lately, it can be recovered" },
	{ 404,
	    "{\"error\":{\"code\":\"SecretNotFound\",\"message\":\"A secret with (name/id) N was not found "
	    "in this key vault. If you recently deleted this secret you may be able to recover it "
	    "using the correct recovery command. For help resolving this issue, please see "
	    "https://go.microsoft.com/fwlink/?linkid=2125182\"}}",
	    ENOENT, "the vault has no such secret: if it was deleted lately, it can be recovered" },
	{ 404, "{\"error\":{\"code\":\"CertificateNotFound\",\"message\":\"Certificate not found: N\"}}",
	    ENOENT, "the vault has no such certificate: if it was deleted lately, it can be recovered" },
	{ 404,
	    "{\"error\":{\"code\":\"PendingCertificateNotFound\",\"message\":\"Pending certificate not "
	    "found: N\"}}",
	    ENOENT, "the certificate has no operation in progress" },
	{ 404,
	    "{\"error\":{\"code\":\"CertificateIssuerNotFound\",\"message\":\"Certificate issuer not "
	    "found: N\"}}",
	    ENOENT, "the vault has no such certificate issuer" },
	{ 404, "{\"error\":{\"code\":\"ContactsNotFound\",\"message\":\"Contacts not found\"}}", ENOENT,
	    "the vault has no certificate contacts" },
	{ 404, "{\"error\":{\"code\":\"SomethingNotFound\",\"message\":\"Not found\"}}", ENOENT,
	    "the vault has no such object" },
	{ 404, "{\"error\":{\"code\":\"EntityNotFoundException\",\"message\":\"Not found\"}}", ENOENT,
	    "the vault has no such object" },
	{ 404, "<html>Not Found</html>", EBADMSG,
	    "this is no 404 of Azure Key Vault: check whether v.vault.azure.net is the vault's "
	    "name, and whether a proxy answers" },
	{ 409,
	    "{\"error\":{\"code\":\"Conflict\",\"message\":\"Secret N is currently in a deleted but "
	    "recoverable state, and its name cannot be reused; in this state, the secret can only "
	    "be recovered or purged.\",\"innererror\":{\"code\":\"ObjectIsDeletedButRecoverable\"}}}",
	    EEXIST, "a soft-deleted object has this name: recover or purge it" },
	{ 409,
	    "{\"error\":{\"code\":\"Conflict\",\"message\":\"Secret N is currently being "
	    "deleted.\",\"innererror\":{\"code\":\"ObjectIsBeingDeleted\"}}}",
	    EBUSY, "the object is being deleted: try again in a minute" },
	{ 409,
	    "{\"error\":{\"code\":\"Conflict\",\"message\":\"Secret N is currently being "
	    "recovered.\",\"innererror\":{\"code\":\"ObjectIsBeingRecovered\"}}}",
	    EBUSY, "the object is being recovered: try again in a minute" },
	{ 409,
	    "{\"error\":{\"code\":\"Conflict\",\"message\":\"Secret N is currently being "
	    "created.\",\"innererror\":{\"code\":\"ObjectIsBeingCreated\"}}}",
	    EBUSY, "the object is being changed: try again in a minute" },
	{ 409,
	    "{\"error\":{\"code\":\"ObjectIsBeingDeleted\",\"message\":\"Secret N is currently being "
	    "deleted.\"}}",
	    EBUSY, "the object is being changed: try again in a minute" },
	{ 409,
	    "{\"error\":{\"code\":\"Conflict\",\"message\":\"There was a conflict while recovering the "
	    "soft-deleted key 'https://v.vault.azure.net/keys/N'. This can happen when multiple "
	    "operations are performed in parallel against the key.\"}}",
	    EBUSY, "another operation on the object is in progress: try again in a minute" },
	{ 409,
	    "{\"error\":{\"code\":\"Conflict\",\"message\":\"There was a conflict restoring the secret "
	    "'https://v.vault.azure.net/secrets/N/0123'. This can happen if either: a second "
	    "secret with the same name exists.\"}}",
	    EEXIST,
	    "an object, or a deleted one, has this name, or another operation on it is in "
	    "progress: delete and purge it, or recover it" },
	{ 409, "{\"error\":{\"code\":\"ConflictError\",\"message\":\"Several operations on one item\"}}",
	    EEXIST, "another operation on the object is in progress: try again in a minute" },
	{ 409, "{\"error\":{\"code\":\"Conflict\",\"message\":\"Something new.\"}}", EEXIST,
	    "the name is in use, or another operation is in progress: Something new" },
	{ 429,
	    "{\"error\":{\"code\":\"Throttled\",\"message\":\"Request was not processed because too many "
	    "requests were received. Reason: VaultRequestTypeLimitReached\"}}",
	    EBUSY,
	    "the vault's limit for requests is used up (VaultRequestTypeLimitReached): try again "
	    "later, or look for other clients of this vault" },
	{ 429, "", EBUSY,
	    "the vault's limit for requests is used up: try again later, or look for other "
	    "clients of this vault" },
	{ 408, "", EIO, "the vault did not receive the request in time: try again later" },
	{ 500, "{\"error\":{\"code\":\"InternalServerError\",\"message\":\"There was an internal error.\"}}",
	    EIO, "the vault reports an error of its own (status 500): try again later" },
	{ 502, "<html>Bad Gateway</html>", EIO,
	    "a gateway before the vault received an invalid answer from it: try again later" },
	{ 503,
	    "{\"error\":{\"code\":\"ServiceUnavailable\",\"message\":\"The service is temporarily "
	    "unavailable.\"}}",
	    EIO, "the vault is temporarily unavailable: try again later" },
	{ 504, "", EIO, "a gateway before the vault received no answer from it: try again later" },
	{ 400, "{\"error\":{\"code\":\"Malformed backup blob\",\"message\":\"Cannot decrypt backup blob.\"}}",
	    EINVAL,
	    "the vault cannot decrypt this backup: restore it into a vault of the same "
	    "subscription and geography" },
	{ 400,
	    "{\"error\":{\"code\":\"Malformed backup blob\",\"message\":\"Backup blob contains invalid or "
	    "corrupt version.\"}}",
	    EINVAL,
	    "this backup is damaged, or of an object of another type: compare the file with "
	    "another copy, and restore it as what it was" },
	{ 400, "{\"error\":{\"code\":\"Malformed backup blob\",\"message\":\"Backup blob is corrupt.\"}}",
	    EINVAL, "this file is damaged, or no backup: compare it with another copy" },
	{ 400,
	    "{\"error\":{\"code\":\"MalformedBackupBlob\",\"message\":\"Backup blob belongs to a different "
	    "crypto domain and cannot be used with this instance. (Activity ID: "
	    "5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    EINVAL,
	    "this backup is damaged, or of a Managed HSM with another security domain: restore it "
	    "into the Managed HSM that made it, or one with its security domain" },
	{ 400,
	    "{\"error\":{\"code\":\"MalformedBackupBlob\",\"message\":\"Something new. (Activity ID: "
	    "5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    EINVAL, "the vault refuses this backup: Something new: compare the file with another copy" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"Hardware key operation not allowed on "
	    "standard vault\"}}",
	    EINVAL,
	    "the vault is of the Standard tier, which has no HSM: use a Premium vault or a "
	    "Managed HSM, or a key type without -HSM" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"The property \\\"key\\\" must be a valid "
	    "JsonWebKey object.\"}}",
	    EINVAL, "the key is no valid JSON Web Key" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"RSA key is not valid - cannot instantiate "
	    "crypto service\"}}",
	    EINVAL, "the numbers of this RSA key do not fit together: compare the file with another copy" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"Exportable keys must have release "
	    "policy\"}}",
	    EINVAL, "an exportable key needs a release policy" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"Non-exportable keys must not have release "
	    "policy (Activity ID: 5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    EINVAL, "only an exportable key can have a release policy" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"JSON Web Key: k property of oct key is "
	    "too large, maximum size is 64 (Activity ID: 5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    EINVAL, "the key is too long for a symmetric key: check its type" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"JSON Web Key: kty is missing (Activity "
	    "ID: 5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    EINVAL, "the key is no valid JSON Web Key: JSON Web Key: kty is missing" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"Unsupported key operation(s): "
	    "\\\"wrapKey\\\", \\\"unwrapKey\\\". Supported values are \\\"sign\\\", \\\"verify\\\".\"}}",
	    EINVAL,
	    "the key's type does not support one of its operations: Unsupported key operation(s): "
	    "\"wrapKey\", \"unwrapKey\". Supported values are \"sign\", \"verify\"" },
	{ 400,
	    "{\"error\":{\"code\":\"Invalidkeyidentifier\",\"message\":\"Invalid key identifier (Activity "
	    "ID: 5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    EINVAL, "the vault does not accept this name: use letters, digits and '-', at most 127 of them" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"Invalid key identifier or name (Activity "
	    "ID: 5ae7e2c4-1111-11ec-8d3d-0242ac130003)\"}}",
	    EINVAL, "the vault does not accept this name: use letters, digits and '-', at most 127 of them" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"The request URI contains an invalid name: "
	    "key!@#$\"}}",
	    EINVAL, "the vault does not accept this name: use letters, digits and '-', at most 127 of them" },
	{ 400,
	    "{\"error\":{\"code\":\"BadParameter\",\"message\":\"Property  has invalid value\\r\\nProperty  "
	    "has invalid value\\r\\n\"}}",
	    EINVAL,
	    "the vault does not accept a parameter: Property has invalid value Property has "
	    "invalid value" },
	{ 400, "{\"error\":{\"code\":\"BadRequest\",\"message\":\"\"}}", EINVAL,
	    "the vault refuses this request: an object with more than 500 versions cannot be "
	    "backed up" },
	{ 400, "{\"error\":{\"code\":\"SomethingNew\",\"message\":\"Something new.\"}}", EINVAL,
	    "the vault refuses this request: Something new" },
	{ 400, "<html>Runtime Error</html>", EINVAL,
	    "this is no 400 of Azure Key Vault: check whether a proxy answers" },
	{ 413, "", EFBIG, "the request is larger than the server accepts" },
	{ 302, "", EBADMSG,
	    "status 302 is no answer of Azure Key Vault: check whether v.vault.azure.net is the "
	    "vault's name, and whether a proxy answers" },
	{ 418, "{\"error\":{\"code\":\"Teapot\",\"message\":\"Something new.\"}}", EBADMSG,
	    "status 418 is no answer of Azure Key Vault: Something new: check whether "
	    "v.vault.azure.net is the vault's name, and whether a proxy answers" },
};

/* The descriptions of its answers, whatever their status. */
static const struct row of_token_service[] = {
	{ 401,
	    "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the "
	    "request is the client secret value, not the client secret ID, for a secret added to "
	    "app '11111111-2222-3333-4444-555555555555'. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "the client secret of application 11111111-2222-3333-4444-555555555555 is wrong: give "
	    "the secret's value, not its id, or create a new one with az ad app credential reset --append "
	    "--id 11111111-2222-3333-4444-555555555555" },
	{ 401,
	    "AADSTS7000222: The provided client secret keys for app "
	    "'11111111-2222-3333-4444-555555555555' are expired. Visit the Azure portal to create "
	    "new keys for your app. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "the client secret of application 11111111-2222-3333-4444-555555555555 has expired: "
	    "create a new one with az ad app credential reset --append --id "
	    "11111111-2222-3333-4444-555555555555" },
	{ 400,
	    "AADSTS700016: Application with identifier '11111111-2222-3333-4444-555555555555' was "
	    "not found in the directory 'Contoso'. This can happen if the application has not "
	    "been installed by the administrator of the tenant. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "tenant t has no application 11111111-2222-3333-4444-555555555555: check "
	    "AZURE_CLIENT_ID and AZURE_TENANT_ID" },
	{ 401,
	    "AADSTS7000229: The client application 11111111-2222-3333-4444-555555555555 is "
	    "missing service principal in the tenant t. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "application 11111111-2222-3333-4444-555555555555 has no service principal in tenant "
	    "t: create it with az ad sp create --id 11111111-2222-3333-4444-555555555555" },
	{ 401,
	    "AADSTS7000112: Application '11111111-2222-3333-4444-555555555555'(app) is disabled. "
	    "Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "application 11111111-2222-3333-4444-555555555555 is disabled: enable its sign-in in "
	    "Entra ID" },
	{ 400,
	    "AADSTS90002: Tenant 't' not found. Check to make sure you have the correct tenant ID "
	    "and are signing into the correct cloud. Trace ID: 1 Correlation ID: 2",
	    EACCES, "there is no tenant t in this cloud: check AZURE_TENANT_ID and AZURE_AUTHORITY_HOST" },
	{ 400,
	    "AADSTS900023: Specified tenant identifier 't' is neither a valid DNS name, nor a "
	    "valid external domain. Trace ID: 1 Correlation ID: 2",
	    EACCES, "t is neither a tenant id nor a domain: check AZURE_TENANT_ID" },
	{ 400,
	    "AADSTS500011: The resource principal named https://vault.azure.net was not found in "
	    "the tenant named Contoso. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "Azure Key Vault (https://vault.azure.net) is not known in tenant t: check whether "
	    "tenant and vault are in the same cloud, and whether the tenant has ever used Key "
	    "Vault" },
	{ 401,
	    "AADSTS700027: The certificate with identifier used to sign the client assertion is "
	    "expired on application. [Reason - The key used is expired. Thumbprint of key used by "
	    "client: '0123456789ABCDEF0123456789ABCDEF01234567', Found key 'Start=01/01/2024'] "
	    "Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "the certificate with thumbprint 0123456789ABCDEF0123456789ABCDEF01234567 is expired, "
	    "or not registered with application 11111111-2222-3333-4444-555555555555: add it with "
	    "az ad app credential reset --append --cert" },
	{ 401,
	    "AADSTS700024: Client assertion is not within its valid time range. Current time: "
	    "2026-11-26T01:02:03Z, assertion valid from 2026-11-26T00:00:00Z, expiry time of "
	    "assertion 2026-11-26T00:10:00Z. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "the signed assertion is not valid at this time: check the clock of this machine, and "
	    "whether the file with the federated token is renewed" },
	{ 401,
	    "AADSTS700021: Client assertion application identifier doesn't match 'client_id' "
	    "parameter. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "the assertion is of another application than 11111111-2222-3333-4444-555555555555: "
	    "check AZURE_CLIENT_ID" },
	{ 401,
	    "AADSTS700023: Client assertion audience claim does not match Realm issuer. Trace ID: "
	    "1 Correlation ID: 2",
	    EACCES,
	    "the assertion is for another audience than this token service: check "
	    "AZURE_AUTHORITY_HOST and AZURE_TENANT_ID" },
	{ 401, "AADSTS7000214: Certificate has been revoked. Trace ID: 1 Correlation ID: 2", EACCES,
	    "the certificate is revoked: register another one with az ad app credential reset "
	    "--append --cert" },
	{ 401,
	    "AADSTS7000274: Client assertion contains an invalid signature. Trace ID: 1 "
	    "Correlation ID: 2",
	    EACCES,
	    "the signature of the assertion is invalid: check that certificate and private key "
	    "belong together" },
	{ 401,
	    "AADSTS1000502: The provided certificate is not within its specified validity window. "
	    "Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "the certificate is not within its period of validity: register another one with az "
	    "ad app credential reset --append --cert" },
	{ 400,
	    "AADSTS70021: No matching federated identity record found for presented assertion. "
	    "Assertion Issuer: 'https://i.example'. Assertion Subject: 's'. Trace ID: 1 "
	    "Correlation ID: 2",
	    EACCES,
	    "no federated credential of application 11111111-2222-3333-4444-555555555555 matches "
	    "the token: compare issuer, subject and audience, which are case-sensitive, with az "
	    "ad app federated-credential list" },
	{ 401,
	    "AADSTS700211: No matching federated identity record found for presented assertion "
	    "issuer 'https://i.example'. Please check your federated identity credential Subject, "
	    "Audience and Issuer against the presented assertion. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "no federated credential of application 11111111-2222-3333-4444-555555555555 has the "
	    "token's issuer https://i.example: compare it, with its case, with az ad app "
	    "federated-credential list" },
	{ 401,
	    "AADSTS700212: No matching federated identity record found for presented assertion "
	    "audience 'api://Azure'. Please check your federated identity credential Subject, "
	    "Audience and Issuer against the presented assertion. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "no federated credential of application 11111111-2222-3333-4444-555555555555 has the "
	    "token's audience api://Azure: compare it, with its case, with az ad app "
	    "federated-credential list" },
	{ 401,
	    "AADSTS700213: No matching federated identity record found for presented assertion "
	    "subject 'repo:o/r:ref:refs/heads/main'. Check your federated identity credential "
	    "Subject, Audience and Issuer against the presented assertion. Trace ID: 1 "
	    "Correlation ID: 2",
	    EACCES,
	    "no federated credential of application 11111111-2222-3333-4444-555555555555 has the "
	    "token's subject repo:o/r:ref:refs/heads/main: compare it, with its case, with az ad "
	    "app federated-credential list" },
	{ 401,
	    "AADSTS7002138: No matching federated identity record found for presented assertion "
	    "subject 'repo:o/r'. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "no federated credential of application 11111111-2222-3333-4444-555555555555 matches "
	    "the token of subject repo:o/r: compare issuer, subject and audience, which are "
	    "case-sensitive, with az ad app federated-credential list" },
	{ 400,
	    "AADSTS50076: Due to a configuration change made by your administrator, or because "
	    "you moved to a new location, you must use multi-factor authentication to access "
	    "'cfa8b339-82a2-471a-a3c9-0fc0be7a4093'. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "this sign-in requires multi-factor authentication: sign in again with az login "
	    "--tenant t --scope https://vault.azure.net/.default" },
	{ 400,
	    "AADSTS50079: Due to a configuration change made by your administrator, or because "
	    "you moved to a new location, you must enroll in multi-factor authentication to "
	    "access 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093'. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "this account must first register for multi-factor authentication: sign in again with "
	    "az login --tenant t --scope https://vault.azure.net/.default" },
	{ 400,
	    "AADSTS53003: Access has been blocked by Conditional Access policies. The access "
	    "policy does not allow token issuance. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "Conditional Access does not allow this sign-in: sign in again with az login --tenant "
	    "t --scope https://vault.azure.net/.default, or ask the tenant's administrator which "
	    "policy applies" },
	{ 400,
	    "AADSTS530032: Blocked by Conditional Access policies. Tenant security policy does "
	    "not allow this. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "a security policy of the tenant does not allow this sign-in: ask the tenant's "
	    "administrator which policy applies" },
	{ 400,
	    "AADSTS65001: The user or administrator has not consented to use the application with "
	    "ID '11111111-2222-3333-4444-555555555555' named 'app'. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "nobody has consented to this use of the application: ask the tenant's administrator "
	    "for consent" },
	{ 400,
	    "AADSTS50020: User account 'u' from identity provider 'live.com' does not exist in "
	    "tenant 'Contoso' and cannot access the application. Trace ID: 1 Correlation ID: 2",
	    EACCES,
	    "the account is not a member or guest of tenant t: sign in with another account, with "
	    "az login --tenant t --scope https://vault.azure.net/.default" },
	{ 400,
	    "AADSTS700082: The refresh token has expired due to inactivity. Trace ID: 1 "
	    "Correlation ID: 2",
	    EACCES,
	    "the sign-in has expired: sign in again with az login --tenant t --scope "
	    "https://vault.azure.net/.default" },
	{ 400,
	    "AADSTS90033: A transient error has occurred. Please try again. Trace ID: 1 "
	    "Correlation ID: 2",
	    EIO, "the token service is temporarily unavailable: try again later" },
};

static void
an_answer_of_the_vault_has_its_errno_and_sentence(void **state)
{
	struct kv_fault fault;

	(void)state;
	for (size_t i = 0; i < N_OF(of_vault); i++) {
		kv_fault_parse(of_vault[i].answer, strlen(of_vault[i].answer), &fault);
		check(&of_vault[i], i,
		    &(struct kv_refusal){ .status = of_vault[i].status, .fault = &fault, .who = HOST });
		assert_int_equal(kv_err_of_status(of_vault[i].status, &fault), -of_vault[i].err);
	}
}

static void
a_number_of_the_token_service_has_its_errno_and_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_OF(of_token_service); i++) {
		struct kv_fault fault = { .code = "invalid_client" };

		kv_fault_line(fault.message, sizeof(fault.message), of_token_service[i].answer,
		    strlen(of_token_service[i].answer));
		assert_true(kv_refusal_find_aadsts(fault.message, fault.inner, sizeof(fault.inner)));
		assert_true(kv_refusal_is_aadsts(fault.inner));
		check(&of_token_service[i], i,
		    &(struct kv_refusal){ .fault = &fault,
			.client = CLIENT,
			.tenant = "t",
			.audience = "https://vault.azure.net",
			.login = "az login[ --tenant {tenant}][ --scope {resource}/.default]" });
	}
}

/* Runs after the two tests above. */
static void
each_row_of_the_table_has_an_answer_that_finds_it(void **state)
{
	const struct kv_refusal_row *row;

	(void)state;
	for (size_t i = 0; (row = kv_refusal_row(i)) != NULL; i++)
		assert_row(is_used[i], i, row->sentence);
}

/* ---- docs/errors.md ---- */

#define PAGE "docs/errors.md"

/* What a row is called there: its code, else the words that it looks for, else its status. */
static void
name_row(const struct kv_refusal_row *row, char *name, size_t size)
{
	const char *from = row->inner != NULL		   ? row->inner :
	    row->message != NULL && row->message[0] != '?' ? row->message :
	    row->code != NULL && row->code[0] != '?'	   ? row->code :
							     NULL;
	size_t len;

	if (from == NULL && row->status >= 100)
		snprintf(name, size, "%ld", row->status);
	else if (from == NULL)
		snprintf(name, size, "%s", row->status == 5 ? "5xx" : "other");
	if (from == NULL)
		return;
	from += from[0] == '*';
	len = strlen(from);
	while (len > 0 && (from[len - 1] == '*' || from[len - 1] == ' '))
		len--;
	snprintf(name, size, "%.*s", (int)len, from);
}

static const struct kv_refusal_row *
find_name(const char *name)
{
	const struct kv_refusal_row *row;
	char one[100];

	for (size_t i = 0; (row = kv_refusal_row(i)) != NULL; i++) {
		name_row(row, one, sizeof(one));
		if (strcmp(one, name) == 0)
			break;
	}
	return row;
}

/* Each name in backticks in the line's first column, with the errno of its second. */
static void
read_line(char *line, bool is_named[])
{
	char *rest = strstr(line, " | `"), *end, *name;
	const struct kv_refusal_row *row;

	if (strncmp(line, "| `", 3) != 0 || rest == NULL)
		return;
	*rest = '\0';
	rest += 4;
	rest[strcspn(rest, "`")] = '\0';
	while ((name = strchr(line, '`')) != NULL && (end = strchr(name + 1, '`')) != NULL) {
		*end = '\0';
		row = find_name(name + 1);
		if (row == NULL || strcmp(kv_err_name(row->err), rest) != 0)
			fail_msg(PAGE ": %s is not %s", name + 1, rest);
		for (size_t i = 0; kv_refusal_row(i) != NULL; i++)
			is_named[i] = is_named[i] || kv_refusal_row(i) == row;
		line = end + 1;
	}
}

static void
the_page_of_errors_and_the_table_have_the_same_codes(void **state)
{
	FILE *page = fopen(PAGE, "re");
	const struct kv_refusal_row *row;
	bool is_named[N_OF(is_used)] = { false }, is_in_table = false;
	char line[2000], name[100], text[20000] = "";

	(void)state;
	assert_non_null(page);
	while (fgets(line, sizeof(line), page) != NULL) {
		strncat(text, line, sizeof(text) - strlen(text) - 1);
		is_in_table = (is_in_table || strncmp(line, "| code or words |", 17) == 0) && line[0] == '|';
		if (is_in_table)
			read_line(line, is_named);
	}
	fclose(page);
	for (size_t i = 0; (row = kv_refusal_row(i)) != NULL; i++) {
		name_row(row, name, sizeof(name));
		assert_row(is_named[i] || find_name(name) != row, i, name);
		snprintf(name, sizeof(name), "`%s` | %s", kv_err_name(row->err), strerror(row->err));
		assert_row(strstr(text, name) != NULL, i, name);
	}
}

static void
without_details_a_sentence_has_no_gap(void **state)
{
	const struct kv_refusal_row *row;

	(void)state;
	for (size_t i = 0; (row = kv_refusal_row(i)) != NULL; i++) {
		const char *text = say(&(struct kv_refusal){ .row = row });

		assert_row(strpbrk(text, "{}[]|") == NULL, i, text);
		assert_row(strstr(text, "  ") == NULL && strstr(text, "()") == NULL, i, text);
		assert_row(strstr(text, " :") == NULL && strstr(text, " ,") == NULL, i, text);
		assert_row(text[0] != '\0' && text[strlen(text) - 1] != '.', i, text);
	}
}

static void
what_kvfs_finds_itself_has_a_sentence_too(void **state)
{
	(void)state;
	assert_string_equal(
	    say(&(struct kv_refusal){ .row = &kv_refusal_too_many_versions, .n_versions = 501 }),
	    "it has 501 versions, and the service backs up at most 500: delete it and create it again");
	assert_string_equal(say(&(struct kv_refusal){ .row = &kv_refusal_too_many_versions }),
	    "it has more than 500 versions, and the service backs up at most 500: delete it and create it "
	    "again");
}

static void
a_wrong_clock_is_shown_with_both_times(void **state)
{
	static const struct kv_fault expired = { "Unauthorized", "",
		"[TokenExpired] Error validating token: 'S2S12086'." };
	static const char usual[] =
	    "the vault refuses the token: it has expired: sign in again, or write a new token";
	static const struct {
		int64_t wall_date;
		const char *sentence;
	} rows[] = {
		{ 0, usual },
		{ NOW, usual },
		{ NOW + 300, usual },
		{ NOW - 300, usual },
		{ NOW + 3600,
		    "the vault refuses the token: it has expired: set the clock of this machine, which shows "
		    "2026-11-26 02:00:00 UTC, while that of " HOST " shows 2026-11-26 03:00:00 UTC" },
		{ NOW - 301,
		    "the vault refuses the token: it has expired: set the clock of this machine, which shows "
		    "2026-11-26 02:00:00 UTC, while that of " HOST " shows 2026-11-26 01:54:59 UTC" },
		{ INT64_MAX / 2,
		    "the vault refuses the token: it has expired: set the clock of this machine, which shows "
		    "2026-11-26 02:00:00 UTC, while that of " HOST " shows 4611686018427387903" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(
		    strcmp(
			say(&(struct kv_refusal){
			    .status = 401, .fault = &expired, .who = HOST, .wall_date = rows[i].wall_date }),
			rows[i].sentence) == 0,
		    i, kv_buf_str(&said));
}

static void
a_number_of_the_token_service_is_found_in_any_text(void **state)
{
	static const struct {
		const char *text, *inner; /* NULL: none */
		bool is_known;
	} rows[] = {
		{ "AADSTS7000222: The provided …", "AADSTS7000222", true },
		{ "ERROR: AADSTS50076: Due to …", "AADSTS50076", true },
		{ "x\nAADSTS1: y", "AADSTS1", false },
		{ "AADSTS70022", "AADSTS70022", false },
		{ "AADSTS", NULL, false },
		{ "AADSTSx", NULL, false },
		{ "aadsts50076", NULL, false },
		{ "AADSTS12345678901234567890", NULL, false },
		{ "", NULL, false },
	};
	char inner[64];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const bool found = kv_refusal_find_aadsts(rows[i].text, inner, sizeof(inner));

		assert_row(found == (rows[i].inner != NULL), i, rows[i].text);
		assert_row(!found || strcmp(inner, rows[i].inner) == 0, i, inner);
		assert_row(!found || kv_refusal_is_aadsts(inner) == rows[i].is_known, i, inner);
	}
	assert_false(kv_refusal_find_aadsts("AADSTS7000222", inner, 13));
	assert_true(kv_refusal_find_aadsts("AADSTS7000222", inner, 14));
}

/* A message comes from outside: it must not decide what the user pastes into a shell. */
static void
a_sentence_has_nothing_to_paste_that_is_no_id(void **state)
{
	static const struct kv_fault fault = { "Forbidden", "ForbiddenByRbac",
		"Caller: appid=x;oid=1;$(reboot);oid=$(reboot);iss=y Action: '`reboot`' Resource: ''" };

	(void)state;
	assert_null(strstr(say(&(struct kv_refusal){ .status = 403, .fault = &fault }), "reboot"));
	for (size_t i = 0; kv_refusal_row(i) != NULL; i++)
		assert_row(
		    strstr(say(&(struct kv_refusal){
			       .row = kv_refusal_row(i), .client = "$(reboot)", .tenant = "a.b;reboot" }),
			"reboot") == NULL,
		    i, kv_buf_str(&said));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_of_the_vault_has_its_errno_and_sentence),
		TEST(a_number_of_the_token_service_has_its_errno_and_sentence),
		TEST(each_row_of_the_table_has_an_answer_that_finds_it),
		TEST(the_page_of_errors_and_the_table_have_the_same_codes),
		TEST(without_details_a_sentence_has_no_gap),
		TEST(what_kvfs_finds_itself_has_a_sentence_too),
		TEST(a_wrong_clock_is_shown_with_both_times),
		TEST(a_number_of_the_token_service_is_found_in_any_text),
		TEST(a_sentence_has_nothing_to_paste_that_is_no_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
