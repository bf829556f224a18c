#ifndef KV_TESTS_UNIT_FAKE_LOOP_H
#define KV_TESTS_UNIT_FAKE_LOOP_H
/*
 * Replaces client/base/loop.h without waiting: time jumps to the next timer, and the test polls descriptors.
 * It moves the clock of tests/unit/fake_clock.h; include that too.
 */
#include <stdint.h>
#include "client/base/loop.h"

/* Fire the timers that are due within the next ms of fake time, in order. The clock then stands ms later. */
void fake_loop_run(struct kv_loop *loop, int64_t ms);
/* Call check after each timer that fires, to assert the invariants between two turns of the loop. */
void fake_loop_check_with(struct kv_loop *loop, void (*check)(void));
/* Call the watches of all ready descriptors, once each. Returns how many there were. */
int fake_loop_poll(struct kv_loop *loop);
/* The number of timers that are set. */
int fake_loop_timers(const struct kv_loop *loop);
#endif
