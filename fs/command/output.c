#include "fs/command/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

int
kv_output_check(void)
{
	const int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags < 0)
		return -errno;
	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	return write(STDOUT_FILENO, "", 0) == 0 ? 0 : -errno; /* a full device refuses this too */
}

/* An earlier write may have failed, and its errno is gone. */
static int
find_error(void)
{
	const int err = kv_output_check();

	return err != 0 ? err : -EIO;
}

bool
kv_output_end(void)
{
	int err = fflush(stdout) == 0 ? 0 : -errno;

	if (err == 0 && ferror(stdout))
		err = find_error();
	if (err != 0)
		fprintf(stderr, "kvfs: standard output: %s\n", strerror(-err));
	return err == 0;
}

void
kv_output_give_up(void)
{
	__fpurge(stdout);
	clearerr(stdout);
}
