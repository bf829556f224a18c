#ifndef KV_CLIENT_BASE_SPAWN_H
#define KV_CLIENT_BASE_SPAWN_H
/*
 * Run a program in the loop and collect what it prints. No shell; its directory is /, its standard input
 * /dev/null.
 */
#include "client/base/err.h"

struct kv_loop;
struct kv_spawn;

/*
 * err: 0 with the program's exit status (128 + N if signal N ended it), -ENOENT (no such program in PATH),
 * -ETIMEDOUT (killed, with its children), -EFBIG (it printed more than 1 MiB; killed), or another -errno. out
 * and diagnostics (its stderr) are NUL-terminated and valid during the call. Called exactly once, from the
 * loop, never before kv_spawn_start() has returned.
 */
typedef void kv_spawn_done(void *arg, int err, int status, const char *out, const char *diagnostics);
int kv_spawn_start(struct kv_loop *loop, const char *const argv[], int timeout_ms, kv_spawn_done *done,
    void *arg, struct kv_spawn **run) KV_MUST_CHECK;
/* Kill it with its children; the completion is not called. NULL does nothing. */
void kv_spawn_cancel(struct kv_spawn *run);
#endif
