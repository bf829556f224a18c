#include "fs/command/holders.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/mount/mountinfo.h"

#define MOST 8 /* programs that are named */

static bool
is_inside(const char *path, const char *folder)
{
	const size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool
leads_inside(const char *link, const char *folder)
{
	char path[PATH_MAX];
	const ssize_t n = readlink(link, path, sizeof(path) - 1);

	if (n <= 0)
		return false;
	path[n] = '\0';
	return is_inside(path, folder);
}

static bool
has_file(const char *pid, const char *folder)
{
	char path[PATH_MAX], link[PATH_MAX];
	const struct dirent *entry;
	bool found = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	fds = opendir(path);
	while (fds != NULL && !found && (entry = readdir(fds)) != NULL) {
		snprintf(link, sizeof(link), "/proc/%.20s/fd/%.20s", pid, entry->d_name);
		found = leads_inside(link, folder);
	}
	if (fds != NULL)
		closedir(fds);
	return found;
}

/* How the process uses the mount; NULL: not at all. */
static const char *
how(const char *pid, const char *folder)
{
	static const struct {
		const char *link, *how;
	} links[] = { { "cwd", ", works in it" }, { "root", ", has its root in it" },
		{ "exe", ", runs from it" } };
	char path[64];

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, links[i].link);
		if (leads_inside(path, folder))
			return links[i].how;
	}
	return has_file(pid, folder) ? "" : NULL;
}

static void
read_name(const char *pid, char *name, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (f == NULL || fgets(name, (int)size, f) == NULL)
		snprintf(name, size, "process");
	name[strcspn(name, "\n")] = '\0';
	if (f != NULL)
		fclose(f);
}

static void
say_mounts(const char *folder, struct kv_buf *text)
{
	struct kv_mountinfo info;
	int position = 0;

	while (kv_mountinfo_next(&position, &info))
		if (is_inside(info.folder, folder) && strcmp(info.folder, folder) != 0)
			kv_buf_say(text, "%sa mount on %s", text->len > 0 ? ", " : "", info.folder);
}

void
kv_holders_say(const char *path, struct kv_buf *text)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	int n = 0;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		const char *use = isdigit((unsigned char)entry->d_name[0]) ? how(entry->d_name, path) : NULL;
		char name[32];

		if (use == NULL || ++n > MOST)
			continue;
		read_name(entry->d_name, name, sizeof(name));
		kv_buf_say(text, "%s%s (%s%s)", text->len > 0 ? ", " : "", name, entry->d_name, use);
	}
	if (n > MOST)
		kv_buf_say(text, " and %d more", n - MOST);
	if (proc != NULL)
		closedir(proc);
	say_mounts(path, text);
}
