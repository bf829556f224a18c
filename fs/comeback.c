#include <stdlib.h>

#include "client/base/log.h"
#include "client/vault/vault.h"
#include "fs/comeback.h"
#include "fs/probe.h"

#define MODULE	   "comeback"
#define FIRST_MS   5000 /* then twice as long each time */
#define LONGEST_MS 60000

struct kv_comeback {
	struct kv_comeback *next;
	struct kv_branch *branch;
	struct kv_timer timer;
	struct kv_probe *probe; /* NULL while the timer is set, and once the vault has come back */
	int64_t pause_ms;
};

static void
probed(void *arg, const struct kv_probe_result *result)
{
	struct kv_comeback *c = arg;
	struct kv_branch *b = c->branch;

	c->probe = NULL;
	if (result->err != 0) {
		if (result->err != b->away)
			kv_log_event(KV_LOG_WARNING, MODULE, "vault=%s event=away folder=%s errno=%s why=%s",
			    kv_vault_name(b->volume->vault), b->settings->folder, kv_err_name(result->err),
			    result->why);
		b->away = result->err;
		kv_timer_set(&c->timer, c->pause_ms);
		c->pause_ms = 2 * c->pause_ms < LONGEST_MS ? 2 * c->pause_ms : LONGEST_MS;
		return;
	}
	b->away = 0;
	kv_log_event(KV_LOG_NOTICE, MODULE, "vault=%s event=back folder=%s", kv_vault_name(b->volume->vault),
	    b->settings->folder);
}

static void
try_again(void *arg)
{
	struct kv_comeback *c = arg;

	c->probe = kv_probe_new(c->branch, probed, c);
	if (c->probe == NULL)
		kv_timer_set(&c->timer, LONGEST_MS);
}

void
kv_comeback_start(struct kv_comeback **all, struct kv_mount *mount)
{
	struct kv_branch *b;

	TAILQ_FOREACH(b, &mount->branches, link) {
		struct kv_comeback *c = b->away != 0 ? calloc(1, sizeof(*c)) : NULL;

		if (c == NULL)
			continue;
		*c = (struct kv_comeback){ .next = *all, .branch = b, .pause_ms = FIRST_MS };
		kv_timer_init(&c->timer, mount->loop, try_again, c);
		kv_timer_set(&c->timer, FIRST_MS);
		*all = c;
	}
}

void
kv_comeback_now(struct kv_comeback *all)
{
	for (struct kv_comeback *c = all; c != NULL; c = c->next)
		if (c->branch->away != 0) {
			kv_probe_cancel(c->probe); /* it may wait for an answer that is lost */
			c->probe = NULL;
			c->pause_ms = FIRST_MS;
			kv_timer_set(&c->timer, 0);
		}
}

void
kv_comeback_stop(struct kv_comeback **all)
{
	while (*all != NULL) {
		struct kv_comeback *c = *all;

		*all = c->next;
		kv_timer_stop(&c->timer);
		kv_probe_cancel(c->probe);
		free(c);
	}
}
