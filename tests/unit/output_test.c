#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/command/output.h"

static int saved_out, saved_err, pipe_ends[2];

/* Standard output is path from now on, and standard error a pipe. */
static void
redirect(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC);

	fflush(stdout);
	fflush(stderr);
	saved_out = dup(STDOUT_FILENO);
	saved_err = dup(STDERR_FILENO);
	assert_true(fd >= 0 && saved_out >= 0 && saved_err >= 0);
	assert_int_equal(pipe(pipe_ends), 0);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0 && dup2(pipe_ends[1], STDERR_FILENO) >= 0);
	close(fd);
}

/* As before. What was written to standard error is in text. */
static void
undo(char *text, size_t size)
{
	ssize_t n;

	kv_output_give_up();
	(void)dup2(saved_out, STDOUT_FILENO);
	(void)dup2(saved_err, STDERR_FILENO);
	close(saved_out);
	close(saved_err);
	close(pipe_ends[1]);
	n = read(pipe_ends[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(pipe_ends[0]);
}

static void
what_does_not_arrive_is_one_sentence(void **state)
{
	static const struct {
		const char *path;
		int flags, err;
		size_t n; /* bytes; more than a buffer: the first write has failed before the end */
	} rows[] = {
		{ "/dev/null", O_WRONLY, 0, 10 },
		{ "/dev/null", O_WRONLY, 0, 100000 },
		{ "/dev/full", O_WRONLY, ENOSPC, 10 },
		{ "/dev/full", O_WRONLY, ENOSPC, 100000 },
		{ "/dev/null", O_RDONLY, EBADF, 10 },
		{ "/dev/null", O_RDONLY, EBADF, 100000 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		char text[200], wanted[200] = "";
		bool has_arrived;

		redirect(rows[i].path, rows[i].flags);
		for (size_t n = 0; n < rows[i].n; n++)
			(void)putchar('x');
		has_arrived = kv_output_end();
		undo(text, sizeof(text));
		if (rows[i].err != 0)
			snprintf(
			    wanted, sizeof(wanted), "kvfs: standard output: %s\n", strerror(rows[i].err));
		assert_row(has_arrived == (rows[i].err == 0), i, rows[i].path);
		assert_string_equal(text, wanted);
	}
}

static void
what_cannot_be_written_is_known_before(void **state)
{
	static const struct {
		const char *path;
		int flags, err;
	} rows[] = { { "/dev/null", O_WRONLY, 0 }, { "/dev/full", O_WRONLY, -ENOSPC },
		{ "/dev/null", O_RDONLY, -EBADF }, { "/dev/null", O_RDWR, 0 } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		char text[200];
		int err;

		redirect(rows[i].path, rows[i].flags);
		err = kv_output_check();
		undo(text, sizeof(text));
		assert_row(err == rows[i].err, i, rows[i].path);
		assert_string_equal(text, "");
	}
}

static void
what_was_given_up_is_no_error(void **state)
{
	char text[200];
	bool has_arrived;

	(void)state;
	redirect("/dev/full", O_WRONLY);
	printf("lost");
	assert_int_not_equal(fflush(stdout), 0);
	kv_output_give_up();
	has_arrived = kv_output_end();
	undo(text, sizeof(text));
	assert_true(has_arrived);
	assert_string_equal(text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_arrive_is_one_sentence),
		cmocka_unit_test(what_cannot_be_written_is_known_before),
		cmocka_unit_test(what_was_given_up_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
