/* Starting in the background: fork, report, detach from the caller. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/background.h"

#define MOUNTED "\001" /* begins the report of a successful mount; any other report is an error sentence */

void
kv_background_print_failure(const char *sentence)
{
	fprintf(stderr, "kvfs: %s\n", sentence[0] != '\0' ? sentence : "out of memory");
}

void
kv_background_print_warnings(const char *warnings)
{
	while (*warnings != '\0') {
		const size_t n = strcspn(warnings, "\n");

		if (n > 0)
			fprintf(stderr, "kvfs: warning: %.*s\n", (int)n, warnings);
		warnings += n + (warnings[n] == '\n');
	}
}

/*
 * In the parent: wait for the child's report and return the exit status. After a failure, also wait for its
 * exit.
 */
static int
wait_for_child(pid_t child, int fd)
{
	char word[4096];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(word) - 1 &&
	    ((got = read(fd, word + n, sizeof(word) - 1 - n)) > 0 || (got < 0 && errno == EINTR)))
		n += got > 0 ? (size_t)got : 0;
	word[n] = '\0';
	if (strncmp(word, MOUNTED, 1) == 0) {
		kv_background_print_warnings(word + 1);
		return 0;
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
	kv_background_print_failure(n > 0 ?
		word :
		"kvfs exited during start-up without an error message: see the system log, or run kvfs -f");
	return 1;
}

int
kv_background_fork(void (*forget)(void *arg), void *arg, int *report)
{
	const pid_t parent = getpid();
	int fds[2];
	pid_t child;

	*report = -1;
	if (pipe2(fds, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		kv_background_print_failure(strerror(errno));
		return 1;
	}
	if (child != 0) {
		close(fds[1]);
		forget(arg);
		return wait_for_child(child, fds[0]);
	}
	close(fds[0]);
	/* The parent may have ended before the prctl(). */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || getppid() != parent)
		_exit(1);
	*report = fds[1];
	return 0;
}

static void
leave_terminal(void)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (chdir("/") != 0 || null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

static int
write_report(int fd, const char *word)
{
	ssize_t n;

	do
		n = write(fd, word, strlen(word));
	while (n < 0 && errno == EINTR);
	n = n < 0 ? -errno : 0;
	close(fd);
	return (int)n;
}

int
kv_background_mounted(int report, const char *warnings)
{
	char word[4096];

	setsid();
	leave_terminal();
	(void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); /* the parent's exit must no longer end us */
	snprintf(word, sizeof(word), MOUNTED "%s", warnings);
	return write_report(report, word);
}

void
kv_background_failed(int report, const char *sentence)
{
	(void)write_report(report, sentence[0] != '\0' ? sentence : "out of memory");
}
