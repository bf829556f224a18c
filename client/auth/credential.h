#ifndef KV_CLIENT_AUTH_CREDENTIAL_H
#define KV_CLIENT_AUTH_CREDENTIAL_H
/*
 * The kinds of credentials. Each is a row of KV_CREDENTIALS and a file. client/auth/chain decides which one
 * to ask; client/auth/ask provides what a kind needs.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

struct kv_ask;

/*
 * The kinds, each below its word for -o auth=. "auto" tries them in this order. If several share a word, it
 * means the first that is configured. KIND(x) is struct kv_credential_kind kv_x in client/credential/x.c.
 */
#define KV_CREDENTIALS(AUTH, KIND) \
	AUTH("env")                \
	KIND(client_secret)        \
	AUTH("managed")            \
	KIND(app_service)          \
	KIND(imds)                 \
	AUTH("cli")                \
	KIND(az_cli)               \
	AUTH("token")              \
	KIND(token_file)

#define KV_AUTH_AND(word) ", " word
#define KV_AUTH_NOTHING(x)
/* "auto, env, managed, …", a literal. */
#define KV_CREDENTIAL_WORDS "auto" KV_CREDENTIALS(KV_AUTH_AND, KV_AUTH_NOTHING)
/* "auto" and the words of -o auth=, ended by NULL. */
extern const char *const kv_credential_words[];

/* An environment variable that a kind reads. */
struct kv_credential_variable {
	const char *name;
	bool is_secret; /* its value is never shown */
};
#define KV_KIND_VARIABLES	4
#define KV_CREDENTIAL_VARIABLES 32 /* of all kinds together */

/* Strings are NULL if not given. */
struct kv_credential_options {
	int auth;	       /* index in kv_credential_words; 0: auto */
	const char *authority; /* https URL; the only place where a secret is sent */
	const char *tenant;
	const char *client_id;
	const char *client_secret; /* from client_secret_file=; takes precedence over AZURE_CLIENT_SECRET */
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
	/* auto's reason for skipping the kind: "AZURE_CLIENT_SECRET is not set"; NULL: none. */
	const char *absent;
	/*
	 * An option that the kind requires, "token_file=FILE", or NULL. Giving only the word of -o auth= is
	 * an error; giving only the option implies the word. auto does not try such a kind.
	 */
	const char *option;
	enum kv_presence (*presence)(const struct kv_credential_options *options);
	/*
	 * Start to get a token with the functions of client/auth/ask, and end with kv_ask_take_answer(),
	 * kv_ask_take_token() or kv_ask_fail(). Returning -errno is a failure too.
	 */
	int (*ask)(struct kv_ask *ask);
};

#define KV_AUTH_DECLARE(name) extern const struct kv_credential_kind kv_##name;
KV_CREDENTIALS(KV_AUTH_NOTHING, KV_AUTH_DECLARE)

/* The i-th of all variables that kinds read, from 0; NULL after the last. */
const struct kv_credential_variable *kv_credential_variable_at(size_t i);
/* The i-th kind, from 0, and the index of its word in kv_credential_words; NULL after the last. */
const struct kv_credential_kind *kv_credential_at(size_t i, int *auth);
#endif
