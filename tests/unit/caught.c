/*
 * stderr is turned to a memfd, and back.
 */
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/base/log.h"
#include "tests/unit/caught.h"

static int captured = -1, saved = -1;
static char text[200000], line[5000];

void
caught_begin(void)
{
	fflush(stderr);
	captured = memfd_create("stderr", 0);
	saved = dup(STDERR_FILENO);
	assert_true(captured >= 0 && saved >= 0 && dup2(captured, STDERR_FILENO) >= 0);
	kv_log_open(true, "audit");
}

void
caught_end(void)
{
	kv_log_close();
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	if (*caught_line("row ") != '\0')
		print_error("%s\n", caught_line("row "));
	close(captured);
	close(saved);
}

const char *
caught_text(void)
{
	const ssize_t n = pread(captured, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

void
caught_clear(void)
{
	assert_int_equal(ftruncate(captured, 0), 0);
	assert_int_equal(lseek(captured, 0, SEEK_SET), 0);
}

const char *
caught_line(const char *part)
{
	const char *at = strstr(caught_text(), part);

	if (at == NULL)
		return "";
	while (at > text && at[-1] != '\n')
		at--;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}
