/*
 * The status (JSON), what is skipped, the manifest (a JSON object a line) and the log.
 *
 * Names of objects, types and operations are letters, digits and '-': only the rest is quoted.
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
#include "client/base/clock.h"
#include "client/base/log.h"
#include "client/base/json.h"
#include "client/vault/vault.h"
#include "fs/control/metrics.h"
#include "fs/control/report.h"

#define LAST_FAILURES 5
#define MOST_LOG      ((size_t)128 << 10)
#define WHEN	      32
#define TYPICAL_LINE  160 /* bytes of the manifest */

/* As a JSON string, UTC; null for none. */
static void
write_time(int64_t wall_s, char out[WHEN])
{
	const time_t t = (time_t)wall_s;
	struct tm tm;

	if (wall_s <= 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(out, WHEN, "\"%Y-%m-%dT%H:%M:%SZ\"", &tm) == 0)
		memcpy(out, "null", sizeof("null"));
}

/* The vault and its region, for the status and the manifest. */
static int
put_vault(const struct kv_mount *m, struct kv_buf *text)
{
	int err = kv_buf_puts(text, "{\"kvfs\":\"" KV_VERSION "\",\"vault\":");

	if (err == 0)
		err = kv_json_quote(text, kv_vault_name(m->volume->vault));
	if (err == 0)
		err = kv_buf_puts(text, ",\"region\":");
	return err != 0 ? err : kv_json_quote(text, kv_vault_region(m->volume->vault));
}

/* What the objects of all types are, as far as their listings have come. */
struct census {
	size_t n[KV_TYPES], n_all;
	size_t n_known;		      /* whose size is known: their blob was fetched, now or before */
	size_t n_backed_up[KV_TYPES]; /* the same, but for those whose last backup failed */
	size_t n_refused[KV_TYPES];   /* whose last backup failed */
	bool is_listed[KV_TYPES];
	bool is_complete;
};

static struct census
count_objects(const struct kv_mount *m)
{
	struct census c = { .is_complete = true };

	for (int t = 0; t < KV_TYPES; t++) {
		struct kv_object *const *objects;
		bool is_complete;
		size_t n;

		if (m->volume->listings[t] == NULL)
			continue;
		objects = kv_listing_view(m->volume->listings[t], &n, NULL, &is_complete);
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
put_mount(const struct kv_mount *m, struct kv_buf *text)
{
	char mounted[WHEN];
	int err = put_vault(m, text);

	write_time(m->wall_mounted, mounted);
	return err != 0 ? err :
			  kv_buf_printf(text, ",\"mounted\":%s,\"seconds\":%" PRId64 ",\"paused\":%s",
			      mounted, kv_clock_wall_s() - m->wall_mounted,
			      kv_throttle_is_paused(m->volume->throttle) ? "true" : "false");
}

static int
put_objects(const struct kv_mount *m, const struct census *c, struct kv_buf *text)
{
	const char *comma = "";
	int err = kv_buf_puts(text, ",\"objects\":{");

	for (int t = 0; err == 0 && t < KV_TYPES; t++) {
		const struct kv_listing *l = m->volume->listings[t];
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

/* Backups and restores a second that the vault has served lately. */
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
put_archive(
    const struct kv_mount *m, const struct census *c, const struct kv_blobs_state *b, struct kv_buf *text)
{
	const size_t left = c->n_all - c->n_known;
	const double rate = served_a_second(m->volume->throttle);
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
put_requests(const struct kv_mount *m, struct kv_buf *text)
{
	struct kv_vault_counted c;
	int err = kv_buf_puts(text, ",\"requests\":[");

	for (size_t i = 0; err == 0 && kv_vault_counted(m->volume->vault, i, &c); i++)
		err = kv_buf_printf(text, "%s{\"operation\":\"%s\",\"status\":%ld,\"count\":%" PRIu64 "}",
		    i > 0 ? "," : "", c.operation, c.status, c.n);
	return err != 0 ? err : kv_buf_puts(text, "]");
}

static int
put_pace(const struct kv_mount *m, struct kv_buf *text)
{
	int err = kv_buf_puts(text, ",\"pace\":[");

	for (int i = 0; err == 0 && i < kv_throttle_classes(m->volume->throttle); i++) {
		struct kv_throttle_state s;

		kv_throttle_state(m->volume->throttle, i, &s);
		err = kv_buf_printf(text,
		    "%s{\"class\":\"%s\",\"rate\":%.1f,\"served\":%.1f,\"limit\":%.1f,\"closed\":%s,"
		    "\"in_flight\":%d,\"hanging\":%d,\"queued\":%d,\"window\":%d,\"latency_ms\":%" PRId64 "}",
		    i > 0 ? "," : "", s.name, s.rate, s.served, s.limit, s.is_closed ? "true" : "false",
		    s.in_flight, s.hanging, s.queued, s.window, s.latency_ms);
	}
	return err != 0 ? err : kv_buf_puts(text, "]");
}

static int
put_cache(const struct kv_mount *m, const struct kv_blobs_state *b, struct kv_buf *text)
{
	size_t n_streams, window;

	kv_prefetch_state(m->volume->prefetch, &n_streams, &window);
	return kv_buf_printf(text,
	    ",\"cache\":{\"hits\":%" PRIu64 ",\"misses\":%" PRIu64 ",\"from_disk\":%" PRIu64
	    ",\"fetching\":%zu,\"fetched\":%" PRIu64 ",\"bytes_fetched\":%" PRIu64
	    ",\"bytes_in_memory\":%zu,\"bytes_spilled\":%zu}"
	    ",\"read_ahead\":{\"streams\":%zu,\"window\":%zu,\"fetched\":%" PRIu64 ",\"used\":%" PRIu64 "}"
	    ",\"files\":{\"read\":%" PRIu64 ",\"restored\":%" PRIu64 ",\"failed\":%" PRIu64 "}",
	    b->n_hits, b->n_misses, b->n_from_disk, b->n_fetching, b->n_fetched, b->n_bytes, b->memory,
	    b->spilled, n_streams, window, b->n_ahead, b->n_ahead_used, m->n_reads, m->n_restored,
	    m->n_failed);
}

/* The last lines of the log that tell of something wrong, newest last. */
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

static int
put_status(const struct kv_mount *m, struct kv_buf *text)
{
	const struct census c = count_objects(m);
	struct kv_blobs_state b;
	int err;

	kv_blobs_state(m->volume->blobs, &b);
	err = put_mount(m, text);
	if (err == 0)
		err = put_objects(m, &c, text);
	if (err == 0)
		err = put_archive(m, &c, &b, text);
	if (err == 0)
		err = put_requests(m, text);
	if (err == 0)
		err = put_pace(m, text);
	if (err == 0)
		err = put_cache(m, &b, text);
	return err != 0 ? err : put_failures(text);
}

/* ---- what is skipped ---- */

struct skipping {
	const struct kv_mount *mount;
	struct kv_buf *text;
	int err;
};

static void
skip_one(void *arg, struct kv_object *o)
{
	struct skipping *s = arg;
	const char *type = kv_type_name(o->type);

	if (s->err != 0 || o->is_gone)
		return;
	if (o->is_managed && s->mount->volume->listings[KV_CERTIFICATES] != NULL)
		s->err = kv_buf_printf(s->text, "%s/%s\tnot shown: the backup of certificates/%s holds it\n",
		    type, o->name, o->name);
	else if (o->is_managed)
		s->err = kv_buf_printf(s->text,
		    "%s/%s\tnot shown, and not in this mount: the backup of certificates/%s holds it (-o types=)\n",
		    type, o->name, o->name);
	else if (o->refused != 0)
		s->err = kv_buf_printf(s->text, "%s/%s\tno backup: %s (%s)\n", type, o->name,
		    kv_err_name(o->refused), strerror(-o->refused));
}

static int
put_skipped(const struct kv_mount *m, struct kv_buf *text)
{
	struct skipping s = { .mount = m, .text = text };

	for (int t = 0; t < KV_TYPES; t++)
		if (m->volume->listings[t] != NULL)
			kv_catalog_each(kv_listing_catalog(m->volume->listings[t]), skip_one, &s);
	return s.err;
}

/* ---- manifest ---- */

/* As a JSON string, or null. */
static void
write_hex(const unsigned char *digest, bool is_known, char out[2 * KV_DIGEST_LEN + 3])
{
	static const char hex[] = "0123456789abcdef";
	char *at = out;

	*at++ = '"';
	for (int i = 0; i < KV_DIGEST_LEN; i++) {
		*at++ = hex[digest[i] >> 4];
		*at++ = hex[digest[i] & 15];
	}
	memcpy(at, "\"", 2);
	if (!is_known)
		memcpy(out, "null", sizeof("null"));
}

static int
put_object(const struct kv_object *o, struct kv_buf *text)
{
	char updated[WHEN], expires[WHEN], size[24] = "null", digest[2 * KV_DIGEST_LEN + 3];

	write_time(o->wall_updated, updated);
	write_time(o->wall_expires, expires);
	if (o->size >= 0)
		snprintf(size, sizeof(size), "%" PRId64, o->size);
	write_hex(o->digest, o->has_digest, digest);
	return kv_buf_printf(text,
	    "{\"type\":\"%s\",\"name\":\"%s\",\"updated\":%s,\"enabled\":%s,\"expires\":%s,"
	    "\"size\":%s,\"sha256\":%s}\n",
	    kv_type_name(o->type), o->name, updated, o->is_enabled ? "true" : "false", expires, size, digest);
}

/* When the oldest of the listings was begun. */
static int64_t
wall_listed(const struct kv_mount *m)
{
	int64_t age_ms = 0;

	for (int t = 0; t < KV_TYPES; t++)
		if (m->volume->listings[t] != NULL && kv_listing_age_ms(m->volume->listings[t]) > age_ms)
			age_ms = kv_listing_age_ms(m->volume->listings[t]);
	return kv_clock_wall_s() - age_ms / 1000;
}

static int
put_manifest(const struct kv_mount *m, struct kv_buf *text)
{
	const struct census c = count_objects(m);
	char listed[WHEN];
	int err = kv_buf_reserve(text, (c.n_all + 1) * TYPICAL_LINE); /* at once, so that it all goes back */

	if (err == 0)
		err = put_vault(m, text);
	write_time(wall_listed(m), listed);
	if (err == 0)
		err = kv_buf_printf(text, ",\"listed\":%s,\"objects\":%zu}\n", listed, c.n_all);
	for (int t = 0; t < KV_TYPES; t++) {
		struct kv_object *const *objects;
		size_t n = 0;

		if (m->volume->listings[t] == NULL)
			continue;
		objects = kv_listing_view(m->volume->listings[t], &n, NULL, NULL);
		for (size_t i = 0; err == 0 && i < n; i++)
			if (!objects[i]->is_gone && !objects[i]->is_managed)
				err = put_object(objects[i], text);
	}
	return err;
}

int
kv_report(const struct kv_mount *m, enum kv_control control, struct kv_buf *text)
{
	switch (control) {
	case KV_CONTROL_STATUS:
		return put_status(m, text);
	case KV_CONTROL_METRICS:
		return kv_metrics(m, text);
	case KV_CONTROL_SKIPPED:
		return put_skipped(m, text);
	case KV_CONTROL_MANIFEST:
		return put_manifest(m, text);
	case KV_CONTROL_LOG:
		kv_log_recent(false, text);
		return 0;
	}
	return -EINVAL;
}
