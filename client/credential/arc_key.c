/* Key files of Azure Arc. */
#include "client/credential/arc_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/auth/token_answer.h"
#include "client/base/buf.h"

#define SCHEME "Basic realm="
#define END    ".key"

/* The path in "Basic realm=PATH", which may be in quotes, as a part of challenge. */
static int
find_path(const char *challenge, const char **path, size_t *len)
{
	if (strncasecmp(challenge, SCHEME, strlen(SCHEME)) != 0)
		return -EACCES;
	*path = challenge + strlen(SCHEME);
	if (**path == '"')
		*len = strcspn(++*path, "\"");
	else
		*len = strcspn(*path, ", \t");
	return *len > 0 ? 0 : -EACCES;
}

/* Sets *name to its last part if the path is that of a key file in folder. */
static int
check_path(const char *path, size_t len, const char *folder, const char **name, size_t *name_len)
{
	const size_t n = strlen(folder), end = strlen(END);

	if (len <= n + 1 + end || memcmp(path, folder, n) != 0 || path[n] != '/')
		return -EACCES;
	*name = path + n + 1;
	*name_len = len - n - 1;
	return memchr(*name, '/', *name_len) == NULL && memcmp(path + len - end, END, end) == 0 ? 0 : -EACCES;
}

static int
read_key(int fd, struct kv_buf *key)
{
	struct stat st;
	ssize_t n;
	int err;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return -EINVAL;
	if (st.st_size > KV_ARC_KEY_MOST)
		return -EFBIG;
	err = kv_buf_reserve(key, KV_ARC_KEY_MOST);
	if (err != 0)
		return err;
	do
		n = read(fd, key->data, KV_ARC_KEY_MOST);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	key->len = (size_t)n;
	while (key->len > 0 && strchr("\r\n", key->data[key->len - 1]) != NULL)
		key->len--;
	key->data[key->len] = '\0';
	return strlen(kv_buf_str(key)) == key->len && kv_token_answer_is_token(kv_buf_str(key)) ? 0 : -EINVAL;
}

static int
open_key(const char *folder, const char *name, size_t len)
{
	char copy[256];
	int dir, fd;

	if (len >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, name, len);
	copy[len] = '\0';
	dir = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = openat(dir, copy, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(dir);
	return fd;
}

static void
say(int err, const char *path, size_t len, struct kv_buf *why)
{
	kv_buf_say(why, "the key file %.*s of the Azure Arc agent ", (int)len, path);
	if (err == -EACCES || err == -EPERM)
		kv_buf_say(why, "cannot be read: add this user to the group himds, or run kvfs as root");
	else if (err == -EFBIG)
		kv_buf_say(why, "is larger than %d bytes", KV_ARC_KEY_MOST);
	else if (err == -ELOOP || err == -EINVAL || err == -ENOTDIR)
		kv_buf_say(why, "is not a regular file with a key");
	else
		kv_buf_say(why, "cannot be read: %s", strerror(-err));
}

int
kv_arc_key_read(const char *challenge, const char *folder, struct kv_buf *key, struct kv_buf *why)
{
	const char *path, *name;
	size_t len, name_len;
	int fd, err;

	if (find_path(challenge, &path, &len) != 0) {
		kv_buf_say(why, "the Azure Arc agent names no key file in its challenge");
		return -EACCES;
	}
	if (check_path(path, len, folder, &name, &name_len) != 0) {
		kv_buf_say(why,
		    "the key file %.*s that the Azure Arc agent names is not a .key file in %s: not read",
		    len > 200 ? 200 : (int)len, path, folder);
		return -EACCES;
	}
	fd = open_key(folder, name, name_len);
	err = fd >= 0 ? read_key(fd, key) : fd;
	if (fd >= 0)
		close(fd);
	if (err == 0 || err == -ENOMEM)
		return err;
	say(err, path, len, why);
	return -EACCES;
}
