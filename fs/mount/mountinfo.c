/*
 * Parses mountinfo lines: "ID PARENT MAJOR:MINOR ROOT FOLDER OPTIONS ..."; blanks in FOLDER are octal
 * escapes.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount/mountinfo.h"

/* Whether text is folder, apart from octal escapes such as "\040". */
static bool
is_folder(const char *text, const char *folder)
{
	for (; *text != '\0'; folder++) {
		unsigned int c = (unsigned char)*text++;

		if (c == '\\' && strspn(text, "01234567") >= 3) {
			c = (unsigned int)(text[0] - '0') << 6 | (unsigned int)(text[1] - '0') << 3 |
			    (unsigned int)(text[2] - '0');
			text += 3;
		}
		if ((unsigned char)*folder != c)
			return false;
	}
	return *folder == '\0';
}

void
kv_mountinfo_top(const char *folder, char device[KV_DEVICE_LEN])
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;

	device[0] = '\0';
	while (f != NULL && getline(&line, &size, f) > 0) {
		char *rest = line, *fields[5];

		for (int i = 0; i < 5; i++)
			fields[i] = strsep(&rest, " ");
		/* the last mount on a folder is the topmost */
		if (fields[4] != NULL && is_folder(fields[4], folder))
			snprintf(device, KV_DEVICE_LEN, "%s", fields[2]);
	}
	free(line);
	if (f != NULL)
		fclose(f);
}
