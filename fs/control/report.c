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
#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/json_quote.h"
#include "client/vault/vault.h"
#include "fs/control/report.h"

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

struct kv_census
kv_report_count(const struct kv_branch *branch)
{
	struct kv_census c = { .is_complete = true };

	for (int t = 0; t < KV_TYPES; t++) {
		struct kv_object *const *objects;
		bool is_complete;
		size_t n;

		if (branch->volume->listings[t] == NULL)
			continue;
		objects = kv_listing_view(branch->volume->listings[t], &n, NULL, &is_complete);
		c.is_listed[t] = is_complete;
		c.is_complete = c.is_complete && is_complete;
		for (size_t i = 0; i < n; i++) {
			if (objects[i]->is_gone || objects[i]->is_managed)
				continue;
			c.n[t]++;
			c.n_known += objects[i]->size >= 0;
			c.n_backed_up[t] += objects[i]->size >= 0 && objects[i]->refused == 0;
			c.n_refused[t] += objects[i]->refused != 0;
		}
		c.n_all += c.n[t];
	}
	return c;
}

/* ---- status ---- */

static int
put_mount(const struct kv_branch *branch, struct kv_buf *text)
{
	char mounted[KV_REPORT_TIME];
	int err = kv_report_vault(branch, text);

	kv_report_time(branch->mount->wall_mounted, mounted);
	return err != 0 ? err :
			  kv_buf_printf(text, ",\"mounted\":%s,\"seconds\":%" PRId64 ",\"paused\":%s",
			      mounted, kv_clock_wall_s() - branch->mount->wall_mounted,
			      kv_throttle_is_paused(branch->volume->throttle) ? "true" : "false");
}

static int
put_objects(const struct kv_branch *branch, const struct kv_census *c, struct kv_buf *text)
{
	const char *comma = "";
	int err = kv_buf_puts(text, ",\"objects\":{");

	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		const struct kv_listing *l = branch->volume->listings[t];
		int failure;

		if (l == NULL)
			continue;
		failure = kv_listing_failure(l);
		err = kv_buf_printf(text,
		    "%s\"%s\":{\"shown\":%zu,\"not_shown\":%zu,\"backed_up\":%zu,\"failed\":%zu,"
		    "\"complete\":%s,\"age_seconds\":%" PRId64 ",\"failure\":",
		    comma, kv_type_name((enum kv_type)t), c->n[t], kv_listing_count_hidden(l),
		    c->n_backed_up[t], c->n_refused[t], c->is_listed[t] ? "true" : "false",
		    kv_listing_age_ms(l) / 1000);
		if (err == 0)
			err = kv_json_quote(text, failure != 0 ? kv_err_name(failure) : NULL);
		if (err == 0)
			err = kv_buf_puts(text, "}");
		comma = ",";
	}
	return err != 0 ? err : kv_buf_puts(text, "}");
}

/* Backups and restores per second that the vault has served lately. */
static double
served_a_second(const struct kv_throttle *th)
{
	struct kv_throttle_state s;
	double sum = 0;

	for (int i = 0; i < kv_throttle_classes(th); i++) {
		kv_throttle_state(th, i, &s);
		sum += s.served;
	}
	return sum;
}

static int
put_archive(const struct kv_branch *branch, const struct kv_census *c, const struct kv_blobs_state *b,
    struct kv_buf *text)
{
	const size_t left = c->n_all - c->n_known;
	const double rate = served_a_second(branch->volume->throttle);
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

static int
put_requests(const struct kv_branch *branch, struct kv_buf *text)
{
	struct kv_vault_counted c;
	int err = kv_buf_puts(text, ",\"requests\":[");

	for (size_t i = 0; err == 0 && kv_vault_counted(branch->volume->vault, i, &c); i++)
		err = kv_buf_printf(text, "%s{\"operation\":\"%s\",\"status\":%ld,\"count\":%" PRIu64 "}",
		    i > 0 ? "," : "", c.operation, c.status, c.n);
	return err != 0 ? err : kv_buf_puts(text, "]");
}

static int
put_rates(const struct kv_branch *branch, struct kv_buf *text)
{
	int err = kv_buf_puts(text, ",\"rates\":[");

	for (int i = 0; err == 0 && i < kv_throttle_classes(branch->volume->throttle); i++) {
		struct kv_throttle_state s;

		kv_throttle_state(branch->volume->throttle, i, &s);
		err = kv_buf_printf(text,
		    "%s{\"class\":\"%s\",\"rate\":%.1f,\"served\":%.1f,\"limit\":%.1f,\"closed\":%s,"
		    "\"in_flight\":%d,\"hung\":%d,\"queued\":%d,\"in_flight_limit\":%d,\"latency_ms\":%" PRId64
		    "}",
		    i > 0 ? "," : "", s.name, s.rate, s.served, s.limit, s.is_closed ? "true" : "false",
		    s.in_flight, s.hung, s.queued, s.window, s.latency_ms);
	}
	return err != 0 ? err : kv_buf_puts(text, "]");
}

static int
put_cache(const struct kv_branch *branch, const struct kv_blobs_state *b, struct kv_buf *text)
{
	size_t n_streams, window;

	kv_prefetch_state(branch->volume->prefetch, &n_streams, &window);
	return kv_buf_printf(text,
	    ",\"cache\":{\"hits\":%" PRIu64 ",\"misses\":%" PRIu64 ",\"from_disk\":%" PRIu64
	    ",\"fetching\":%zu,\"fetched\":%" PRIu64 ",\"bytes_fetched\":%" PRIu64
	    ",\"bytes_in_memory\":%zu,\"bytes_spilled\":%zu}"
	    ",\"read_ahead\":{\"streams\":%zu,\"window\":%zu,\"fetched\":%" PRIu64 ",\"used\":%" PRIu64 "}"
	    ",\"files\":{\"read\":%" PRIu64 ",\"restored\":%" PRIu64 ",\"failed\":%" PRIu64 "}",
	    b->n_hits, b->n_misses, b->n_from_disk, b->n_fetching, b->n_fetched, b->n_bytes, b->memory,
	    b->spilled, n_streams, window, b->n_ahead, b->n_ahead_used, branch->n_read, branch->n_restored,
	    branch->n_failed);
}

/* The last log lines about failures, newest last. */
static int
put_failures(struct kv_buf *text)
{
	struct kv_buf log;
	char *lines[LAST_FAILURES], *at;
	size_t n = 0;
	int err = kv_buf_puts(text, ",\"failures\":[");

	kv_buf_init(&log, MOST_LOG);
	kv_log_recent(true, &log);
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
kv_report(const struct kv_branch *branch, struct kv_buf *text)
{
	const struct kv_census c = kv_report_count(branch);
	struct kv_blobs_state b;
	int err;

	kv_blobs_state(branch->volume->blobs, &b);
	err = put_mount(branch, text);
	if (err == 0)
		err = put_objects(branch, &c, text);
	if (err == 0)
		err = put_archive(branch, &c, &b, text);
	if (err == 0)
		err = put_requests(branch, text);
	if (err == 0)
		err = put_rates(branch, text);
	if (err == 0)
		err = put_cache(branch, &b, text);
	return err != 0 ? err : put_failures(text);
}
