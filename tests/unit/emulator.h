#ifndef KV_TESTS_UNIT_EMULATOR_H
#define KV_TESTS_UNIT_EMULATOR_H
/* For tests of what qemu-user does otherwise than a kernel. */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "tests/unit/unit.h"

/*
 * Whether qemu-user runs this program; says so if it does. There posix_spawn(3) returns before its child has begun, so it
 * does not tell what could not be started, and the command line of a process begins with that of the emulator.
 */
static inline bool
is_emulated(void)
{
	char name[] = "/no/such/program", *argv[] = { name, NULL };
	pid_t child;

	if (posix_spawn(&child, name, NULL, NULL, argv, NULL) != 0)
		return false;
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	print_message("skipped: qemu-user starts and shows processes otherwise than a kernel\n");
	return true;
}
#endif
