#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/vault/vault.h"
#include "fs/mount/process.h"

static const int fatal_signals[] = { SIGKILL, SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static int
open_proc(pid_t tid, const char *name)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Read /proc/TID/NAME into text. False if there is nothing to read. */
static bool
read_proc(pid_t tid, const char *name, char *text, size_t size)
{
	const int fd = open_proc(tid, name);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

struct kv_process
kv_process_of(const struct kv_caller *caller)
{
	struct kv_process process = { 0 };
	char status[4096], text[1024];
	const char *tgid, *at;
	unsigned long long ticks;

	if (!read_proc(caller->pid, "status", status, sizeof(status)) ||
	    (tgid = strstr(status, "\nTgid:")) == NULL ||
	    !read_proc((pid_t)strtol(tgid + 6, NULL, 10), "stat", text, sizeof(text)) ||
	    (at = strrchr(text, ')')) == NULL)
		return process;
	for (int field = 2; *at != '\0' && field < 22; at++) /* "(comm)" is field 2 */
		field += *at == ' ';
	ticks = strtoull(at, NULL, 10); /* field 22, in clock ticks of CLOCK_BOOTTIME */
	process.id = (pid_t)strtol(tgid + 6, NULL, 10);
	process.mono_begun = (int64_t)(ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
	return process;
}

/* The value of "NAME:\thex" in /proc/TID/status; all ones if it cannot be read. */
static unsigned long long
pending_in(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, 16) : ~0ULL;
}

enum kv_fate
kv_process_fate(pid_t tid)
{
	char status[4096];
	unsigned long long pending;

	if (!read_proc(tid, "status", status, sizeof(status)))
		return tid > 0 && kill(tid, 0) != 0 && errno == ESRCH ? KV_IS_KILLED : KV_UNSEEN;
	pending = pending_in(status, "\nSigPnd:") | pending_in(status, "\nShdPnd:");
	for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++)
		if (pending & 1ULL << (fatal_signals[i] - 1))
			return KV_IS_KILLED;
	return KV_LIVES;
}

/*
 * A program usually sends many requests in a row, so the last caller's comm file stays open. Once that
 * process has exited, reading it fails, even if another process has got its pid.
 */
void
kv_process_command(struct kv_process_reader *reader, pid_t tid, char *command, size_t size)
{
	const bool is_last = reader->tid > 0 && reader->tid == tid;
	ssize_t n = is_last ? pread(reader->comm, command, size - 1, 0) : -1;

	if (n <= 0) {
		const int fd = open_proc(tid, "comm");

		kv_process_release(reader);
		if (fd >= 0) {
			*reader = (struct kv_process_reader){ .tid = tid, .comm = fd };
			n = pread(fd, command, size - 1, 0);
		}
	}
	command[n > 0 ? n : 0] = '\0';
	command[strcspn(command, "\n")] = '\0';
}

bool
kv_process_words(pid_t tid, const char *file, struct kv_buf *words)
{
	char part[1024];
	ssize_t n = 0;
	const int fd = open_proc(tid, file);

	if (fd < 0)
		return false;
	kv_buf_clear(words);
	while ((n = read(fd, part, sizeof(part))) > 0 && kv_buf_append(words, part, (size_t)n) == 0)
		continue;
	explicit_bzero(part, sizeof(part));
	close(fd);
	return n == 0 && words->len > 0 && words->data[words->len - 1] == '\0';
}

void
kv_process_release(struct kv_process_reader *reader)
{
	if (reader->tid > 0)
		close(reader->comm);
	reader->tid = 0;
}
