#ifndef KV_FS_SIGNALS_H
#define KV_FS_SIGNALS_H
/*
 * Signals, read in the loop. TERM, INT, QUIT and XCPU end the mount cleanly, HUP reloads. Once mounted, other
 * signals that can be caught are ignored, except those that report a fault of the program itself, because a
 * process that is killed leaves a dead mount.
 */
#include <stdbool.h>
#include "client/base/loop.h"

struct kv_signals {
	struct kv_watch watch;
	bool is_hangup_ignored; /* SIGHUP was ignored when the program started (nohup) */
	void (*caught)(void *arg, int signal);
	void *arg;
};

/*
 * Call before the first fork. Restores the default for SIGCHLD, because children must be waited for. Changes
 * nothing else, so that during start-up any signal still ends the process.
 */
void kv_signals_begin(void);
/*
 * From now on caught is called from loop for HUP, INT, QUIT, TERM and XCPU. INT and QUIT stay ignored if they
 * were ignored at the start, as for a shell's background commands. -errno.
 */
int kv_signals_watch(struct kv_signals *signals, struct kv_loop *loop, void (*caught)(void *arg, int signal),
    void *arg) KV_MUST_CHECK;
/* Does nothing if signals is zeroed. Signal dispositions are unchanged. */
void kv_signals_unwatch(struct kv_signals *signals);
#endif
