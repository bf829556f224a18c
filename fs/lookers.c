/*
 * Who only looks.
 */
#include <string.h>

#include "cache/audit.h"
#include "client/buf.h"
#include "client/log.h"
#include "fs/lookers.h"

#define MODULE	 "fs"
#define MANY	 20
#define QUIET_MS 10000 /* without a further fetch the burst is over */

static void
say_looked_only(const struct kv_lookers *l)
{
	struct kv_buf line, why;

	kv_buf_init(&why, 512);
	kv_buf_say(&why,
	    "it asked for the sizes of %u objects and read none; each was a backup request, -o lookers=%s:%s spares them",
	    l->n_fetched, l->names, l->last.command);
	kv_buf_init(&line, 1024);
	kv_log_field(&line, "event", "looked_only");
	kv_log_number(&line, "fetched", l->n_fetched);
	kv_audit_caller(&line, &l->last);
	kv_log_field(&line, "why", kv_buf_str(&why));
	kv_log_write(KV_LOG_NOTICE, MODULE, "%s", kv_buf_str(&line));
	kv_buf_release(&line);
	kv_buf_release(&why);
}

static void
end_burst(void *arg)
{
	struct kv_lookers *l = arg;

	if (l->n_fetched >= MANY && !l->has_read)
		say_looked_only(l);
	l->n_fetched = 0;
	l->has_read = false;
}

static bool
is_last(const struct kv_lookers *l, const struct kv_caller *caller)
{
	return l->last.uid == caller->uid && strcmp(l->last.command, caller->command) == 0;
}

void
kv_lookers_init(struct kv_lookers *l, struct kv_loop *loop, const char *names)
{
	*l = (struct kv_lookers){ .names = names };
	kv_timer_init(&l->quiet, loop, end_burst, l);
}

void
kv_lookers_release(struct kv_lookers *l)
{
	if (l->names == NULL)
		return;
	kv_timer_stop(&l->quiet);
	end_burst(l);
}

bool
kv_lookers_has(const struct kv_lookers *l, const struct kv_caller *caller)
{
	const char *list = l->names;
	const size_t n = strlen(caller->command);

	for (;;) {
		const size_t len = strcspn(list, ":");

		if (len == n && n > 0 && strncmp(list, caller->command, n) == 0)
			return true;
		if (list[len] == '\0')
			return false;
		list += len + 1;
	}
}

void
kv_lookers_fetched(struct kv_lookers *l, const struct kv_caller *caller)
{
	if (!is_last(l, caller)) {
		end_burst(l);
		l->last = *caller;
	}
	l->n_fetched++;
	kv_timer_set(&l->quiet, QUIET_MS);
}

void
kv_lookers_read(struct kv_lookers *l, const struct kv_caller *caller)
{
	if (l->n_fetched > 0 && is_last(l, caller))
		l->has_read = true;
}
