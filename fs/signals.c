/* What each signal does to the process. */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fs/signals.h"

/* SIGHUP is always caught: once mounted it reloads, under nohup too. */
static const int taken[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGXCPU };
#define TAKEN (sizeof(taken) / sizeof(taken[0]))

/*
 * Signals whose default action ends the process. When ignored, a write beyond the file size limit returns
 * EFBIG, and a write to a closed pipe EPIPE.
 */
static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR,
	SIGSTKFLT };
#define IGNORED (sizeof(ignored) / sizeof(ignored[0]))

static bool
is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void
kv_signals_begin(void)
{
	(void)signal(SIGCHLD, SIG_DFL);
}

static void
ready_to_read(void *arg, uint32_t ready)
{
	struct kv_signals *s = arg;
	struct signalfd_siginfo info;

	(void)ready;
	if (read(s->watch.fd, &info, sizeof(info)) == sizeof(info))
		s->caught(s->arg, (int)info.ssi_signo);
}

int
kv_signals_watch(struct kv_signals *s, struct kv_loop *loop, void (*caught)(void *arg, int signal), void *arg)
{
	sigset_t set;
	int fd, err;

	s->caught = caught;
	s->arg = arg;
	s->is_hangup_ignored = is_ignored(SIGHUP);
	sigemptyset(&set);
	for (size_t i = 0; i < TAKEN; i++)
		if ((taken[i] != SIGINT && taken[i] != SIGQUIT) || !is_ignored(taken[i]))
			sigaddset(&set, taken[i]); /* a signalfd also returns signals that are ignored */
	for (size_t i = 0; i < IGNORED; i++)
		(void)signal(ignored[i], SIG_IGN);
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
		(void)signal(number, SIG_IGN);
	if (sigprocmask(SIG_SETMASK, &set, NULL) != 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	err = kv_loop_watch(loop, &s->watch, fd, EPOLLIN, ready_to_read, s);
	if (err != 0)
		close(fd);
	return err;
}

void
kv_signals_unwatch(struct kv_signals *s)
{
	const int fd = s->watch.fd;

	if (s->caught == NULL || fd < 0)
		return;
	kv_loop_unwatch(&s->watch);
	close(fd);
	s->caught = NULL;
}
