#ifndef KV_FS_COMMAND_STATUS_TEXT_H
#define KV_FS_COMMAND_STATUS_TEXT_H
/*
 * Formats the content of .kvfs/status (JSON) for people. Any version of kvfs may have written it: a member
 * that is missing or has another type counts as zero or empty.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_buf;

/*
 * The progress of an archive from one call to the next, to show its duration once it is complete. Must start
 * zeroed.
 */
struct kv_status_watch {
	bool has_seen;	    /* there was an earlier status, */
	int64_t mono_seen;  /* seen at this time, */
	double n_backed_up; /* with this many objects backed up */
	bool is_running;    /* an archive is being made, */
	int64_t mono_begin; /* since this time; -1: since before the first status */
	bool is_complete;   /* the archive is complete, */
	int64_t took_ms;    /* and took this long; -1: unknown */
};

/*
 * Append lines to text, as far as they fit. watch may be NULL: there is only this one status. -EBADMSG (not a
 * JSON object), -ENOMEM.
 */
int kv_status_text(const char *json, size_t len, struct kv_status_watch *watch, int64_t mono_now,
    struct kv_buf *text) KV_MUST_CHECK;
#endif
