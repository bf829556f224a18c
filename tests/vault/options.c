/* The command line. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/api.h"
#include "tests/vault/mem.h"
#include "tests/vault/options.h"

#define SUBSCRIPTION "7c1f6c5e-0d9b-4d5e-9d3e-0f4f5a1b2c3d"

enum choice {
	LISTEN = 256,
	IMDS,
	ARC_TOKENS,
	STATE,
	VAULT,
	SEED,
	LATENCY,
	LIMIT,
	SUBSCRIPTION_LIMIT,
	HSM,
	STANDARD,
	LAG,
	RECOVER_LAG,
	LIST_LAG,
	RETENTION,
	NEWEST_API,
	STRICT_LINKS,
	PENDING,
	PAGE,
	EMPTY_PAGES,
	NO_EMPTY_PAGES,
	MAX_VERSIONS,
	TOO_MANY,
	PURGE_PROTECTION,
	RETRY_AFTER,
	PROTECTION_KEY,
	TOKEN_LIFE,
	TENANT,
	CLIENT_ID,
	PRINCIPAL,
	CERTIFICATE,
	FEDERATION,
	DENY_KIND,
	SUFFIX,
	REGION,
	CHALLENGE_AUTHORITY,
	CHALLENGE_TENANT,
	CHALLENGE_RESOURCE,
	PRINT_ENV,
	VERBOSE,
	HELP
};

static const struct option table[] = {
	{ "listen", required_argument, NULL, LISTEN },
	{ "imds", required_argument, NULL, IMDS },
	{ "arc-tokens", required_argument, NULL, ARC_TOKENS },
	{ "state", required_argument, NULL, STATE },
	{ "vault", required_argument, NULL, VAULT },
	{ "seed", required_argument, NULL, SEED },
	{ "latency", required_argument, NULL, LATENCY },
	{ "limit", required_argument, NULL, LIMIT },
	{ "subscription-limit", required_argument, NULL, SUBSCRIPTION_LIMIT },
	{ "hsm", no_argument, NULL, HSM },
	{ "managed-hsm", no_argument, NULL, HSM },
	{ "standard", no_argument, NULL, STANDARD },
	{ "lag", required_argument, NULL, LAG },
	{ "recover-lag", required_argument, NULL, RECOVER_LAG },
	{ "list-lag", required_argument, NULL, LIST_LAG },
	{ "retention", required_argument, NULL, RETENTION },
	{ "newest-api", required_argument, NULL, NEWEST_API },
	{ "strict-links", no_argument, NULL, STRICT_LINKS },
	{ "pending", required_argument, NULL, PENDING },
	{ "page", required_argument, NULL, PAGE },
	{ "empty-pages", no_argument, NULL, EMPTY_PAGES },
	{ "no-empty-pages", no_argument, NULL, NO_EMPTY_PAGES },
	{ "max-versions", required_argument, NULL, MAX_VERSIONS },
	{ "too-many", required_argument, NULL, TOO_MANY },
	{ "purge-protection", no_argument, NULL, PURGE_PROTECTION },
	{ "retry-after", required_argument, NULL, RETRY_AFTER },
	{ "protection-key", required_argument, NULL, PROTECTION_KEY },
	{ "token-life", required_argument, NULL, TOKEN_LIFE },
	{ "tenant", required_argument, NULL, TENANT },
	{ "client-id", required_argument, NULL, CLIENT_ID },
	{ "principal", required_argument, NULL, PRINCIPAL },
	{ "certificate", required_argument, NULL, CERTIFICATE },
	{ "federation", required_argument, NULL, FEDERATION },
	{ "deny-kind", required_argument, NULL, DENY_KIND },
	{ "suffix", required_argument, NULL, SUFFIX },
	{ "region", required_argument, NULL, REGION },
	{ "challenge-authority", required_argument, NULL, CHALLENGE_AUTHORITY },
	{ "challenge-tenant", required_argument, NULL, CHALLENGE_TENANT },
	{ "challenge-resource", required_argument, NULL, CHALLENGE_RESOURCE },
	{ "print-env", no_argument, NULL, PRINT_ENV },
	{ "verbose", no_argument, NULL, VERBOSE },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
    "Usage: localvault --state DIR [OPTION]...\n"
    "Plays Azure Key Vault by HTTPS on this machine, for trying and testing.\n"
    "\n"
    "Where and what:\n"
    "  --state DIR             everything that it keeps: vaults, CA, client secret\n"
    "  --listen HOST:PORT      default 127.0.0.1:8443; port 0 chooses one\n"
    "  --vault NAME[:GEO[:SUBSCRIPTION]]\n"
    "                          a vault; may be repeated; default: local in US\n"
    "  --seed keys=N,secrets=N,certificates=N[,versions=V][,value=BYTES]\n"
    "         [,kty=RSA-4096][,vault=NAME]\n"
    "                          fill a vault (the first one); what is there stays\n"
    "  --hsm, --managed-hsm    the vaults are Managed HSMs\n"
    "  --standard              the vaults are of the Standard tier: no keys in an HSM\n"
    "  --suffix DOMAIN         default vault.localhost: https://NAME.vault.localhost:PORT\n"
    "  --region NAME           x-ms-keyvault-region; default westus\n"
    "  --protection-key FILE   of the blobs; share it to restore across processes\n"
    "  --print-env             print the settings of clients for the shell, and end;\n"
    "                          the port is that of the running localvault, or of --listen\n"
    "\n"
    "How it behaves:\n"
    "  --latency MS            each vault request is answered so much later; default 0\n"
    "  --limit N|none|service  requests in 10 s for each vault; default none;\n"
    "                          service: the service's table, by kind of key and request\n"
    "  --subscription-limit N  requests in 10 s for all vaults together; default none\n"
    "  --retry-after S         a 429 says so; default: no header, as the service\n"
    "  --lag MS                until a delete or a purge takes effect; default 1000, Managed HSM 0\n"
    "  --recover-lag MS        until a recovered object is there; default as --lag\n"
    "  --list-lag MS           lists show what was so long ago; default 0\n"
    "  --retention DAYS        of what is deleted; default 90\n"
    "  --newest-api VERSION    a later api-version is refused; default 2026-04-01\n"
    "  --strict-links          a Managed HSM refuses its own nextLink unless api-version is added\n"
    "  --pending MS            until a certificate is issued; default 0\n"
    "  --page N                largest page of a list, 1 to 25; default 25\n"
    "  --no-empty-pages        no empty and no short pages but the last\n"
    "  --max-versions N        beyond it no backup; default 500\n"
    "  --too-many 400|stall    what a backup of more meets; default 400\n"
    "  --purge-protection      deleted objects cannot be purged\n"
    "\n"
    "Who may come in:\n"
    "  --imds HOST:PORT        managed identity by plain HTTP, as IMDS, App Service, Machine Learning and Arc\n"
    "  --arc-tokens FOLDER     where Arc's key files are written; clients look in /var/opt/azcmagent/tokens\n"
    "  --tenant GUID, --client-id GUID\n"
    "                          default: made once and kept in the state\n"
    "  --principal ID:SECRET-FILE:RIGHTS\n"
    "                          one more; RIGHTS as in keys=list,get;secrets=*\n"
    "  --certificate [CLIENT-ID]:FILE\n"
    "                          registers a certificate (PEM) for client assertions\n"
    "  --federation [CLIENT-ID],ISSUER,SUBJECT\n"
    "                          trusts assertions of another issuer\n"
    "  --deny-kind policy|rbac|firewall|connection|private-link\n"
    "                          what a 403 names; default policy\n"
    "  --token-life S          default 3600\n"
    "  --challenge-authority URL, --challenge-tenant GUID, --challenge-resource URL\n"
    "                          what a 401 names instead of its own\n"
    "\n"
    "  --verbose               requests on stderr\n"
    "\n"
    "One line of JSON on stdout says that it is ready. SIGTERM ends it.\n"
    "/_local/stats, /_local/faults, /_local/config, /_local/rights and /_local/dump\n"
    "are for tests.\n";

int
lv_options_number(const char *text, int64_t *n)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*n = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' ? 0 : -EINVAL;
}

int
lv_options_deny(const char *text, enum lv_deny *deny)
{
	static const char *const names[] = { "policy", "rbac", "firewall", "connection", "private-link" };
	int i;

	for (i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
		if (strcmp(text, names[i]) == 0) {
			*deny = (enum lv_deny)i;
			return 0;
		}
	return -EINVAL;
}

int
lv_options_limit(const char *text, int64_t *limit)
{
	if (strcmp(text, "none") == 0)
		*limit = LV_LIMIT_NONE;
	else if (strcmp(text, "service") == 0)
		*limit = LV_LIMIT_SERVICE;
	else
		return lv_options_number(text, limit);
	return 0;
}

static bool
is_vault_name(const char *name)
{
	size_t len = strlen(name);

	return len >= 3 && len <= 24 &&
	    strspn(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == len;
}

static int
add_vault(struct lv_options *o, const char *text)
{
	struct lv_options_vault *v = &o->vaults[o->vault_count];
	char *rest = lv_mem_dup(text), *geo, *subscription;

	if (o->vault_count == LV_MAX_VAULTS) {
		free(rest);
		return -ENOSPC;
	}
	o->vault_count++;
	v->name = strsep(&rest, ":");
	geo = strsep(&rest, ":");
	subscription = rest;
	v->geo = geo != NULL && *geo != '\0' ? geo : lv_mem_dup("US");
	v->subscription =
	    subscription != NULL && *subscription != '\0' ? subscription : lv_mem_dup(SUBSCRIPTION);
	return is_vault_name(v->name) ? 0 : -EINVAL;
}

static int
add_principal(struct lv_options *o, const char *text)
{
	struct lv_options_principal *p = &o->principals[o->principal_count];
	char *rest = lv_mem_dup(text);

	p->id = strsep(&rest, ":");
	p->secret_file = strsep(&rest, ":");
	p->rights = rest;
	if (o->principal_count == LV_MAX_PRINCIPALS || p->rights == NULL) {
		free(p->id);
		return -EINVAL;
	}
	o->principal_count++;
	return 0;
}

/* "ID:FILE" or "ID,ISSUER,SUBJECT" */
static int
add_registration(struct lv_options *o, const char *text, const char *separator)
{
	struct lv_options_registration *r = &o->registrations[o->registration_count];
	char *rest = lv_mem_dup(text);

	r->id = strsep(&rest, separator);
	r->what = *separator == ':' ? rest : strsep(&rest, separator);
	r->subject = *separator == ':' ? NULL : rest;
	if (o->registration_count == LV_MAX_PRINCIPALS || r->what == NULL ||
	    (*separator == ',' && rest == NULL)) {
		free(r->id);
		return -EINVAL;
	}
	o->registration_count++;
	return 0;
}

static int
add_seed(struct lv_options *o, const char *text)
{
	if (o->seed_count == LV_MAX_SEEDS)
		return -ENOSPC;
	o->seeds[o->seed_count++] = text;
	return 0;
}

static int
set_int(const char *text, int from, int to, int *value)
{
	int64_t n;

	if (lv_options_number(text, &n) != 0 || n < from || n > to)
		return -EINVAL;
	*value = (int)n;
	return 0;
}

static int
set_too_many(struct lv_options *o, const char *text)
{
	o->stalls_on_too_many = strcmp(text, "stall") == 0;
	return o->stalls_on_too_many || strcmp(text, "400") == 0 ? 0 : -EINVAL;
}

/* The texts are taken as they are; false if the option is none of these. */
static bool
set_text(struct lv_options *o, int option, const char *value)
{
	switch (option) {
	case LISTEN:
		o->listen = value;
		break;
	case IMDS:
		o->imds = value;
		break;
	case ARC_TOKENS:
		o->arc_tokens = value;
		break;
	case STATE:
		o->state = value;
		break;
	case PROTECTION_KEY:
		o->protection_key = value;
		break;
	case TENANT:
		o->tenant = value;
		break;
	case CLIENT_ID:
		o->client_id = value;
		break;
	case SUFFIX:
		o->suffix = value;
		break;
	case NEWEST_API:
		o->newest_api = value;
		break;
	case REGION:
		o->region = value;
		break;
	case CHALLENGE_AUTHORITY:
		o->challenge_authority = value;
		break;
	case CHALLENGE_TENANT:
		o->challenge_tenant = value;
		break;
	case CHALLENGE_RESOURCE:
		o->challenge_resource = value;
		break;
	default:
		return false;
	}
	return true;
}

static bool
set_flag(struct lv_options *o, int option)
{
	switch (option) {
	case HSM:
		o->is_hsm = true;
		break;
	case STANDARD:
		o->is_standard = true;
		break;
	case EMPTY_PAGES:
		o->has_empty_pages = true;
		break;
	case NO_EMPTY_PAGES:
		o->has_empty_pages = false;
		break;
	case STRICT_LINKS:
		o->has_strict_links = true;
		break;
	case PURGE_PROTECTION:
		o->has_purge_protection = true;
		break;
	case PRINT_ENV:
		o->prints_env = true;
		break;
	case VERBOSE:
		o->is_verbose = true;
		break;
	default:
		return false;
	}
	return true;
}

static int
set_value(struct lv_options *o, int option, const char *value)
{
	switch (option) {
	case VAULT:
		return add_vault(o, value);
	case SEED:
		return add_seed(o, value);
	case PRINCIPAL:
		return add_principal(o, value);
	case CERTIFICATE:
		return add_registration(o, value, ":");
	case FEDERATION:
		return add_registration(o, value, ",");
	case LATENCY:
		return lv_options_number(value, &o->latency_ms);
	case LIMIT:
		return lv_options_limit(value, &o->limit);
	case SUBSCRIPTION_LIMIT:
		return lv_options_number(value, &o->subscription_limit);
	case LAG:
		return lv_options_number(value, &o->lag_ms);
	case RECOVER_LAG:
		return lv_options_number(value, &o->recover_lag_ms);
	case LIST_LAG:
		return lv_options_number(value, &o->list_lag_ms);
	case RETENTION:
		return set_int(value, 7, 90, &o->retention_days);
	case PENDING:
		return lv_options_number(value, &o->pending_ms);
	case TOKEN_LIFE:
		return lv_options_number(value, &o->token_life_s);
	case PAGE:
		return set_int(value, 1, 25, &o->page);
	case MAX_VERSIONS:
		return set_int(value, 1, 1000000, &o->max_versions);
	case RETRY_AFTER:
		return set_int(value, 0, 86400, &o->retry_after_s);
	case TOO_MANY:
		return set_too_many(o, value);
	case DENY_KIND:
		return lv_options_deny(value, &o->deny);
	default:
		return -EINVAL;
	}
}

static void
set_defaults(struct lv_options *o)
{
	*o = (struct lv_options){ .suffix = "vault.localhost" };
	o->region = "westus";
	o->lag_ms = o->recover_lag_ms = -1; /* by what else is given */
	o->newest_api = LV_API_NEWEST;
	o->retention_days = 90;
	o->token_life_s = 3600;
	o->page = 25;
	o->max_versions = 500;
	o->retry_after_s = -1;
	o->has_empty_pages = true;
}

int
lv_options_parse(struct lv_options *o, int argc, char **argv, struct lv_text *why)
{
	int option, index = 0;

	set_defaults(o);
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", table, &index)) != -1) {
		if (option == HELP) {
			fputs(help, stdout);
			return 1;
		}
		if (option == '?') {
			lv_text_printf(
			    why, "%s is no option, or lacks its value; see --help", argv[optind - 1]);
			return -EINVAL;
		}
		if (set_text(o, option, optarg) || set_flag(o, option))
			continue;
		if (set_value(o, option, optarg) != 0) {
			lv_text_printf(why, "--%s does not take %s; see --help", table[index].name, optarg);
			return -EINVAL;
		}
	}
	if (optind < argc)
		lv_text_printf(why, "%s is no option; see --help", argv[optind]);
	else if (o->state == NULL)
		lv_text_puts(why, "--state DIR is missing; see --help");
	if (o->lag_ms < 0)
		o->lag_ms = o->is_hsm ? 0 : 1000;
	if (o->recover_lag_ms < 0)
		o->recover_lag_ms = o->lag_ms;
	if (why->len == 0 && !lv_api_is_known(o->newest_api, LV_API_NEWEST))
		lv_text_printf(why, "--newest-api: there is no version %s", o->newest_api);
	if (why->len == 0 && o->vault_count == 0)
		return add_vault(o, "local");
	return why->len == 0 ? 0 : -EINVAL;
}
