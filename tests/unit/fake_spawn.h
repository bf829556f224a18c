#ifndef KV_TESTS_UNIT_FAKE_SPAWN_H
#define KV_TESTS_UNIT_FAKE_SPAWN_H
/*
 * Replaces client/base/spawn.h: no program is run, each ends with a scripted result. Include fake_loop.h too.
 */
#include "client/base/spawn.h"

/* The result of the next programs; strings are borrowed. Initially there is no program: -ENOENT. */
void fake_spawn_set(int err, int status, const char *out, const char *diagnostics);
/* How many were started since fake_spawn_set(). */
int fake_spawn_count(void);
/*
 * The largest number of starts with the same program and arguments; and the last one's arguments, separated
 * by blanks.
 */
int fake_spawn_most_alike(void);
const char *fake_spawn_arguments(void);
#endif
