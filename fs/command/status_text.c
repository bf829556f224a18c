#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "fs/command/status_text.h"

#define MOST_NUMBER 9007199254740992.0 /* 2^53 */

/* ---- members ---- */

static double
number(const struct kv_json *object, const char *name)
{
	double value;

	return kv_json_number(object, name, &value) == 0 && fabs(value) < MOST_NUMBER ? value : 0;
}

static const struct kv_json *
first(const struct kv_json *array)
{
	return array != NULL ? kv_json_first(array) : NULL;
}

static const char *
string(const struct kv_json *object, const char *name)
{
	const char *value;

	return kv_json_string(object, name, &value) == 0 && value != NULL ? value : "";
}

static bool
is_true(const struct kv_json *object, const char *name)
{
	bool value = false;

	return kv_json_bool(object, name, &value) == 0 && value;
}

static const struct kv_json *
member(const struct kv_json *object, const char *name)
{
	const struct kv_json *value;

	return kv_json_member(object, name, &value) == 0 ? value : NULL;
}

/* ---- values ---- */

/* 0:09, 1:02:03, 4 d 1:02:03 */
static void
say_duration(double s, struct kv_buf *text)
{
	const int64_t n = s > 0 ? (int64_t)s : 0;

	if (n >= 86400)
		kv_buf_say(text, "%" PRId64 " d ", n / 86400);
	if (n >= 3600)
		kv_buf_say(text, "%" PRId64 ":%02" PRId64, n / 3600 % 24, n / 60 % 60);
	else
		kv_buf_say(text, "%" PRId64, n / 60);
	kv_buf_say(text, ":%02" PRId64, n % 60);
}

static void
say_bytes(double n, struct kv_buf *text)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
	size_t i = 0;

	for (; n >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		n /= 1000;
	kv_buf_say(text, i == 0 ? "%.0f %s" : "%.1f %s", n, units[i]);
}

/* ---- lines ---- */

/* Of several vaults, which ones are paused. */
static void
say_paused(const struct kv_json *vaults, struct kv_buf *text)
{
	int n = 0;

	kv_buf_say(text, "; PAUSED: ");
	for (const struct kv_json *v = first(vaults); v != NULL; v = kv_json_next(v))
		if (is_true(v, "paused"))
			kv_buf_say(text, "%s%s", n++ > 0 ? ", " : "", string(v, "folder"));
	kv_buf_say(text, "%s failing, kvfs tries again now and then",
	    n == 0     ? "the vault is" :
		n == 1 ? " is" :
			 " are");
}

static void
say_mount(const struct kv_json *root, struct kv_buf *text)
{
	double n = 0;

	for (const struct kv_json *v = first(member(root, "vaults")); v != NULL; v = kv_json_next(v))
		n++;
	if (member(root, "vaults") != NULL)
		kv_buf_say(text, "%.0f vault%s", n, n == 1 ? "" : "s");
	else
		kv_buf_say(text, "%s", string(root, "vault"));
	if (string(root, "region")[0] != '\0')
		kv_buf_say(text, " (%s)", string(root, "region"));
	kv_buf_say(text, ", mounted for ");
	say_duration(number(root, "seconds"), text);
	if (is_true(root, "paused"))
		say_paused(member(root, "vaults"), text);
	kv_buf_say(text, "\n");
}

/* A line for each vault of several. */
static void
say_vaults(const struct kv_json *vaults, struct kv_buf *text)
{
	for (const struct kv_json *v = first(vaults); v != NULL; v = kv_json_next(v)) {
		const char *failure = string(v, "failure");

		kv_buf_say(text, "  %-18s  %s", string(v, "folder"), string(v, "vault"));
		if (failure[0] != '\0')
			kv_buf_say(text, ": CANNOT BE USED (%s)", failure);
		kv_buf_say(text, ": %.0f of %.0f%s downloaded, %.0f failed%s\n", number(v, "backed_up"),
		    number(v, "shown"), is_true(v, "complete") ? "" : " or more", number(v, "failed"),
		    is_true(v, "paused") ? "; PAUSED" : "");
	}
}

static const char *const types[] = { "keys", "secrets", "certificates" };
#define TYPES (sizeof(types) / sizeof(types[0]))

static void
say_objects(const struct kv_json *objects, struct kv_buf *text)
{
	double hidden = 0;
	const char *comma = "";

	kv_buf_say(text, "objects     ");
	for (size_t t = 0; t < TYPES; t++) {
		const struct kv_json *type = member(objects, types[t]);

		if (type == NULL)
			continue;
		kv_buf_say(text, "%s%.0f %s", comma, number(type, "shown"), types[t]);
		if (string(type, "failure")[0] != '\0')
			kv_buf_say(text, " (listing failed: %s)", string(type, "failure"));
		hidden += number(type, "not_shown");
		comma = ", ";
	}
	if (hidden > 0)
		kv_buf_say(text, "; %.0f not shown (see .kvfs/skipped)", hidden);
	kv_buf_say(text, "\n");
}

/* ---- the archive ---- */

struct progress {
	double n, n_backed_up, n_failed;
	double n_earlier; /* of n_backed_up: downloaded only by earlier mounts */
	bool is_listed;	  /* the listing is complete, n is final */
	bool is_active;	  /* something is being downloaded */
};

static struct progress
count(const struct kv_json *root)
{
	struct progress p = { .is_listed = true, .is_active = member(root, "archive") != NULL };
	const struct kv_json *objects = member(root, "objects");

	for (size_t t = 0; t < TYPES; t++) {
		const struct kv_json *type = member(objects, types[t]);

		if (type == NULL)
			continue;
		p.n += number(type, "shown");
		p.n_backed_up += number(type, "backed_up");
		p.n_earlier += number(type, "earlier");
		p.n_failed += number(type, "failed");
		p.is_listed = p.is_listed && is_true(type, "complete") && string(type, "failure")[0] == '\0';
	}
	return p;
}

/* This mount has read everything: what only earlier ones read may be in no archive any more. */
static bool
is_complete(const struct progress *p)
{
	return !p->is_active && p->is_listed && p->n > 0 && p->n_earlier == 0 &&
	    p->n_backed_up + p->n_failed >= p->n;
}

/* An archive began between the last status that did not show it and the first that does. */
static void
watch_progress(struct kv_status_watch *w, const struct progress *p, int64_t mono_now)
{
	const bool is_over = is_complete(p);
	const bool has_begun = p->is_active || (w->has_seen && p->n_backed_up > w->n_backed_up);

	if (!w->is_running && has_begun && (!is_over || !w->is_complete)) {
		w->is_running = true;
		w->mono_begin = w->has_seen ? w->mono_seen : -1;
		w->took_ms = -1;
	}
	if (w->is_running && is_over) {
		w->is_running = false;
		w->took_ms = w->mono_begin >= 0 ? mono_now - w->mono_begin : -1;
	} else if (!w->has_seen) {
		w->took_ms = -1;
	}
	w->is_complete = is_over;
	w->has_seen = true;
	w->mono_seen = mono_now;
	w->n_backed_up = p->n_backed_up;
}

static void
say_active(const struct kv_json *archive, struct kv_buf *text)
{
	kv_buf_say(text, ", %.0f left, %.1f per second", number(archive, "left"), number(archive, "rate"));
	if (member(archive, "seconds_left") == NULL)
		return;
	kv_buf_say(text, ", about ");
	say_duration(number(archive, "seconds_left"), text);
	kv_buf_say(text, " left");
}

static void
say_archive(const struct kv_json *root, struct kv_status_watch *watch, int64_t mono_now, struct kv_buf *text)
{
	const struct progress p = count(root);

	if (watch != NULL)
		watch_progress(watch, &p, mono_now);
	kv_buf_say(text, "archive     ");
	if (is_complete(&p)) {
		kv_buf_say(text, "complete: %.0f of %.0f", p.n_backed_up, p.n);
		if (watch != NULL && watch->took_ms >= 0) {
			kv_buf_say(text, " in ");
			say_duration((double)watch->took_ms / 1000, text);
		}
		kv_buf_say(text, ", %.0f failed\n", p.n_failed);
		return;
	}
	kv_buf_say(text, "%.0f of %.0f%s downloaded", p.n_backed_up, p.n, p.is_listed ? "" : " or more");
	if (p.n_earlier > 0)
		kv_buf_say(text, ", %.0f of them by earlier mounts", p.n_earlier);
	if (p.is_active)
		say_active(member(root, "archive"), text);
	if (p.n_failed > 0)
		kv_buf_say(text, ", %.0f failed", p.n_failed);
	kv_buf_say(text, "\n");
}

/* ---- requests and cache ---- */

/* The name of a class of requests, for people. */
static const char *
plain_class(const char *class)
{
	static const char *const names[][2] = { { "all", "all requests" }, { "light", "secrets, lists" },
		{ "total all", "all together" }, { "total light", "together" },
		{ "total keys", "keys together" }, { "total restores", "restores tog." } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(class, names[i][0]) == 0)
			return names[i][1];
	return class;
}

/* A table; "-" means unknown. */
static void
say_rates(const struct kv_json *rates, struct kv_buf *text)
{
	if (first(rates) != NULL)
		kv_buf_say(text,
		    "per second         now  at most  vault's limit  in flight  hung  waiting  latency\n");
	for (const struct kv_json *c = first(rates); c != NULL; c = kv_json_next(c)) {
		char limit[32] = "-", in_flight[32] = "-", latency[32] = "-";

		if (number(c, "limit") > 0)
			snprintf(limit, sizeof(limit), "%.1f", number(c, "limit"));
		if (member(c, "in_flight") != NULL)
			snprintf(in_flight, sizeof(in_flight), "%.0f/%.0f", number(c, "in_flight"),
			    number(c, "in_flight_limit"));
		if (number(c, "latency_ms") > 0)
			snprintf(latency, sizeof(latency), "%.0f ms", number(c, "latency_ms"));
		kv_buf_say(text, "  %-14s %5.1f  %7.1f  %13s  %9s  %4.0f  %7.0f  %7s%s\n",
		    plain_class(string(c, "class")), number(c, "served"), number(c, "rate"), limit, in_flight,
		    number(c, "hung"), number(c, "queued"), latency,
		    is_true(c, "closed") ? "  stopped by a 429" : "");
	}
}

static void
say_requests(const struct kv_json *requests, struct kv_buf *text)
{
	const char *comma = "";

	kv_buf_say(text, "requests    ");
	for (const struct kv_json *r = first(requests); r != NULL; r = kv_json_next(r)) {
		if (number(r, "count") == 0)
			continue;
		kv_buf_say(text, "%s%.0f %s", comma, number(r, "count"), string(r, "operation"));
		if (number(r, "status") == 0)
			kv_buf_say(text, " without an answer");
		else if (number(r, "status") != 200)
			kv_buf_say(text, " (%.0f)", number(r, "status"));
		comma = ", ";
	}
	kv_buf_say(text, "\n");
}

static void
say_cache(const struct kv_json *root, struct kv_buf *text)
{
	const struct kv_json *cache = member(root, "cache"), *ahead = member(root, "read_ahead"),
			     *files = member(root, "files");

	kv_buf_say(text, "downloads   %.0f blobs, ", number(cache, "fetched"));
	say_bytes(number(cache, "bytes_fetched"), text);
	kv_buf_say(text, "; %.0f requested ahead of a reader, %.0f of these used", number(ahead, "fetched"),
	    number(ahead, "used"));
	kv_buf_say(text, "\ncache       ");
	say_bytes(number(cache, "bytes_in_memory"), text);
	kv_buf_say(text, " in memory, ");
	say_bytes(number(cache, "bytes_spilled"), text);
	kv_buf_say(text, " on disk; %.0f hits, %.0f from disk, %.0f misses\n", number(cache, "hits"),
	    number(cache, "from_disk"), number(cache, "misses"));
	kv_buf_say(text, "files       %.0f read, %.0f restored, %.0f imported, %.0f failed\n",
	    number(files, "read"), number(files, "restored"), number(files, "imported"),
	    number(files, "failed"));
}

/* ---- failures ---- */

/* Copy the value of " name=" in a log line, without quotes; "" if there is none. */
static void
field(const char *line, const char *name, char *value, size_t size)
{
	const size_t n = strlen(name);
	const char *at = line;

	value[0] = '\0';
	while ((at = strstr(at, name)) != NULL) {
		const bool is_name = at > line && at[-1] == ' ' && at[n] == '=';

		at += n;
		if (!is_name)
			continue;
		at++;
		snprintf(value, size, "%.*s", (int)(*at == '"' ? strcspn(at + 1, "\"") : strcspn(at, " ")),
		    *at == '"' ? at + 1 : at);
		return;
	}
}

/* Convert the UTC time at the start of line (2026-11-25T23:59:59Z) to the local time zone. */
static void
say_time(const char *line, struct kv_buf *text)
{
	struct tm utc = { .tm_isdst = 0 }, local;
	char clock[16];
	time_t t;

	if (strptime(line, "%Y-%m-%dT%H:%M:%SZ", &utc) == NULL)
		return;
	t = timegm(&utc);
	if (localtime_r(&t, &local) != NULL && strftime(clock, sizeof(clock), "%H:%M:%S", &local) > 0)
		kv_buf_say(text, "%s  ", clock);
}

/* "backup secrets/db: 403 ForbiddenByRbac, EACCES"; for a line without an object: its reason. */
static void
say_failure(const char *line, struct kv_buf *text)
{
	char op[32], object[160], status[8], code[64], name[32], why[400];

	field(line, "op", op, sizeof(op));
	field(line, "object", object, sizeof(object));
	field(line, "status", status, sizeof(status));
	field(line, "code", code, sizeof(code));
	field(line, "errno", name, sizeof(name));
	field(line, "why", why, sizeof(why));
	kv_buf_say(text, "log         ");
	say_time(line, text);
	if (op[0] == '\0')
		field(line, "event", op, sizeof(op));
	if (op[0] == '\0' && why[0] == '\0')
		snprintf(why, sizeof(why), "%s", line);
	kv_buf_say(text, "%s%s%s", op, object[0] != '\0' ? " " : "", object);
	if (status[0] != '\0' && status[0] != '0')
		kv_buf_say(text, ": %s%s%s", status, code[0] != '\0' ? " " : "", code);
	else if (why[0] != '\0')
		kv_buf_say(text, "%s%s", op[0] != '\0' ? ": " : "", why);
	kv_buf_say(text, "%s%s\n", name[0] != '\0' ? ", " : "", name);
}

int
kv_status_text(
    const char *json, size_t len, struct kv_status_watch *watch, int64_t mono_now, struct kv_buf *text)
{
	struct kv_json *root;
	int err = kv_json_parse(json, len, &root);

	if (err != 0)
		return err;
	say_mount(root, text);
	say_vaults(member(root, "vaults"), text);
	say_objects(member(root, "objects"), text);
	say_archive(root, watch, mono_now, text);
	say_requests(member(root, "requests"), text);
	say_cache(root, text);
	say_rates(member(root, "rates"), text);
	for (const struct kv_json *f = first(member(root, "failures")); f != NULL; f = kv_json_next(f))
		if (kv_json_as_string(f) != NULL)
			say_failure(kv_json_as_string(f), text);
	kv_json_free(root);
	return 0;
}
