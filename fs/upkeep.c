#include <malloc.h>
#include <time.h>

#include "client/base/clock.h"
#include "client/http/http.h"
#include "fs/mount/branch.h"
#include "fs/mount/session.h"
#include "fs/upkeep.h"

#define EVERY_MS  5000
#define FORGET_MS 90000 /* libcurl does not reuse a connection that has been idle for longer */
#define N_FORGET  (FORGET_MS / EVERY_MS)

/* CLOCK_MONOTONIC stops while the machine is suspended, CLOCK_BOOTTIME (kv_clock_mono_ms) does not. */
static int64_t
suspended_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return kv_clock_mono_ms() - ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static bool
is_anything_in_flight(const struct kv_mount *m)
{
	return !kv_mount_is_idle(m) || !LIST_EMPTY(&m->requests);
}

/*
 * An archive leaves free memory between cached blobs. Returning it takes milliseconds, so do it only while
 * idle.
 */
static void
release_when_idle(struct kv_upkeep *u)
{
	const uint64_t n_received = u->mount->session->n_received;

	u->n_idle = n_received == u->n_received ? u->n_idle + 1 : 0;
	u->n_received = n_received;
	if (u->n_idle == 1)
		malloc_trim(0);
	if (u->n_idle > 0 && u->n_idle % N_FORGET == 0 && !is_anything_in_flight(u->mount)) {
		kv_http_forget_connections(u->http); /* each uses about 50 KB */
		malloc_trim(0);
	}
}

static void
run(void *arg)
{
	struct kv_upkeep *u = arg;
	const int64_t now_ms = suspended_ms();

	if (now_ms - u->suspended_ms > EVERY_MS)
		kv_http_forget_connections(u->http);
	u->suspended_ms = now_ms;
	release_when_idle(u);
	kv_timer_set(&u->timer, EVERY_MS);
}

void
kv_upkeep_start(struct kv_upkeep *u, struct kv_mount *mount, struct kv_http *http)
{
	*u = (struct kv_upkeep){ .mount = mount, .http = http, .suspended_ms = suspended_ms() };
	kv_timer_init(&u->timer, mount->loop, run, u);
	kv_timer_set(&u->timer, EVERY_MS);
}

void
kv_upkeep_stop(struct kv_upkeep *u)
{
	if (u->mount != NULL)
		kv_timer_stop(&u->timer);
}
