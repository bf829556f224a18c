/*
 * Parses mountinfo lines: "ID PARENT MAJOR:MINOR ROOT FOLDER OPTIONS TAG... - TYPE SOURCE SUPEROPTIONS"; blanks
 * in FOLDER are octal escapes.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount/mountinfo.h"

#define USER "user_id="

struct line {
	char *id, *device, *folder, *type, *super;
};

/* Octal escapes such as "\040", in place. */
static void
unescape(char *text)
{
	char *to = text;

	for (const char *c = text; *c != '\0';) {
		if (c[0] == '\\' && strspn(c + 1, "01234567") >= 3) {
			*to++ = (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
			c += 4;
		} else {
			*to++ = *c++;
		}
	}
	*to = '\0';
}

static bool
parse(char *text, struct line *l)
{
	char *rest = text, *fields[6], *field;

	text[strcspn(text, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if ((fields[i] = strsep(&rest, " ")) == NULL)
			return false;
	do
		field = strsep(&rest, " ");
	while (field != NULL && strcmp(field, "-") != 0);
	l->id = fields[0];
	l->device = fields[2];
	l->folder = fields[4];
	unescape(l->folder);
	l->type = strsep(&rest, " ");
	(void)strsep(&rest, " ");
	l->super = rest;
	return l->type != NULL;
}

/* Read lines until take() returns false. -errno: the file could not be read. */
static int
read_lines(bool (*take)(void *arg, const struct line *line), void *arg)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *text = NULL;
	size_t size = 0;
	struct line line;
	int err;

	if (f == NULL)
		return -errno;
	while (getline(&text, &size, f) > 0)
		if (parse(text, &line) && !take(arg, &line))
			break;
	err = feof(f) == 0 && text == NULL ? -ENOMEM : ferror(f) ? -EIO : 0;
	free(text);
	fclose(f);
	return err;
}

static void
copy(const struct line *l, struct kv_mountinfo *info)
{
	const char *user = l->super != NULL ? strstr(l->super, USER) : NULL;

	snprintf(info->folder, sizeof(info->folder), "%s", l->folder);
	snprintf(info->type, sizeof(info->type), "%s", l->type);
	info->user = user != NULL ? strtol(user + strlen(USER), NULL, 10) : -1;
}

/* ---- the questions ---- */

struct search {
	const char *folder, *id;
	char *device;
	struct kv_mountinfo *info;
	int skip;
	bool is_found;
};

/* The last mount on a folder is the topmost, so all lines are read. */
static bool
take_top(void *arg, const struct line *l)
{
	struct search *s = arg;

	if (strcmp(l->folder, s->folder) != 0)
		return true;
	s->is_found = true;
	if (s->device != NULL)
		snprintf(s->device, KV_DEVICE_LEN, "%s", l->device);
	if (s->info != NULL)
		copy(l, s->info);
	return true;
}

static bool
take_id(void *arg, const struct line *l)
{
	struct search *s = arg;

	if (strcmp(l->id, s->id) != 0)
		return true;
	s->is_found = true;
	copy(l, s->info);
	return false;
}

static bool
take_nth(void *arg, const struct line *l)
{
	struct search *s = arg;

	if (s->skip-- > 0)
		return true;
	s->is_found = true;
	copy(l, s->info);
	return false;
}

void
kv_mountinfo_top(const char *folder, char device[KV_DEVICE_LEN])
{
	struct search s = { .folder = folder, .device = device };

	device[0] = '\0';
	(void)read_lines(take_top, &s);
}

int
kv_mountinfo_at(const char *folder, struct kv_mountinfo *info)
{
	struct search s = { .folder = folder, .info = info };

	const int err = read_lines(take_top, &s);

	return err != 0 ? err : s.is_found ? 0 : -ENOENT;
}

bool
kv_mountinfo_next(int *position, struct kv_mountinfo *info)
{
	struct search s = { .info = info, .skip = (*position)++ };

	return read_lines(take_nth, &s) == 0 && s.is_found;
}

int
kv_mountinfo_of(int fd, struct kv_mountinfo *info)
{
	char path[64], text[64], id[16] = "";
	struct search s = { .id = id, .info = info };
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (f == NULL)
		return -errno;
	while (fgets(text, sizeof(text), f) != NULL)
		if (strncmp(text, "mnt_id:", 7) == 0)
			snprintf(id, sizeof(id), "%ld", strtol(text + 7, NULL, 10));
	fclose(f);
	err = read_lines(take_id, &s);
	return err != 0 ? err : s.is_found ? 0 : -ENOENT;
}
