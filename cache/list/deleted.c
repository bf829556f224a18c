#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/deleted.h"
#include "client/base/json.h"
#include "client/vault/audit.h"
#include "client/vault/page.h"

#define MOST_PAGES 10000

struct kv_deleted_call {
	struct kv_throttle *throttle;
	enum kv_op op;
	enum kv_type type;
	char name[KV_NAME_MAX + 1]; /* of one; "" for all */
	struct kv_question question;
	int n_pages;
	struct kv_ticket *ticket;
	struct kv_deleted *found;
	size_t n, size;
	kv_deleted_done *done;
	void *arg;
};

static int request(struct kv_deleted_call *, const char *next_link);
static void answered(void *, struct kv_reply *);

void
kv_deleted_cancel(struct kv_deleted_call *c)
{
	if (c == NULL)
		return;
	kv_throttle_cancel(c->ticket);
	free(c->found);
	free(c);
}

/* ---- answers ---- */

/* A recovery id that does not fit is left out. */
static int
read_deleted(const struct kv_json *json, const struct kv_item *item, struct kv_deleted *d)
{
	const char *recovery_id;
	int err = kv_json_string(json, "recoveryId", &recovery_id);

	*d = (struct kv_deleted){ .item = *item };
	if (err == 0 && recovery_id != NULL && strlen(recovery_id) < sizeof(d->recovery_id))
		memcpy(d->recovery_id, recovery_id, strlen(recovery_id) + 1);
	if (err == 0)
		err = kv_json_integer(json, "deletedDate", &d->wall_deleted);
	if (err == 0)
		err = kv_json_integer(json, "scheduledPurgeDate", &d->wall_purge);
	return err;
}

static int
add(struct kv_deleted_call *c, const struct kv_json *json, const struct kv_item *item)
{
	if (item->is_managed)
		return 0;
	if (c->n == c->size) {
		const size_t size = c->size > 0 ? 2 * c->size : 16;
		struct kv_deleted *found = reallocarray(c->found, size, sizeof(*found));

		if (found == NULL)
			return -ENOMEM;
		c->found = found;
		c->size = size;
	}
	return read_deleted(json, item, &c->found[c->n++]);
}

static int
add_page(struct kv_deleted_call *c, const struct kv_page *page)
{
	const struct kv_json *values, *value;
	int err = kv_json_member(page->json, "value", &values);

	value = err == 0 && values != NULL ? kv_json_first(values) : NULL;
	for (size_t i = 0; err == 0 && i < page->n; i++, value = kv_json_next(value))
		err = add(c, value, &page->items[i]);
	return err;
}

/* In another spelling it is not the one that was asked for. */
static int
read_name(const struct kv_deleted_call *c, const struct kv_json *json, struct kv_item *item)
{
	const struct kv_json *key = NULL;
	const char *id = NULL;
	int err = c->type == KV_KEYS ? kv_json_object(json, "key", &key) : 0;

	if (err == 0)
		err = c->type == KV_KEYS ? kv_json_string(key, "kid", &id) : kv_json_string(json, "id", &id);
	if (err == 0 && id != NULL)
		err = kv_item_parse_id(id, c->type, NULL, item);
	else
		memcpy(item->name, c->name, sizeof(item->name));
	return err == 0 && strcmp(item->name, c->name) != 0 ? -ENOENT : err;
}

static int
add_one(struct kv_deleted_call *c, const struct kv_json *json)
{
	struct kv_item item = { .is_enabled = true };
	int err = read_name(c, json, &item);

	if (err == 0)
		err = kv_item_parse_attributes(json, &item);
	if (err == 0)
		err = add(c, json, &item);
	return err == 0 && c->n == 0 ? -ENOENT : err; /* managed */
}

static void
end(struct kv_deleted_call *c, int err)
{
	c->ticket = NULL;
	c->done(c->arg, err, &c->found, err == 0 ? c->n : 0);
	kv_deleted_cancel(c);
}

static void
answered(void *arg, struct kv_reply *reply)
{
	struct kv_deleted_call *c = arg;
	const struct kv_call call = {
		.op = c->op, .type = c->type, .name = c->name, .caller = c->question.caller
	};
	int err = reply->err;

	c->question.mono_deadline = kv_throttle_deadline(c->ticket);
	c->ticket = NULL;
	if (err == 0)
		err = reply->page != NULL ? add_page(c, reply->page) : add_one(c, reply->json);
	if (err == 0 && reply->page != NULL && reply->page->next_link != NULL) {
		err = ++c->n_pages < MOST_PAGES ? request(c, reply->page->next_link) : -EBADMSG;
		if (err == 0)
			return;
	}
	if (err == -ENOENT && c->op == KV_OP_LIST_DELETED)
		err = -EBADMSG; /* readdir(3) takes ENOENT for the end */
	if (err != 0 && err != -ENOENT) {
		reply->err = err;
		kv_audit_failure(kv_throttle_vault(c->throttle), &call, reply, NULL);
	}
	end(c, err);
}

/* ---- requests ---- */

static int
request(struct kv_deleted_call *c, const char *next_link)
{
	const struct kv_task task = { .call = { .op = c->op,
					  .type = c->type,
					  .name = c->name[0] != '\0' ? c->name : NULL,
					  .next_link = next_link,
					  .caller = c->question.caller },
		.priority = KV_METADATA,
		.is_quiet = true,
		.mono_deadline = c->question.mono_deadline };

	return kv_throttle_send(c->throttle, &task, answered, c, &c->ticket);
}

static int
begin(const struct kv_deleted_call *asked, struct kv_deleted_call **call)
{
	struct kv_deleted_call *c = malloc(sizeof(*c));
	int err;

	*call = NULL;
	if (c == NULL)
		return -ENOMEM;
	*c = *asked;
	err = request(c, NULL);
	if (err != 0) {
		free(c);
		return err;
	}
	*call = c;
	return 0;
}

int
kv_deleted_list(struct kv_throttle *throttle, enum kv_type type, const struct kv_question *question,
    kv_deleted_done *done, void *arg, struct kv_deleted_call **call)
{
	const struct kv_deleted_call asked = { .throttle = throttle,
		.op = KV_OP_LIST_DELETED,
		.type = type,
		.question = *question,
		.done = done,
		.arg = arg };

	return begin(&asked, call);
}

int
kv_deleted_get(struct kv_throttle *throttle, enum kv_type type, const char *name,
    const struct kv_question *question, kv_deleted_done *done, void *arg, struct kv_deleted_call **call)
{
	struct kv_deleted_call asked = { .throttle = throttle,
		.op = KV_OP_DELETED,
		.type = type,
		.question = *question,
		.done = done,
		.arg = arg };

	snprintf(asked.name, sizeof(asked.name), "%s", name);
	return begin(&asked, call);
}
