#ifndef KV_TESTS_UNIT_RIG_H
#define KV_TESTS_UNIT_RIG_H
/*
 * A volume on a fake loop, a fake clock and a fake vault. A test makes of its modules what it needs;
 * rig_end() frees all that there is.
 */
#include "cache/volume.h"
#include "tests/unit/caught.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_vault.h"

#define RIG_MONO INT64_C(1000000) /* where the clocks begin */
#define RIG_WALL INT64_C(1700000000)

/* Its options are unused, and its events where a test sets none, unless the test makes it with kv_volume_new(). */
extern struct kv_volume rig;

/* The clocks, the loop, the vault and the throttle; the log is caught. rate 0: each class has its own. */
void rig_begin(fake_vault_answer *answer, double rate, int max_inflight);
/* The same with another begin of the monotonic clock. */
void rig_begin_at(int64_t mono, fake_vault_answer *answer, double rate, int max_inflight);
/* The listing of type, with a time to live of a minute; nothing has been sent. */
void rig_make_listing(enum kv_type type);
/* The same, complete. */
void rig_list(enum kv_type type);
/* Open the listing and release it again: it is renewed where that is due. */
void rig_use_listing(enum kv_type type);
/* Every module asserts its invariants; done after each turn of the loop too. */
void rig_check(void);
/* Nothing may be in flight, and no timer set, when all has been freed. */
void rig_end(void);
#endif
