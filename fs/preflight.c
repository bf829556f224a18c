/*
 * The start waits for a probe of each vault, all at once. With a folder for each vault, one that answers is enough:
 * the others are away, and kv_comeback looks after them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/vault/vault.h"
#include "fs/preflight.h"
#include "fs/probe.h"

#define MODULE	   "preflight"
#define FIRST_MS   2000 /* until the second try; then half as long again each time */
#define LONGEST_MS 10000

struct check {
	struct start *start;
	struct kv_branch *branch;
	struct kv_probe *probe;
	int err;
	bool can_pass;
	struct kv_buf why;
};

struct start {
	struct kv_mount *mount;
	struct check *checks;
	size_t n;
	size_t n_waiting;
};

/* ---- one try ---- */

static void
probed(void *arg, const struct kv_probe_result *result)
{
	struct check *c = arg;

	c->probe = NULL;
	c->err = result->err;
	c->can_pass = result->can_pass;
	kv_buf_say(&c->why, "%s", result->why);
	if (--c->start->n_waiting == 0)
		kv_loop_stop(c->start->mount->loop);
}

/* Probe every vault. -errno of the loop, or -EINTR: a signal ended it. */
static int
try_once(struct start *s)
{
	int err = 0;

	s->n_waiting = s->n;
	for (size_t i = 0; err == 0 && i < s->n; i++) {
		struct check *c = &s->checks[i];

		c->err = 0;
		kv_buf_clear(&c->why);
		c->probe = kv_probe_new(c->branch, probed, c);
		if (c->probe == NULL)
			err = -ENOMEM;
	}
	if (err == 0)
		err = kv_loop_run(s->mount->loop);
	for (size_t i = 0; i < s->n; i++) {
		kv_probe_cancel(s->checks[i].probe);
		s->checks[i].probe = NULL;
	}
	return err == 0 && (s->n_waiting > 0 || s->mount->is_ending) ? -EINTR : err;
}

/* The check whose failure the start reports if all failed: the first that time cannot mend, or else the first. */
static const struct check *
worst(const struct start *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->checks[i].err != 0 && !s->checks[i].can_pass)
			return &s->checks[i];
	return &s->checks[0];
}

static bool
is_any(const struct start *s, bool (*is)(const struct check *))
{
	for (size_t i = 0; i < s->n; i++)
		if (is(&s->checks[i]))
			return true;
	return false;
}

static bool
is_there(const struct check *c)
{
	return c->err == 0;
}

static bool
can_pass(const struct check *c)
{
	return c->err != 0 && c->can_pass;
}

/* ---- again ---- */

static void
wake(void *arg)
{
	kv_loop_stop(arg);
}

static int
wait_ms(struct kv_mount *m, int64_t ms)
{
	struct kv_timer timer;
	int err;

	kv_timer_init(&timer, m->loop, wake, m->loop);
	kv_timer_set(&timer, ms);
	err = kv_loop_run(m->loop);
	kv_timer_stop(&timer);
	return err == 0 && m->is_ending ? -EINTR : err;
}

static void
log_waiting(const struct start *s)
{
	for (size_t i = 0; i < s->n; i++)
		kv_log_event(KV_LOG_NOTICE, MODULE, "vault=%s event=waiting seconds=%lld errno=%s why=%s",
		    kv_vault_name(s->checks[i].branch->volume->vault),
		    (long long)s->mount->settings->retry_ms / 1000, kv_err_name(s->checks[i].err),
		    kv_buf_str(&s->checks[i].why));
}

/* Try until a vault is there, or until none can be before the time is over. -EINTR, -ENOMEM, or an errno of the loop. */
static int
try_for_a_while(struct start *s, int64_t mono_start)
{
	const int64_t retry_ms = s->mount->settings->retry_ms;
	int64_t pause_ms = FIRST_MS;
	int err;

	while ((err = try_once(s)) == 0 && !is_any(s, is_there) && is_any(s, can_pass)) {
		const int64_t rest_ms = mono_start + retry_ms - kv_clock_mono_ms();

		if (rest_ms <= 0)
			break;
		if (pause_ms == FIRST_MS)
			log_waiting(s);
		err = wait_ms(s->mount, pause_ms < rest_ms ? pause_ms : rest_ms);
		pause_ms = pause_ms * 3 / 2 < LONGEST_MS ? pause_ms * 3 / 2 : LONGEST_MS;
		if (err != 0)
			break;
	}
	return err;
}

/* ---- the result ---- */

/* Some vaults can be used: note the others as away, and warn of them. */
static void
warn(const struct start *s, struct kv_buf *warnings)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct check *c = &s->checks[i];

		c->branch->away = c->err;
		if (c->err == 0)
			continue;
		kv_log_event(KV_LOG_WARNING, MODULE, "vault=%s event=away folder=%s errno=%s why=%s",
		    kv_vault_name(c->branch->volume->vault), c->branch->settings->folder, kv_err_name(c->err),
		    kv_buf_str(&c->why));
		kv_buf_say(warnings, "%s%s/ cannot be used yet: %s", warnings->len > 0 ? "\n" : "",
		    c->branch->settings->folder, kv_buf_str(&c->why));
	}
}

static int
fail(const struct start *s, int64_t mono_start, struct kv_buf *why)
{
	const struct check *c = worst(s);

	if (s->n > 1)
		kv_buf_say(
		    why, "none of the %zu vaults can be used; %s/: ", s->n, c->branch->settings->folder);
	kv_buf_say(why, "%s", kv_buf_str(&c->why));
	if (c->can_pass && s->mount->settings->retry_ms > 0)
		kv_buf_say(why, " (tried for %lld s)", (long long)(kv_clock_mono_ms() - mono_start) / 1000);
	return c->err;
}

int
kv_preflight(struct kv_mount *m, struct kv_buf *warnings, struct kv_buf *why)
{
	const int64_t mono_start = kv_clock_mono_ms();
	struct start s = { .mount = m };
	struct kv_branch *b;
	int err;

	s.checks = calloc(kv_settings_vaults(m->settings), sizeof(*s.checks));
	if (s.checks == NULL)
		return -ENOMEM;
	TAILQ_FOREACH(b, &m->branches, link) {
		s.checks[s.n] = (struct check){ .start = &s, .branch = b };
		kv_buf_init(&s.checks[s.n++].why, 8192);
	}
	err = try_for_a_while(&s, mono_start);
	if (err != 0)
		kv_buf_say(why, "%s", err == -EINTR ? "ended by a signal" : strerror(-err));
	else if (is_any(&s, is_there))
		warn(&s, warnings);
	else
		err = fail(&s, mono_start, why);
	for (size_t i = 0; i < s.n; i++)
		kv_buf_release(&s.checks[i].why);
	free(s.checks);
	return err;
}
