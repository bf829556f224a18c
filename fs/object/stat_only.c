/*
 * Whether a program only calls stat is certain when it exits: until then it may still read files, even much
 * later.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/words.h"
#include "fs/object/stat_only.h"

#define MODULE	 "fs"
#define MANY	 20
#define QUIET_MS 10000 /* a burst is over if its program has exited and downloaded nothing for so long */

static void
say_looked_only(const struct kv_stat_only *l, const struct kv_burst *b)
{
	struct kv_buf why;

	kv_buf_init(&why, 512);
	kv_buf_say(&why,
	    "it called stat on %u objects and read none; each stat was a backup request, which -o stat_only=%s:%s avoids",
	    b->n_fetched, l->names, b->caller.command);
	kv_log_event(KV_LOG_NOTICE, MODULE, "event=stat_only fetched=%u uid=%u pid=%d cmd=%s why=%s",
	    b->n_fetched, b->caller.uid, b->caller.pid, b->caller.command, kv_buf_str(&why));
	kv_buf_release(&why);
}

static void
end_burst(struct kv_stat_only *l, struct kv_burst *b)
{
	if (b->n_fetched >= MANY && !b->has_read)
		say_looked_only(l, b);
	b->n_fetched = 0;
	b->has_read = false;
}

/* Whether caller runs, or may run: its pid is unknown (0) in a PID namespace that is not below ours. */
static bool
is_running(const struct kv_caller *caller)
{
	return caller->pid == 0 || kill(caller->pid, 0) == 0 || errno != ESRCH;
}

static void
end_quiet_bursts(void *arg)
{
	struct kv_stat_only *l = arg;
	const int64_t mono_now = kv_clock_mono_ms();
	bool are_all_over = true;

	for (int i = 0; i < KV_BURSTS; i++) {
		struct kv_burst *b = &l->bursts[i];

		if (b->n_fetched == 0)
			continue;
		if (mono_now - b->mono_fetched >= QUIET_MS && !is_running(&b->caller))
			end_burst(l, b);
		else
			are_all_over = false;
	}
	if (!are_all_over)
		kv_timer_set(&l->quiet, QUIET_MS);
}

static struct kv_burst *
burst_of(struct kv_stat_only *l, const struct kv_caller *caller)
{
	for (int i = 0; i < KV_BURSTS; i++) {
		struct kv_burst *b = &l->bursts[i];

		if (b->n_fetched > 0 && b->caller.uid == caller->uid &&
		    strcmp(b->caller.command, caller->command) == 0)
			return b;
	}
	return NULL;
}

/* A free slot, or the one that has been quiet longest. Nothing is logged about a program that still runs. */
static struct kv_burst *
begin_burst(struct kv_stat_only *l)
{
	struct kv_burst *oldest = &l->bursts[0];

	for (int i = 0; i < KV_BURSTS; i++) {
		struct kv_burst *b = &l->bursts[i];

		if (b->n_fetched == 0)
			return b;
		if (b->mono_fetched < oldest->mono_fetched)
			oldest = b;
	}
	oldest->has_read = oldest->has_read || is_running(&oldest->caller);
	end_burst(l, oldest);
	return oldest;
}

void
kv_stat_only_init(struct kv_stat_only *l, struct kv_loop *loop, const char *names)
{
	*l = (struct kv_stat_only){ .names = names };
	kv_timer_init(&l->quiet, loop, end_quiet_bursts, l);
}

void
kv_stat_only_release(struct kv_stat_only *l)
{
	kv_timer_stop(&l->quiet);
	for (int i = 0; i < KV_BURSTS; i++)
		end_burst(l, &l->bursts[i]);
}

bool
kv_stat_only_has(const struct kv_stat_only *l, const struct kv_caller *caller)
{
	return kv_words_has(l->names, caller->command);
}

void
kv_stat_only_fetched(struct kv_stat_only *l, const struct kv_caller *caller)
{
	struct kv_burst *b = burst_of(l, caller);

	if (b == NULL)
		b = begin_burst(l);
	b->caller = *caller;
	b->mono_fetched = kv_clock_mono_ms();
	b->n_fetched++;
	if (!kv_timer_is_set(&l->quiet))
		kv_timer_set(&l->quiet, QUIET_MS);
}

void
kv_stat_only_read(struct kv_stat_only *l, const struct kv_caller *caller)
{
	struct kv_burst *b = burst_of(l, caller);

	if (b != NULL)
		b->has_read = true;
}
