/*
 * CA files.
 */
#include "client/http/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"

int
kv_ca_check(const char *file, struct kv_buf *why)
{
	char line[256];
	/* O_NONBLOCK: a FIFO must not block the start, nor libcurl later */
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	struct stat st;
	int found = 0;

	if (f == NULL) {
		const int err = -errno;

		if (fd >= 0)
			close(fd);
		kv_buf_say(why, "cacert=%s: %s", file, strerror(-err));
		return err;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		fclose(f);
		kv_buf_say(why, "cacert=%s: it is not a regular file", file);
		return -EINVAL;
	}
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strncmp(line, "-----BEGIN ", 11) == 0 && strstr(line, "CERTIFICATE-----") != NULL;
	fclose(f);
	if (found)
		return 0;
	kv_buf_say(why,
	    "cacert=%s: no certificate in this file; it must be PEM (-----BEGIN CERTIFICATE-----)", file);
	return -EINVAL;
}
