/*
 * What is written into restore/, kept in memory until its writer closes it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/clock.h"
#include "fs/restore/upload.h"

struct kv_drop *
kv_drop_new(struct kv_loop *loop, size_t *staged, kv_timer_fire *expired, void *arg)
{
	struct kv_drop *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->staged = staged;
	d->wall_mtime_ns = kv_clock_wall_s() * 1000000000;
	/* one byte more than a blob may have tells "too large" from "just fits"; the text form is longer */
	kv_buf_init(&d->data, KV_BLOB_MAX / 3 * 4 + 4);
	kv_timer_init(&d->expiry, loop, expired, arg);
	return d;
}

static void
drop_data(struct kv_drop *d)
{
	*d->staged -= d->data.len;
	kv_buf_release(&d->data);
}

void
kv_drop_free(struct kv_drop *d)
{
	if (d == NULL)
		return;
	kv_timer_stop(&d->expiry);
	drop_data(d);
	free(d);
}

size_t
kv_drop_size(const struct kv_drop *d)
{
	return d->state == KV_DROP_WRITING ? d->data.len : d->size;
}

/* A file that was sent is being written again. */
static int
make_new(struct kv_drop *d, size_t offset)
{
	if (d->state == KV_DROP_SENDING)
		return -EBUSY;
	if (d->state == KV_DROP_WRITING)
		return 0;
	if (offset != 0)
		return d->err == -EFBIG ? -EFBIG : -EINVAL;
	d->state = KV_DROP_WRITING;
	d->err = 0;
	return 0;
}

void
kv_drop_become_receipt(struct kv_drop *d, const struct kv_receipt *receipt)
{
	d->state = KV_DROP_DONE;
	d->receipt = *receipt;
	d->size = receipt->size;
	d->wall_mtime_ns = receipt->wall_mtime_ns;
	d->mode = receipt->mode & 07777;
}

static int
check_room(const struct kv_drop *d, size_t size)
{
	if (size > d->data.max)
		return -EFBIG;
	if (size > d->data.len && *d->staged + (size - d->data.len) > d->data.max)
		return -ENOSPC;
	return 0;
}

int
kv_drop_write(struct kv_drop *d, const void *data, size_t len, size_t offset)
{
	size_t before;
	int err = make_new(d, offset);

	if (err == 0)
		err = offset > d->data.max ? -EFBIG : check_room(d, offset + len);
	if (err == -EFBIG && d->data.len > 0) {
		drop_data(d); /* it can be no blob any more: its room is for others at once */
		d->state = KV_DROP_FAILED;
		d->err = err;
		d->size = 0;
	}
	if (err != 0)
		return err;
	before = d->data.len;
	err = kv_buf_write_at(&d->data, data, len, offset);
	*d->staged += d->data.len - before;
	if (err == 0)
		d->wall_mtime_ns = kv_clock_wall_s() * 1000000000;
	return err;
}

int
kv_drop_truncate(struct kv_drop *d, size_t size)
{
	size_t before;
	int err;

	if (size == kv_drop_size(d))
		return 0;
	err = make_new(d, size);
	if (err == 0)
		err = check_room(d, size);
	if (err != 0)
		return err;
	before = d->data.len;
	err = kv_buf_resize(&d->data, size);
	*d->staged = *d->staged - before + d->data.len;
	return err;
}

bool
kv_drop_is_staging(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (name[0] != '.' || dot == NULL || dot < name + 2 || strlen(dot + 1) != 6)
		return false;
	for (const char *p = dot + 1; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p))
			return false;
	return true;
}
