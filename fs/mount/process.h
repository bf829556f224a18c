#ifndef KV_FS_MOUNT_PROCESS_H
#define KV_FS_MOUNT_PROCESS_H
/*
 * The processes behind requests, as /proc shows them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kv_caller;

#define KV_TICK_MS 10 /* a clock tick of /proc, to which the start of a process is rounded down */

/* A process. Its number alone is not enough, because numbers are used again. */
struct kv_process {
	pid_t id;	    /* 0: unknown */
	int64_t mono_begun; /* by kv_clock_mono_ms(); it began then or less than KV_TICK_MS later */
};
/* The process of caller, which may be one of its threads. */
struct kv_process kv_process_of(const struct kv_caller *caller);

/* Whether a signal is pending that ends the thread tid, or it has ended. */
bool kv_process_is_being_killed(pid_t tid);

/* Whose command was read last; 0 bytes are a valid start. */
struct kv_process_reader {
	pid_t tid; /* 0: nobody's */
	int comm;  /* its /proc/TID/comm, open */
};
/* The command of the thread tid, "rsync"; "" where it has ended. */
void kv_process_command(struct kv_process_reader *reader, pid_t tid, char *command, size_t size);
void kv_process_release(struct kv_process_reader *reader);
#endif
