#ifndef KV_FS_COMMAND_STATUS_TEXT_H
#define KV_FS_COMMAND_STATUS_TEXT_H
/*
 * The content of .kvfs/status (JSON) as lines for people. The file may come from any version of kvfs: a member that is
 * missing, or of another type, counts as zero or empty.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_buf;

/*
 * What is known of an archive from one call to the next, so that its duration can be shown once it is complete.
 * Starts as zeroes.
 */
struct kv_status_watch {
	bool has_seen;	    /* an earlier status, */
	int64_t mono_seen;  /* at this time, */
	double n_backed_up; /* with so many objects backed up */
	bool is_running;    /* an archive began, */
	int64_t mono_begin; /* at this time; -1: before the first status */
	bool is_complete;   /* it is over, */
	int64_t took_ms;    /* and took so long; -1: not known */
};

/*
 * Lines are appended to text, as far as they fit. watch may be NULL: this is the only status. -EBADMSG (no JSON
 * object), -ENOMEM.
 */
int kv_status_text(const char *json, size_t len, struct kv_status_watch *watch, int64_t mono_now,
    struct kv_buf *text) KV_MUST_CHECK;
#endif
