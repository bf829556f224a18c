#ifndef KV_TESTS_UNIT_EMULATOR_H
#define KV_TESTS_UNIT_EMULATOR_H
/* What qemu-user does otherwise than a kernel. */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "tests/unit/unit.h"

/*
 * Whether posix_spawn(3) hides that a program could not be started: its child does not share the memory of its parent
 * there, and ends with status 127 instead. Says so if it does.
 */
static inline bool
emulator_hides_failed_starts(void)
{
	char name[] = "/no/such/program", *argv[] = { name, NULL };
	pid_t child;

	if (posix_spawn(&child, name, NULL, NULL, argv, NULL) != 0)
		return false;
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	print_message(
	    "skipped: this machine is emulated, and posix_spawn does not tell what could not be started\n");
	return true;
}
#endif
