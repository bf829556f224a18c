/*
 * The log. A line is built on the stack, so that running out of memory can be logged as well.
 */
#include "client/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/words.h"

#define RECENT	 ((size_t)64 << 10)
#define FAILURES ((size_t)16 << 10)

/* The configuration from the last kv_log_open(), and the last lines. */
static struct {
	bool is_syslog;
	bool is_journal; /* stderr is the journal of systemd */
	bool is_audited; /* INFO goes to stderr too */
	char *debug;	 /* names separated by ':', or NULL */
	struct recent {
		char *lines; /* NULL: out of memory */
		size_t len, size;
	} all, failures; /* the last lines; those more severe than INFO */
	time_t wall_stamp;
	char stamp[24]; /* of that second, "2026-01-31T23:59:59Z" */
} log_config;

/* JOURNAL_STREAM has device and inode of what systemd has connected; stderr may have been redirected since. */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[48];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

void
kv_log_open(bool to_stderr, const char *debug_modules)
{
	kv_log_close();
	log_config.is_syslog = !to_stderr;
	if (debug_modules != NULL)
		log_config.debug = strdup(debug_modules);
	log_config.all = (struct recent){ .lines = malloc(RECENT), .size = RECENT };
	log_config.failures = (struct recent){ .lines = malloc(FAILURES), .size = FAILURES };
	log_config.is_audited =
	    kv_words_has(log_config.debug, "audit") || kv_words_has(log_config.debug, "all");
	log_config.is_journal = to_stderr && is_journal();
	if (log_config.is_syslog)
		openlog("kvfs", LOG_PID, LOG_DAEMON);
}

void
kv_log_close(void)
{
	if (log_config.is_syslog)
		closelog();
	free(log_config.debug);
	free(log_config.all.lines);
	free(log_config.failures.lines);
	memset(&log_config, 0, sizeof(log_config));
}

void
kv_log_reopen(void)
{
	if (!log_config.is_syslog)
		return;
	closelog();
	openlog("kvfs", LOG_PID, LOG_DAEMON);
}

bool
kv_log_is_debug(const char *module)
{
	return kv_words_has(log_config.debug, module) || kv_words_has(log_config.debug, "all");
}

static bool
is_wanted(enum kv_log_level level, const char *module)
{
	switch (level) {
	case KV_LOG_INFO:
		return log_config.is_syslog || log_config.is_journal || log_config.is_audited;
	case KV_LOG_DEBUG:
		return kv_log_is_debug(module);
	default:
		return true;
	}
}

/* One write, so that lines of several processes on one stderr stay whole. */
static void
write_stderr(char *line, size_t len)
{
	ssize_t n;

	line[len++] = '\n';
	do
		n = write(STDERR_FILENO, line, len);
	while (n > 0 && (line += n, len -= (size_t)n) > 0);
}

/* The same, with the level in front, which the journal takes off and keeps as PRIORITY. */
static void
write_journal(int priority, char *line, size_t len)
{
	char level[8];
	struct iovec parts[] = { { level, (size_t)snprintf(level, sizeof(level), "<%d>", priority) },
		{ line, len + 1 } };

	line[len] = '\n';
	while (writev(STDERR_FILENO, parts, 2) < 0 && errno == EINTR)
		continue;
}

/* Append head, line and a newline. If there is no room, the older half is dropped. */
static void
keep_in(struct recent *r, const char *head, size_t head_len, const char *line, size_t len)
{
	const char *end, *keep;
	char *to;

	if (r->lines == NULL)
		return;
	if (r->len + head_len + len + 1 > r->size) {
		end = r->lines + r->len;
		keep = memchr(r->lines + r->len / 2, '\n', r->len - r->len / 2);
		r->len = keep != NULL ? (size_t)(end - keep) - 1 : 0;
		if (r->len > 0)
			memmove(r->lines, keep + 1, r->len);
	}
	to = r->lines + r->len;
	memcpy(to, head, head_len);
	memcpy(to + head_len, line, len);
	to[head_len + len] = '\n';
	r->len += head_len + len + 1;
}

/* Formatted once a second, because there are two lines per object and hundreds of objects a second. */
static const char *
stamp_now(void)
{
	const time_t wall_now = kv_clock_wall_s();
	struct tm tm;

	if (wall_now != log_config.wall_stamp || log_config.stamp[0] == '\0') {
		log_config.wall_stamp = wall_now;
		strftime(log_config.stamp, sizeof(log_config.stamp), "%Y-%m-%dT%H:%M:%SZ",
		    gmtime_r(&wall_now, &tm));
	}
	return log_config.stamp;
}

static void
keep(enum kv_log_level level, const char *line, size_t len)
{
	static const char *const words[] = { "error", "warning", "notice", "info" };
	char head[40];
	size_t n;

	if (level == KV_LOG_DEBUG)
		return;
	n = (size_t)(stpcpy(stpcpy(stpcpy(stpcpy(head, stamp_now()), " "), words[level]), " ") - head);
	keep_in(&log_config.all, head, n, line, len);
	if (level < KV_LOG_INFO)
		keep_in(&log_config.failures, head, n, line, len);
}

void
kv_log_recent(bool without_info, struct kv_buf *text)
{
	const struct recent *r = without_info ? &log_config.failures : &log_config.all;

	kv_buf_say(text, "%.*s", (int)r->len, r->lines != NULL ? r->lines : "");
}

/* Writes c as in a quoted value, at most four characters. */
static size_t
escape(unsigned char c, char out[5])
{
	if (c < ' ' || c == 0x7f)
		return (size_t)snprintf(out, 5, "\\x%02X", c);
	if (c == '"' || c == '\\')
		return (size_t)snprintf(out, 5, "\\%c", c);
	out[0] = (char)c;
	out[1] = '\0';
	return 1;
}

static bool
needs_quotes(const char *value)
{
	const char *p = value;

	while ((unsigned char)*p > ' ' && *p != '"' && *p != '\\' && *p != '=' && *p != 0x7f)
		p++;
	return *p != '\0' || p == value;
}

/* What does not fit is cut; without memory nothing is appended. */
static void
put(struct kv_buf *line, const char *text)
{
	const int err = kv_buf_append(line, text, strnlen(text, line->max - line->len));

	(void)err;
}

void
kv_log_field(struct kv_buf *line, const char *key, const char *value)
{
	const bool is_quoted = value != NULL && needs_quotes(value);
	const size_t around = strlen(key) + (is_quoted ? 4 : 2);
	char out[5];

	if (value == NULL || around > line->max - line->len)
		return;
	put(line, " ");
	put(line, key);
	put(line, "=");
	if (!is_quoted) {
		put(line, value);
		return;
	}
	put(line, "\"");
	for (; *value != '\0'; value++) {
		const size_t n = escape((unsigned char)*value, out);

		if (n + 1 > line->max - line->len || kv_buf_append(line, out, n) != 0)
			break;
	}
	put(line, "\"");
}

void
kv_log_number(struct kv_buf *line, const char *key, long long value)
{
	char text[KV_BUF_DECIMAL + 2] = "", *from;
	const uint64_t n = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	from = kv_buf_decimal(n, text + sizeof(text) - 1);
	if (value < 0)
		*--from = '-';
	kv_log_field(line, key, from);
}

/* ---- lines ---- */

/* A buffer in room that never allocates. */
static struct kv_buf
fixed_buf(char *room, size_t size)
{
	room[0] = '\0';
	return (struct kv_buf){ .data = (unsigned char *)room, .size = size, .max = size - 1 };
}

void
kv_log_begin(struct kv_log_line *line, enum kv_log_level level, const char *module)
{
	line->level = level;
	line->module = module;
	line->pairs = fixed_buf(line->room, KV_LOG_MAX);
	if (level == KV_LOG_DEBUG)
		kv_log_field(&line->pairs, "module", module);
}

void
kv_log_end(struct kv_log_line *line)
{
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
	char *text = line->room + (line->room[0] == ' ');
	const bool is_written = is_wanted(line->level, line->module);
	size_t len;

	/* Text from outside must not start a new line or control a terminal. */
	for (len = 0; text[len] != '\0'; len++)
		if ((unsigned char)text[len] < ' ' || text[len] == '\x7f')
			text[len] = ' ';
	keep(line->level, text, len);
	if (is_written && log_config.is_syslog)
		syslog(priorities[line->level], "%s", text);
	else if (is_written && log_config.is_journal)
		write_journal(priorities[line->level], text, len);
	else if (is_written)
		write_stderr(text, len);
	explicit_bzero(text, len);
}

void
kv_log_write(enum kv_log_level level, const char *module, const char *fmt, ...)
{
	struct kv_log_line line;
	va_list args;

	if (level == KV_LOG_DEBUG && !is_wanted(level, module))
		return;
	kv_log_begin(&line, level, module);
	if (line.pairs.len > 0)
		put(&line.pairs, " ");
	va_start(args, fmt);
	if (vsnprintf(line.room + line.pairs.len, KV_LOG_MAX - line.pairs.len, fmt, args) < 0)
		line.room[line.pairs.len] = '\0';
	va_end(args);
	kv_log_end(&line);
}

/* A va_list that can be passed by address, although it may be an array type. */
struct arguments {
	va_list list;
};

/* Append the argument of the conversion after a '%' to value. Returns the format after the conversion. */
static const char *
put_argument(struct kv_buf *value, const char *fmt, struct arguments *a)
{
	const size_t n_long = strspn(fmt, "l"), n_size = strspn(fmt, "z");
	const char *type = fmt + n_long + n_size;
	char text[64] = "";

	if (*type == 's') {
		const char *s = va_arg(a->list, const char *);

		put(value, s != NULL ? s : "");
		return type + 1;
	}
	if (*type == '.') { /* "%.1f" */
		snprintf(text, sizeof(text), "%.1f", va_arg(a->list, double));
		put(value, text);
		return type + 3;
	}
	if (n_long == 2)
		snprintf(text, sizeof(text), *type == 'd' ? "%lld" : "%llu", va_arg(a->list, long long));
	else if (n_long + n_size == 1)
		snprintf(text, sizeof(text), *type == 'd' ? "%ld" : "%lu", va_arg(a->list, long));
	else
		snprintf(text, sizeof(text), *type == 'd' ? "%d" : "%u", va_arg(a->list, int));
	put(value, text);
	return type + 1;
}

/* Append the pair "key=value" at *fmt and move *fmt past it and the following blank. */
static void
put_pair(struct kv_buf *line, const char **fmt, struct arguments *a)
{
	const char *equals = strchr(*fmt, '='), *p = equals + 1;
	char room[KV_LOG_MAX], key[32], literal[2] = "";
	struct kv_buf value = fixed_buf(room, sizeof(room));

	snprintf(key, sizeof(key), "%.*s", (int)(equals - *fmt), *fmt);
	while (*p != '\0' && *p != ' ') {
		if (*p == '%') {
			p = put_argument(&value, p + 1, a);
			continue;
		}
		literal[0] = *p++;
		put(&value, literal);
	}
	if (value.len > 0)
		kv_log_field(line, key, room);
	explicit_bzero(room, value.len);
	*fmt = p + (*p == ' ');
}

void
kv_log_event(enum kv_log_level level, const char *module, const char *fmt, ...)
{
	struct kv_log_line line;
	struct arguments a;

	if (level == KV_LOG_DEBUG && !is_wanted(level, module))
		return;
	kv_log_begin(&line, level, module);
	va_start(a.list, fmt);
	while (*fmt != '\0')
		put_pair(&line.pairs, &fmt, &a);
	va_end(a.list);
	kv_log_end(&line);
}
