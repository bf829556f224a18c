/* Reads secret files. */
#include "client/auth/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"

/* ---- who may read it ---- */

/* Whether the open file is below systemd's folder of the service's credentials, whatever path led to it. */
static bool
is_credential_of_service(int fd)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char link[64], path[PATH_MAX], *real;
	ssize_t n;
	size_t len;
	bool is_below;

	real = folder != NULL && *folder == '/' ? realpath(folder, NULL) : NULL;
	if (real == NULL)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	len = strlen(real);
	is_below = strncmp(path, real, len) == 0 && path[len] == '/';
	free(real);
	return is_below;
}

/* What is wrong with the file's owner or mode, and what to do; NULL: nothing. */
static const char *
find_fault(int fd, const struct stat *st)
{
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "belongs to another user: it must belong to the mounting user, with mode 0600, or to root";
	if ((st->st_mode & 022) != 0)
		return "can be written by others: give it mode 0600";
	if ((st->st_mode & 004) != 0)
		return "can be read by others: give it mode 0600";
	if ((st->st_mode & 040) != 0 && st->st_uid != 0 && !is_credential_of_service(fd))
		return "can be read by its group: give it mode 0600 (0640 only for a file of root)";
	return NULL;
}

const char *
kv_secret_file_fault(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return "is not a regular file";
	return find_fault(fd, &st);
}

bool
kv_secret_file_is_exposed(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & 004) != 0;
}

/* ---- reading ---- */

static int
read_all(int fd, struct kv_buf *content)
{
	ssize_t n = 1;
	int err = kv_buf_reserve(content, KV_SECRET_FILE_MAX);

	while (err == 0 && n > 0 && content->len < KV_SECRET_FILE_MAX) {
		n = read(fd, content->data + content->len, KV_SECRET_FILE_MAX - content->len);
		if (n > 0)
			content->len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			err = -errno;
	}
	if (err == 0)
		content->data[content->len] = '\0';
	return err;
}

/* A bare name has become a path below /, where a service starts, if the service has no credential of that name. */
static bool
is_missing_credential(const char *path, int err)
{
	return err == -ENOENT && strrchr(path, '/') == path && getenv("INVOCATION_ID") != NULL;
}

/* fd is the open file, or -errno. */
static int
read_checked(int fd, const struct kv_secret_file *file, struct kv_buf *content, struct kv_buf *why)
{
	const char *fault = NULL;
	struct stat st;
	int err = fd < 0 ? fd : fstat(fd, &st) != 0 ? -errno : 0;

	if (err == 0 && !S_ISREG(st.st_mode))
		fault = "is not a regular file";
	else if (err == 0 && st.st_size > (off_t)KV_SECRET_FILE_MAX)
		fault = "is larger than 256 KiB";
	else if (err == 0 && !file->is_of_sdk)
		fault = find_fault(fd, &st);
	if (err == 0 && fault == NULL)
		err = read_all(fd, content);
	if (err == 0 && fault == NULL && content->len == 0)
		fault = "is empty";
	if (err == -ENOMEM)
		return err;
	if (is_missing_credential(file->path, err))
		kv_buf_say(why,
		    "%s=%s is missing, and the service has no such credential: for kvfs@NAME it is "
		    "/etc/credstore/kvfs.NAME.%s",
		    file->name, file->path + 1, file->path + 1);
	else if (err != 0)
		kv_buf_say(why, "%s=%s: %s", file->name, file->path, strerror(-err));
	else if (fault != NULL)
		kv_buf_say(why, "%s=%s %s", file->name, file->path, fault);
	return err != 0 || fault != NULL ? -EACCES : 0;
}

int
kv_secret_file_read(const struct kv_secret_file *file, struct kv_buf *content, struct kv_buf *why)
{
	/* O_NONBLOCK: a FIFO must not stop the loop */
	const int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const int err = read_checked(fd >= 0 ? fd : -errno, file, content, why);

	if (fd >= 0)
		close(fd);
	return err;
}

int
kv_secret_file_read_line(const struct kv_secret_file *file, struct kv_buf *text, struct kv_buf *why)
{
	const int err = kv_secret_file_read(file, text, why);

	if (err != 0)
		return err;
	text->len = strcspn(kv_buf_str(text), "\r\n");
	while (text->len > 0 && strchr(" \t", text->data[text->len - 1]) != NULL)
		text->len--;
	text->data[text->len] = '\0';
	if (text->len > 0)
		return 0;
	kv_buf_say(why, "%s=%s is empty", file->name, file->path);
	return -EACCES;
}
