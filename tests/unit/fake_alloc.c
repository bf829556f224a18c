#include "tests/unit/fake_alloc.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

/* The linker's --wrap: calls of malloc() come to __wrap_malloc(), __real_malloc() is the true one. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);

static _Thread_local int left; /* allocations of this thread until one fails, 0: none will */
static bool has_failed, is_held;
static const char *watched;
static int unwiped;

static bool
fails_now(void)
{
	if (is_held || left == 0 || --left > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return fails_now() ? NULL : __real_realloc(p, size);
}

char *
__wrap_strdup(const char *s)
{
	return fails_now() ? NULL : __real_strdup(s);
}

void
__wrap_free(void *p)
{
	if (p != NULL && watched != NULL &&
	    memmem(p, malloc_usable_size(p), watched, strlen(watched)) != NULL)
		unwiped++;
	__real_free(p);
}

static void
hook_cjson(void)
{
	cJSON_Hooks hooks = { .malloc_fn = __wrap_malloc, .free_fn = __wrap_free };

	cJSON_InitHooks(&hooks);
}

void
fake_alloc_fail_at(int n)
{
	hook_cjson();
	left = n;
	has_failed = false;
}

void
fake_alloc_hold(bool holds)
{
	is_held = holds;
}

bool
fake_alloc_has_failed(void)
{
	return has_failed;
}

void
fake_alloc_watch(const char *text)
{
	hook_cjson();
	watched = text;
	unwiped = 0;
}

int
fake_alloc_unwiped(void)
{
	return unwiped;
}
