#ifndef KV_TESTS_UNIT_RIG_H
#define KV_TESTS_UNIT_RIG_H
/*
 * A volume on a fake loop, a fake clock and a fake vault. A test creates the modules that it needs; rig_end()
 * frees all of them.
 */
#include "cache/volume.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

#define RIG_MONO INT64_C(1000000) /* initial value of the clock */
#define RIG_WALL INT64_C(1700000000)

/* Without kv_volume_new() its options are unused, and so are its events unless a test sets them. */
extern struct kv_volume rig;

/*
 * Starts the clocks, the loop, the vault and the throttle, and captures the log. rate 0: a separate one per
 * class.
 */
void rig_begin(fake_vault_answer *answer, double rate, int max_inflight);
/* The same with another initial value of the monotonic clock. */
void rig_begin_at(int64_t mono, fake_vault_answer *answer, double rate, int max_inflight);
/* Create the listing of type, with a time to live of one minute; sends nothing. */
void rig_make_listing(enum kv_type type);
/* Create the listing of type and complete it. */
void rig_list(enum kv_type type);
/* Open and release the listing, which renews it if that is due. */
void rig_use_listing(enum kv_type type);
/* Assert every module's invariants; also called after each turn of the loop. */
void rig_check(void);
/* Free everything. Then nothing may be in flight and no timer set. */
void rig_end(void);
#endif
