/* Memory that never fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vault/mem.h"

static void *
must(void *p)
{
	if (p != NULL)
		return p;
	fputs("localvault: out of memory\n", stderr);
	abort();
}

void *
lv_mem_alloc(size_t size)
{
	return must(calloc(1, size == 0 ? 1 : size));
}

void *
lv_mem_grow(void *p, size_t size)
{
	return must(realloc(p, size == 0 ? 1 : size));
}

char *
lv_mem_dup(const char *s)
{
	return s == NULL ? NULL : must(strdup(s));
}

char *
lv_mem_ndup(const char *s, size_t len)
{
	return must(strndup(s, len));
}
