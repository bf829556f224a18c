/* Reads secret files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/auth/secret_file.h"

static int
read_private(int fd, struct kv_buf *text)
{
	struct stat st;
	ssize_t n;
	int err;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return -EPERM;
	err = kv_buf_reserve(text, KV_SECRET_FILE_MAX);
	if (err != 0)
		return err;
	do
		n = read(fd, text->data, KV_SECRET_FILE_MAX);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	text->data[n] = '\0';
	text->len = strcspn((const char *)text->data, "\r\n");
	while (text->len > 0 && strchr(" \t", text->data[text->len - 1]) != NULL)
		text->len--;
	text->data[text->len] = '\0';
	return 0;
}

int
kv_secret_file_read(const char *option, const char *path, struct kv_buf *text, struct kv_buf *why)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err = fd >= 0 ? read_private(fd, text) : -errno;

	if (fd >= 0)
		close(fd);
	if (err == -ENOMEM)
		return err;
	if (err == -EPERM)
		kv_buf_say(
		    why, "%s=%s must be a file of mode 0600 that belongs to the mounting user", option, path);
	else if (err != 0)
		kv_buf_say(why, "%s=%s: %s", option, path, strerror(-err));
	else if (text->len == 0)
		kv_buf_say(why, "%s=%s is empty", option, path);
	return err != 0 || text->len == 0 ? -EACCES : 0;
}
