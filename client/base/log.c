/*
 * The log. A line is made on the stack, so that a failure for want of memory can be told as well.
 */
#include "client/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/words.h"

#define MAX_LINE 4096
#define RECENT	 ((size_t)64 << 10)
#define FAILURES ((size_t)16 << 10)

/* The configuration, as it was last given to kv_log_open(), and the last lines. */
static struct {
	bool is_syslog;
	bool is_audited; /* INFO goes to stderr too */
	char *debug;	 /* names separated by ':', or NULL */
	struct recent {
		char *lines; /* NULL where memory ended */
		size_t len, size;
	} all, failures; /* the last lines; those of more weight than INFO */
} log_config;

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
		return log_config.is_syslog || log_config.is_audited;
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

/* line ends in a newline. The older half goes where there is no room. */
static void
keep_in(struct recent *r, const char *line, size_t len)
{
	const char *end, *keep;

	if (r->lines == NULL)
		return;
	if (r->len + len > r->size) {
		end = r->lines + r->len;
		keep = memchr(r->lines + r->len / 2, '\n', r->len - r->len / 2);
		r->len = keep != NULL ? (size_t)(end - keep) - 1 : 0;
		if (r->len > 0)
			memmove(r->lines, keep + 1, r->len);
	}
	memcpy(r->lines + r->len, line, len);
	r->len += len;
}

static void
keep(enum kv_log_level level, const char *line)
{
	static const char *const words[] = { "error", "warning", "notice", "info" };
	const time_t wall_now = kv_clock_wall_s();
	char text[MAX_LINE + 64], when[32];
	struct tm tm;
	size_t len;

	if (level == KV_LOG_DEBUG)
		return;
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&wall_now, &tm));
	len = (size_t)snprintf(text, sizeof(text), "%s %s %s\n", when, words[level], line);
	keep_in(&log_config.all, text, len);
	if (level < KV_LOG_INFO)
		keep_in(&log_config.failures, text, len);
}

void
kv_log_recent(bool without_info, struct kv_buf *text)
{
	const struct recent *r = without_info ? &log_config.failures : &log_config.all;

	kv_buf_say(text, "%.*s", (int)r->len, r->lines != NULL ? r->lines : "");
}

/* c as it is written in a quoted value, at most four characters. */
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
	if (*value == '\0')
		return true;
	for (; *value != '\0'; value++) {
		const unsigned char c = (unsigned char)*value;

		if (c <= ' ' || c == 0x7f || strchr("\"\\=", c) != NULL)
			return true;
	}
	return false;
}

/* What does not fit is cut; without memory it is left out. */
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
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", value);
	kv_log_field(line, key, text);
}

/* ---- lines ---- */

/* line ends in a NUL, and is wiped. */
static void
write_line(enum kv_log_level level, const char *module, char *line)
{
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
	char *text = line + (line[0] == ' ');
	size_t len;

	/* What came from outside must not begin a line of its own, nor control a terminal. */
	for (len = 0; text[len] != '\0'; len++)
		if ((unsigned char)text[len] < ' ' || text[len] == '\x7f')
			text[len] = ' ';
	keep(level, text);
	if (is_wanted(level, module) && log_config.is_syslog)
		syslog(priorities[level], "%s", text);
	else if (is_wanted(level, module))
		write_stderr(text, len);
	explicit_bzero(text, len);
}

/* A buffer in room, that never allocates. */
static struct kv_buf
fixed_buf(char *room, size_t size)
{
	room[0] = '\0';
	return (struct kv_buf){ .data = (unsigned char *)room, .size = size, .max = size - 1 };
}

static struct kv_buf
begin_line(char *room, size_t size, enum kv_log_level level, const char *module)
{
	struct kv_buf line = fixed_buf(room, size);

	if (level == KV_LOG_DEBUG)
		kv_log_field(&line, "module", module);
	return line;
}

void
kv_log_write(enum kv_log_level level, const char *module, const char *fmt, ...)
{
	char room[MAX_LINE + 1]; /* and the newline */
	struct kv_buf line;
	va_list args;

	if (level == KV_LOG_DEBUG && !is_wanted(level, module))
		return;
	line = begin_line(room, MAX_LINE, level, module);
	if (line.len > 0)
		put(&line, " ");
	va_start(args, fmt);
	if (vsnprintf(room + line.len, MAX_LINE - line.len, fmt, args) < 0)
		room[line.len] = '\0';
	va_end(args);
	write_line(level, module, room);
}

/* A va_list that can be passed by address: it may be an array. */
struct arguments {
	va_list list;
};

/* The argument of one conversion, behind its '%', into value. Returns what follows the conversion. */
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

/* "key=value" at *fmt, with its conversions, and the blank behind it. */
static void
put_pair(struct kv_buf *line, const char **fmt, struct arguments *a)
{
	const char *equals = strchr(*fmt, '='), *p = equals + 1;
	char room[MAX_LINE], key[32], literal[2] = "";
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
	char room[MAX_LINE + 1];
	struct arguments a;
	struct kv_buf line;

	if (level == KV_LOG_DEBUG && !is_wanted(level, module))
		return;
	line = begin_line(room, MAX_LINE, level, module);
	va_start(a.list, fmt);
	while (*fmt != '\0')
		put_pair(&line, &fmt, &a);
	va_end(a.list);
	write_line(level, module, room);
}
