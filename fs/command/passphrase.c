/*
 * The terminal is /dev/tty, because the key itself may come from the standard input. Signals are taken from a descriptor
 * meanwhile, so that none ends the process before the terminal shows again what is typed.
 */
#include "fs/command/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "client/base/buf.h"

#define MOST 1024 /* bytes of a line of a terminal */

/* 0 with a line in text; -EINTR for a signal. */
static int
read_line(int tty, int signals, struct kv_buf *text)
{
	struct pollfd fds[] = { { .fd = tty, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
	char line[MOST];
	ssize_t n;
	int err;

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return -EIO;
	if (fds[1].revents != 0)
		return -EINTR;
	n = read(tty, line, sizeof(line));
	if (n > 0 && line[n - 1] == '\n')
		n--;
	err = n >= 0 ? kv_buf_append(text, line, (size_t)n) : -EIO;
	explicit_bzero(line, sizeof(line));
	return err;
}

static int
ask(int tty, int signals, const char *prompt, struct kv_buf *text)
{
	struct termios before, silent;
	int err = 0;

	if (tcgetattr(tty, &before) != 0)
		return -ENXIO;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ICANON;
	if (tcsetattr(tty, TCSAFLUSH, &silent) != 0)
		return -EIO;
	if (write(tty, prompt, strlen(prompt)) < 0)
		err = -EIO;
	if (err == 0)
		err = read_line(tty, signals, text);
	(void)tcsetattr(tty, TCSAFLUSH, &before);
	(void)!write(tty, "\n", 1);
	return err;
}

int
kv_passphrase_ask(const char *prompt, struct kv_buf *text)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	const int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	sigset_t wanted, before;
	int signals, err;

	if (tty < 0)
		return -ENXIO;
	(void)sigemptyset(&wanted);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)sigaddset(&wanted, numbers[i]);
	(void)sigprocmask(SIG_BLOCK, &wanted, &before);
	signals = signalfd(-1, &wanted, SFD_CLOEXEC);
	err = signals >= 0 ? ask(tty, signals, prompt, text) : -EIO;
	if (signals >= 0)
		close(signals);
	close(tty);
	(void)sigprocmask(SIG_SETMASK, &before, NULL); /* a signal that came takes effect here */
	return err;
}
