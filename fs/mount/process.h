#ifndef KV_FS_MOUNT_PROCESS_H
#define KV_FS_MOUNT_PROCESS_H
/*
 * The processes that send requests, from /proc.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kv_buf;
struct kv_caller;

#define KV_TICK_MS 10 /* a clock tick in /proc; start times are rounded down to it */

/* A process. Its pid alone is not enough, because pids are reused. */
struct kv_process {
	pid_t id;	    /* 0: unknown */
	int64_t mono_begun; /* on kv_clock_mono_ms(); the start may be up to KV_TICK_MS later */
};
/* The process of caller, whose pid may be a thread id. */
struct kv_process kv_process_of(const struct kv_caller *caller);

enum kv_fate {
	KV_LIVES,
	KV_IS_KILLED, /* it has a pending signal that will kill it, or has exited */
	KV_UNSEEN /* /proc does not show it: it is in a PID namespace outside of ours (tid 0), or hidepid= hides it */
};
enum kv_fate kv_process_fate(pid_t tid);

/* The thread whose command was read last. Valid when zeroed. */
struct kv_process_reader {
	pid_t tid; /* 0: none */
	int comm;  /* its open /proc/TID/comm */
};
/* The command name of thread tid, "rsync"; "" if it has exited. */
void kv_process_command(struct kv_process_reader *reader, pid_t tid, char *command, size_t size);
/*
 * The words of thread tid's /proc/TID/file, "cmdline" or "environ", each with a NUL after it; words has their size as its
 * maximum. False if there are none, they are longer, or they cannot be read: an environment may hold passwords and is
 * only open to those who may trace the process.
 */
bool kv_process_words(pid_t tid, const char *file, struct kv_buf *words);
void kv_process_release(struct kv_process_reader *reader);
#endif
