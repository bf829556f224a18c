#ifndef KV_TESTS_UNIT_FAKE_LOOP_H
#define KV_TESTS_UNIT_FAKE_LOOP_H
/*
 * The loop of client/base/loop.h without waiting: time jumps to the next timer, descriptors are polled by hand. It
 * moves the clock of tests/unit/fake_clock.h, which must be included too.
 */
#include <stdint.h>
#include "client/base/loop.h"

/* Fire what is due within the next ms of the false time, in order. The clock is ms later then. */
void fake_loop_run(struct kv_loop *loop, int64_t ms);
/* Call check after each timer that fires: what must hold between two turns of the loop. */
void fake_loop_check_with(struct kv_loop *loop, void (*check)(void));
/* Call back for the descriptors that are ready, once each; how many were. */
int fake_loop_poll(struct kv_loop *loop);
/* Timers that are set. */
int fake_loop_timers(const struct kv_loop *loop);
#endif
