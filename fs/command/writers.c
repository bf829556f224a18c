/*
 * Threads, which share the list of files and take one after the other. Signals are left to the thread that waits.
 *
 * kvfs logs the id of the thread that wrote a file, so the newest line of .kvfs/log with it says why that file failed.
 */
#include "fs/command/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/command/mounted.h"

#define BLOCK	    131072
#define PROGRESS_MS 200
#define MOST_LOG    ((size_t)1 << 20)

struct pool {
	const struct kv_plan *plan;
	struct kv_written *files;
	size_t n;
	const volatile bool *is_interrupted;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t ended;
	size_t next;
	int n_threads;
	struct kv_writers_state state;
};

/* ---- one file ---- */

static int
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int
copy(int from, int to)
{
	char block[BLOCK];
	ssize_t n;

	while ((n = read(from, block, sizeof(block))) != 0) {
		const int err = n > 0 ? write_all(to, block, (size_t)n) : errno == EINTR ? 0 : -errno;

		if (err != 0)
			return err;
	}
	return 0;
}

/*
 * What is to be proved gets a name of its own, so that a refusal does not replace what the mount knows of the file that
 * was restored.
 */
static int
find_target(const struct kv_plan_item *item, char *target, size_t size)
{
	static const char end[] = ".proof";
	const int err = kv_plan_target(item->file, target, size);
	const size_t len = err == 0 ? strlen(target) : 0;

	if (err != 0 || !item->needs_proof)
		return err;
	if (len + sizeof(end) > size)
		return -ENAMETOOLONG;
	memcpy(target + len, end, sizeof(end));
	return 0;
}

/* The close is what restores, and its result counts. */
static int
write_file(const struct kv_plan *plan, const struct kv_plan_item *item)
{
	char source[PATH_MAX], target[PATH_MAX];
	int from = -1, to = -1, err = kv_archive_path(&plan->archive, item->file, source, sizeof(source));

	if (err == 0)
		err = find_target(item, target, sizeof(target));
	if (err == 0 && (from = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		err = -errno;
	if (err == 0 && (to = openat(plan->fd, target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		err = -errno;
	if (err == 0)
		err = copy(from, to);
	if (from >= 0)
		close(from);
	if (to >= 0 && close(to) != 0 && err == 0)
		err = -errno;
	if (to >= 0 && item->needs_proof)
		(void)unlinkat(plan->fd, target, 0);
	return err;
}

/* The value of why="…" in a line of the log, without its escapes; NULL without one. */
static char *
find_why(const char *line, size_t len)
{
	const char *at = memmem(line, len, " why=\"", 6), *end;
	char *why, *to;

	if (at == NULL)
		return NULL;
	at += 6;
	end = line + len;
	why = to = malloc((size_t)(end - at) + 1);
	while (why != NULL && at < end && *at != '"') {
		at += *at == '\\' && at + 1 < end;
		*to++ = *at++;
	}
	if (why != NULL)
		*to = '\0';
	return why;
}

/* What the log says of the last failure of this thread; NULL: nothing. */
static char *
read_why(const struct kv_plan *plan)
{
	char pid[40], *why = NULL;
	struct kv_buf log;
	const char *line, *next, *end;

	snprintf(pid, sizeof(pid), " pid=%ld ", (long)gettid());
	kv_buf_init(&log, MOST_LOG);
	if (kv_mounted_read(plan->mount, "log", &log) == 0) {
		end = (const char *)log.data + log.len;
		for (line = (const char *)log.data; line < end; line = next) {
			const char *line_end = memchr(line, '\n', (size_t)(end - line));
			const size_t len = (size_t)((line_end != NULL ? line_end : end) - line);

			next = line + len + 1;
			if (memmem(line, len, pid, strlen(pid)) == NULL ||
			    memmem(line, len, " errno=", 7) == NULL)
				continue;
			free(why);
			why = find_why(line, len);
		}
	}
	kv_buf_release(&log);
	return why;
}

/* ---- the threads ---- */

static struct kv_written *
take(struct pool *pool)
{
	struct kv_written *file = NULL;

	pthread_mutex_lock(&pool->lock);
	if (pool->next < pool->n && !*pool->is_interrupted)
		file = &pool->files[pool->next++];
	pthread_mutex_unlock(&pool->lock);
	return file;
}

static void *
work(void *arg)
{
	struct pool *pool = arg;
	struct kv_written *file;

	while ((file = take(pool)) != NULL) {
		file->err = write_file(pool->plan, file->item);
		if (file->err != 0)
			file->why = read_why(pool->plan);
		pthread_mutex_lock(&pool->lock);
		file->is_done = true;
		pool->state.n_done++;
		pool->state.n_failed += file->err != 0;
		pthread_mutex_unlock(&pool->lock);
	}
	pthread_mutex_lock(&pool->lock);
	pool->n_threads--;
	pthread_cond_signal(&pool->ended);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static int
start_threads(struct pool *pool, pthread_t *threads, int n)
{
	sigset_t all, old;
	int n_started = 0, err = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_mutex_lock(&pool->lock);
	while (err == 0 && n_started < n) {
		err = pthread_create(&threads[n_started], NULL, work, pool);
		n_started += err == 0;
	}
	pool->n_threads = n_started;
	pthread_mutex_unlock(&pool->lock);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return n_started > 0 ? n_started : -err;
}

static void
wait_for_threads(struct pool *pool, kv_writers_progress *progress, void *arg)
{
	struct kv_writers_state state;
	struct timespec until;

	pthread_mutex_lock(&pool->lock);
	while (pool->n_threads > 0) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += PROGRESS_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		(void)pthread_cond_timedwait(&pool->ended, &pool->lock, &until);
		state = pool->state;
		pthread_mutex_unlock(&pool->lock);
		progress(arg, &state);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
}

/* ---- folders ---- */

/* A folder that cannot be made fails the open of its files. */
static void
make_folders(const struct kv_plan *plan, char *path)
{
	for (char *slash = path + strlen("restore"); (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		(void)mkdirat(plan->fd, path, 0700);
	}
}

/* Files of one folder follow each other, mostly. */
static void
make_all_folders(const struct kv_plan *plan, const struct kv_written *files, size_t n)
{
	char path[PATH_MAX], last[PATH_MAX] = "";

	for (size_t i = 0; i < n; i++) {
		if (kv_plan_target(files[i].item->file, path, sizeof(path)) != 0)
			continue;
		if (strncmp(path, last, (size_t)(strrchr(path, '/') - path) + 1) != 0) {
			make_folders(plan, path);
			snprintf(last, sizeof(last), "%s", path);
		}
	}
}

/* Each writer needs two descriptors, and one more after a failure. */
static int
most_threads(int wanted)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= 3 * (rlim_t)wanted + 20)
		return wanted;
	return files.rlim_cur > 26 ? (int)(files.rlim_cur - 20) / 3 : 1;
}

int
kv_writers_run(const struct kv_plan *plan, struct kv_written *files, size_t n, int n_threads,
    const volatile bool *is_interrupted, kv_writers_progress *progress, void *arg)
{
	struct pool pool = { .plan = plan,
		.files = files,
		.n = n,
		.is_interrupted = is_interrupted,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER };
	const int n_wanted = most_threads((size_t)n_threads < n ? n_threads : (int)n);
	pthread_t *threads = calloc((size_t)n_wanted + 1, sizeof(*threads));
	int n_started;

	if (threads == NULL)
		return -ENOMEM;
	make_all_folders(plan, files, n);
	n_started = n_wanted > 0 ? start_threads(&pool, threads, n_wanted) : 0;
	if (n_started > 0)
		wait_for_threads(&pool, progress, arg);
	for (int i = 0; i < n_started; i++)
		(void)pthread_join(threads[i], NULL);
	free(threads);
	return n_started < 0 ? n_started : 0;
}
