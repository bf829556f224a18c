/*
 * Contacts and issuers, each a JSON text that the store keeps as a fact: the contacts as they were
 * sent, the issuers as one object, {"NAME":{"provider":...},...}.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/vault/answer.h"
#include "tests/vault/body.h"
#include "tests/vault/contacts.h"
#include "tests/vault/mem.h"

static cJSON *
load(const struct lv_call *c, const char *what)
{
	struct lv_text name = { 0 };
	cJSON *json;
	char *text;

	lv_text_printf(&name, "%s:%s", what, c->vault->name);
	text = lv_store_fact(c->service->store, name.data);
	json = text != NULL ? cJSON_Parse(text) : NULL;
	free(text);
	lv_text_release(&name);
	return json;
}

static void
save(const struct lv_call *c, const char *what, const cJSON *json)
{
	struct lv_text name = { 0 };
	char *text = lv_body_print(json);

	lv_text_printf(&name, "%s:%s", what, c->vault->name);
	lv_store_set_fact(c->service->store, name.data, text != NULL ? text : "null");
	free(text);
	lv_text_release(&name);
}

void
lv_contacts(struct lv_call *c)
{
	const cJSON *given = lv_body_get(c->json, "contacts");
	const bool sets = strcmp(c->request->method, "PUT") == 0;
	cJSON *contacts;
	char *text;

	if (sets && !cJSON_IsArray(given)) {
		lv_body_bad(c, "The property \"contacts\" is required.");
		return;
	}
	contacts = sets ? cJSON_Duplicate(given, true) : load(c, "contacts");
	if (!cJSON_IsArray(contacts)) {
		lv_answer_error(c->answer, 404, "ContactsNotFound", NULL, "Contacts not found");
		cJSON_Delete(contacts);
		return;
	}
	text = lv_body_print(contacts);
	lv_text_printf(
	    &c->answer->body, "{\"id\":\"%s/certificates/contacts\",\"contacts\":%s}", c->base, text);
	c->answer->status = 200;
	free(text);
	if (sets)
		save(c, "contacts", contacts);
	else if (strcmp(c->request->method, "DELETE") == 0)
		save(c, "contacts", NULL);
	cJSON_Delete(contacts);
}

/* ---- issuers ---- */

static void
answer_issuer(struct lv_call *c, const char *name, const cJSON *issuer)
{
	static const char *const members[] = { "provider", "credentials", "org_details", "attributes" };
	struct lv_text *out = &c->answer->body;
	char *text;
	size_t i;

	lv_text_printf(out, "{\"id\":\"%s/certificates/issuers/%s\"", c->base, name);
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		text = lv_body_print(lv_body_get(issuer, members[i]));
		if (text != NULL)
			lv_text_printf(out, ",\"%s\":%s", members[i], text);
		free(text);
	}
	lv_text_puts(out, "}");
	c->answer->status = 200;
}

static void
list_issuers(struct lv_call *c, const cJSON *issuers)
{
	struct lv_text *out = &c->answer->body;
	const cJSON *issuer;

	lv_text_puts(out, "{\"value\":[");
	cJSON_ArrayForEach(issuer, issuers) {
		lv_text_comma(out);
		lv_text_printf(
		    out, "{\"id\":\"%s/certificates/issuers/%s\",\"provider\":", c->base, issuer->string);
		lv_text_string(out, lv_body_string(issuer, "provider"));
		lv_text_puts(out, "}");
	}
	lv_text_puts(out, "],\"nextLink\":null}");
	c->answer->status = 200;
}

static void
set(cJSON *object, const char *name, cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	cJSON_AddItemToObject(object, name, value);
}

/* The service adds a zip of 0 in front of what it is sent. */
static cJSON *
organization(const cJSON *given)
{
	cJSON *details = cJSON_CreateObject();
	const cJSON *member;

	if (lv_body_get(given, "zip") == NULL)
		cJSON_AddNumberToObject(details, "zip", 0);
	cJSON_ArrayForEach(member, given) {
		cJSON_AddItemToObject(details, member->string, cJSON_Duplicate(member, true));
	}
	return details;
}

/* The issuer with what the call sends, in place of what it had. */
static cJSON *
changed(const struct lv_call *c, const cJSON *old)
{
	cJSON *issuer = old != NULL ? cJSON_Duplicate(old, true) : cJSON_CreateObject(), *attributes;
	const cJSON *enabled = lv_body_get(lv_body_get(c->json, "attributes"), "enabled");
	const cJSON *was = lv_body_get(issuer, "attributes"), *member;
	const double created = cJSON_GetNumberValue(lv_body_get(was, "created"));

	cJSON_ArrayForEach(member, c->json) {
		if (strcmp(member->string, "org_details") == 0)
			set(issuer, "org_details", organization(member));
		else if (strcmp(member->string, "attributes") != 0)
			set(issuer, member->string, cJSON_Duplicate(member, true));
	}
	if (enabled == NULL)
		enabled = lv_body_get(was, "enabled");
	attributes = cJSON_CreateObject();
	cJSON_AddBoolToObject(attributes, "enabled", enabled == NULL || cJSON_IsTrue(enabled));
	cJSON_AddNumberToObject(attributes, "created", was != NULL ? created : (double)c->now);
	cJSON_AddNumberToObject(attributes, "updated", (double)c->now);
	set(issuer, "attributes", attributes);
	return issuer;
}

static void
one_issuer(struct lv_call *c, const char *name, cJSON *issuers)
{
	const char *method = c->request->method;
	const cJSON *old = lv_body_get(issuers, name);
	const bool sets = strcmp(method, "PUT") == 0;

	if (old == NULL && !sets) {
		lv_answer_error(c->answer, 404, "CertificateIssuerNotFound", NULL, "Issuer not found");
		return;
	}
	if (sets && lv_body_string(c->json, "provider") == NULL) {
		lv_body_bad(c, "The property \"provider\" is required.");
		return;
	}
	if (sets || strcmp(method, "PATCH") == 0)
		set(issuers, name, changed(c, sets ? NULL : old));
	answer_issuer(c, name, lv_body_get(issuers, name));
	if (strcmp(method, "DELETE") == 0)
		cJSON_DeleteItemFromObjectCaseSensitive(issuers, name);
	if (strcmp(method, "GET") != 0)
		save(c, "issuers", issuers);
}

void
lv_issuers(struct lv_call *c)
{
	const char *name = c->request->path + strlen("/certificates/issuers");
	cJSON *issuers = load(c, "issuers");

	name += strspn(name, "/");
	if (!cJSON_IsObject(issuers)) {
		cJSON_Delete(issuers);
		issuers = cJSON_CreateObject();
	}
	if (*name != '\0')
		one_issuer(c, name, issuers);
	else
		list_issuers(c, issuers);
	cJSON_Delete(issuers);
}
