/*
 * One metric family after another, each with its help and type. Label values are constants, so nothing needs
 * escaping.
 */
#include <stdio.h>

#include "cache/blob/blobs.h"
#include "cache/list/listing.h"
#include "cache/blob/prefetch.h"
#include "cache/pace/throttle.h"
#include "cache/pace/total.h"
#include "client/base/buf.h"
#include "client/vault/vault.h"
#include "fs/control/metrics.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static int
put_family(struct kv_buf *text, const char *name, const char *type, const char *help)
{
	return kv_buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The labels of a row: those given, "a=\"b\"" or "", with the vault's if the scope has several. */
static int
put_labels(
    const struct kv_scope *scope, const struct kv_branch *branch, const char *labels, struct kv_buf *text)
{
	const char *comma = labels[0] != '\0' ? "," : "";

	if (scope->only == NULL)
		return kv_buf_printf(
		    text, "{vault=\"%s\"%s%s}", kv_vault_name(branch->volume->vault), comma, labels);
	return labels[0] != '\0' ? kv_buf_printf(text, "{%s}", labels) : 0;
}

static int
put_row(const struct kv_scope *scope, const struct kv_branch *branch, const char *name, const char *labels,
    double value, struct kv_buf *text)
{
	int err = kv_buf_puts(text, name);

	if (err == 0)
		err = put_labels(scope, branch, labels, text);
	return err == 0 ? kv_buf_printf(text, " %.15g\n", value) : err;
}

static int
put_requests(const struct kv_scope *scope, struct kv_buf *text)
{
	static const char name[] = "kvfs_requests_total";
	struct kv_vault_counted c;
	int err = put_family(text, name, "counter",
	    "Requests to the vault, by operation and HTTP status (0: no answer, or no token).");

	KV_SCOPE_EACH(b, scope)
		for (size_t i = 0; err == 0 && kv_vault_counted(b->volume->vault, i, &c); i++) {
			char labels[120];

			snprintf(
			    labels, sizeof(labels), "operation=\"%s\",status=\"%ld\"", c.operation, c.status);
			err = put_row(scope, b, name, labels, (double)c.n, text);
		}
	return err;
}

static const struct {
	const char *name, *help;
} of_classes[] = {
	{ "kvfs_rate", "Requests per second that kvfs sends at most." },
	{ "kvfs_served_rate", "Requests per second that the vault served in the last 10 s." },
	{ "kvfs_limit", "Limit of the vault as measured at a 429, requests per second; 0: none measured." },
	{ "kvfs_closed", "1 while the class is throttled (429) and only probes are sent." },
	{ "kvfs_requests_in_flight", "Requests in flight." },
	{ "kvfs_requests_hung", "Requests in flight for much longer than usual." },
	{ "kvfs_requests_queued", "Requests that wait to be sent." },
	{ "kvfs_in_flight_limit", "Requests that may be in flight." },
	{ "kvfs_latency_seconds", "Latency of the vault, smoothed." },
};

/* The i-th value, in the order of of_classes. */
static double
class_value(const struct kv_throttle_state *s, size_t i)
{
	const double values[N_OF(of_classes)] = { s->rate, s->served, s->limit, s->is_closed, s->in_flight,
		s->hung, s->queued, s->window, (double)s->latency_ms / 1000 };

	return values[i];
}

static int
put_class(const struct kv_scope *scope, size_t i, struct kv_buf *text)
{
	int err = put_family(text, of_classes[i].name, "gauge", of_classes[i].help);

	KV_SCOPE_EACH(b, scope)
		for (int k = 0; err == 0 && k < kv_throttle_classes(b->volume->throttle); k++) {
			struct kv_throttle_state s;
			char labels[40];

			kv_throttle_state(b->volume->throttle, k, &s);
			snprintf(labels, sizeof(labels), "class=\"%s\"", s.name);
			err = put_row(scope, b, of_classes[i].name, labels, class_value(&s, i), text);
		}
	return err;
}

static int
put_objects(const struct kv_scope *scope, struct kv_buf *text, const char *name, const char *help,
    size_t (*count)(const struct kv_listing *))
{
	int err = put_family(text, name, "gauge", help);

	KV_SCOPE_EACH(b, scope)
		for (int t = 0; err == 0 && t < KV_TYPES; t++) {
			char labels[40];

			if (b->volume->listings[t] == NULL)
				continue;
			snprintf(labels, sizeof(labels), "type=\"%s\"", kv_type_name((enum kv_type)t));
			err = put_row(scope, b, name, labels, (double)count(b->volume->listings[t]), text);
		}
	return err;
}

static const struct {
	const char *name, *type, *help;
} of_vaults[] = {
	{ "kvfs_away", "gauge", "1 while the vault could not be reached since the start of the mount." },
	{ "kvfs_paused", "gauge", "1 while most requests fail and only probes are sent." },
	{ "kvfs_cache_hits_total", "counter", "stat and open calls served from the cache." },
	{ "kvfs_cache_misses_total", "counter", "stat and open calls that waited for the vault." },
	{ "kvfs_cache_from_disk_total", "counter", "Blobs read from the cache folder." },
	{ "kvfs_cache_memory_bytes", "gauge", "Size of the blobs in memory." },
	{ "kvfs_cache_spilled_bytes", "gauge", "Size of the blobs in the spill file." },
	{ "kvfs_blobs_fetched_total", "counter", "Blobs downloaded from the vault." },
	{ "kvfs_blob_bytes_total", "counter", "Bytes of blobs downloaded from the vault." },
	{ "kvfs_read_ahead_total", "counter", "Blobs downloaded by read-ahead." },
	{ "kvfs_read_ahead_used_total", "counter", "Blobs downloaded by read-ahead and then used." },
	{ "kvfs_read_ahead_streams", "gauge", "Read-ahead streams." },
	{ "kvfs_read_ahead_window", "gauge", "Read-ahead window of the largest stream, objects." },
	{ "kvfs_files_read_total", "counter", "open calls that returned a blob." },
	{ "kvfs_restored_total", "counter", "Objects restored." },
	{ "kvfs_imported_total", "counter", "Keys imported." },
	{ "kvfs_failed_total", "counter", "Failed open calls, restores and imports." },
	{ "kvfs_mount_time_seconds", "gauge", "Time of the mount, Unix seconds." },
};

/* The i-th value, in the order of of_vaults. */
static double
vault_value(const struct kv_branch *branch, size_t i)
{
	const struct kv_volume *v = branch->volume;
	struct kv_blobs_state b;
	size_t n_streams, window;

	kv_blobs_state(v->blobs, &b);
	kv_prefetch_state(v->prefetch, &n_streams, &window);
	const double values[N_OF(of_vaults)] = { branch->away != 0, kv_throttle_is_paused(v->throttle),
		(double)b.n_hits, (double)b.n_misses, (double)b.n_from_disk, (double)b.memory,
		(double)b.spilled, (double)b.n_fetched, (double)b.n_bytes, (double)b.n_ahead,
		(double)b.n_ahead_used, (double)n_streams, (double)window, (double)branch->n_read,
		(double)branch->n_restored, (double)branch->n_imported, (double)branch->n_failed,
		(double)branch->mount->wall_mounted };

	return values[i];
}

static int
put_vault_family(const struct kv_scope *scope, size_t i, struct kv_buf *text)
{
	int err = put_family(text, of_vaults[i].name, of_vaults[i].type, of_vaults[i].help);

	KV_SCOPE_EACH(b, scope)
		if (err == 0)
			err = put_row(scope, b, of_vaults[i].name, "", vault_value(b, i), text);
	return err;
}

static const struct {
	const char *name, *help;
} of_total[] = {
	{ "kvfs_total_rate", "Requests per second that kvfs sends to all vaults together at most." },
	{ "kvfs_total_served_rate", "Requests per second that all vaults served in the last 10 s." },
	{ "kvfs_total_limit", "Common limit of the vaults as measured at 429s; 0: none measured." },
	{ "kvfs_total_closed", "1 while several vaults are throttled (429) and only probes are sent." },
};

/* The common rate of several vaults. */
static int
put_total(const struct kv_total *t, size_t i, struct kv_buf *text)
{
	int err = put_family(text, of_total[i].name, "gauge", of_total[i].help);

	for (int k = 0; err == 0 && k < kv_total_classes(t); k++) {
		struct kv_total_state s;

		kv_total_state(t, k, &s);
		const double values[N_OF(of_total)] = { s.rate, s.served, s.limit, s.is_closed };
		err = kv_buf_printf(text, "%s{class=\"%s\"} %.15g\n", of_total[i].name, s.name, values[i]);
	}
	return err;
}

int
kv_metrics(const struct kv_scope *scope, struct kv_buf *text)
{
	int err = put_requests(scope, text);

	for (size_t i = 0; err == 0 && i < N_OF(of_classes); i++)
		err = put_class(scope, i, text);
	if (err == 0)
		err = put_objects(scope, text, "kvfs_objects", "Objects shown as files.", kv_listing_count);
	if (err == 0)
		err = put_objects(scope, text, "kvfs_objects_not_shown",
		    "Keys and secrets not shown, because a certificate's backup contains them.",
		    kv_listing_count_hidden);
	for (size_t i = 0; err == 0 && i < N_OF(of_vaults); i++)
		err = put_vault_family(scope, i, text);
	for (size_t i = 0;
	     err == 0 && scope->only == NULL && scope->mount->total != NULL && i < N_OF(of_total); i++)
		err = put_total(scope->mount->total, i, text);
	return err;
}
