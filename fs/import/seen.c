#include "fs/import/seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"

#define MOST_SHOWN 10
#define MOST_PAGES 10000

struct version {
	char id[64];
};

struct kv_seen {
	struct kv_throttle *throttle;
	const char *name;
	struct version *versions; /* of the reads so far; those of the last one that are new are at the end */
	size_t n, size, n_before;
	size_t n_read; /* versions of this read */
	int n_pages;
	struct kv_question question;
	struct kv_ticket *ticket;
	kv_seen_done *done;
	void *arg;
};

static int fetch_page(struct kv_seen *, const char *next_link);

struct kv_seen *
kv_seen_new(struct kv_throttle *throttle, const char *name)
{
	struct kv_seen *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->throttle = throttle;
	s->name = name;
	return s;
}

void
kv_seen_free(struct kv_seen *s)
{
	if (s == NULL)
		return;
	kv_throttle_cancel(s->ticket);
	free(s->versions);
	free(s);
}

/* A key has few versions: the service can back up 500. */
static int
add(struct kv_seen *s, const struct kv_item *item)
{
	struct version *grown;

	s->n_read++;
	for (size_t i = 0; i < s->n; i++)
		if (strcasecmp(s->versions[i].id, item->version) == 0)
			return 0;
	if (s->n == s->size) {
		grown = realloc(s->versions, (s->size + 64) * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		s->versions = grown;
		s->size += 64;
	}
	memcpy(s->versions[s->n++].id, item->version, sizeof(item->version));
	return 0;
}

static void
page_answered(void *arg, struct kv_reply *reply)
{
	struct kv_seen *s = arg;
	int err = reply->err;

	s->ticket = NULL;
	for (size_t i = 0; err == 0 && i < reply->page->n; i++)
		err = add(s, &reply->page->items[i]);
	if (err == 0 && reply->page->next_link != NULL) {
		err = ++s->n_pages < MOST_PAGES ? fetch_page(s, reply->page->next_link) : -EBADMSG;
		if (err == 0)
			return;
	}
	if (err == -ENOENT && s->n_pages == 0) /* there is no such key, or no longer one */
		err = 0;
	s->done(s->arg, err, s->n_read, s->n - s->n_before, reply);
}

static int
fetch_page(struct kv_seen *s, const char *next_link)
{
	const struct kv_task task = { .call = { .op = KV_OP_VERSIONS,
					  .type = KV_KEYS,
					  .name = s->name,
					  .next_link = next_link,
					  .caller = s->question.caller },
		.priority = KV_RESTORE,
		.is_quiet = true,
		.mono_deadline = s->question.mono_deadline };

	return kv_throttle_send(s->throttle, &task, page_answered, s, &s->ticket);
}

int
kv_seen_read(struct kv_seen *s, const struct kv_question *question, kv_seen_done *done, void *arg)
{
	if (!kv_vault_can_list(kv_throttle_vault(s->throttle)))
		return -EACCES;
	s->question = *question;
	s->done = done;
	s->arg = arg;
	s->n_before = s->n;
	s->n_read = 0;
	s->n_pages = 0;
	return fetch_page(s, NULL);
}

void
kv_seen_say_new(const struct kv_seen *s, struct kv_buf *text)
{
	for (size_t i = s->n_before; i < s->n && i < s->n_before + MOST_SHOWN; i++)
		kv_buf_say(text, "%s%s", i > s->n_before ? ", " : "", s->versions[i].id);
	if (s->n > s->n_before + MOST_SHOWN)
		kv_buf_say(text, " and %zu more", s->n - s->n_before - MOST_SHOWN);
}
