#include "fs/command/misnamed.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/vault/backup.h"
#include "client/vault/blob.h"
#include "client/vault/content.h"
#include "fs/command/mounted.h"

#define MOST	  (KV_BLOB_MAX / 2 * 3) /* as restore/ takes it */
#define BEGINNING 512
#define MOST_WHY  512

/* Most files need not be read further. */
static bool
may_be_blob(const char *path)
{
	unsigned char beginning[BEGINNING];
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const ssize_t n = fd >= 0 ? read(fd, beginning, sizeof(beginning)) : 0;

	if (fd >= 0)
		close(fd);
	return n > 0 && kv_blob_may_begin(beginning, (size_t)n);
}

/* The type does not matter: a file of the wrong one is left out, too. */
static int
judge(const struct kv_buf *data, bool *is_blob)
{
	struct kv_content content;
	struct kv_buf why;
	const struct kv_buf *blob;
	bool is_complete;
	int err;

	kv_buf_init(&why, MOST_WHY);
	err = kv_content_judge(data, NULL, &content, &why);
	blob = kv_content_blob(&content, data);
	*is_blob = err != -ENOMEM && blob->len >= KV_BACKUP_MIN &&
	    kv_blob_look(blob->data, blob->len, &is_complete) != KV_BLOB_UNKNOWN && is_complete;
	kv_content_release(&content);
	kv_buf_release(&why);
	return err == -ENOMEM ? err : 0;
}

int
kv_misnamed_look(const char *path, int64_t size, bool *is_blob)
{
	struct kv_buf data;
	int err = 0;

	*is_blob = false;
	if (size < KV_BACKUP_MIN || size > (int64_t)MOST || !may_be_blob(path))
		return 0;
	kv_buf_init(&data, MOST);
	err = kv_buf_reserve(&data, (size_t)size);
	if (err == 0)
		err = kv_mounted_read_file(path, &data);
	if (err == 0)
		err = judge(&data, is_blob);
	kv_buf_release(&data);
	return err == -ENOMEM ? err : 0;
}
