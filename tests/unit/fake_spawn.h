#ifndef KV_TESTS_UNIT_FAKE_SPAWN_H
#define KV_TESTS_UNIT_FAKE_SPAWN_H
/*
 * The programs of client/base/spawn.h as a script: none is run. fake_loop.h must be included too.
 */
#include "client/base/spawn.h"

/* What the next programs end with; strings are borrowed. At first there is no program: -ENOENT. */
void fake_spawn_set(int err, int status, const char *out, const char *diagnostics);
/* How many were started since fake_spawn_set(), and the last one's arguments, separated by blanks. */
int fake_spawn_count(void);
/* How often the same program with the same arguments was started at most. */
int fake_spawn_most_alike(void);
const char *fake_spawn_arguments(void);
#endif
