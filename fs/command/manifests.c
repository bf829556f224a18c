#include "fs/command/manifests.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/command/archive.h"
#include "fs/command/mounted.h"

#define MOST_MANIFEST ((size_t)256 << 20)
#define MOST_WHY      512

static int
parse(const char *path, const struct kv_buf *text, struct kv_inventory *inventory)
{
	struct kv_buf why;
	int err;

	kv_buf_init(&why, MOST_WHY);
	err = kv_inventory_parse(kv_buf_str(text), text->len, inventory, &why);
	if (err != 0)
		fprintf(stderr, "kvfs: %s %s\n", path, why.len > 0 ? kv_buf_str(&why) : strerror(-err));
	kv_buf_release(&why);
	return err;
}

/* *is_there is false if there is no such file. */
static int
read_file(const char *path, struct kv_inventory *inventory, bool *is_there)
{
	struct kv_buf text;
	int err;

	kv_buf_init(&text, MOST_MANIFEST);
	err = kv_mounted_read_file(path, &text);
	*is_there = err != -ENOENT && err != -ENOTDIR;
	if (err == 0)
		err = parse(path, &text, inventory);
	else if (*is_there)
		fprintf(stderr, "kvfs: %s: %s\n", path, strerror(-err));
	kv_buf_release(&text);
	return err;
}

int
kv_manifests_kept(const char *root, const char *given, struct kv_inventory *inventory)
{
	static const char *const ends[] = { "/manifest", ".manifest" };
	char path[PATH_MAX + 16];
	bool is_there = false;
	int err = 0;

	*inventory = (struct kv_inventory){ .entries = NULL };
	if (given != NULL) {
		err = read_file(given, inventory, &is_there);
		if (!is_there)
			fprintf(stderr, "kvfs: %s: %s\n", given, strerror(-err));
		return err;
	}
	for (size_t i = 0; !is_there && i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", root, ends[i]);
		err = read_file(path, inventory, &is_there);
	}
	return is_there ? err : 0;
}

/* A mount of several vaults has no vault.json in its root. */
static bool
has_several(const char *path)
{
	char file[PATH_MAX + 32];

	snprintf(file, sizeof(file), "%s/.kvfs/vault.json", path);
	return access(file, F_OK) != 0 && errno == ENOENT;
}

int
kv_manifests_now(const char *given, const char *path, struct kv_inventory *inventory)
{
	struct kv_buf text;
	int err;

	*inventory = (struct kv_inventory){ .entries = NULL };
	kv_buf_init(&text, MOST_MANIFEST);
	err = kv_mounted_read(path, "manifest-now", &text);
	if (err == 0)
		err = parse("the mount's .kvfs/manifest-now", &text, inventory);
	else if (err == -EACCES && (kv_buf_clear(&text), kv_mounted_read(path, "status", &text) == 0))
		fprintf(stderr,
		    "kvfs: what the vault of %s has cannot be listed: it is mounted with -o nolist, or listing is not permitted\n",
		    given);
	else if (err != -ENOENT && err != -ENOTCONN && err != -EACCES && has_several(path))
		fprintf(stderr,
		    "kvfs: %s has several vaults: name the folder of one, as in %s/VAULT, and its archive, as in ARCHIVE/VAULT\n",
		    given, given);
	else
		kv_mounted_say_why(given, path, err);
	kv_buf_release(&text);
	return err;
}

void
kv_manifests_find_other(const char *path, const struct kv_archive *archive, char *other, size_t size)
{
	char folder[PATH_MAX];
	const char *name;

	kv_archive_folder(archive, folder);
	name = strrchr(folder, '/');
	snprintf(other, size, "%s", name != NULL && kv_mounted_has_other(path, name + 1) ? name + 1 : "");
}
