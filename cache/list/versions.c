/*
 * Reads a version list page by page and summarizes it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/list/versions.h"
#include "client/base/clock.h"
#include "client/vault/audit.h"

#define MAX_PAGES 10000

struct kv_versions_call {
	struct kv_throttle *throttle;
	enum kv_type type;
	char name[KV_NAME_MAX + 1];
	char version[64]; /* to confirm, or "" */
	struct kv_question question;
	enum kv_priority priority;
	struct kv_versions found;
	int n_pages;
	struct kv_ticket *ticket;
	kv_versions_done *done;
	void *arg;
};

static int fetch_page(struct kv_versions_call *, const char *next_link);

void
kv_versions_cancel(struct kv_versions_call *c)
{
	if (c == NULL)
		return;
	kv_throttle_cancel(c->ticket);
	free(c);
}

static void
end(struct kv_versions_call *c, int err)
{
	if (err == 0 && c->found.n == 0)
		err = -ENOENT; /* some servers answer an unknown name with an empty list */
	c->done(c->arg, err, err == 0 ? &c->found : NULL);
	free(c);
}

static void
add_version(struct kv_versions_call *c, const struct kv_item *item)
{
	struct kv_versions *v = &c->found;

	if (v->n == 0 || item->wall_created > v->newest.wall_created)
		v->newest = *item;
	if (v->n == 0 || item->wall_created < v->wall_oldest)
		v->wall_oldest = item->wall_created;
	if (v->n == 0 || item->wall_updated > v->wall_updated)
		v->wall_updated = item->wall_updated;
	if (c->version[0] != '\0' && strcasecmp(c->version, item->version) == 0) {
		v->has_version = true;
		v->wall_version_updated = item->wall_updated;
	}
	v->n++;
}

static void
page_answered(void *arg, struct kv_reply *reply)
{
	struct kv_versions_call *c = arg;
	int err = reply->err;

	c->ticket = NULL;
	if (c->n_pages == 0)
		c->found.wall_date = reply->wall_date != 0 ? reply->wall_date : kv_clock_wall_s();
	for (size_t i = 0; err == 0 && i < reply->page->n; i++)
		add_version(c, &reply->page->items[i]);
	if (err == 0 && reply->page->next_link != NULL && !c->found.has_version) {
		err = ++c->n_pages < MAX_PAGES ? fetch_page(c, reply->page->next_link) : -EBADMSG;
		if (err == 0)
			return;
	}
	if (err != 0 && err != -ENOENT) {
		const struct kv_call call = {
			.op = KV_OP_VERSIONS, .type = c->type, .name = c->name, .caller = c->question.caller
		};

		reply->err = err;
		kv_audit_failure(kv_throttle_vault(c->throttle), &call, reply, NULL);
	}
	end(c, err);
}

static int
fetch_page(struct kv_versions_call *c, const char *next_link)
{
	const struct kv_task task = { .call = { .op = KV_OP_VERSIONS,
					  .type = c->type,
					  .name = c->name,
					  .next_link = next_link,
					  .caller = c->question.caller },
		.priority = c->priority,
		.is_quiet = true,
		.mono_deadline = c->question.mono_deadline };

	return kv_throttle_send(c->throttle, &task, page_answered, c, &c->ticket);
}

int
kv_versions_confirm(struct kv_throttle *throttle, enum kv_type type, const char *name, const char *version,
    enum kv_priority priority, const struct kv_question *question, kv_versions_done *done, void *arg,
    struct kv_versions_call **call)
{
	struct kv_versions_call *c = calloc(1, sizeof(*c));
	int err;

	*call = NULL;
	if (c == NULL)
		return -ENOMEM;
	if (!kv_vault_can_list(kv_throttle_vault(throttle))) {
		free(c);
		return -EACCES;
	}
	c->throttle = throttle;
	c->type = type;
	c->priority = priority;
	c->question = *question;
	c->done = done;
	c->arg = arg;
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->version, sizeof(c->version), "%s", version);
	err = fetch_page(c, NULL);
	if (err != 0) {
		free(c);
		return err;
	}
	*call = c;
	return 0;
}

int
kv_versions_read(struct kv_throttle *throttle, enum kv_type type, const char *name,
    const struct kv_question *question, kv_versions_done *done, void *arg, struct kv_versions_call **call)
{
	return kv_versions_confirm(throttle, type, name, "", KV_METADATA, question, done, arg, call);
}

void
kv_versions_raise(struct kv_versions_call *c, enum kv_priority priority)
{
	if (priority <= c->priority)
		return;
	c->priority = priority;
	if (c->ticket != NULL)
		kv_throttle_raise(c->ticket, priority);
}
