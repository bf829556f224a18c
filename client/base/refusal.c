/*
 * Looks an answer up in the table, and writes its sentence.
 */
#include "client/base/refusal.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/detail.h"
#include "client/base/refusal_rows.h"

#define MOST_SKEW_S 300 /* the token service allows five minutes */

/* ---- looking up ---- */

static bool
matches(const char *pattern, const char *text)
{
	return pattern == NULL || fnmatch(pattern, text, 0) == 0;
}

static bool
is_status(long pattern, long status)
{
	return pattern == 0 || pattern == status ||
	    (pattern < 100 && status >= pattern * 100 && status < pattern * 100 + 100);
}

const struct kv_refusal_row *
kv_refusal_find(long status, const struct kv_fault *fault)
{
	static const struct kv_fault none;
	const struct kv_refusal_row *row;
	size_t i = 0;

	if (fault == NULL)
		fault = &none;
	while ((row = kv_refusal_row(i++)) != NULL)
		if (is_status(row->status, status) && matches(row->code, fault->code) &&
		    matches(row->inner, fault->inner) && matches(row->message, fault->message))
			break;
	return row;
}

/* ---- the sentence ---- */

/* The service's message without what is for its support: " (Activity ID: …)", " Trace ID: …". */
static void
copy_message(const struct kv_fault *fault, char *to, size_t size)
{
	static const char *const tails[] = { " (Activity ID:", " Trace ID:", " For help resolving" };
	size_t len = strlen(fault->message);

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		const char *tail = strstr(fault->message, tails[i]);

		if (tail != NULL && (size_t)(tail - fault->message) < len)
			len = (size_t)(tail - fault->message);
	}
	while (len > 0 && fault->message[len - 1] == '.')
		len--;
	snprintf(to, size, "%.*s", (int)len, fault->message);
}

static void
format_time(int64_t wall, char *to, size_t size)
{
	const time_t t = (time_t)wall;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(to, size, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		snprintf(to, size, "%lld", (long long)wall);
}

/* "" if the clock is right, or if the answer has no Date, as that of a Managed HSM. */
static void
compare_clocks(const struct kv_refusal *r, const char *who, char *to, size_t size)
{
	const int64_t wall_now = kv_clock_wall_s(), skew = r->wall_date - wall_now;
	char here[40], there[40];

	to[0] = '\0';
	if (r->wall_date == 0 || (skew <= MOST_SKEW_S && skew >= -MOST_SKEW_S))
		return;
	format_time(wall_now, here, sizeof(here));
	format_time(r->wall_date, there, sizeof(there));
	snprintf(to, size, "set the clock of this machine, which shows %s, while that of %s shows %s", here,
	    who, there);
}

/* It may come from a challenge, and the user may paste it into a shell. */
static const char *
if_plain(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:/";

	return s != NULL && s[strspn(s, plain)] == '\0' ? s : NULL;
}

static void
fill_login(const struct kv_refusal *r, char *to, size_t size)
{
	const struct kv_detail given[] = { { "tenant", if_plain(r->tenant) },
		{ "resource", if_plain(r->audience) }, { NULL, NULL } };
	struct kv_buf text;

	kv_buf_init(&text, size - 1);
	if (r->login != NULL)
		kv_detail_fill(r->login, "", given, &text);
	snprintf(to, size, "%s", kv_buf_str(&text));
	kv_buf_release(&text);
}

void
kv_refusal_say(const struct kv_refusal *r, struct kv_buf *why)
{
	static const struct kv_fault none;
	const struct kv_fault *fault = r->fault != NULL ? r->fault : &none;
	const struct kv_refusal_row *row = r->row != NULL ? r->row : kv_refusal_find(r->status, fault);
	const char *who = r->who != NULL ? r->who : "the server";
	char message[sizeof(fault->message)], status[24], count[24] = "";
	char clock[KV_DETAIL_SIZE], login[KV_DETAIL_SIZE];
	const struct kv_detail given[] = {
		{ "message", message },
		{ "code", fault->inner[0] != '\0' ? fault->inner : fault->code },
		{ "status", status },
		{ "who", who },
		{ "clock", clock },
		{ "client", if_plain(r->client) },
		{ "tenant", if_plain(r->tenant) },
		{ "token_audience", if_plain(r->audience) },
		{ "login", login },
		{ "count", count },
		{ "action", r->action },
		{ "permission", r->permission },
		{ NULL, NULL },
	};

	copy_message(fault, message, sizeof(message));
	snprintf(status, sizeof(status), "%ld", r->status);
	if (r->n_versions > 0)
		snprintf(count, sizeof(count), "%zu", r->n_versions);
	compare_clocks(r, who, clock, sizeof(clock));
	fill_login(r, login, sizeof(login));
	kv_detail_fill(row->sentence, fault->message, given, why);
	if (row->remedy != NULL && !r->is_bare) {
		kv_buf_say(why, ": ");
		kv_detail_fill(row->remedy, fault->message, given, why);
	}
}

/* ---- the token service's numbers ---- */

bool
kv_refusal_find_aadsts(const char *text, char *inner, size_t size)
{
	const char *at = strstr(text, "AADSTS");
	size_t n = at != NULL ? strspn(at + 6, "0123456789") : 0;

	if (n == 0 || n > 9 || n + 7 > size)
		return false;
	snprintf(inner, size, "%.*s", (int)n + 6, at);
	return true;
}

bool
kv_refusal_is_aadsts(const char *inner)
{
	const struct kv_refusal_row *row;
	size_t i = 0;

	while ((row = kv_refusal_row(i++)) != NULL)
		if (row->inner != NULL && strncmp(row->inner, "AADSTS", 6) == 0 &&
		    strcmp(row->inner, inner) == 0)
			return true;
	return false;
}
