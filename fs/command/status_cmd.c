#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "fs/command/mounted.h"
#include "fs/command/status_cmd.h"
#include "fs/command/status_text.h"
#include "fs/command/usage.h"

#define MOST_BYTES  ((size_t)1 << 20)
#define INTERVAL_MS 1000

/* Append the lines of one status to text. */
static int
read_status(const char *path, struct kv_status_watch *watch, struct kv_buf *text)
{
	struct kv_buf json;
	int err;

	kv_buf_init(&json, MOST_BYTES);
	err = kv_mounted_read(path, "status", &json);
	if (err == 0)
		err = kv_status_text(kv_buf_str(&json), json.len, watch, kv_clock_mono_ms(), text);
	kv_buf_release(&json);
	return err;
}

/* ---- the screen ---- */

static volatile sig_atomic_t is_interrupted;

static void
interrupted(int number)
{
	(void)number;
	is_interrupted = 1;
}

/* No SA_RESTART, so that a signal ends the pause. */
static void
catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = interrupted };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)sigaction(numbers[i], &action, NULL);
}

/*
 * Write each line over the previous one and erase only the rest of it, to avoid flicker. Lines do not wrap,
 * and what does not fit on the screen is cut, because a screen that scrolls would show everything twice.
 */
static void
draw(char *lines)
{
	struct winsize size = { .ws_row = 0 };
	int n = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2)
		size.ws_row = 24;
	fputs("\033[H", stdout);
	for (char *line; (line = strsep(&lines, "\n")) != NULL && *line != '\0' && n < size.ws_row - 1; n++)
		printf("%s\033[K\n", line);
	fputs("\033[J", stdout);
	fflush(stdout);
}

/* Print once a second until a signal or the unmount. */
static int
watch(const char *path)
{
	const bool is_screen = isatty(STDOUT_FILENO);
	struct kv_status_watch seen = { .has_seen = false };
	struct kv_buf text;
	int err = 0;

	kv_buf_init(&text, MOST_BYTES);
	catch_signals();
	if (is_screen)
		fputs("\033[?25l\033[?7l", stdout); /* hide the cursor, do not wrap lines */
	while (err == 0 && !is_interrupted && !ferror(stdout)) {
		kv_buf_clear(&text);
		err = read_status(path, &seen, &text);
		if (err == 0 && is_screen)
			draw((char *)text.data);
		else if (err == 0)
			printf("%s\n", kv_buf_str(&text));
		fflush(stdout);
		if (err == 0 && !is_interrupted)
			(void)nanosleep(&(struct timespec){ .tv_sec = INTERVAL_MS / 1000 }, NULL);
	}
	if (is_screen)
		fputs("\033[?25h\033[?7h", stdout);
	fflush(stdout);
	kv_buf_release(&text);
	return seen.has_seen ? 0 : err;
}

static int
show(const char *path)
{
	struct kv_buf text;
	int err;

	kv_buf_init(&text, MOST_BYTES);
	err = read_status(path, NULL, &text);
	if (err == 0)
		fputs(kv_buf_str(&text), stdout);
	kv_buf_release(&text);
	return err;
}

int
kv_status_cmd(int argc, char *const argv[])
{
	static const struct kv_usage usage = { "status", "MOUNTPOINT[/VAULT] [--watch]" };
	static const struct option longs[] = { { "watch", no_argument, NULL, 'w' }, { NULL, 0, NULL, 0 } };
	const char *given;
	char path[PATH_MAX];
	bool is_watched = false;
	int c, err;

	optind = 0;
	while ((c = kv_usage_option(&usage, argc, argv, ":", longs)) != -1) {
		if (c == '?')
			return 1;
		is_watched = true;
	}
	if (argc - optind != 1) {
		if (argc == optind)
			kv_usage_refuse(&usage, "no mount point is given");
		else
			kv_usage_refuse(&usage, "too many arguments: '%s'", argv[optind + 1]);
		return 1;
	}
	given = argv[optind];
	err = kv_mounted_find(given, path);
	if (err != 0) {
		fprintf(stderr, "kvfs: %s: %s\n", given, strerror(-err));
		return 1;
	}
	err = is_watched ? watch(path) : show(path);
	if (err != 0)
		kv_mounted_say_why(given, path, err);
	return err == 0 ? 0 : 1;
}
