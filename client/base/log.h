#ifndef KV_CLIENT_BASE_LOG_H
#define KV_CLIENT_BASE_LOG_H
/*
 * The log: lines of key=value pairs, to syslog as "kvfs" or to stderr. Its configuration and the last
 * lines, for .kvfs/log, are state at file scope, so that any module can write a line. A line may
 * contain object names, sizes, status, request ids and milliseconds; never a secret, a token, a header
 * or a query string.
 */
#include <stdbool.h>
#include "client/base/buf.h"
#include "client/base/err.h"

/* NOTICE: a failure or the summary; INFO: the audit of backups, restores and reads. */
enum kv_log_level { KV_LOG_ERROR, KV_LOG_WARNING, KV_LOG_NOTICE, KV_LOG_INFO, KV_LOG_DEBUG };

/*
 * to_stderr: otherwise syslog (LOG_DAEMON). debug_modules: a colon list of the modules whose debug
 * lines are written, "all" for every module, NULL for none; copied. On stderr, INFO is written only if
 * "audit" or "all" is among them, or if stderr is the journal of systemd (JOURNAL_STREAM); there each line begins with
 * its priority, as "<4>".
 */
void kv_log_open(bool to_stderr, const char *debug_modules);
void kv_log_close(void);
/* Reconnect to syslog with the next line. */
void kv_log_reopen(void);
/* Whether a debug line of module would be written, to save building it. */
bool kv_log_is_debug(const char *module);

/*
 * Writes one line of key=value pairs. The format consists of pairs separated by single blanks:
 *
 *	kv_log_event(KV_LOG_WARNING, MODULE, "object=%s/%s errno=%s why=%s", type, name, error, sentence);
 *
 * A value is quoted if necessary, as by kv_log_field(); a pair with an empty value (or a NULL string) is left
 * out. Conversions: %s %d %u, with l, ll and z, and %.1f. Allocates nothing. On debug lines module is the
 * first pair; other lines omit it.
 */
void kv_log_event(enum kv_log_level level, const char *module, const char *fmt, ...) KV_PRINTF(3, 4);
/* Writes one line of any text, such as pairs by kv_log_field(); a leading blank is dropped. */
void kv_log_write(enum kv_log_level level, const char *module, const char *fmt, ...) KV_PRINTF(3, 4);

/*
 * The last lines except debug ones, oldest first, each preceded by its time (UTC) and level:
 * "2026-01-31T23:59:59Z notice vault=…". At most 64 KiB, including INFO even if it is not written;
 * without_info: only more severe lines, at most 16 KiB.
 */
void kv_log_recent(bool without_info, struct kv_buf *text);

/* Builds a line pair by pair: begin, append fields and numbers to pairs, end. Never allocates. */
#define KV_LOG_MAX 4096 /* bytes; longer lines are cut */
struct kv_log_line {
	struct kv_buf pairs;
	enum kv_log_level level;
	const char *module;
	char room[KV_LOG_MAX + 1]; /* memory of pairs, and a byte for the newline */
};
void kv_log_begin(struct kv_log_line *line, enum kv_log_level level, const char *module);
void kv_log_end(struct kv_log_line *line);

/*
 * Append " key=value" to pairs; a value with blanks, quotes, '=' or controls is quoted, with \" \\ and \xNN
 * escapes, an empty one is written as key="". A NULL value appends nothing. What does not fit is cut.
 */
void kv_log_field(struct kv_buf *pairs, const char *key, const char *value);
void kv_log_number(struct kv_buf *pairs, const char *key, long long value);
#endif
