/* The policy of a certificate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/material.h"
#include "tests/vault/mem.h"
#include "tests/vault/policy.h"
#include "tests/vault/x509.h"

#define MAX_LIST 32

static const char defaults[] =
    "{\"key_props\":{\"exportable\":true,\"kty\":\"RSA\",\"key_size\":2048,\"reuse_key\":false},"
    "\"secret_props\":{\"contentType\":\"application/x-pkcs12\"},"
    "\"x509_props\":{\"subject\":\"\",\"ekus\":[\"1.3.6.1.5.5.7.3.1\",\"1.3.6.1.5.5.7.3.2\"],"
    "\"key_usage\":[\"digitalSignature\",\"keyEncipherment\"],\"validity_months\":12,"
    "\"basic_constraints\":{\"ca\":false}},"
    "\"lifetime_actions\":[{\"trigger\":{\"lifetime_percentage\":80},"
    "\"action\":{\"action_type\":\"AutoRenew\"}}],\"issuer\":{\"name\":\"Self\"},"
    "\"attributes\":{\"enabled\":true}}";

static cJSON *
get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static void
set(cJSON *json, const char *name, cJSON *value)
{
	if (get(json, name) != NULL)
		cJSON_ReplaceItemInObjectCaseSensitive(json, name, value);
	else
		cJSON_AddItemToObject(json, name, value);
}

/* Members of from over those of to; objects member by member, all else as a whole. */
static void
overlay(cJSON *to, const cJSON *from)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, from) {
		cJSON *old = get(to, member->string);

		if (cJSON_IsNull(member) || strcmp(member->string, "id") == 0)
			continue;
		if (cJSON_IsObject(old) && cJSON_IsObject(member))
			overlay(old, member);
		else
			set(to, member->string, cJSON_Duplicate(member, 1));
	}
}

cJSON *
lv_policy_new(const cJSON *given, const char *earlier, int64_t now)
{
	cJSON *policy = cJSON_Parse(earlier != NULL ? earlier : defaults), *attributes;
	const char *kty;

	if (cJSON_IsObject(given))
		overlay(policy, given);
	kty = cJSON_GetStringValue(get(get(policy, "key_props"), "kty"));
	if (kty != NULL && strncmp(kty, "EC", 2) == 0 && get(get(given, "key_props"), "key_size") == NULL)
		cJSON_DeleteItemFromObjectCaseSensitive(get(policy, "key_props"), "key_size");
	attributes = get(policy, "attributes");
	if (earlier == NULL)
		set(attributes, "created", cJSON_CreateNumber((double)now));
	set(attributes, "updated", cJSON_CreateNumber((double)now));
	return policy;
}

void
lv_policy_describe(
    cJSON *policy, const char *kty, int bits, const char *curve, const char *subject, int months)
{
	cJSON *key = get(policy, "key_props"), *x509 = get(policy, "x509_props");

	set(key, "kty", cJSON_CreateString(kty));
	if (bits > 0)
		set(key, "key_size", cJSON_CreateNumber(bits));
	else
		cJSON_DeleteItemFromObjectCaseSensitive(key, "key_size");
	if (curve != NULL)
		set(key, "crv", cJSON_CreateString(curve));
	set(x509, "subject", cJSON_CreateString(subject));
	set(x509, "ekus", cJSON_CreateArray());
	set(x509, "key_usage", cJSON_CreateArray());
	set(x509, "validity_months", cJSON_CreateNumber(months));
	set(get(policy, "issuer"), "name", cJSON_CreateString("Unknown"));
	set(policy, "lifetime_actions",
	    cJSON_Parse("[{\"trigger\":{\"lifetime_percentage\":80},"
			"\"action\":{\"action_type\":\"EmailContacts\"}}]"));
}

void
lv_policy_set_content_type(cJSON *policy, const char *type)
{
	set(get(policy, "secret_props"), "contentType", cJSON_CreateString(type));
}

const char *
lv_policy_content_type(const cJSON *policy)
{
	const char *type = cJSON_GetStringValue(get(get(policy, "secret_props"), "contentType"));

	return type != NULL ? type : "application/x-pkcs12";
}

const char *
lv_policy_issuer(const cJSON *policy)
{
	const char *name = cJSON_GetStringValue(get(get(policy, "issuer"), "name"));

	return name != NULL ? name : "Self";
}

static const char *
subject_of(const cJSON *policy)
{
	const char *subject = cJSON_GetStringValue(get(get(policy, "x509_props"), "subject"));

	return subject != NULL ? subject : "";
}

/* An array of texts as a list ended by NULL. */
static const char *const *
list_of(const cJSON *array, const char *list[MAX_LIST + 1])
{
	const cJSON *each;
	int count = 0;

	cJSON_ArrayForEach(each, array) {
		if (cJSON_IsString(each) && count < MAX_LIST)
			list[count++] = each->valuestring;
	}
	list[count] = NULL;
	return list;
}

char *
lv_policy_self_sign(const cJSON *policy, const char *key, int64_t now)
{
	const cJSON *x509 = get(policy, "x509_props"), *months = get(x509, "validity_months"), *each;
	const char *names[MAX_LIST + 1], *usages[MAX_LIST + 1];
	struct lv_text usage = { 0 };
	struct lv_x509_wish wish = { .subject = subject_of(policy), .wall_start = now };
	char *cer;

	cJSON_ArrayForEach(each, get(x509, "key_usage")) {
		if (cJSON_IsString(each))
			lv_text_printf(&usage, "%s%s", usage.len > 0 ? "," : "", each->valuestring);
	}
	wish.names = list_of(get(get(x509, "sans"), "dns_names"), names);
	wish.usages = list_of(get(x509, "ekus"), usages);
	wish.key_usage = lv_text_str(&usage);
	wish.months = cJSON_IsNumber(months) ? months->valueint : 12;
	cer = lv_x509_self_sign(key, &wish);
	lv_text_release(&usage);
	return cer;
}

char *
lv_policy_request(const cJSON *policy, const char *key)
{
	return lv_x509_request(key, subject_of(policy));
}
