/*
 * The table. Within a status, rows with a code come first, then those with words, then the rest.
 *
 * Sources: Microsoft's documentation (key-vault/general/rest-error-codes, entra/identity-platform/
 * reference-error-codes), and answers that were recorded.
 */
#include "client/base/refusal_rows.h"

#include <errno.h>

static const struct kv_refusal_row rows[] = {
	/* ---- 401 of the vault: code "Unauthorized", and a number in the message ---- */

	/* of the challenge: kvfs has answered it once already */
	{ 401, NULL, "insufficient_claims", NULL, EACCES,
	    "the vault refuses the token: it requires a newer one, because of Conditional Access or a change of the account",
	    "sign in again, or ask the tenant's administrator which policy applies" },
	{ 401, NULL, NULL, "AKV10000*", EACCES, "the vault refuses the token: it did not arrive",
	    "check whether a proxy removes the Authorization header" },
	{ 401, NULL, NULL, "AKV10022*", EACCES,
	    "the vault refuses the token: it is for [{found}|another service][, and the vault expects {expected}]",
	    "request the token for the resource of this vault's cloud" },
	{ 401, NULL, NULL, "AKV10032*", EACCES,
	    "the vault refuses the token: it is of another tenant[ ({found})][, and the vault belongs to {expected}]",
	    "use a credential of the vault's tenant, with AZURE_TENANT_ID or az login --tenant" },
	{ 401, NULL, NULL, "AKV10046*", EACCES,
	    "the vault refuses the token: it could not resolve the key that signed it, which usually passes within seconds",
	    "try again later" },
	{ 401, NULL, NULL, "*S2S12086*", EACCES, "the vault refuses the token: it has expired",
	    "[{clock}|sign in again, or write a new token]" },
	{ 401, NULL, NULL, "*TokenExpired*", EACCES, "the vault refuses the token: it has expired",
	    "[{clock}|sign in again, or write a new token]" },
	{ 401, NULL, NULL, "?*", EACCES, "the vault refuses the token",
	    "check that the credential is for this vault's tenant and cloud" },
	{ 401, NULL, NULL, NULL, EACCES, "the vault refuses the token, and gives no reason",
	    "check that the credential is for this vault's tenant and cloud" },

	/* ---- 403 of the vault: code "Forbidden", and an inner code ---- */

	{ 403, NULL, "ForbiddenByRbac", NULL, EACCES, "no role assignment permits [{action}|this]",
	    "assign a role with this action to the caller[ (object id {oid})]; this takes effect after some minutes" },
	{ 403, NULL, "ForbiddenByPolicy", NULL, EACCES,
	    "the vault's access policy does not grant the caller[ (object id {oid})] [{permission} permission|this]",
	    "add it to the policy with az keyvault set-policy" },
	{ 403, NULL, "ForbiddenByFirewall", NULL, EACCES,
	    "the vault's firewall does not admit this machine[, whose address it sees as {address}]",
	    "allow [{address}|its address], or its network, in the vault's network settings" },
	{ 403, NULL, "ForbiddenByConnection", NULL, EACCES,
	    "the vault admits only private links, and this request did not come through one",
	    "mount in a network with a private endpoint, and check that {who} resolves to a private address there" },
	{ 403, NULL, "KeyManagedByKeyVault", NULL, EPERM, "the key belongs to a certificate",
	    "use the certificate of this name, whose backup contains it" },
	{ 403, NULL, "SecretManagedByKeyVault", NULL, EPERM, "the secret belongs to a certificate",
	    "use the certificate of this name, whose backup contains it" },
	{ 403, NULL, "*ManagedByKeyVault", NULL, EPERM, "the object belongs to a certificate",
	    "use the certificate of this name, whose backup contains it" },
	{ 403, NULL, "SecretDisabled", NULL, EACCES, "the secret is disabled", "enable it" },
	{ 403, NULL, "KeyDisabled", NULL, EACCES, "the key is disabled", "enable it" },
	{ 403, NULL, NULL, "*associated with a certificate*", EPERM, "the object belongs to a certificate",
	    "use the certificate of this name, whose backup contains it" },
	{ 403, NULL, NULL, "*purge protection is enabled*", EACCES,
	    "purge protection is enabled in this vault", "wait until the retention period is over" },
	{ 403, "AccessDenied", NULL, "Not authorized to access*", EACCES,
	    "no local role of the Managed HSM permits [{action}|this][ on {resource}]",
	    "assign one with az keyvault role assignment create" },
	{ 403, "?*", NULL, "?*", EACCES, "the vault refuses this[: {message}]", NULL },
	{ 403, "?*", NULL, NULL, EACCES, "the vault refuses this[ ({code})]", "ask for the permission" },
	{ 403, NULL, NULL, NULL, EACCES, "{who} refuses this, without a reason of Azure Key Vault",
	    "check whether a proxy or a firewall answers" },

	/* ---- 404 ---- */

	{ 404, "*NotFound", NULL, "Deleted *", ENOENT, "the vault has no deleted object of this name",
	    "a deletion may still be taking effect" },
	{ 404, "KeyNotFound", NULL, "*/deletedkeys/*", ENOENT, "the vault has no deleted object of this name",
	    "a deletion may still be taking effect" }, /* of a Managed HSM */
	{ 404, "KeyNotFound", NULL, NULL, ENOENT, "the vault has no such key",
	    "if it was deleted lately, it can be recovered" },
	{ 404, "SecretNotFound", NULL, NULL, ENOENT, "the vault has no such secret",
	    "if it was deleted lately, it can be recovered" },
	{ 404, "CertificateNotFound", NULL, NULL, ENOENT, "the vault has no such certificate",
	    "if it was deleted lately, it can be recovered" },
	{ 404, "PendingCertificateNotFound", NULL, NULL, ENOENT,
	    "the certificate has no operation in progress", NULL },
	{ 404, "CertificateIssuerNotFound", NULL, NULL, ENOENT, "the vault has no such certificate issuer",
	    NULL },
	{ 404, "ContactsNotFound", NULL, NULL, ENOENT, "the vault has no certificate contacts", NULL },
	{ 404, "*NotFound", NULL, NULL, ENOENT, "the vault has no such object", NULL },
	{ 404, "*NotFoundException", NULL, NULL, ENOENT, "the vault has no such object",
	    NULL }, /* lowkey-vault */
	{ 404, NULL, NULL, NULL, EBADMSG, "this is no 404 of Azure Key Vault",
	    "check whether {who} is the vault's name, and whether a proxy answers" },

	/* ---- 409 ---- */

	{ 409, NULL, "ObjectIsDeletedButRecoverable", NULL, EEXIST, "a soft-deleted object has this name",
	    "recover or purge it" },
	{ 409, NULL, "ObjectIsBeingDeleted", NULL, EBUSY, "the object is being deleted",
	    "try again in a minute" },
	{ 409, NULL, "ObjectIsBeingRecovered", NULL, EBUSY, "the object is being recovered",
	    "try again in a minute" },
	{ 409, NULL, "ObjectIsBeing*", NULL, EBUSY, "the object is being changed", "try again in a minute" },
	{ 409, "ObjectIsBeing*", NULL, NULL, EBUSY, "the object is being changed", "try again in a minute" },
	{ 409, NULL, NULL, "*conflict while recovering*", EBUSY,
	    "another operation on the object is in progress", "try again in a minute" },
	{ 409, NULL, NULL, "*conflict restoring*", EEXIST,
	    "an object, or a deleted one, has this name, or another operation on it is in progress",
	    "delete and purge it, or recover it" },
	{ 409, "ConflictError", NULL, NULL, EEXIST, "another operation on the object is in progress",
	    "try again in a minute" },
	{ 409, NULL, NULL, NULL, EEXIST,
	    "the name is in use, or another operation is in progress[: {message}]", NULL },

	/* ---- 429 and other temporary failures ---- */

	{ 429, NULL, NULL, NULL, EBUSY, "the vault's limit for requests is used up[ ({reason})]",
	    "try again later, or look for other clients of this vault" },
	{ 408, NULL, NULL, NULL, EIO, "the vault did not receive the request in time", "try again later" },
	{ 503, NULL, NULL, NULL, EIO, "the vault is temporarily unavailable", "try again later" },
	{ 504, NULL, NULL, NULL, EIO, "a gateway before the vault received no answer from it",
	    "try again later" },
	{ 502, NULL, NULL, NULL, EIO, "a gateway before the vault received an invalid answer from it",
	    "try again later" },
	{ 5, NULL, NULL, NULL, EIO, "the vault reports an error of its own (status {status})",
	    "try again later" },

	/* ---- 400: blobs. Codes: "Malformed backup blob"; "MalformedBackupBlob" of a Managed HSM ---- */

	{ 400, NULL, NULL, "Cannot decrypt backup blob*", EINVAL, "the vault cannot decrypt this backup",
	    "restore it into a vault of the same subscription and geography" },
	{ 400, NULL, NULL, "*different crypto domain*", EINVAL,
	    "this backup is damaged, or of a Managed HSM with another security domain",
	    "restore it into the Managed HSM that made it, or one with its security domain" },
	{ 400, "Malformed*", NULL, "*invalid or corrupt version*", EINVAL,
	    "this backup is damaged, or of an object of another type",
	    "compare the file with another copy, and restore it as what it was" },
	{ 400, "Malformed*", NULL, "*is corrupt*", EINVAL, "this file is damaged, or no backup",
	    "compare it with another copy" },
	{ 400, "Malformed*", NULL, NULL, EINVAL, "the vault refuses this backup[: {message}]",
	    "compare the file with another copy" },

	/* ---- 400: imports ---- */

	{ 400, NULL, NULL, "Hardware key operation not allowed*", EINVAL,
	    "the vault is of the Standard tier, which has no HSM",
	    "use a Premium vault or a Managed HSM, or a key type without -HSM" },
	{ 400, NULL, NULL, "Exportable keys must have*", EINVAL, "an exportable key needs a release policy",
	    NULL },
	{ 400, NULL, NULL, "Non-exportable keys must not have*", EINVAL,
	    "only an exportable key can have a release policy", NULL },
	{ 400, NULL, NULL, "JSON Web Key: k property of oct key is too large*", EINVAL,
	    "the key is too long for a symmetric key", "check its type" },
	{ 400, NULL, NULL, "*must be a valid JsonWebKey*", EINVAL, "the key is no valid JSON Web Key", NULL },
	{ 400, NULL, NULL, "JSON Web Key:*", EINVAL, "the key is no valid JSON Web Key[: {message}]", NULL },
	{ 400, NULL, NULL, "RSA key is not valid*", EINVAL, "the numbers of this RSA key do not fit together",
	    "compare the file with another copy" },
	{ 400, NULL, NULL, "Unsupported key operation*", EINVAL,
	    "the key's type does not support one of its operations[: {message}]", NULL },

	/* ---- 400: the rest ---- */

	{ 400, "Invalidkeyidentifier", NULL, NULL, EINVAL, "the vault does not accept this name",
	    "use letters, digits and '-', at most 127 of them" },
	{ 400, NULL, NULL, "Invalid key identifier*", EINVAL, "the vault does not accept this name",
	    "use letters, digits and '-', at most 127 of them" },
	{ 400, NULL, NULL, "*contains an invalid name*", EINVAL, "the vault does not accept this name",
	    "use letters, digits and '-', at most 127 of them" },
	{ 400, "BadParameter", NULL, "?*", EINVAL, "the vault does not accept a parameter: {message}", NULL },
	{ 400, "BadRequest", NULL, NULL, EINVAL, "the vault refuses this request[: {message}]",
	    "an object with more than 500 versions cannot be backed up" },
	{ 400, "?*", NULL, NULL, EINVAL, "the vault refuses this request[: {message}]", NULL },
	{ 400, NULL, NULL, NULL, EINVAL, "this is no 400 of Azure Key Vault",
	    "check whether a proxy answers" },
	{ 413, NULL, NULL, NULL, EFBIG, "the request is larger than the server accepts", NULL },

	/* ---- the token service ---- */

	{ 0, NULL, "AADSTS7000215", NULL, EACCES, "the client secret[ of application {client}] is wrong",
	    "give the secret's value, not its id, or create a new one with az ad app credential reset --append[ --id {client}]" },
	{ 0, NULL, "AADSTS7000222", NULL, EACCES, "the client secret[ of application {client}] has expired",
	    "create a new one with az ad app credential reset --append[ --id {client}]" },
	{ 0, NULL, "AADSTS700016", NULL, EACCES,
	    "[tenant {tenant}|the tenant] has no application [{client}|with this client id]",
	    "check AZURE_CLIENT_ID and AZURE_TENANT_ID" },
	{ 0, NULL, "AADSTS7000229", NULL, EACCES,
	    "application [{client}|with this client id] has no service principal in [tenant {tenant}|the tenant]",
	    "create it with az ad sp create[ --id {client}]" },
	{ 0, NULL, "AADSTS7000112", NULL, EACCES, "application [{client}|with this client id] is disabled",
	    "enable its sign-in in Entra ID" },
	{ 0, NULL, "AADSTS90002", NULL, EACCES, "there is no tenant [{tenant}|of this id] in this cloud",
	    "check AZURE_TENANT_ID and AZURE_AUTHORITY_HOST" },
	{ 0, NULL, "AADSTS900023", NULL, EACCES, "[{tenant}|the tenant] is neither a tenant id nor a domain",
	    "check AZURE_TENANT_ID" },
	{ 0, NULL, "AADSTS500011", NULL, EACCES,
	    "Azure Key Vault[ ({token_audience})] is not known in [tenant {tenant}|the tenant]",
	    "check whether tenant and vault are in the same cloud, and whether the tenant has ever used Key Vault" },
	{ 0, NULL, "AADSTS700027", NULL, EACCES,
	    "the certificate[ with thumbprint {thumbprint}] is expired, or not registered with application [{client}|of this client id]",
	    "[{clock}|add it with az ad app credential reset --append --cert]" },
	{ 0, NULL, "AADSTS700024", NULL, EACCES, "the signed assertion is not valid at this time",
	    "[{clock}|check the clock of this machine, and whether the file with the federated token is renewed]" },
	{ 0, NULL, "AADSTS700021", NULL, EACCES, "the assertion is of another application[ than {client}]",
	    "check AZURE_CLIENT_ID" },
	{ 0, NULL, "AADSTS700023", NULL, EACCES,
	    "the assertion is for another audience than this token service",
	    "check AZURE_AUTHORITY_HOST and AZURE_TENANT_ID" },
	{ 0, NULL, "AADSTS7000214", NULL, EACCES, "the certificate is revoked",
	    "register another one with az ad app credential reset --append --cert" },
	{ 0, NULL, "AADSTS7000274", NULL, EACCES, "the signature of the assertion is invalid",
	    "check that certificate and private key belong together" },
	{ 0, NULL, "AADSTS1000502", NULL, EACCES, "the certificate is not within its period of validity",
	    "[{clock}|register another one with az ad app credential reset --append --cert]" },
	{ 0, NULL, "AADSTS70021", NULL, EACCES,
	    "no federated credential of application [{client}|of this client id] matches the token[ of subject {subject}]",
	    "compare issuer, subject and audience, which are case-sensitive, with az ad app federated-credential list" },
	{ 0, NULL, "AADSTS700211", NULL, EACCES,
	    "no federated credential of application [{client}|of this client id] has the token's issuer[ {issuer}]",
	    "compare it, with its case, with az ad app federated-credential list" },
	{ 0, NULL, "AADSTS700212", NULL, EACCES,
	    "no federated credential of application [{client}|of this client id] has the token's audience[ {audience}]",
	    "compare it, with its case, with az ad app federated-credential list" },
	{ 0, NULL, "AADSTS700213", NULL, EACCES,
	    "no federated credential of application [{client}|of this client id] has the token's subject[ {subject}]",
	    "compare it, with its case, with az ad app federated-credential list" },
	{ 0, NULL, "AADSTS7002138", NULL, EACCES,
	    "no federated credential of application [{client}|of this client id] matches the token[ of subject {subject}]",
	    "compare issuer, subject and audience, which are case-sensitive, with az ad app federated-credential list" },
	{ 0, NULL, "AADSTS50076", NULL, EACCES, "this sign-in requires multi-factor authentication",
	    "sign in again[ with {login}]" },
	{ 0, NULL, "AADSTS50079", NULL, EACCES,
	    "this account must first register for multi-factor authentication",
	    "sign in again[ with {login}]" },
	{ 0, NULL, "AADSTS53003", NULL, EACCES, "Conditional Access does not allow this sign-in",
	    "sign in again[ with {login}], or ask the tenant's administrator which policy applies" },
	{ 0, NULL, "AADSTS530032", NULL, EACCES,
	    "a security policy of the tenant does not allow this sign-in",
	    "ask the tenant's administrator which policy applies" },
	{ 0, NULL, "AADSTS65001", NULL, EACCES, "nobody has consented to this use of the application",
	    "ask the tenant's administrator for consent" },
	{ 0, NULL, "AADSTS50020", NULL, EACCES,
	    "the account is not a member or guest of [tenant {tenant}|the tenant]",
	    "sign in with another account[, with {login}]" },
	{ 0, NULL, "AADSTS700082", NULL, EACCES, "the sign-in has expired", "sign in again[ with {login}]" },
	{ 0, NULL, "AADSTS90033", NULL, EIO, "the token service is temporarily unavailable",
	    "try again later" },

	/* ---- the rest ---- */

	{ 0, NULL, NULL, NULL, EBADMSG, "status {status} is no answer of Azure Key Vault[: {message}]",
	    "check whether {who} is the vault's name, and whether a proxy answers" },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct kv_refusal_row kv_refusal_too_many_versions = { .err = EFBIG,
	.sentence = "it has [{count}|more than 500] versions, and the service backs up at most 500",
	.remedy = "delete it and create it again" };
const struct kv_refusal_row kv_refusal_wrong_404 = { .err = EBADMSG,
	.sentence = "the vault answered the backup with 404, but lists its versions",
	.remedy = "try again later" };
const struct kv_refusal_row kv_refusal_lone_404 = { .err = EBADMSG,
	.sentence = "the vault answered the backup with 404, and its versions cannot be listed",
	.remedy = "see the line before this one" };

const struct kv_refusal_row kv_refusal_name_in_use = { .err = EEXIST,
	.sentence = "the vault already has an object of this name",
	.remedy = "remove it first, or restore into another vault" };
const struct kv_refusal_row kv_refusal_name_deleted = { .err = EEXIST,
	.sentence = "a soft-deleted object has this name",
	.remedy = "recover or purge it" };
const struct kv_refusal_row kv_refusal_name_vanishing = { .err = EBUSY,
	.sentence = "the name is still being deleted or purged",
	.remedy = "try again later" };
const struct kv_refusal_row kv_refusal_lost_restore = { .err = EIO,
	.sentence = "the answer was lost, and the object may have been restored",
	.remedy = "check before you try again" };
const struct kv_refusal_row kv_refusal_strange_restore = { .err = EBADMSG,
	.sentence =
	    "the answer is not one to this restore, and the object may have been restored, here or elsewhere",
	.remedy = "check before you try again" };
const struct kv_refusal_row kv_refusal_strange_recovery = { .err = EBADMSG,
	.sentence =
	    "the answer is not one to this recovery, and the object may have been recovered, here or elsewhere",
	.remedy = "check before you try again" };

const struct kv_refusal_row *
kv_refusal_row(size_t i)
{
	return i < ROWS ? &rows[i] : NULL;
}
