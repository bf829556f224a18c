/*
 * Rotation policies, each a JSON text that the store keeps as a fact, by the number of its object: a key that is
 * purged and restored has the default one again.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/answer.h"
#include "tests/vault/body.h"
#include "tests/vault/rotation.h"

/* What the service returns for a key that was given none (Get-AzKeyVaultKeyRotationPolicy, example 1). */
#define NOTIFY	  "{\"trigger\":{\"timeBeforeExpiry\":\"P30D\"},\"action\":{\"type\":\"Notify\"}}"
#define NO_POLICY "{\"lifetimeActions\":[" NOTIFY "],\"attributes\":{}}"

static void
put_name(const struct lv_object *o, struct lv_text *name)
{
	lv_text_printf(name, "rotation:%lld", (long long)o->id);
}

static bool
has_notify(const cJSON *actions)
{
	const cJSON *action;

	cJSON_ArrayForEach(action, actions) {
		const char *type = lv_body_string(lv_body_get(action, "action"), "type");

		if (type != NULL && strcasecmp(type, "Notify") == 0)
			return true;
	}
	return false;
}

/* The policy that the call sends. The service adds the notification that it lacks, and the times. */
static char *
given(const struct lv_call *c)
{
	cJSON *policy = cJSON_Duplicate(c->json, true), *attributes, *actions;
	char *text;

	actions = cJSON_GetObjectItemCaseSensitive(policy, "lifetimeActions");
	if (actions == NULL)
		actions = cJSON_AddArrayToObject(policy, "lifetimeActions");
	if (!has_notify(actions))
		cJSON_AddItemToArray(actions, cJSON_Parse(NOTIFY));
	attributes = cJSON_GetObjectItemCaseSensitive(policy, "attributes");
	if (attributes == NULL)
		attributes = cJSON_AddObjectToObject(policy, "attributes");
	cJSON_AddNumberToObject(attributes, "created", (double)c->now);
	cJSON_AddNumberToObject(attributes, "updated", (double)c->now);
	text = lv_body_print(policy);
	cJSON_Delete(policy);
	return text;
}

void
lv_rotation(struct lv_call *c)
{
	struct lv_store *store = c->service->store;
	struct lv_text name = { 0 };
	struct lv_object o;
	char *text = NULL;

	if (lv_store_find(store, c->vault->name, LV_KEYS, c->route.name, &o) != 0 || o.state != LV_ACTIVE) {
		lv_answer_not_found(c);
	} else if (strcmp(c->request->method, "PUT") == 0 && !cJSON_IsObject(c->json)) {
		lv_body_bad(c, "The request body is invalid.");
	} else {
		put_name(&o, &name);
		if (strcmp(c->request->method, "PUT") == 0) {
			text = given(c);
			lv_store_set_fact(store, name.data, text);
		} else {
			text = lv_store_fact(store, name.data);
		}
		/* the id comes first, and one that was never set has none */
		if (text != NULL)
			lv_text_printf(&c->answer->body, "{\"id\":\"%s/keys/%s/rotationpolicy\",%s", c->base,
			    o.name, text + 1);
		else
			lv_text_puts(&c->answer->body, NO_POLICY);
		c->answer->status = 200;
	}
	free(text);
	lv_text_release(&name);
	lv_store_release_object(&o);
}
