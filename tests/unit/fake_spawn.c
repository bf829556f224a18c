/*
 * Programs that end at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/loop.h"
#include "tests/unit/fake_spawn.h"

struct kv_spawn {
	struct kv_timer timer;
	kv_spawn_done *done;
	void *arg;
};

static int end_err = -ENOENT, end_status, n_started;
static const char *end_out = "", *end_diagnostics = "";
static char arguments[8192];

/* The different ones that were started. */
static struct {
	char arguments[sizeof(arguments)];
	int n;
} alike[16];

void
fake_spawn_set(int err, int status, const char *out, const char *diagnostics)
{
	end_err = err;
	end_status = status;
	end_out = out;
	end_diagnostics = diagnostics;
	n_started = 0;
	memset(alike, 0, sizeof(alike));
	arguments[0] = '\0';
}

int
fake_spawn_count(void)
{
	return n_started;
}

int
fake_spawn_most_alike(void)
{
	int most = 0;

	for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++)
		most = alike[i].n > most ? alike[i].n : most;
	return most;
}

const char *
fake_spawn_arguments(void)
{
	return arguments;
}

static void
count_alike(void)
{
	size_t i = 0;

	while (alike[i].n > 0 && strcmp(alike[i].arguments, arguments) != 0)
		if (++i == sizeof(alike) / sizeof(alike[0]))
			abort();
	memcpy(alike[i].arguments, arguments, sizeof(arguments));
	alike[i].n++;
}

static void
end(void *arg)
{
	struct kv_spawn *run = arg;

	run->done(run->arg, end_err, end_status, end_out, end_diagnostics);
	free(run);
}

int
kv_spawn_start(struct kv_loop *loop, const char *const argv[], int timeout_ms, kv_spawn_done *done, void *arg,
    struct kv_spawn **out)
{
	struct kv_spawn *run = calloc(1, sizeof(*run));
	size_t n = 0;

	(void)timeout_ms;
	*out = run;
	if (run == NULL)
		return -ENOMEM;
	for (; *argv != NULL; argv++) {
		if (n + strlen(*argv) + 2 > sizeof(arguments))
			abort();
		if (n > 0)
			arguments[n++] = ' ';
		memcpy(arguments + n, *argv, strlen(*argv) + 1);
		n += strlen(*argv);
	}
	n_started++;
	count_alike();
	run->done = done;
	run->arg = arg;
	kv_timer_init(&run->timer, loop, end, run);
	kv_timer_set(&run->timer, 500);
	return 0;
}

void
kv_spawn_cancel(struct kv_spawn *run)
{
	if (run == NULL)
		return;
	kv_timer_stop(&run->timer);
	free(run);
}
