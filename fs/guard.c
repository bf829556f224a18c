/*
 * What the process does to keep its secrets to itself.
 */
#include "fs/guard.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "client/auth/credential.h"
#include "client/base/buf.h"
#include "fs/config/given.h"

#define STANDARD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- memory ---- */

/* Whether something could be written to swap. */
static bool
has_swap(void)
{
	FILE *f = fopen("/proc/swaps", "re");
	char line[256];
	int n = 0;

	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL)
		n++;
	fclose(f);
	return n > 1; /* the first line is a heading */
}

#ifdef __SANITIZE_ADDRESS__ /* its shadow is larger than any memory */

static bool
lock_memory(void)
{
	return false;
}

#else

/* The heap and the stack are small, so an ordinary user's limit is enough for them. */
static int
lock_parts(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	uintptr_t from, to;
	char line[512], *rest;
	int err = f != NULL ? 0 : -errno;

	while (err == 0 && fgets(line, sizeof(line), f) != NULL) {
		if (strstr(line, "[heap]") == NULL && strstr(line, "[stack]") == NULL)
			continue;
		from = strtoul(line, &rest, 16);
		to = *rest == '-' ? strtoul(rest + 1, NULL, 16) : from;
		if (mlock((const void *)from, to - from) != 0)
			err = -errno;
	}
	if (f != NULL)
		fclose(f);
	return err == 0 && mlockall(MCL_FUTURE) != 0 ? -errno : err;
}

/* All memory comes from the heap, which is not given back: what was freed stays locked, too. */
static bool
lock_memory(void)
{
	(void)mallopt(M_MMAP_MAX, 0);
	(void)mallopt(M_TRIM_THRESHOLD, -1);
	return mlockall(MCL_CURRENT | MCL_FUTURE) == 0 || lock_parts() == 0;
}

#endif

int
kv_guard_lock(struct kv_buf *why)
{
	if (lock_memory() || !has_swap())
		return 0;
	kv_buf_say(why,
	    "memory cannot be locked, and this machine swaps, so that the key could be written to its disk: raise the "
	    "limit with ulimit -l 65536, or turn swapping off with swapoff -a");
	return -EPERM;
}

/* ---- the environment ---- */

/* libcurl reads it later, from a copy: that in /proc/PID/environ is wiped. */
static void
hide_password(const char *name)
{
	char *value = getenv(name), *copy;

	if (value == NULL || strchr(value, '@') == NULL || (copy = strdup(value)) == NULL)
		return;
	if (setenv(name, copy, 1) == 0)
		explicit_bzero(value, strlen(value));
	kv_buf_free_string(copy);
}

void
kv_guard_dumps(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its leak check traces the process */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* libcurl would write session keys to the file that SSLKEYLOGFILE names. */
void
kv_guard_secrets(void)
{
	static const char *const proxies[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
		"http_proxy" };
	const struct kv_credential_variable *variable;

	unsetenv("SSLKEYLOGFILE");
	kv_guard_dumps();
	/* what a service was given to mount with is not for az */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (size_t i = 0; (variable = kv_credential_variable_at(i)) != NULL; i++) {
		char *value = variable->is_secret ? getenv(variable->name) : NULL;

		if (value == NULL)
			continue;
		explicit_bzero(value, strlen(value));
		unsetenv(variable->name);
	}
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		hide_password(proxies[i]);
}

void
kv_guard_complete_environment(void)
{
	const char *home = kv_given_home();

	if (home != NULL)
		(void)setenv("HOME", home, 1);
	if (kv_given_environment("PATH") == NULL)
		(void)setenv("PATH", STANDARD_PATH, 1);
}
