#ifndef KV_FS_SIGNALS_H
#define KV_FS_SIGNALS_H
/*
 * Signals, read in the loop. TERM, INT, QUIT and XCPU end the mount in order, HUP reloads; no other signal
 * that a program can catch and that is not a fault of the program itself ends the process, because after the
 * mount that would leave a dead directory.
 */
#include <stdbool.h>
#include "client/base/loop.h"

struct kv_signals {
	struct kv_watch watch;
	bool is_hangup_ignored; /* by who started the program: nohup */
	void (*caught)(void *arg, int signal);
	void *arg;
};

/*
 * Before the first fork: children must be waited for, whatever the caller ignored. Only this much is changed,
 * so that the start still ends by any signal.
 */
void kv_signals_begin(void);
/*
 * From now on caught is called from loop for HUP, INT, QUIT, TERM and XCPU. INT and QUIT that the caller ignored, as a
 * shell does for a command in the background, stay ignored. -errno.
 */
int kv_signals_watch(struct kv_signals *signals, struct kv_loop *loop, void (*caught)(void *arg, int signal),
    void *arg) KV_MUST_CHECK;
/* One of zeros does nothing. The dispositions stay. */
void kv_signals_unwatch(struct kv_signals *signals);
#endif
