/*
 * Files written to a drop box. Their bytes stay in memory until the writer closes the file.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/clock.h"
#include "fs/dropbox/upload.h"

#define MOST_STAGED ((size_t)96 << 20) /* bytes of all files that are being written */

struct kv_upload *
kv_upload_new(struct kv_loop *loop, size_t *staged, size_t most)
{
	struct kv_upload *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->staged = staged;
	u->content = 1;
	u->wall_mtime_ns = kv_clock_wall_s() * 1000000000;
	kv_buf_init(&u->data, most);
	kv_timer_init(&u->expiry, loop, NULL, NULL);
	return u;
}

void
kv_upload_on_expiry(struct kv_upload *u, kv_timer_fire *expired, void *arg)
{
	kv_timer_init(&u->expiry, u->expiry.loop, expired, arg);
}

static void
drop_data(struct kv_upload *u)
{
	*u->staged -= u->data.len;
	kv_buf_release(&u->data);
}

void
kv_upload_free(struct kv_upload *u)
{
	if (u == NULL)
		return;
	kv_timer_stop(&u->expiry);
	drop_data(u);
	free(u);
}

void
kv_upload_become_receipt(struct kv_upload *u, const struct kv_receipt *receipt)
{
	u->state = KV_UPLOAD_DONE;
	u->receipt = *receipt;
	u->size = receipt->size;
	u->wall_mtime_ns = receipt->wall_mtime_ns;
	u->mode = receipt->mode & 07777;
}

/* ---- state ---- */

size_t
kv_upload_size(const struct kv_upload *u)
{
	return u->state == KV_UPLOAD_OPEN ? u->data.len : u->size;
}

bool
kv_upload_is_visible(const struct kv_upload *u)
{
	return u->state != KV_UPLOAD_FAILED && u->state != KV_UPLOAD_BROKEN;
}

bool
kv_upload_is_unsent(const struct kv_upload *u)
{
	return u->state == KV_UPLOAD_SENDING ||
	    (u->state == KV_UPLOAD_OPEN && (u->data.len > 0 || u->n_handles > 0));
}

bool
kv_upload_is_replaced(const struct kv_upload *u, const struct kv_writer *w)
{
	return w->content != 0 && w->content != u->content;
}

/* ---- writing ---- */

/* Start a new content. rewritten: the size of the previous one, 0 if the writer truncated it. */
static void
begin_content(struct kv_upload *u, size_t rewritten)
{
	drop_data(u);
	u->state = KV_UPLOAD_OPEN;
	u->err = 0;
	u->size = 0;
	u->content++;
	u->rewritten = rewritten;
	u->starter = 0;
	u->was_judged = false;
}

void
kv_upload_break(struct kv_upload *u, int err)
{
	drop_data(u);
	u->state = KV_UPLOAD_BROKEN;
	u->err = err;
	u->size = u->rewritten = 0;
}

void
kv_upload_abandon(struct kv_upload *u)
{
	if (u->state == KV_UPLOAD_OPEN)
		kv_upload_break(u, -ESTALE);
}

/* Returns 0 if w may write at offset. May start a new content. */
static int
prepare(struct kv_upload *u, struct kv_writer *w, size_t offset)
{
	if (w->err != 0)
		return w->err;
	if (u->state == KV_UPLOAD_BROKEN)
		return u->err;
	if (kv_upload_is_replaced(u, w))
		return -ESTALE;
	if (u->state == KV_UPLOAD_SENDING)
		return -EBUSY;
	if (u->state == KV_UPLOAD_DONE || u->state == KV_UPLOAD_FAILED) {
		if (offset != 0)
			return -EINVAL;
		begin_content(u, u->size);
	} else if (offset == 0 && u->starter != 0 && u->starter != w->id) {
		begin_content(u, w->content == 0 ? u->data.len : 0); /* two tools are writing the same file */
	}
	w->content = u->content;
	u->was_judged = false;
	return 0;
}

static int
check_room(const struct kv_upload *u, size_t size)
{
	if (size > u->data.max)
		return -EFBIG;
	if (size > u->data.len && *u->staged + (size - u->data.len) > MOST_STAGED)
		return -ENOSPC;
	return 0;
}

static int
write_at(struct kv_upload *u, const struct kv_writer *w, const void *data, size_t len, size_t offset)
{
	const size_t before = u->data.len;
	int err = offset > u->data.max ? -EFBIG : check_room(u, offset + len);

	if (err == 0)
		err = kv_buf_write_at(&u->data, data, len, offset);
	*u->staged += u->data.len - before;
	if (err != 0) {
		kv_upload_break(u, err);
		return err;
	}
	if (offset == 0)
		u->starter = w->id;
	u->wall_mtime_ns = kv_clock_wall_s() * 1000000000;
	return 0;
}

int
kv_upload_write(struct kv_upload *u, struct kv_writer *w, const void *data, size_t len, size_t offset)
{
	int err = prepare(u, w, offset);

	if (err == 0)
		err = write_at(u, w, data, len, offset);
	w->err = err;
	return err;
}

static int
resize(struct kv_upload *u, size_t size)
{
	const size_t before = u->data.len;
	int err = check_room(u, size);

	if (err == 0)
		err = kv_buf_resize(&u->data, size);
	*u->staged = *u->staged - before + u->data.len;
	if (err != 0)
		kv_upload_break(u, err);
	else
		u->rewritten = 0; /* the writer has set the final size */
	return err;
}

int
kv_upload_truncate(struct kv_upload *u, struct kv_writer *w, size_t size)
{
	struct kv_writer nobody = { 0 };
	const bool is_whole = u->state != KV_UPLOAD_FAILED && u->state != KV_UPLOAD_BROKEN;
	int err;

	if (is_whole && size == kv_upload_size(u))
		return 0;
	if (w == NULL)
		w = &nobody;
	if (size == 0 && u->state != KV_UPLOAD_SENDING) {
		begin_content(u, 0);
		w->content = u->content;
		w->err = 0;
		return 0;
	}
	err = prepare(u, w, size);
	if (err == 0)
		err = resize(u, size);
	w->err = err;
	return err;
}

/* ---- sending ---- */

int
kv_upload_send(struct kv_upload *u, struct kv_buf *decoded, struct kv_blob **blob)
{
	const size_t size = u->data.len;
	int err = kv_blob_new(decoded->len > 0 ? decoded : &u->data, blob);

	if (err != 0)
		return err;
	*u->staged -= size - u->data.len;
	drop_data(u);
	u->size = size;
	u->rewritten = 0;
	u->state = KV_UPLOAD_SENDING;
	return 0;
}

void
kv_upload_end(struct kv_upload *u, int err)
{
	if (u->state == KV_UPLOAD_OPEN)
		u->size = u->data.len;
	drop_data(u);
	u->rewritten = 0;
	u->state = err == 0 ? KV_UPLOAD_DONE : KV_UPLOAD_FAILED;
	u->err = err;
}

void
kv_upload_check(const struct kv_upload *u)
{
	assert(u->content > 0);
	assert(u->data.len <= *u->staged && u->data.len <= u->data.max);
	assert(u->state == KV_UPLOAD_OPEN || (u->data.len == 0 && u->rewritten == 0));
	assert((u->state == KV_UPLOAD_FAILED || u->state == KV_UPLOAD_BROKEN) == (u->err < 0));
	assert((u->state == KV_UPLOAD_SENDING) == (u->submit != NULL));
	assert(u->n_handles == 0 || !kv_timer_is_set(&u->expiry));
}

/* ---- names ---- */

bool
kv_upload_is_staging(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (name[0] != '.' || dot == NULL || dot < name + 2 || strlen(dot + 1) != 6)
		return false;
	for (const char *p = dot + 1; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p))
			return false;
	return true;
}
