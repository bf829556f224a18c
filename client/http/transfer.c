/*
 * A transfer's data, in libcurl's callbacks.
 * - libcurl repeats a request by itself when a reused connection closes without an answer. A callback
 *   before each sending stops the second one. The same callback rejects a connection that looks dead
 *   (client/http/connection).
 * - An answer is checked when its header is complete, before any of it is used. One with another
 *   request's id is dropped with its connection (client/http/echo).
 */
#include "client/http/transfer.h"

#include <errno.h>
#include <string.h>

#include "client/base/clock.h"
#include "client/http/curl_error.h"

#define MAX_TRUSTED 131072 /* an answer with a larger Content-Length waits for room */

/*
 * A second call means that libcurl repeats the request on a new connection: refused, as one transfer is one
 * attempt.
 */
int
kv_transfer_about_to_send(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct kv_transfer *t = arg;
	struct kv_connection *c;

	(void)local_ip;
	(void)port;
	if (t->is_sent)
		return CURL_PREREQFUNC_ABORT;
	c = kv_connections_find(&t->shared->connections, ip, local_port);
	if (c != NULL && !t->is_refused && !kv_connections_may_use(&t->shared->connections, c, t->is_once)) {
		t->is_refused = true;
		return CURL_PREREQFUNC_ABORT;
	}
	t->is_sent = true;
	t->mono_sent = kv_clock_mono_ms();
	t->connection = c;
	if (c != NULL)
		kv_connection_enter(c, t->is_once);
	return CURL_PREREQFUNC_OK;
}

/*
 * Called before the first byte of the body. Returns 1 if there is no room yet: pause. A large answer gets its
 * buffer in one piece, because a buffer that doubles is copied, and both copies exist for a moment.
 */
static int
make_room(struct kv_transfer *t)
{
	curl_off_t announced = 0;

	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (announced <= 0)
		return 0;
	if (announced > MAX_TRUSTED && (size_t)announced <= t->answer.max && t->claim.bytes == 0 &&
	    !kv_room_take(&t->shared->room, &t->claim, (size_t)announced))
		return 1;
	return kv_buf_reserve(&t->answer, (size_t)announced);
}

size_t
kv_transfer_take_answer(char *data, size_t size, size_t n, void *arg)
{
	struct kv_transfer *t = arg;
	int err = t->answer.len == 0 ? make_room(t) : 0;

	if (err > 0)
		return CURL_WRITEFUNC_PAUSE;
	if (err == 0)
		err = kv_buf_append(&t->answer, data, size * n);
	if (err == 0)
		t->shared->n_bytes += size * n;
	else
		t->err = err;
	return err == 0 ? size * n : 0;
}

size_t
kv_transfer_give_body(char *room, size_t size, size_t n, void *arg)
{
	struct kv_transfer *t = arg;
	size_t len = t->body.len - t->body_at;

	if (len > size * n)
		len = size * n;
	memcpy(room, t->body.data + t->body_at, len);
	t->body_at += len;
	return len;
}

static enum kv_echo_before
before_of(const struct kv_connection *c)
{
	if (c == NULL || !kv_connection_has_seen_id(c))
		return KV_ECHO_NOTHING;
	return kv_connection_has_seen_right_id(c) ? KV_ECHO_RIGHT : KV_ECHO_UNKNOWN;
}

/* Whether the answer belongs to its request, as far as can be determined. */
static bool
is_own_answer(struct kv_transfer *t)
{
	const long status = t->answered.status;
	const struct kv_echo_answer answer = { .id = t->id,
		.returned = t->answered.returned_id,
		.status = status,
		.before = before_of(t->connection),
		.may_lack_id = t->is_once || (status / 100 != 2 && status != 404) ||
		    (t->is_repeated && t->answered.is_http2), /* others may have used its new connection */
		.is_repeated = t->is_repeated };

	return kv_echo_accept(t->echo, &answer);
}

/* The header is complete. Whether the answer may be used. */
static bool
judge(struct kv_transfer *t)
{
	struct kv_connection *c = t->connection;

	t->is_judged = true;
	if (c != NULL)
		kv_connection_answered(c, t->answered.is_http2);
	if (t->echo == NULL)
		return true;
	t->is_foreign = !is_own_answer(t);
	if (c != NULL && t->answered.returned_id[0] != '\0')
		kv_connection_saw_id(c, !t->is_foreign);
	if (c != NULL && t->is_foreign)
		kv_connection_drop(c);
	return !t->is_foreign;
}

size_t
kv_transfer_take_header(char *line, size_t size, size_t n, void *arg)
{
	struct kv_transfer *t = arg;
	bool is_last;

	if (t->is_judged) /* a trailer */
		return size * n;
	t->err = kv_headers_take(&t->answered, line, size * n, &is_last);
	return t->err == 0 && (!is_last || judge(t)) ? size * n : 0;
}

int
kv_transfer_error(const struct kv_transfer *t, CURLcode code, struct kv_buf *reason, bool *is_of_proxy)
{
	const struct kv_curl_end end = { .easy = t->easy,
		.code = code,
		.words = t->reason,
		.is_local = t->is_local,
		.proxy = &t->shared->proxy,
		.refusal = kv_ca_refusal(t->shared->ca),
		.is_sent = t->is_sent,
		.is_in_header = t->answered.is_begun && !t->is_judged };

	*is_of_proxy = false;
	if (t->is_foreign) {
		kv_buf_say(reason, "the answer belongs to another request");
		return -EBADMSG;
	}
	if (code == CURLE_WRITE_ERROR && t->err != 0) {
		kv_buf_say(reason, "%s",
		    t->err == -EFBIG	   ? "the answer is too large" :
			t->err == -EBADMSG ? "the answer's header is too large" :
					     strerror(-t->err));
		return t->err;
	}
	return kv_curl_error(&end, reason, is_of_proxy);
}
