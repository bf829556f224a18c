/*
 * The spill file: blocks of 4 KiB, and a bitmap of those in use. Blobs come and go in about the same order,
 * so the search for free blocks begins where the last one ended. Disk space is returned in units of 1 MiB:
 * punching a hole for each blob costs the file system's journal more than reading the blob.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/blob/spill.h"
#include "client/base/buf.h"

#define CHUNK_BYTES ((size_t)32) /* of the map; their blocks are returned together */
#define CHUNK	    ((uint32_t)(CHUNK_BYTES * CHAR_BIT))

struct kv_spill {
	char *folder;
	int fd; /* -1 until the first blob */
	unsigned char *map;
	uint32_t n, n_used, next;
};

static bool
is_used(const struct kv_spill *s, uint32_t block)
{
	return (s->map[block / CHAR_BIT] >> (block % CHAR_BIT)) & 1;
}

static void
set_used(struct kv_spill *s, const struct kv_slot *slot, bool used)
{
	for (uint32_t b = slot->first; b < slot->first + slot->n; b++) {
		const unsigned char bit = (unsigned char)(1 << b % CHAR_BIT);

		s->map[b / CHAR_BIT] =
		    (unsigned char)(used ? s->map[b / CHAR_BIT] | bit : s->map[b / CHAR_BIT] & ~bit);
	}
	s->n_used = used ? s->n_used + slot->n : s->n_used - slot->n;
}

static void
give_back_free_chunks(struct kv_spill *s, uint32_t first, uint32_t last)
{
	static const unsigned char none[CHUNK_BYTES];

	for (uint32_t c = first / CHUNK; c <= last / CHUNK; c++) {
		if (memcmp(s->map + c * CHUNK_BYTES, none, sizeof(none)) == 0)
			(void)fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    (off_t)c * CHUNK * (off_t)KV_SPILL_BLOCK, (off_t)CHUNK * (off_t)KV_SPILL_BLOCK);
	}
}

/* The first run of n free blocks in [from, to). */
static bool
find_run(const struct kv_spill *s, uint32_t from, uint32_t to, uint32_t n, uint32_t *first)
{
	uint32_t run = 0;

	for (uint32_t b = from; b < to; b++) {
		run = is_used(s, b) ? 0 : run + 1;
		if (run == n) {
			*first = b + 1 - n;
			return true;
		}
	}
	return false;
}

static int
open_file(struct kv_spill *s)
{
	char path[PATH_MAX];

	s->fd = open(s->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return s->fd >= 0 ? 0 : -errno;
	/* a file system without O_TMPFILE (NFS) */
	if (snprintf(path, sizeof(path), "%s/spill.XXXXXX", s->folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	s->fd = mkostemp(path, O_CLOEXEC);
	if (s->fd < 0 || unlink(path) != 0)
		return -errno;
	return 0;
}

static int
write_all(int fd, const unsigned char *data, size_t len, off_t at)
{
	while (len > 0) {
		const ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
			at += n;
		}
	}
	return 0;
}

int
kv_spill_put(struct kv_spill *s, const struct kv_blob *blob, struct kv_slot *slot)
{
	const struct kv_slot none = { 0, 0 };
	const size_t n = (blob->len + KV_SPILL_BLOCK - 1) / KV_SPILL_BLOCK;
	int err = 0;

	*slot = none;
	if (n == 0 || n > s->n - s->n_used)
		return -ENOSPC;
	if (!find_run(s, s->next, s->n, (uint32_t)n, &slot->first) &&
	    !find_run(s, 0, s->n, (uint32_t)n, &slot->first))
		return -ENOSPC;
	if (s->fd < 0)
		err = open_file(s);
	if (err == 0)
		err = write_all(s->fd, blob->data, blob->len, (off_t)slot->first * (off_t)KV_SPILL_BLOCK);
	if (err != 0)
		return err;
	slot->n = (uint32_t)n;
	set_used(s, slot, true);
	s->next = slot->first + slot->n;
	return 0;
}

int
kv_spill_get(struct kv_spill *s, const struct kv_slot *slot, size_t len,
    const unsigned char digest[KV_DIGEST_LEN], struct kv_blob **blob)
{
	struct kv_buf data;
	int err;

	*blob = NULL;
	kv_buf_init(&data, len + 1);
	err = kv_buf_reserve(&data, len);
	while (err == 0 && data.len < len) {
		const ssize_t n = pread(s->fd, data.data + data.len, len - data.len,
		    (off_t)slot->first * (off_t)KV_SPILL_BLOCK + (off_t)data.len);

		if (n > 0)
			data.len += (size_t)n;
		else if (n == 0 || errno != EINTR)
			err = n == 0 ? -EBADMSG : -errno;
	}
	if (err == 0)
		err = kv_blob_new(&data, blob);
	if (err == 0 && memcmp((*blob)->digest, digest, KV_DIGEST_LEN) != 0) {
		kv_blob_unref(*blob);
		*blob = NULL;
		err = -EBADMSG;
	}
	kv_buf_release(&data);
	return err;
}

void
kv_spill_drop(struct kv_spill *s, struct kv_slot *slot)
{
	if (slot->n == 0)
		return;
	set_used(s, slot, false);
	give_back_free_chunks(s, slot->first, slot->first + slot->n - 1);
	slot->n = 0;
}

size_t
kv_spill_left(const struct kv_spill *s)
{
	return (size_t)(s->n - s->n_used) * KV_SPILL_BLOCK;
}

size_t
kv_spill_used(const struct kv_spill *s)
{
	return (size_t)s->n_used * KV_SPILL_BLOCK;
}

void
kv_spill_check(const struct kv_spill *s)
{
	uint32_t n_used = 0;

	for (uint32_t i = 0; i < s->n / CHAR_BIT + 1; i++)
		n_used += (uint32_t)__builtin_popcount(s->map[i]);
	assert(n_used == s->n_used && n_used <= s->n);
	assert(n_used == 0 || s->fd >= 0);
}

struct kv_spill *
kv_spill_new(const char *folder, size_t room)
{
	struct kv_spill *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->fd = -1;
	s->n = (uint32_t)(room / KV_SPILL_BLOCK < UINT32_MAX / 2 ? room / KV_SPILL_BLOCK : UINT32_MAX / 2);
	s->folder = strdup(folder);
	s->map = calloc(s->n / CHUNK + 1, CHUNK_BYTES);
	if (s->folder == NULL || s->map == NULL) {
		kv_spill_free(s);
		return NULL;
	}
	return s;
}

void
kv_spill_free(struct kv_spill *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->folder);
	free(s->map);
	free(s);
}
