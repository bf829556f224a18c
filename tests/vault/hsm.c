/* The answers of a Managed HSM. */
#include <stdlib.h>
#include <string.h>

#include "tests/vault/body.h"
#include "tests/vault/hsm.h"
#include "tests/vault/mem.h"

/* The operations of a key come in another order in each answer. */
static void
turn(cJSON *array, unsigned by)
{
	for (by %= (unsigned)cJSON_GetArraySize(array) + 1; by > 0; by--)
		cJSON_AddItemToArray(array, cJSON_DetachItemFromArray(array, 0));
}

static cJSON *
first_member(cJSON *object)
{
	cJSON *first = object->child, *each;

	cJSON_ArrayForEach(each, object) {
		if (strcmp(each->string, first->string) < 0)
			first = each;
	}
	return first;
}

/* The value with the members of all objects in it in the alphabet's order. */
static cJSON *
sorted(const struct lv_call *c, cJSON *value)
{
	cJSON *result, *member;

	if (cJSON_IsArray(value)) {
		result = cJSON_CreateArray();
		while (value->child != NULL)
			cJSON_AddItemToArray(result, sorted(c, cJSON_DetachItemFromArray(value, 0)));
		cJSON_Delete(value);
		return result;
	}
	if (!cJSON_IsObject(value))
		return value;
	result = cJSON_CreateObject();
	while (value->child != NULL) {
		member = cJSON_DetachItemViaPointer(value, first_member(value));
		if (strcmp(member->string, "key_ops") == 0)
			turn(member, (unsigned char)c->activity[7]);
		char *name = lv_mem_dup(member->string);
		cJSON_AddItemToObject(result, name, sorted(c, member));
		free(name);
	}
	cJSON_Delete(value);
	return result;
}

static void
add_activity(const struct lv_call *c, cJSON *error)
{
	const char *message = lv_body_string(error, "message");
	struct lv_text text = { 0 };

	lv_text_printf(&text, "%s (Activity ID: %s)", message != NULL ? message : "", c->activity);
	cJSON_DeleteItemFromObjectCaseSensitive(error, "innererror");
	cJSON_ReplaceItemInObjectCaseSensitive(error, "message", cJSON_CreateString(text.data));
	lv_text_release(&text);
}

static void
finish_body(struct lv_call *c)
{
	struct lv_text *body = &c->answer->body;
	cJSON *json = cJSON_ParseWithLength(lv_text_str(body), body->len), *error;
	char *text;

	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return;
	}
	error = cJSON_GetObjectItemCaseSensitive(json, "error");
	if (cJSON_IsObject(error))
		add_activity(c, error);
	json = sorted(c, json);
	text = lv_body_print(json);
	lv_text_clear(body);
	lv_text_puts(body, text);
	free(text);
	cJSON_Delete(json);
}

static void
add_headers(struct lv_call *c)
{
	static const char *const fixed[][2] = {
		{ "Cache-Control", "no-cache" },
		{ "Content-Security-Policy", "default-src 'self'" },
		{ "Strict-Transport-Security", "max-age=31536000; includeSubDomains" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "SAMEORIGIN" },
		{ "x-ms-server-latency", "0" },
	};
	struct lv_answer *a = c->answer;
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		lv_http_add_header(a, fixed[i][0], fixed[i][1]);
	lv_http_add_header(a, "x-ms-request-id", c->activity);
	if (strcmp(c->request->method, "GET") == 0)
		lv_http_add_header(a, "x-ms-build-version", "1.0.20250507-1-local");
	if (a->status < 300) {
		lv_http_add_header(a, "x-ms-keyvault-region", c->service->options->region);
		lv_http_add_header(
		    a, "x-ms-keyvault-network-info", "conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=Ipv4;");
	}
}

void
lv_hsm_finish(struct lv_call *c)
{
	finish_body(c);
	add_headers(c);
	if (c->answer->type == NULL)
		c->answer->type = "application/json; charset=utf-8";
	c->answer->has_no_date = true;
}
