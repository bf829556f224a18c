/* Refusals of the token service. The texts are Microsoft's; {client} and so on are replaced. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/vault/aadsts.h"
#include "tests/vault/encode.h"

#define FEDERATION                                                                                                \
	"Check your federated identity credential Subject, Audience and Issuer against the presented assertion. " \
	"https://learn.microsoft.com/entra/workload-id/workload-identity-federation"

static const struct row {
	int number, status;
	const char *error, *text;
	const char *more; /* members of the answer */
} rows[] = {
	{ 50027, 400, "invalid_request", "JWT token is invalid or malformed.", "" },
	{ 53003, 400, "invalid_grant",
	    "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
	    ",\"suberror\":\"message_only\",\"claims\":\"{\\\"access_token\\\":{\\\"capolids\\\":{\\\"essential\\\":true,"
	    "\\\"values\\\":[\\\"3b7f2a60-6ad6-4a58-8a7e-6b5f0a3b1c11\\\"]}}}\"" },
	{ 65001, 400, "invalid_grant",
	    "The user or administrator has not consented to use the application with ID '{client}'.",
	    ",\"suberror\":\"consent_required\"" },
	{ 70003, 400, "unsupported_grant_type", "The app requested an unsupported grant type.", "" },
	{ 70021, 401, "invalid_client",
	    "No matching federated identity record found for presented assertion. " FEDERATION, "" },
	{ 90002, 400, "invalid_request",
	    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
	    "correct cloud. Check with your subscription administrator, this may happen if there are no active "
	    "subscriptions for the tenant.",
	    "" },
	{ 90033, 503, "temporarily_unavailable", "A transient error has occurred. Please try again.", "" },
	{ 500011, 400, "invalid_resource",
	    "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the "
	    "application has not been installed by the administrator of the tenant or consented to by any user in the "
	    "tenant. You might have sent your authentication request to the wrong tenant.",
	    "" },
	{ 700016, 400, "unauthorized_client",
	    "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the "
	    "application has not been installed by the administrator of the tenant or consented to by any user in the "
	    "tenant. You may have sent your authentication request to the wrong tenant.",
	    "" },
	{ 700021, 401, "invalid_client",
	    "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at "
	    "https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
	    "" },
	{ 700023, 401, "invalid_client",
	    "Client assertion audience claim does not match Realm issuer. Review the documentation at "
	    "https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
	    "" },
	{ 700024, 401, "invalid_client", "Client assertion is not within its valid time range.", "" },
	{ 700027, 401, "invalid_client",
	    "The certificate with identifier used to sign the client assertion is not registered on application.",
	    "" },
	{ 700211, 401, "invalid_client",
	    "No matching federated identity record found for presented assertion issuer. " FEDERATION, "" },
	{ 700212, 401, "invalid_client",
	    "No matching federated identity record found for presented assertion audience. " FEDERATION, "" },
	{ 700213, 401, "invalid_client",
	    "No matching federated identity record found for presented assertion subject. " FEDERATION, "" },
	{ 1002012, 400, "invalid_scope",
	    "The provided value for scope is not valid. Client credential flows must have a scope value with /.default "
	    "suffixed to the resource identifier (application ID URI).",
	    "" },
	{ 7000112, 401, "invalid_client", "Application '{client}'(kvfs) is disabled.", "" },
	{ 7000214, 401, "invalid_client", "Certificate has been revoked.", "" },
	{ 7000215, 401, "invalid_client",
	    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
	    "the client secret ID, for a secret added to app '{client}'.",
	    "" },
	{ 7000218, 401, "invalid_client",
	    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
	    "" },
	{ 7000222, 401, "invalid_client",
	    "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys "
	    "for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added "
	    "security: https://aka.ms/certCreds.",
	    "" },
	{ 7000229, 401, "invalid_client",
	    "The client application {client} is missing service principal in the tenant {tenant}. See instructions here: "
	    "https://go.microsoft.com/fwlink/?linkid=2225119",
	    "" },
	{ 7000274, 401, "invalid_client", "The signature of the client assertion is not valid.", "" },
};

static const struct row *
find(int number)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].number == number)
			return &rows[i];
	return NULL;
}

static void
answer(struct lv_answer *a, const struct row *row, const char *text)
{
	char trace[LV_GUID_SIZE], correlation[LV_GUID_SIZE], at[32];
	time_t now = time(NULL);
	struct tm tm;

	lv_encode_new_guid(trace);
	lv_encode_new_guid(correlation);
	strftime(at, sizeof(at), "%Y-%m-%d %H:%M:%SZ", gmtime_r(&now, &tm));
	a->status = row->status;
	lv_text_printf(&a->body, "{\"error\":\"%s\",\"error_description\":", row->error);
	lv_text_string(&a->body, text);
	/* the description goes on with these three, as the service's does */
	a->body.data[--a->body.len] = '\0';
	lv_text_printf(&a->body,
	    " Trace ID: %s Correlation ID: %s Timestamp: %s\",\"error_codes\":[%d],"
	    "\"timestamp\":\"%s\",\"trace_id\":\"%s\",\"correlation_id\":\"%s\","
	    "\"error_uri\":\"https://login.microsoftonline.com/error?code=%d\"%s}",
	    trace, correlation, at, row->number, at, trace, correlation, row->number, row->more);
}

void
lv_aadsts_answer(struct lv_answer *a, int status, const char *error, int number, const char *text)
{
	const struct row row = { .number = number, .status = status, .error = error, .more = "" };

	answer(a, &row, text);
}

static void
add_prefix(struct lv_text *text, int number)
{
	lv_text_printf(text, "AADSTS%d: ", number);
}

void
lv_aadsts_refuse(struct lv_answer *a, int number, const char *format, ...)
{
	const struct row *row = find(number);
	struct lv_text text = { 0 };
	char details[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(details, sizeof(details), format, args);
	va_end(args);
	if (row == NULL)
		abort();
	add_prefix(&text, number);
	lv_text_puts(&text, details);
	answer(a, row, text.data);
	lv_text_release(&text);
}

bool
lv_aadsts_refuse_as(struct lv_answer *a, int number, const struct lv_aadsts_names *names)
{
	const struct {
		const char *word, *value;
	} words[] = { { "{client}", names->client }, { "{tenant}", names->tenant },
		{ "{resource}", names->resource } };
	const struct row *row = find(number);
	struct lv_text text = { 0 };

	if (row == NULL)
		return false;
	add_prefix(&text, number);
	for (const char *p = row->text; *p != '\0'; p++) {
		size_t i;

		for (i = 0; i < 3 && strncmp(p, words[i].word, strlen(words[i].word)) != 0; i++)
			continue;
		if (i < 3) {
			lv_text_puts(&text, words[i].value != NULL ? words[i].value : "");
			p += strlen(words[i].word) - 1;
		} else {
			lv_text_add(&text, p, 1);
		}
	}
	answer(a, row, text.data);
	lv_text_release(&text);
	return true;
}

int
lv_aadsts_number(const char *text)
{
	return text != NULL && strncmp(text, "AADSTS", 6) == 0 ? (int)strtol(text + 6, NULL, 10) : 0;
}
