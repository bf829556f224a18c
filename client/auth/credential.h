#ifndef KV_CLIENT_AUTH_CREDENTIAL_H
#define KV_CLIENT_AUTH_CREDENTIAL_H
/*
 * The credentials, in one table. A credential has one or several kinds, each with a file in
 * client/credential. client/auth/chain decides which one to ask; client/auth/ask provides what a kind needs.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

struct kv_ask;
struct kv_buf;

enum kv_auth_group {
	KV_AUTH_NAMED, /* tried only if the user names it */
	KV_AUTH_PROD,  /* of a service; in "auto", and in AZURE_TOKEN_CREDENTIALS=prod */
	KV_AUTH_DEV,   /* of a developer's tool; in "auto", and in AZURE_TOKEN_CREDENTIALS=dev */
};

/*
 * AUTH(word of -o auth=, group, name in the Azure SDKs or NULL, noun for messages), each followed by its
 * kinds. "auto" asks the credentials of both groups in this order, which is that of the SDKs'
 * DefaultAzureCredential. Of several kinds the first that is configured is asked. KIND(x) is struct
 * kv_credential_kind kv_x in client/credential/x.c.
 */
#define KV_CREDENTIALS(AUTH, KIND)                                                \
	AUTH("env", PROD, "EnvironmentCredential", "environment")                 \
	KIND(client_secret)                                                       \
	KIND(client_certificate)                                                  \
	AUTH("workload", PROD, "WorkloadIdentityCredential", "workload identity") \
	KIND(workload)                                                            \
	AUTH("managed", PROD, "ManagedIdentityCredential", "managed identity")    \
	KIND(unsupported)                                                         \
	KIND(app_service)                                                         \
	KIND(arc)                                                                 \
	KIND(azure_ml)                                                            \
	KIND(imds)                                                                \
	AUTH("cli", DEV, "AzureCliCredential", "az CLI")                          \
	KIND(az_cli)                                                              \
	AUTH("powershell", DEV, "AzurePowerShellCredential", "Azure PowerShell")  \
	KIND(azure_powershell)                                                    \
	AUTH("azd", DEV, "AzureDeveloperCliCredential", "Azure Developer CLI")    \
	KIND(azd)                                                                 \
	AUTH("github", NAMED, NULL, "GitHub Actions")                             \
	KIND(github_actions)                                                      \
	AUTH("pipelines", NAMED, NULL, "Azure Pipelines")                         \
	KIND(azure_pipelines)                                                     \
	AUTH("token", NAMED, NULL, "token file")                                  \
	KIND(token_file)

struct kv_auth {
	const char *word, *sdk_name, *noun;
	enum kv_auth_group group;
};
/* Ended by one without a word. */
extern const struct kv_auth kv_auths[];

#define KV_AUTH_NOTHING(...)
#define KV_AUTH_AND(word, ...) ", " word
/* "auto, env, managed, …", a literal. */
#define KV_CREDENTIAL_WORDS "auto" KV_CREDENTIALS(KV_AUTH_AND, KV_AUTH_NOTHING)

/* The credentials to ask, in this order: indexes in kv_auths. */
#define KV_AUTHS_MOST 16
struct kv_auth_order {
	unsigned char auths[KV_AUTHS_MOST];
	int n; /* 0 means "auto" */
};
/* "auto", or words of -o auth= separated by ':'. -EINVAL for anything else. */
int kv_auth_order_parse(const char *words, struct kv_auth_order *order) KV_MUST_CHECK;
/*
 * The value of AZURE_TOKEN_CREDENTIALS: "prod", "dev" or the name of a credential in the SDKs; case and
 * surrounding blanks do not count. -EINVAL and a sentence in why for anything else.
 */
int kv_auth_order_narrow(const char *value, struct kv_auth_order *order, struct kv_buf *why) KV_MUST_CHECK;

/* An environment variable that a kind reads. */
struct kv_credential_variable {
	const char *name;
	bool is_secret; /* its value is never shown, and is wiped from the environment */
};
#define KV_KIND_VARIABLES	8
#define KV_CREDENTIAL_VARIABLES 48 /* of all kinds together */

/* Strings are NULL if not given. */
struct kv_credential_options {
	struct kv_auth_order order;
	int auto_s;	       /* how long one choice among several credentials may take; 0: 30 */
	const char *authority; /* https URL; the only place where a secret is sent */
	const char *tenant;
	const char *subscription;			 /* for the az CLI: its account's */
	const char *client_id, *object_id, *resource_id; /* one of them names a managed identity */
	const char *client_secret; /* from client_secret_file=; takes precedence over AZURE_CLIENT_SECRET */
	const char *client_certificate; /* a file; takes precedence over AZURE_CLIENT_CERTIFICATE_PATH */
	const char *client_certificate_password_file;
	const char *service_connection; /* of Azure Pipelines, its id */
	const char *token_file;
	struct {
		const char *name, *value;
	} variables[KV_CREDENTIAL_VARIABLES]; /* the variables that are set and not empty */
};
/* The value of a variable; NULL if it is not set. */
const char *kv_credential_variable(const struct kv_credential_options *options, const char *name);
/* name and value are borrowed like options' strings. -E2BIG beyond KV_CREDENTIAL_VARIABLES. */
int kv_credential_set_variable(
    struct kv_credential_options *options, const char *name, const char *value) KV_MUST_CHECK;

enum kv_presence {
	KV_NOT_CONFIGURED,
	KV_PERHAPS, /* not configured, but it may exist and can be tried */
	KV_CONFIGURED,
};

struct kv_credential_kind {
	struct kv_credential_variable variables[KV_KIND_VARIABLES]; /* ends with one without a name */
	const char *file_variable;				    /* the one that names a file, or NULL */
	bool is_key_file;					    /* which has a private key */
	const char *noun; /* for messages, if its credential has several kinds to configure; or NULL */
	/* Whether it can request a token with the claims of a continuous-access challenge. */
	bool takes_claims;
	/* If it cannot: the command with which the user can, and its options; NULL for none. */
	struct kv_claims_command {
		const char *command, *tenant, *scope;
	} claims_command;
	/*
	 * why (may be NULL) gets what is missing, by kv_credential_lacks(), if it is not configured. An
	 * incomplete configuration is none.
	 */
	enum kv_presence (*presence)(const struct kv_credential_options *options, struct kv_buf *why);
	/*
	 * Start to get a token with the functions of client/auth/ask, and end with kv_ask_take_answer(),
	 * kv_ask_take_token() or kv_ask_fail(). Returning -errno is a failure too. Not called if the kind is
	 * not configured.
	 */
	int (*ask)(struct kv_ask *ask);
};
/* Append "NAME is not set", separated from what why has already. why may be NULL. */
void kv_credential_lacks(struct kv_buf *why, const char *name);

#define KV_AUTH_DECLARE(name) extern const struct kv_credential_kind kv_##name;
KV_CREDENTIALS(KV_AUTH_NOTHING, KV_AUTH_DECLARE)

/* The i-th of all different variables that kinds read, from 0; NULL after the last. */
const struct kv_credential_variable *kv_credential_variable_at(size_t i);
/* Whether the value of the variable of this name is a path. */
bool kv_credential_names_file(const char *variable);
/* The i-th kind, from 0, and the index of its credential in kv_auths; NULL after the last. */
const struct kv_credential_kind *kv_credential_at(size_t i, int *auth);
#endif
