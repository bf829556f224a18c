#include "fs/progress.h"

#include <inttypes.h>

#include "cache/blob/blobs.h"
#include "client/base/buf.h"
#include "fs/control/report.h"
#include "fs/mount/branch.h"
#include "fs/mount/session.h"
#include "fs/notify.h"

#define EVERY_MS  5000
#define MOST_TEXT 256

static void
say_counts(const struct kv_census *c, struct kv_buf *text)
{
	size_t n_backed_up = 0, n_earlier = 0, n_refused = 0;

	for (int t = 0; t < KV_TYPES; t++) {
		n_backed_up += c->n_backed_up[t];
		n_earlier += c->n_earlier[t];
		n_refused += c->n_refused[t];
	}
	if (c->n_all == 0 && !c->is_complete) {
		kv_buf_say(text, "mounted, not listed yet");
		return;
	}
	kv_buf_say(
	    text, "%zu of %zu%s objects backed up", n_backed_up, c->n_all, c->is_complete ? "" : " or more");
	if (n_earlier > 0)
		kv_buf_say(text, ", %zu of them by earlier mounts", n_earlier);
	if (n_refused > 0)
		kv_buf_say(text, ", %zu failed", n_refused);
}

bool
kv_progress_say(const struct kv_mount *mount, struct kv_buf *text)
{
	const struct kv_scope all = { mount, NULL };
	const struct kv_census census = kv_report_count(&all);
	const double rate = kv_report_rate(&all);
	uint64_t n_restored = 0;
	size_t n_fetching = 0;

	KV_SCOPE_EACH(b, &all) {
		struct kv_blobs_state s;

		kv_blobs_state(b->volume->blobs, &s);
		n_fetching += s.n_fetching;
		n_restored += b->n_restored;
	}
	say_counts(&census, text);
	if (n_fetching > 0 && rate > 0)
		kv_buf_say(text, ", %.1f per second, %.0f s left", rate,
		    (double)(census.n_all - census.n_known) / rate);
	if (n_restored > 0)
		kv_buf_say(text, ", %" PRIu64 " restored", n_restored);
	return n_fetching > 0;
}

/* Each message has READY too, which changes nothing if it has arrived before. */
static void
tell(struct kv_progress *p)
{
	struct kv_buf text;

	kv_buf_init(&text, MOST_TEXT);
	p->is_due = kv_progress_say(p->mount, &text);
	p->n_received = p->mount->session->n_received;
	if (!kv_notify_send(p->notify, "READY=1", kv_buf_str(&text)))
		p->is_due = true;
	kv_buf_release(&text);
}

static void
run(void *arg)
{
	struct kv_progress *p = arg;

	if (p->is_due || p->n_received != p->mount->session->n_received)
		tell(p);
	kv_timer_set(&p->timer, EVERY_MS);
}

void
kv_progress_start(struct kv_progress *p, const struct kv_mount *mount, const struct kv_notify *notify)
{
	if (!notify->is_open)
		return;
	*p = (struct kv_progress){ .mount = mount, .notify = notify };
	kv_timer_init(&p->timer, mount->loop, run, p);
	kv_timer_set(&p->timer, EVERY_MS);
	tell(p);
}

void
kv_progress_stop(struct kv_progress *p)
{
	if (p->mount != NULL)
		kv_timer_stop(&p->timer);
}
