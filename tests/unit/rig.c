/*
 * A volume for unit tests.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "cache/blob/archivers.h"
#include "cache/blob/blobs.h"
#include "cache/blob/prefetch.h"
#include "cache/list/absent.h"
#include "cache/list/listing.h"
#include "cache/list/revalidate.h"
#include "cache/pace/throttle.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"
#include "tests/unit/rig.h"

struct kv_volume rig;

/* As the volume does it, where a test has set its events. */
static void
changed(void *arg, struct kv_object *object)
{
	(void)arg;
	if (rig.events.changed == NULL)
		return;
	kv_blobs_forget(rig.blobs, object);
	rig.events.changed(rig.events.arg, object);
}

void
rig_begin_at(int64_t mono, fake_vault_answer *answer, double rate, int max_inflight)
{
	const struct kv_throttle_options options = {
		.rate = rate, .share = 0.5, .max_inflight = max_inflight, .timeout_ms = 300000
	};

	memset(&rig, 0, sizeof(rig));
	caught_begin();
	fake_clock_set(mono, RIG_WALL);
	rig.loop = kv_loop_new();
	fake_loop_check_with(rig.loop, rig_check);
	rig.vault = fake_vault_new(rig.loop, answer);
	rig.throttle = kv_throttle_new(rig.loop, rig.vault, &options);
	assert_non_null(rig.throttle);
}

void
rig_begin(fake_vault_answer *answer, double rate, int max_inflight)
{
	rig_begin_at(RIG_MONO, answer, rate, max_inflight);
}

void
rig_make_listing(enum kv_type type)
{
	rig.listings[type] = kv_listing_new(rig.throttle, NULL, type, 60000, changed, NULL);
	assert_non_null(rig.listings[type]);
}

void
rig_use_listing(enum kv_type type)
{
	struct kv_snapshot *snapshot;

	assert_int_equal(kv_listing_open(rig.listings[type], &snapshot), 0);
	kv_snapshot_unref(snapshot);
}

void
rig_list(enum kv_type type)
{
	rig_make_listing(type);
	rig_use_listing(type);
	fake_loop_run(rig.loop, 100);
	assert_true(kv_listing_is_serving(rig.listings[type]));
}

void
rig_check(void)
{
	kv_volume_check(&rig);
}

void
rig_end(void)
{
	rig_check();
	kv_archivers_free(rig.archivers);
	kv_prefetch_free(rig.prefetch);
	kv_revalidate_free(rig.revalidate);
	kv_blobs_free(rig.blobs);
	for (int t = 0; t < KV_TYPES; t++)
		kv_listing_free(rig.listings[t]);
	kv_absent_free(rig.absent);
	kv_throttle_free(rig.throttle);
	assert_int_equal(fake_vault_under_way(rig.vault), 0);
	fake_vault_free(rig.vault);
	assert_int_equal(fake_loop_timers(rig.loop), 0);
	kv_loop_free(rig.loop);
	caught_end();
}
