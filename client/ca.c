/*
 * CA files.
 */
#include "client/ca.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/buf.h"

int
kv_ca_check(const char *file, struct kv_buf *why)
{
	char line[256];
	FILE *f = fopen(file, "re");
	int found = 0;

	if (f == NULL) {
		const int err = -errno;

		kv_buf_say(why, "cacert=%s: %s", file, strerror(-err));
		return err;
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
