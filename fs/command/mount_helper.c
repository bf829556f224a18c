#include "fs/command/mount_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"

#define USER "setuid="
#define PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const char usage[] =
    "mount starts this program, as in: mount -t kvfs VAULT DIRECTORY -o OPTIONS (mount.kvfs VAULT DIRECTORY [-sfnv] "
    "[-N NAMESPACE] [-o OPTIONS] [-t TYPE])";

bool
kv_mount_helper_is(const char *program)
{
	const char *slash = program != NULL ? strrchr(program, '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : program;

	return name != NULL && (strcmp(name, "mount.kvfs") == 0 || strcmp(name, "mount.fuse.kvfs") == 0);
}

static int
refuse(struct kv_buf *why)
{
	kv_buf_say(why, "%s", usage);
	return -EINVAL;
}

static int
add(struct kv_mount_helper *h, const char *text, struct kv_buf *why)
{
	if (h->argc == KV_MOUNT_HELPER_MOST - 1) {
		kv_buf_say(why, "there are too many arguments: %s", usage);
		return -EINVAL;
	}
	h->argv[h->argc++] = text;
	return 0;
}

/* ---- namespace and user ---- */

/* name is a path such as /proc/4711/ns/mnt, or the number of a process. */
static int
enter(const char *name, struct kv_buf *why)
{
	char path[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", name);
	fd = open(strspn(name, "0123456789") == strlen(name) ? path : name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNS) != 0) {
		kv_buf_say(why, "-N %s: the mount namespace cannot be entered: %s", name, strerror(errno));
		err = -EINVAL;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int
become(const char *name, struct kv_buf *why)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL) {
		kv_buf_say(why, "setuid=%s: there is no such user", name);
		return -EINVAL;
	}
	if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
	    setuid(user->pw_uid) != 0 || setenv("HOME", user->pw_dir, 1) != 0) {
		kv_buf_say(why, "setuid=%s: %s: only root can mount for another user", name, strerror(errno));
		return -EINVAL;
	}
	return 0;
}

/* ---- arguments ---- */

/* Cut setuid=USER out of the list "a,b=c,…", in place. The last one counts. In a value, \, stands for a comma. */
static void
cut_user(char *list, struct kv_mount_helper *h)
{
	char *to = list, *from = list;

	while (*from != '\0') {
		size_t n = 0;

		while (from[n] != '\0' && from[n] != ',')
			n += from[n] == '\\' && from[n + 1] != '\0' ? 2 : 1;
		if (strncmp(from, USER, strlen(USER)) == 0) {
			char *name = from + strlen(USER);
			const bool is_last = from[n] == '\0';

			from[n] = '\0';
			snprintf(h->user, sizeof(h->user), "%s", name);
			from += n + !is_last;
			continue;
		}
		if (to != list)
			*to++ = ',';
		memmove(to, from, n);
		to += n;
		from += n;
		from += *from == ',';
	}
	*to = '\0';
}

static int
take(struct kv_mount_helper *h, int argc, char *argv[], struct kv_buf *why)
{
	const char *namespace = NULL;
	int c, err = 0;

	optind = 1;
	opterr = 0;
	while (err == 0 && (c = getopt(argc, argv, "sfnvN:o:t:hV")) != -1) {
		switch (c) {
		case 's':
			err = add(h, "-osloppy", why);
			break;
		case 'f':
			h->is_fake = true;
			break;
		case 'N':
			namespace
			= optarg;
			break;
		case 'o':
			cut_user(optarg, h);
			err = add(h, "-o", why);
			if (err == 0)
				err = add(h, optarg, why);
			break;
		case 'h':
		case 'V':
			h->is_question = true;
			err = add(h, c == 'h' ? "-h" : "-V", why);
			break;
		case '?':
			err = refuse(why);
			break;
		default: /* -n, -v and -t need nothing of kvfs */
			break;
		}
	}
	if (err == 0 && !h->is_question && argc - optind != 2)
		err = refuse(why);
	return err == 0 && namespace != NULL ? enter(namespace, why) : err;
}

int
kv_mount_helper_read(int argc, char *argv[], struct kv_mount_helper *h, struct kv_buf *why)
{
	int err;

	*h = (struct kv_mount_helper){ .argc = 0 };
	if (getenv("PATH") == NULL) /* as of `env -i mount -a`: az and fusermount3 must be found */
		(void)setenv("PATH", PATH, 1);
	err = add(h, "kvfs", why);
	if (err == 0)
		err = take(h, argc, argv, why);
	if (err == 0)
		err = add(h, "--", why);
	for (int i = optind; err == 0 && i < argc; i++)
		err = add(h, argv[i], why);
	return err == 0 && h->user[0] != '\0' ? become(h->user, why) : err;
}
