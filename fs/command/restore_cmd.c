#include "fs/command/restore_cmd.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/base/json.h"
#include "fs/command/mounted.h"
#include "fs/command/plan_cmd.h"
#include "fs/command/writers.h"
#include "fs/command/usage.h"

#define MOST_LINE   16384
#define MOST_STATUS ((size_t)1 << 20)
#define WRITERS	    64
#define MOST	    1000

/* Exit statuses. */
enum { ALL_THERE, NOT_ALL, ERROR };

static volatile bool is_interrupted;

/* The second signal ends the program. */
static void
interrupted(int number)
{
	is_interrupted = true;
	(void)signal(number, SIG_DFL);
}

/* ---- progress ---- */

struct progress {
	size_t n;
	int64_t mono_began;
	bool is_screen, is_drawn;
};

static void
show_progress(void *arg, const struct kv_writers_state *state)
{
	struct progress *p = arg;
	const long long seconds = (kv_clock_mono_ms() - p->mono_began) / 1000;

	if (!p->is_screen)
		return;
	fprintf(stderr, "\r%zu of %zu done, %zu failed, %lld:%02lld%s\033[K", state->n_done - state->n_failed,
	    p->n, state->n_failed, seconds / 60, seconds % 60,
	    is_interrupted ? ", waiting for those that were sent" : "");
	p->is_drawn = true;
}

static void
end_progress(const struct progress *p)
{
	if (p->is_drawn)
		fprintf(stderr, "\n");
}

/* ---- the table ---- */

struct sums {
	size_t n_restored, n_proved, n_unproved, n_failed, n_not_tried;
};

/* Whether the vault refused what was to be proved: it has another object of that name. */
static bool
is_unproved(const struct kv_written *file)
{
	return file->item->needs_proof && file->err == -EEXIST;
}

static void
add_up(const struct kv_written *files, size_t n, struct sums *sums)
{
	*sums = (struct sums){ .n_not_tried = 0 };
	for (size_t i = 0; i < n; i++)
		if (!files[i].is_done)
			sums->n_not_tried++;
		else if (is_unproved(&files[i]))
			sums->n_unproved++;
		else if (files[i].err != 0)
			sums->n_failed++;
		else if (files[i].item->needs_proof)
			sums->n_proved++;
		else
			sums->n_restored++;
}

/* Some errors need no line in the log of the mount, because a program that gets one of them can do what helps. */
static const char *
reason_of(const struct kv_written *file)
{
	static const struct {
		int err;
		const char *why;
	} rows[] = {
		{ -EBUSY, "another program is restoring this file: wait for it, and run the command again" },
		{ -ESTALE,
		    "another program wrote or removed this file in restore/ at the same time: run the command again" },
		{ -ENOENT,
		    "it was removed from the archive or from restore/ meanwhile: run the command again" },
		{ -ENOTCONN, "the mount has ended: mount again, and run the command again" },
		{ -ECONNABORTED, "the mount has ended: mount again, and run the command again" },
	};

	for (size_t i = 0; file->why == NULL && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (file->err == rows[i].err)
			return rows[i].why;
	return file->why;
}

static void
print_failure(const struct kv_plan *plan, const struct kv_written *file, struct kv_buf *line)
{
	struct kv_plan_item item = *file->item;
	const char *why = reason_of(file);

	kv_buf_clear(line);
	if (is_unproved(file)) {
		item.verdict = KV_VERDICT_UNPROVED;
		kv_plan_say(plan, &item, line);
		printf("unproved  %s\n", kv_buf_str(line));
		return;
	}
	kv_archive_say(line, item.file->path);
	kv_buf_say(line, ": %s", strerror(-file->err));
	if (why != NULL)
		kv_buf_say(line, ": %s", why);
	printf("failed   %s\n", kv_buf_str(line));
}

static void
print_failures(const struct kv_plan *plan, const struct kv_written *files, size_t n)
{
	struct kv_buf line;

	kv_buf_init(&line, MOST_LINE);
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->items[i].verdict == KV_VERDICT_RESTORE ||
		    plan->items[i].verdict == KV_VERDICT_PRESENT)
			continue;
		kv_buf_clear(&line);
		kv_plan_say(plan, &plan->items[i], &line);
		printf("%s  %s\n", kv_plan_verdict_name(plan->items[i].verdict), kv_buf_str(&line));
	}
	for (size_t i = 0; i < n; i++)
		if (files[i].is_done && files[i].err != 0)
			print_failure(plan, &files[i], &line);
	kv_buf_release(&line);
	kv_plan_cmd_print_odd(plan);
}

static int
print_result(const struct kv_plan *plan, const struct kv_written *files, size_t n)
{
	const size_t *count = plan->count;
	struct sums sums;
	size_t n_present = count[KV_VERDICT_PRESENT], n_unproved = count[KV_VERDICT_UNPROVED];

	add_up(files, n, &sums);
	for (size_t i = 0; i < n; i++)
		n_present -= files[i].item->needs_proof;
	n_present += sums.n_proved;
	n_unproved += sums.n_unproved;
	print_failures(plan, files, n);
	printf("%zu restored, %zu present, %zu failed, %zu differ, %zu deleted", sums.n_restored, n_present,
	    sums.n_failed + plan->archive.n_odd, count[KV_VERDICT_DIFFERS], count[KV_VERDICT_DELETED]);
	if (n_unproved > 0)
		printf(", %zu unproved", n_unproved);
	if (count[KV_VERDICT_OLDER] > 0)
		printf(", %zu older not used", count[KV_VERDICT_OLDER]);
	kv_plan_cmd_print_others(plan, ", ");
	if (sums.n_not_tried > 0)
		printf(", %zu not tried: run the same command again", sums.n_not_tried);
	printf("\n");
	return sums.n_failed + sums.n_not_tried + n_unproved + kv_plan_count_left(plan) == 0 ? ALL_THERE :
											       NOT_ALL;
}

/* ---- the command ---- */

static int
restore(const struct kv_plan *plan, int n_writers)
{
	struct kv_written *files = calloc(plan->n + 1, sizeof(*files));
	struct progress progress = { .mono_began = kv_clock_mono_ms(), .is_screen = isatty(STDERR_FILENO) };
	size_t n = 0;
	int err, status = ERROR;

	if (files == NULL) {
		fprintf(stderr, "kvfs: out of memory\n");
		return ERROR;
	}
	for (size_t i = 0; i < plan->n; i++)
		if (plan->items[i].verdict == KV_VERDICT_RESTORE ||
		    (plan->items[i].verdict == KV_VERDICT_PRESENT && plan->items[i].needs_proof))
			files[n++].item = &plan->items[i];
	progress.n = n;
	err = kv_writers_run(plan, files, n, n_writers, &is_interrupted, show_progress, &progress);
	end_progress(&progress);
	if (err == 0)
		status = print_result(plan, files, n);
	else
		fprintf(stderr, "kvfs: nothing was restored: %s\n", strerror(-err));
	for (size_t i = 0; i < n; i++)
		free(files[i].why);
	free(files);
	return status;
}

/* The status of the very mount that is open. */
static int
read_dry_run(const struct kv_plan *plan, bool *is_dry)
{
	struct kv_json *json = NULL;
	struct kv_buf text;
	char path[64];
	int err;

	kv_buf_init(&text, MOST_STATUS);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/.kvfs/status", plan->fd);
	err = kv_mounted_read_file(path, &text);
	if (err == 0)
		err = kv_json_parse(kv_buf_str(&text), text.len, &json);
	if (err == 0)
		err = kv_json_bool(json, "dry_run", is_dry);
	kv_json_free(json);
	kv_buf_release(&text);
	return err;
}

/* A dry run would only pretend. */
static int
check_dry_run(const struct kv_plan *plan, const char *given)
{
	bool is_dry = false;
	const int err = read_dry_run(plan, &is_dry);

	if (err != 0)
		fprintf(stderr,
		    "kvfs: %s/.kvfs/status cannot be read, which would show whether %s is mounted with -o dry_run: %s\n",
		    given, given, strerror(-err));
	else if (is_dry)
		fprintf(stderr,
		    "kvfs: %s is mounted with -o dry_run, which restores nothing: see kvfs plan\n", given);
	return err != 0 || !is_dry ? err : -EROFS;
}

static int
check_mount(const struct kv_plan *plan, const char *given)
{
	struct stat st;
	int err = fstatat(plan->fd, "restore", &st, 0) == 0 ? 0 : -errno;

	if (err == 0)
		return check_dry_run(plan, given);
	if (err == -ENOENT)
		fprintf(stderr, "kvfs: %s has no restore/: it is mounted with -o ro\n", given);
	else
		fprintf(stderr, "kvfs: %s/restore: %s\n", given, strerror(-err));
	return err;
}

int
kv_restore_cmd(int argc, char *const argv[])
{
	static const struct kv_usage usage = { "restore",
		"[-j N] [-m MANIFEST] ARCHIVE MOUNTPOINT [PATH...]" };
	static const struct option none[] = { { NULL, 0, NULL, 0 } };
	struct kv_plan_options o = { .manifest = NULL };
	struct sigaction action = { .sa_handler = interrupted };
	struct kv_plan plan;
	long n_writers = WRITERS;
	char *end = NULL;
	int c, status = ERROR;

	optind = 0;
	while ((c = kv_usage_option(&usage, argc, argv, ":j:m:", none)) != -1) {
		if (c == '?')
			return ERROR;
		if (c == 'm')
			o.manifest = optarg;
		else
			n_writers = strtol(optarg, &end, 10);
	}
	if (end != NULL && (*end != '\0' || n_writers < 1 || n_writers > MOST)) {
		kv_usage_refuse(&usage,
		    "-j is the number of files that are written at a time, 1 to %d (default %d)", MOST,
		    WRITERS);
		return ERROR;
	}
	if (argc - optind < 2) {
		kv_usage_refuse(&usage, "no %s is given", argc == optind ? "archive" : "mount point");
		return ERROR;
	}
	o.archive = argv[optind];
	o.mount = argv[optind + 1];
	o.paths = argv + optind + 2;
	o.n_paths = argc - optind - 2;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	if (kv_plan_make(&o, &plan) == 0 && check_mount(&plan, o.mount) == 0) {
		kv_plan_prove(&plan);
		status = restore(&plan, (int)n_writers);
	}
	kv_plan_release(&plan);
	return status;
}
