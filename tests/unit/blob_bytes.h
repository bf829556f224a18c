#ifndef KV_TESTS_UNIT_BLOB_BYTES_H
#define KV_TESTS_UNIT_BLOB_BYTES_H
/* The smallest blobs with the form that client/vault/blob.h describes. No service could decrypt them. */
#include "client/vault/blob.h"
#define KEY_MAGIC    "&AzureKeyVaultKeyBackupV1.microsoft.com"
#define SECRET_MAGIC ")AzureKeyVaultSecretBackupV1.microsoft.com"
/* {"kid":"k","alg":"RSA-OAEP","enc":"A128CBC-HS256"}, and four more parts */
#define HEADER "eyJraWQiOiJrIiwiYWxnIjoiUlNBLU9BRVAiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0"
#define JWE    HEADER ".AAAA.BBBB.CCCC.0123456789-_abcdefABCg"
#define KEY    KEY_MAGIC JWE /* or a certificate */
#define SECRET SECRET_MAGIC JWE
#endif
