/*
 * A scripted vault.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/loop.h"
#include "tests/unit/fake_vault.h"

struct kv_vault {
	bool is_listless;
	struct kv_loop *loop;
	fake_vault_answer *answer;
	int calls[KV_OPS], under_way;
	int64_t token_ms;
};

struct kv_vault_call {
	struct kv_vault *vault;
	struct kv_timer timer;
	int64_t mono_sent;
	struct kv_reply reply;
	struct kv_item item;
	kv_vault_done *done;
	void *arg;
};

struct kv_vault *
fake_vault_new(struct kv_loop *loop, fake_vault_answer *answer)
{
	struct kv_vault *vault = calloc(1, sizeof(*vault));

	if (vault != NULL)
		*vault = (struct kv_vault){ .loop = loop, .answer = answer };
	return vault;
}

struct kv_vault *
kv_vault_new(struct kv_loop *loop, struct kv_http *http, struct kv_token_cache *auth,
    const struct kv_url *origin, const struct kv_vault_options *options)
{
	(void)http;
	(void)auth;
	(void)origin;
	(void)options;
	return fake_vault_new(loop, NULL);
}

void
kv_vault_free(struct kv_vault *vault)
{
	fake_vault_free(vault);
}

void
fake_vault_use(struct kv_vault *vault, fake_vault_answer *answer)
{
	vault->answer = answer;
}

void
fake_vault_token_takes(struct kv_vault *vault, int64_t ms)
{
	vault->token_ms = ms;
}

void
fake_vault_free(struct kv_vault *vault)
{
	free(vault);
}

int
fake_vault_calls(const struct kv_vault *vault, enum kv_op op)
{
	return vault->calls[op];
}

int
fake_vault_under_way(const struct kv_vault *vault)
{
	return vault->under_way;
}

static void
free_call(struct kv_vault_call *c)
{
	c->vault->under_way--;
	kv_timer_stop(&c->timer);
	if (c->reply.page != NULL)
		kv_page_release(c->reply.page);
	free(c->reply.page);
	kv_blob_unref(c->reply.blob);
	free(c);
}

static void
answer(void *arg)
{
	struct kv_vault_call *c = arg;

	c->done(c->arg, &c->reply);
	free_call(c);
}

int
kv_call_send(struct kv_vault *vault, const struct kv_call *call, kv_vault_done *done, void *arg,
    struct kv_vault_call **handle)
{
	struct kv_vault_call *c = calloc(1, sizeof(*c));
	int64_t ms;

	*handle = c;
	if (c == NULL)
		return -ENOMEM;
	c->vault = vault;
	c->mono_sent = kv_clock_mono_ms() + vault->token_ms;
	c->done = done;
	c->arg = arg;
	c->reply = (struct kv_reply){ .status = 200, .retry_after_ms = -1, .why = "" };
	kv_timer_init(&c->timer, vault->loop, answer, c);
	vault->calls[call->op]++;
	vault->under_way++;
	ms = vault->answer(call, &c->reply);
	if (c->reply.item != NULL) {
		c->item = *c->reply.item;
		c->reply.item = &c->item;
	}
	if (ms >= 0)
		kv_timer_set(&c->timer, ms);
	return 0;
}

bool
kv_call_is_sent(const struct kv_vault_call *c)
{
	return kv_clock_mono_ms() >= c->mono_sent;
}

int64_t
kv_call_sent_ms(const struct kv_vault_call *c)
{
	const int64_t ms = kv_clock_mono_ms() - c->mono_sent;

	return ms > 0 ? ms : 0;
}

void
kv_call_cancel(struct kv_vault_call *c)
{
	if (c != NULL)
		free_call(c);
}

bool
kv_vault_can_list(const struct kv_vault *vault)
{
	return !vault->is_listless;
}

void
fake_vault_forbid_lists(struct kv_vault *vault)
{
	vault->is_listless = true;
}

const char *
kv_vault_name(const struct kv_vault *vault)
{
	(void)vault;
	return "fake.vault.example";
}

uint64_t
kv_vault_count(const struct kv_vault *vault, enum kv_op op, long status)
{
	return status == 200 ? (uint64_t)vault->calls[op] : 0;
}

bool
kv_vault_counted(const struct kv_vault *vault, size_t i, struct kv_vault_counted *counted)
{
	if (i >= KV_OPS)
		return false;
	*counted =
	    (struct kv_vault_counted){ kv_operation((enum kv_op)i)->name, 200, (uint64_t)vault->calls[i] };
	return true;
}

const char *
kv_vault_region(const struct kv_vault *vault)
{
	(void)vault;
	return "west\"us\"";
}

struct kv_page *
fake_vault_page(const char *names, int64_t wall_updated, const char *next_link)
{
	struct kv_page *page = calloc(1, sizeof(*page));

	while (page != NULL && *names != '\0') {
		const size_t n = strcspn(names, " ");
		struct kv_item *item;

		page->items = reallocarray(page->items, page->n + 1, sizeof(*page->items));
		if (page->items == NULL)
			abort();
		item = &page->items[page->n++];
		*item = (struct kv_item){
			.is_enabled = true, .wall_created = wall_updated, .wall_updated = wall_updated
		};
		snprintf(item->name, sizeof(item->name), "%.*s", (int)n, names);
		snprintf(
		    (char *)item->fingerprint, sizeof(item->fingerprint), "%lld", (long long)wall_updated);
		names += n + (names[n] == ' ');
	}
	if (page != NULL && next_link[0] != '\0')
		page->next_link = strdup(next_link);
	return page;
}

struct kv_blob *
fake_vault_blob(const char *content)
{
	struct kv_blob *blob = NULL;
	struct kv_buf b;

	kv_buf_init(&b, KV_BLOB_MAX);
	if (kv_buf_puts(&b, content) != 0 || kv_blob_new(&b, &blob) != 0)
		abort();
	kv_buf_release(&b);
	return blob;
}
