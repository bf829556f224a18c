#ifndef KV_CLIENT_AUTH_CREDENTIAL_H
#define KV_CLIENT_AUTH_CREDENTIAL_H
/*
 * The credentials: what kvfs can show to get a token. Each kind is a row of KV_CREDENTIALS and a file; client/auth/chain
 * decides which one is asked, client/auth/ask has what a kind needs to ask.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

struct kv_ask;

/*
 * The kinds, below their words of -o auth=. "auto" tries them in this order; where several share a word, the first
 * that is configured is meant. A KIND(x) is struct kv_credential_kind kv_x in client/auth/x.c.
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

/* A variable of the environment that a kind reads. */
struct kv_credential_variable {
	const char *name;
	bool is_secret; /* its value is never shown */
};
#define KV_KIND_VARIABLES	4
#define KV_CREDENTIAL_VARIABLES 32 /* of all kinds together */

/* Strings are NULL where not given. */
struct kv_credential_options {
	int auth;	       /* the place in kv_credential_words; 0: auto */
	const char *authority; /* https URL; the only place where a secret is sent */
	const char *tenant;
	const char *client_id;
	const char *client_secret; /* of client_secret_file=; it takes precedence over AZURE_CLIENT_SECRET */
	const char *token_file;
	struct {
		const char *name, *value;
	} variables[KV_CREDENTIAL_VARIABLES]; /* those that are set and not empty */
};
/* The value of a variable; NULL where it is not set. */
const char *kv_credential_variable(const struct kv_credential_options *options, const char *name);
/* name and value are borrowed as options' strings are. -E2BIG beyond KV_CREDENTIAL_VARIABLES. */
int kv_credential_set_variable(
    struct kv_credential_options *options, const char *name, const char *value) KV_MUST_CHECK;

enum kv_presence {
	KV_NOT_CONFIGURED,
	KV_PERHAPS, /* nothing says so, but it may be there: it can be tried */
	KV_CONFIGURED,
};

struct kv_credential_kind {
	struct kv_credential_variable variables[KV_KIND_VARIABLES]; /* the first without a name ends them */
	/* What auto says of a kind that is not configured: "AZURE_CLIENT_SECRET is not set"; NULL: nothing. */
	const char *absent;
	/*
	 * "token_file=FILE", an option without which the word of -o auth= is an error, and which stands for that word
	 * where -o auth= is not given; auto does not try such a kind. NULL: it needs none.
	 */
	const char *option;
	enum kv_presence (*presence)(const struct kv_credential_options *options);
	/*
	 * Begin to get a token, by the functions of client/auth/ask; the end is one of kv_ask_take_answer(),
	 * kv_ask_take_token() and kv_ask_fail(). A -errno here is a failure, too.
	 */
	int (*ask)(struct kv_ask *ask);
};

#define KV_AUTH_DECLARE(name) extern const struct kv_credential_kind kv_##name;
KV_CREDENTIALS(KV_AUTH_NOTHING, KV_AUTH_DECLARE)

/* The i-th of all variables that some kind reads, from 0 on; NULL behind the last. */
const struct kv_credential_variable *kv_credential_variable_at(size_t i);
/* The i-th kind, from 0 on, and the place of its word in kv_credential_words; NULL behind the last. */
const struct kv_credential_kind *kv_credential_at(size_t i, int *auth);
#endif
