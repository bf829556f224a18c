/*
 * One metric family after another, each with its help and type. Label values are constants, so nothing needs
 * escaping.
 */
#include <inttypes.h>

#include "cache/blob/blobs.h"
#include "cache/list/listing.h"
#include "cache/blob/prefetch.h"
#include "cache/pace/throttle.h"
#include "client/base/buf.h"
#include "client/vault/vault.h"
#include "fs/control/metrics.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static int
put_family(struct kv_buf *text, const char *name, const char *type, const char *help)
{
	return kv_buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static int
put_requests(const struct kv_branch *branch, struct kv_buf *text)
{
	struct kv_vault_counted c;
	int err = put_family(text, "kvfs_requests_total", "counter",
	    "Requests to the vault, by operation and HTTP status (0: no answer, or no token).");

	for (size_t i = 0; err == 0 && kv_vault_counted(branch->volume->vault, i, &c); i++)
		err =
		    kv_buf_printf(text, "kvfs_requests_total{operation=\"%s\",status=\"%ld\"} %" PRIu64 "\n",
			c.operation, c.status, c.n);
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
put_classes(const struct kv_branch *branch, struct kv_buf *text)
{
	struct kv_throttle_state s;
	int err = 0;

	for (size_t i = 0; err == 0 && i < N_OF(of_classes); i++) {
		err = put_family(text, of_classes[i].name, "gauge", of_classes[i].help);
		for (int k = 0; err == 0 && k < kv_throttle_classes(branch->volume->throttle); k++) {
			kv_throttle_state(branch->volume->throttle, k, &s);
			err = kv_buf_printf(
			    text, "%s{class=\"%s\"} %g\n", of_classes[i].name, s.name, class_value(&s, i));
		}
	}
	return err;
}

static int
put_objects(const struct kv_branch *branch, struct kv_buf *text, const char *name, const char *help,
    size_t (*count)(const struct kv_listing *))
{
	int err = put_family(text, name, "gauge", help);

	for (int t = 0; err == 0 && t < KV_TYPES; t++)
		if (branch->volume->listings[t] != NULL)
			err = kv_buf_printf(text, "%s{type=\"%s\"} %zu\n", name,
			    kv_type_name((enum kv_type)t), count(branch->volume->listings[t]));
	return err;
}

static int
put_rest(const struct kv_branch *branch, struct kv_buf *text)
{
	struct kv_blobs_state b;
	size_t n_streams, window;
	int err = 0;

	kv_blobs_state(branch->volume->blobs, &b);
	kv_prefetch_state(branch->volume->prefetch, &n_streams, &window);
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{ "kvfs_paused", "gauge", "1 while most requests fail and only probes are sent.",
		    kv_throttle_is_paused(branch->volume->throttle) },
		{ "kvfs_cache_hits_total", "counter", "stat and open calls served from the cache.",
		    b.n_hits },
		{ "kvfs_cache_misses_total", "counter", "stat and open calls that waited for the vault.",
		    b.n_misses },
		{ "kvfs_cache_from_disk_total", "counter", "Blobs read from the cache folder.",
		    b.n_from_disk },
		{ "kvfs_cache_memory_bytes", "gauge", "Size of the blobs in memory.", b.memory },
		{ "kvfs_cache_spilled_bytes", "gauge", "Size of the blobs in the spill file.", b.spilled },
		{ "kvfs_blobs_fetched_total", "counter", "Blobs downloaded from the vault.", b.n_fetched },
		{ "kvfs_blob_bytes_total", "counter", "Bytes of blobs downloaded from the vault.",
		    b.n_bytes },
		{ "kvfs_read_ahead_total", "counter", "Blobs downloaded by read-ahead.", b.n_ahead },
		{ "kvfs_read_ahead_used_total", "counter", "Blobs downloaded by read-ahead and then used.",
		    b.n_ahead_used },
		{ "kvfs_read_ahead_streams", "gauge", "Read-ahead streams.", n_streams },
		{ "kvfs_read_ahead_window", "gauge", "Read-ahead window of the largest stream, objects.",
		    window },
		{ "kvfs_files_read_total", "counter", "open calls that returned a blob.", branch->n_read },
		{ "kvfs_restored_total", "counter", "Objects restored.", branch->n_restored },
		{ "kvfs_failed_total", "counter", "Failed open calls and restores.", branch->n_failed },
		{ "kvfs_mount_time_seconds", "gauge", "Time of the mount, Unix seconds.",
		    (uint64_t)branch->mount->wall_mounted },
	};

	for (size_t i = 0; err == 0 && i < N_OF(rows); i++) {
		err = put_family(text, rows[i].name, rows[i].type, rows[i].help);
		if (err == 0)
			err = kv_buf_printf(text, "%s %" PRIu64 "\n", rows[i].name, rows[i].value);
	}
	return err;
}

int
kv_metrics(const struct kv_branch *branch, struct kv_buf *text)
{
	int err = put_requests(branch, text);

	if (err == 0)
		err = put_classes(branch, text);
	if (err == 0)
		err = put_objects(branch, text, "kvfs_objects", "Objects shown as files.", kv_listing_count);
	if (err == 0)
		err = put_objects(branch, text, "kvfs_objects_not_shown",
		    "Keys and secrets not shown, because a certificate's backup contains them.",
		    kv_listing_count_hidden);
	return err != 0 ? err : put_rest(branch, text);
}
