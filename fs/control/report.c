/*
 * The status in JSON.
 *
 * Names of objects, types and operations contain only letters, digits and '-', so only other strings are
 * quoted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cache/blob/blobs.h"
#include "cache/list/listing.h"
#include "cache/blob/prefetch.h"
#include "cache/pace/throttle.h"
#include "cache/pace/total.h"
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/json_quote.h"
#include "client/vault/vault.h"
#include "fs/control/report.h"
#include "fs/control/vault_log.h"

#define LAST_FAILURES 5
#define MOST_LOG      ((size_t)128 << 10)

/* Write the time as a JSON string, in UTC; 0 as null. */
void
kv_report_time(int64_t wall_s, char out[KV_REPORT_TIME])
{
	const time_t t = (time_t)wall_s;
	struct tm tm;

	if (wall_s <= 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(out, KV_REPORT_TIME, "\"%Y-%m-%dT%H:%M:%SZ\"", &tm) == 0)
		memcpy(out, "null", sizeof("null"));
}

/* The vault and its region, for the status and the manifest. */
int
kv_report_vault(const struct kv_branch *branch, struct kv_buf *text)
{
	int err = kv_buf_puts(text, "{\"kvfs\":\"" KV_VERSION "\",\"vault\":");

	if (err == 0)
		err = kv_json_quote(text, kv_vault_name(branch->volume->vault));
	if (err == 0)
		err = kv_buf_puts(text, ",\"region\":");
	return err != 0 ? err : kv_json_quote(text, kv_vault_region(branch->volume->vault));
}

static void
count_type(struct kv_census *c, const struct kv_listing *listing, int t)
{
	struct kv_object *const *objects;
	bool is_complete;
	size_t n;

	objects = kv_listing_known(listing, &n, &is_complete);
	c->is_listed[t] = c->is_listed[t] && is_complete;
	c->is_complete = c->is_complete && is_complete;
	for (size_t i = 0; i < n; i++) {
		const struct kv_object *o = objects[i];

		if (o->is_gone || o->is_managed)
			continue;
		c->n[t]++;
		c->n_all++;
		c->n_known += o->size >= 0;
		c->n_backed_up[t] += o->size >= 0 && o->refused == 0;
		c->n_earlier[t] += o->size >= 0 && o->refused == 0 && !o->was_read;
		c->n_refused[t] += o->refused != 0;
	}
}

struct kv_census
kv_report_count(const struct kv_scope *scope)
{
	struct kv_census c = { .is_complete = true };

	for (int t = 0; t < KV_TYPES; t++) {
		c.is_listed[t] = true;
		KV_SCOPE_EACH(b, scope)
			if (b->volume->listings[t] != NULL)
				count_type(&c, b->volume->listings[t], t);
	}
	return c;
}

/* ---- status ---- */

static int
put_mount(const struct kv_scope *scope, struct kv_buf *text)
{
	char mounted[KV_REPORT_TIME];
	bool is_paused = false, is_dry_run = false;
	int err = scope->only != NULL ? kv_report_vault(scope->only, text) :
					kv_buf_puts(text, "{\"kvfs\":\"" KV_VERSION "\"");

	KV_SCOPE_EACH(b, scope) {
		is_paused = is_paused || kv_throttle_is_paused(b->volume->throttle);
		is_dry_run = is_dry_run || b->settings->is_dry_run;
	}
	kv_report_time(scope->mount->wall_mounted, mounted);
	return err != 0 ?
	    err :
	    kv_buf_printf(text, ",\"mounted\":%s,\"seconds\":%" PRId64 ",\"paused\":%s,\"dry_run\":%s",
		mounted, kv_clock_wall_s() - scope->mount->wall_mounted, is_paused ? "true" : "false",
		is_dry_run ? "true" : "false");
}

/* The sum of one type; failure is the first one's. */
struct type_sum {
	bool is_there; /* a vault of the scope shows this type */
	size_t n_hidden;
	int64_t age_ms;
	int failure;
};

static struct type_sum
sum_type(const struct kv_scope *scope, int t)
{
	struct type_sum sum = { .is_there = false };

	KV_SCOPE_EACH(b, scope) {
		const struct kv_listing *l = b->volume->listings[t];

		if (l == NULL)
			continue;
		sum.is_there = true;
		sum.n_hidden += kv_listing_count_hidden(l);
		if (kv_listing_age_ms(l) > sum.age_ms)
			sum.age_ms = kv_listing_age_ms(l);
		if (sum.failure == 0)
			sum.failure = b->away != 0 ? b->away : kv_listing_failure(l);
	}
	return sum;
}

static int
put_errno(struct kv_buf *text, int err)
{
	return kv_json_quote(text, err != 0 ? kv_err_name(err) : NULL);
}

static int
put_objects(const struct kv_scope *scope, const struct kv_census *c, struct kv_buf *text)
{
	const char *comma = "";
	int err = kv_buf_puts(text, ",\"objects\":{");

	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		const struct type_sum sum = sum_type(scope, t);

		if (!sum.is_there)
			continue;
		err = kv_buf_printf(text,
		    "%s\"%s\":{\"shown\":%zu,\"not_shown\":%zu,\"backed_up\":%zu,\"earlier\":%zu,\"failed\":%zu,"
		    "\"complete\":%s,\"age_seconds\":%" PRId64 ",\"failure\":",
		    comma, kv_type_name((enum kv_type)t), c->n[t], sum.n_hidden, c->n_backed_up[t],
		    c->n_earlier[t], c->n_refused[t], c->is_listed[t] ? "true" : "false", sum.age_ms / 1000);
		if (err == 0)
			err = put_errno(text, sum.failure);
		if (err == 0)
			err = kv_buf_puts(text, "}");
		comma = ",";
	}
	return err != 0 ? err : kv_buf_puts(text, "}");
}

double
kv_report_rate(const struct kv_scope *scope)
{
	struct kv_throttle_state s;
	double sum = 0;

	KV_SCOPE_EACH(b, scope)
		for (int i = 0; i < kv_throttle_classes(b->volume->throttle); i++) {
			kv_throttle_state(b->volume->throttle, i, &s);
			sum += s.served;
		}
	return sum;
}

static int
put_archive(const struct kv_scope *scope, const struct kv_census *c, const struct kv_blobs_state *b,
    struct kv_buf *text)
{
	const size_t left = c->n_all - c->n_known;
	const double rate = kv_report_rate(scope);
	int err;

	if (b->n_fetching == 0)
		return kv_buf_puts(text, ",\"archive\":null");
	err = kv_buf_printf(text,
	    ",\"archive\":{\"known\":%zu,\"fetched\":%zu,\"left\":%zu,\"complete\":%s,\"rate\":%.1f,"
	    "\"seconds_left\":",
	    c->n_all, c->n_known, left, c->is_complete ? "true" : "false", rate);
	if (err != 0)
		return err;
	return rate > 0 ? kv_buf_printf(text, "%.0f}", (double)left / rate) : kv_buf_puts(text, "null}");
}

/* Add up the requests of this operation and status to the vaults before end (NULL: all). False: there is no such row. */
static bool
count_requests(const struct kv_scope *scope, const struct kv_vault_counted *like, const struct kv_branch *end,
    uint64_t *n)
{
	struct kv_vault_counted c;
	bool found = false;

	*n = 0;
	for (const struct kv_branch *b = kv_scope_first(scope); b != end; b = kv_scope_next(scope, b))
		for (size_t i = 0; kv_vault_counted(b->volume->vault, i, &c); i++)
			if (strcmp(c.operation, like->operation) == 0 && c.status == like->status) {
				found = true;
				*n += c.n;
			}
	return found;
}

static int
put_requests(const struct kv_scope *scope, struct kv_buf *text)
{
	const char *comma = "";
	struct kv_vault_counted c;
	int err = kv_buf_puts(text, ",\"requests\":[");

	KV_SCOPE_EACH(b, scope)
		for (size_t i = 0; err == 0 && kv_vault_counted(b->volume->vault, i, &c); i++) {
			uint64_t n;

			if (count_requests(scope, &c, b, &n))
				continue; /* in the sum of an earlier vault's row */
			(void)count_requests(scope, &c, NULL, &n);
			err = kv_buf_printf(text,
			    "%s{\"operation\":\"%s\",\"status\":%ld,\"count\":%" PRIu64 "}", comma,
			    c.operation, c.status, n);
			comma = ",";
		}
	return err != 0 ? err : kv_buf_puts(text, "]");
}

static int
put_rate(const struct kv_throttle_state *s, const char *comma, struct kv_buf *text)
{
	return kv_buf_printf(text,
	    "%s{\"class\":\"%s\",\"rate\":%.1f,\"served\":%.1f,\"limit\":%.1f,\"closed\":%s,"
	    "\"in_flight\":%d,\"hung\":%d,\"queued\":%d,\"in_flight_limit\":%d,\"latency_ms\":%" PRId64 "}",
	    comma, s->name, s->rate, s->served, s->limit, s->is_closed ? "true" : "false", s->in_flight,
	    s->hung, s->queued, s->window, s->latency_ms);
}

/* Add up the classes of this name; a limit is known if each vault's is. False: end was reached first. */
static void
sum_class(const struct kv_scope *scope, const char *name, struct kv_throttle_state *sum)
{
	bool is_limit_known = true;

	*sum = (struct kv_throttle_state){ .name = name };
	KV_SCOPE_EACH(b, scope)
		for (int i = 0; i < kv_throttle_classes(b->volume->throttle); i++) {
			struct kv_throttle_state s;

			kv_throttle_state(b->volume->throttle, i, &s);
			if (strcmp(s.name, name) != 0)
				continue;
			is_limit_known = is_limit_known && s.limit > 0;
			sum->rate += s.rate;
			sum->limit += s.limit;
			sum->served += s.served;
			sum->is_closed = sum->is_closed || s.is_closed;
			sum->in_flight += s.in_flight;
			sum->hung += s.hung;
			sum->queued += s.queued;
			sum->window += s.window;
			if (s.latency_ms > sum->latency_ms)
				sum->latency_ms = s.latency_ms;
		}
	if (!is_limit_known)
		sum->limit = 0;
}

/* The common rate of several vaults, as classes called "total light" and so on. */
static int
put_total(const struct kv_scope *scope, struct kv_buf *text)
{
	const struct kv_total *t = scope->only == NULL ? scope->mount->total : NULL;
	int err = 0;

	for (int i = 0; t != NULL && err == 0 && i < kv_total_classes(t); i++) {
		struct kv_total_state s;

		kv_total_state(t, i, &s);
		err = kv_buf_printf(text,
		    ",{\"class\":\"total %s\",\"rate\":%.1f,\"served\":%.1f,\"limit\":%.1f,\"closed\":%s,\"vaults_queued\":%d}",
		    s.name, s.rate, s.served, s.limit, s.is_closed ? "true" : "false", s.n_waiting);
	}
	return err;
}

static int
put_rates(const struct kv_scope *scope, struct kv_buf *text)
{
	static const char *const names[] = { "all", "light", "keys", "restores" };
	const char *comma = "";
	int err = kv_buf_puts(text, ",\"rates\":[");

	for (size_t i = 0; err == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		struct kv_throttle_state s;

		sum_class(scope, names[i], &s);
		if (s.rate == 0)
			continue;
		err = put_rate(&s, comma, text);
		comma = ",";
	}
	if (err == 0)
		err = put_total(scope, text);
	return err != 0 ? err : kv_buf_puts(text, "]");
}

/* The sums of the counters of the vaults. */
struct counters {
	struct kv_blobs_state blobs;
	size_t n_streams, window;
	uint64_t n_read, n_restored, n_imported, n_failed;
};

static void
sum_counters(const struct kv_scope *scope, struct counters *sum)
{
	*sum = (struct counters){ .n_read = 0 };
	KV_SCOPE_EACH(b, scope) {
		struct kv_blobs_state s;
		size_t n_streams, window;

		kv_blobs_state(b->volume->blobs, &s);
		sum->blobs.n_fetching += s.n_fetching;
		sum->blobs.memory += s.memory;
		sum->blobs.spilled += s.spilled;
		sum->blobs.n_fetched += s.n_fetched;
		sum->blobs.n_bytes += s.n_bytes;
		sum->blobs.n_hits += s.n_hits;
		sum->blobs.n_misses += s.n_misses;
		sum->blobs.n_ahead += s.n_ahead;
		sum->blobs.n_ahead_used += s.n_ahead_used;
		sum->blobs.n_from_disk += s.n_from_disk;
		kv_prefetch_state(b->volume->prefetch, &n_streams, &window);
		sum->n_streams += n_streams;
		sum->window = window > sum->window ? window : sum->window;
		sum->n_read += b->n_read;
		sum->n_restored += b->n_restored;
		sum->n_imported += b->n_imported;
		sum->n_failed += b->n_failed;
	}
}

static int
put_cache(const struct counters *c, struct kv_buf *text)
{
	const struct kv_blobs_state *b = &c->blobs;

	return kv_buf_printf(text,
	    ",\"cache\":{\"hits\":%" PRIu64 ",\"misses\":%" PRIu64 ",\"from_disk\":%" PRIu64
	    ",\"fetching\":%zu,\"fetched\":%" PRIu64 ",\"bytes_fetched\":%" PRIu64
	    ",\"bytes_in_memory\":%zu,\"bytes_spilled\":%zu}"
	    ",\"read_ahead\":{\"streams\":%zu,\"window\":%zu,\"fetched\":%" PRIu64 ",\"used\":%" PRIu64 "}"
	    ",\"files\":{\"read\":%" PRIu64 ",\"restored\":%" PRIu64 ",\"imported\":%" PRIu64
	    ",\"failed\":%" PRIu64 "}",
	    b->n_hits, b->n_misses, b->n_from_disk, b->n_fetching, b->n_fetched, b->n_bytes, b->memory,
	    b->spilled, c->n_streams, c->window, b->n_ahead, b->n_ahead_used, c->n_read, c->n_restored,
	    c->n_imported, c->n_failed);
}

/* The first listing that fails, or why the vault is away; 0: neither. */
static int
failure_of(const struct kv_branch *b)
{
	int err = b->away;

	for (int t = 0; err == 0 && t < KV_TYPES; t++)
		if (b->volume->listings[t] != NULL)
			err = kv_listing_failure(b->volume->listings[t]);
	return err;
}

/* A summary of each vault, only in the status of several. */
static int
put_vaults(const struct kv_scope *scope, struct kv_buf *text)
{
	const char *comma = "";
	int err = scope->only == NULL ? kv_buf_puts(text, ",\"vaults\":[") : 0;

	if (scope->only != NULL)
		return 0;
	KV_SCOPE_EACH(b, scope) {
		const struct kv_scope one = { scope->mount, b };
		const struct kv_census c = kv_report_count(&one);
		size_t n_backed_up = 0, n_refused = 0;

		for (int t = 0; t < KV_TYPES; t++) {
			n_backed_up += c.n_backed_up[t];
			n_refused += c.n_refused[t];
		}
		if (err == 0)
			err = kv_buf_printf(
			    text, "%s{\"folder\":\"%s\",\"vault\":", comma, b->settings->folder);
		if (err == 0)
			err = kv_json_quote(text, kv_vault_name(b->volume->vault));
		if (err == 0)
			err = kv_buf_puts(text, ",\"region\":");
		if (err == 0)
			err = kv_json_quote(text, kv_vault_region(b->volume->vault));
		if (err == 0)
			err = kv_buf_printf(text,
			    ",\"shown\":%zu,\"backed_up\":%zu,\"failed\":%zu,\"complete\":%s,\"paused\":%s,"
			    "\"dry_run\":%s,\"failure\":",
			    c.n_all, n_backed_up, n_refused, c.is_complete ? "true" : "false",
			    kv_throttle_is_paused(b->volume->throttle) ? "true" : "false",
			    b->settings->is_dry_run ? "true" : "false");
		if (err == 0)
			err = put_errno(text, failure_of(b));
		if (err == 0)
			err = kv_buf_puts(text, "}");
		comma = ",";
	}
	return err == 0 ? kv_buf_puts(text, "]") : err;
}

/* The last log lines about failures, newest last. */
static int
put_failures(const struct kv_scope *scope, struct kv_buf *text)
{
	struct kv_buf log;
	char *lines[LAST_FAILURES], *at;
	size_t n = 0;
	int err = kv_buf_puts(text, ",\"failures\":[");

	kv_buf_init(&log, MOST_LOG);
	kv_vault_log(scope, true, &log);
	at = log.len > 0 ? (char *)log.data : NULL;
	for (char *line; (line = strsep(&at, "\n")) != NULL;)
		if (line[0] != '\0')
			lines[n++ % LAST_FAILURES] = line;
	for (size_t i = n > LAST_FAILURES ? n - LAST_FAILURES : 0; err == 0 && i < n; i++) {
		err = kv_json_quote(text, lines[i % LAST_FAILURES]);
		if (err == 0 && i + 1 < n)
			err = kv_buf_puts(text, ",");
	}
	kv_buf_release(&log);
	return err != 0 ? err : kv_buf_puts(text, "]}\n");
}

int
kv_report(const struct kv_scope *scope, struct kv_buf *text)
{
	const struct kv_census c = kv_report_count(scope);
	struct counters counters;
	int err;

	sum_counters(scope, &counters);
	err = put_mount(scope, text);
	if (err == 0)
		err = put_vaults(scope, text);
	if (err == 0)
		err = put_objects(scope, &c, text);
	if (err == 0)
		err = put_archive(scope, &c, &counters.blobs, text);
	if (err == 0)
		err = put_requests(scope, text);
	if (err == 0)
		err = put_rates(scope, text);
	if (err == 0)
		err = put_cache(&counters, text);
	return err != 0 ? err : put_failures(scope, text);
}
