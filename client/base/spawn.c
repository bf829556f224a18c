/*
 * A child process in the event loop, in its own process group: a pidfd reports its exit, two pipes carry its
 * output. The run is complete when all three have ended. If a grandchild keeps a pipe open, the run times out
 * like one of a program that hangs, and the whole group is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/base/loop.h"
#include "client/base/spawn.h"

#define MAX_OUTPUT ((size_t)1 << 20)

extern char **environ;

struct output {
	struct kv_spawn *run;
	struct kv_watch watch;
	int fd;
	struct kv_buf text;
};

struct kv_spawn {
	pid_t pid; /* also its process group; reaped last, so that the pid is not reused before */
	bool has_ended;
	int pidfd;
	bool is_killed; /* must be killed, with its group, when this is freed: until it has ended by itself */
	int status;
	int err;
	struct kv_watch end;
	struct output out, diagnostics;
	struct kv_timer timer; /* the time-out; after a failed spawn, its completion in the next turn */
	kv_spawn_done *done;
	void *arg;
};

static void
init_output(struct output *o, struct kv_spawn *run)
{
	o->run = run;
	o->fd = -1;
	o->watch.fd = -1;
	kv_buf_init(&o->text, MAX_OUTPUT);
}

static void
close_output(struct output *o)
{
	if (o->fd < 0)
		return;
	kv_loop_unwatch(&o->watch);
	close(o->fd);
	o->fd = -1;
}

static void
free_run(struct kv_spawn *run)
{
	kv_timer_stop(&run->timer);
	kv_loop_unwatch(&run->end);
	if (run->pid > 0) {
		if (run->is_killed) { /* and its children: az is a shell script that runs python */
			(void)kill(-run->pid, SIGKILL);
			(void)kill(run->pid, SIGKILL); /* it may have left its group, and is waited for */
		}
		while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	if (run->pidfd >= 0)
		close(run->pidfd);
	close_output(&run->out);
	close_output(&run->diagnostics);
	kv_buf_release(&run->out.text);
	kv_buf_release(&run->diagnostics.text);
	free(run);
}

static void
complete(struct kv_spawn *run)
{
	kv_timer_stop(&run->timer);
	run->done(
	    run->arg, run->err, run->status, kv_buf_str(&run->out.text), kv_buf_str(&run->diagnostics.text));
	free_run(run);
}

static void
complete_if_ended(struct kv_spawn *run)
{
	if (!run->has_ended || run->out.fd >= 0 || run->diagnostics.fd >= 0)
		return;
	run->is_killed = false;
	complete(run);
}

static void
timed_out(void *arg)
{
	struct kv_spawn *run = arg;

	if (run->err == 0)
		run->err = -ETIMEDOUT;
	complete(run);
}

static void
read_output(void *arg, uint32_t ready)
{
	struct output *o = arg;
	struct kv_spawn *run = o->run;
	char room[4096];
	ssize_t n;

	(void)ready;
	n = read(o->fd, room, sizeof(room));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		run->err = kv_buf_append(&o->text, room, (size_t)n);
		explicit_bzero(room, sizeof(room));
		if (run->err != 0)
			complete(run);
		return;
	}
	close_output(o);
	complete_if_ended(run);
}

static void
child_ended(void *arg, uint32_t ready)
{
	struct kv_spawn *run = arg;
	siginfo_t info = { .si_pid = 0 };

	(void)ready;
	if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
		return;
	run->has_ended = true;
	run->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	kv_loop_unwatch(&run->end);
	complete_if_ended(run);
}

static int
spawn(struct kv_spawn *run, const char *const argv[], int out, int diagnostics)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int err;

	sigemptyset(&none); /* undo our own settings: signals blocked for the signalfd, others ignored */
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	err = posix_spawnattr_setsigmask(&attributes, &none);
	if (err == 0)
		err = posix_spawnattr_setsigdefault(&attributes, &all);
	if (err == 0)
		err = posix_spawnattr_setpgroup(&attributes, 0);
	if (err == 0)
		err = posix_spawnattr_setflags(
		    &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (err == 0) /* not ours, which may be a folder of the mount */
		err = posix_spawn_file_actions_addchdir_np(&files, "/");
	if (err == 0)
		err = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (err == 0)
		err = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (err == 0)
		err = posix_spawn_file_actions_adddup2(&files, diagnostics, 2);
	if (err == 0)
		err = posix_spawnp(
		    &run->pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv, environ);
	if (err != 0)
		run->pid = 0;
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

static int
watch_all(struct kv_loop *loop, struct kv_spawn *run)
{
	int err;

	run->pidfd = pidfd_open(run->pid, 0);
	if (run->pidfd < 0)
		return -errno;
	err = kv_loop_watch(loop, &run->end, run->pidfd, EPOLLIN, child_ended, run);
	if (err == 0)
		err = kv_loop_watch(loop, &run->out.watch, run->out.fd, EPOLLIN, read_output, &run->out);
	if (err == 0)
		err = kv_loop_watch(loop, &run->diagnostics.watch, run->diagnostics.fd, EPOLLIN, read_output,
		    &run->diagnostics);
	return err;
}

int
kv_spawn_start(struct kv_loop *loop, const char *const argv[], int timeout_ms, kv_spawn_done *done, void *arg,
    struct kv_spawn **out)
{
	struct kv_spawn *run = calloc(1, sizeof(*run));
	int pipes[2][2] = { { -1, -1 }, { -1, -1 } };
	int err = 0;

	*out = NULL;
	if (run == NULL)
		return -ENOMEM;
	run->done = done;
	run->arg = arg;
	run->is_killed = true;
	run->pidfd = run->end.fd = -1;
	init_output(&run->out, run);
	init_output(&run->diagnostics, run);
	kv_timer_init(&run->timer, loop, timed_out, run);
	if (pipe2(pipes[0], O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(pipes[1], O_CLOEXEC | O_NONBLOCK) != 0)
		err = -errno;
	if (err == 0) {
		(void)fcntl(pipes[0][1], F_SETFL, 0); /* the program's ends must be blocking */
		(void)fcntl(pipes[1][1], F_SETFL, 0);
		run->err = spawn(run, argv, pipes[0][1], pipes[1][1]);
	}
	for (int i = 0; i < 2; i++)
		if (pipes[i][1] >= 0)
			close(pipes[i][1]);
	run->out.fd = pipes[0][0];
	run->diagnostics.fd = pipes[1][0];
	if (err == 0 && run->err == 0)
		err = watch_all(loop, run);
	if (err != 0) {
		free_run(run);
		return err;
	}
	kv_timer_set(&run->timer, run->err != 0 ? 0 : timeout_ms);
	*out = run;
	return 0;
}

void
kv_spawn_cancel(struct kv_spawn *run)
{
	if (run != NULL)
		free_run(run);
}
