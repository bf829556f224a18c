/*
 * libcurl's sockets and time-outs under the event loop.
 * - curl_multi_poll() visits every transfer in each turn. With socket and timer callbacks the cost of
 *   a turn does not depend on the number of waiting transfers.
 * - A socket callback that returns -1 fails every transfer in flight, even restores that the vault has
 *   already done. So it never returns -1: a socket that cannot be watched (no memory, the kernel's
 *   limit) is polled by a timer until it can.
 */
#include "client/http/curl_loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "client/base/log.h"

#define MODULE	 "http"
#define AGAIN_MS 10

struct kv_socket_watch {
	struct kv_watch watch;
	struct kv_curl_loop *cl;
};

static void
act(struct kv_curl_loop *cl, curl_socket_t fd, uint32_t ready)
{
	int flags = 0, still;

	if (ready & EPOLLIN)
		flags |= CURL_CSELECT_IN;
	if (ready & EPOLLOUT)
		flags |= CURL_CSELECT_OUT;
	if (ready & (EPOLLERR | EPOLLHUP))
		flags |= CURL_CSELECT_ERR;
	curl_multi_socket_action(cl->multi, fd, flags, &still);
}

static void
socket_ready(void *arg, uint32_t ready)
{
	struct kv_socket_watch *w = arg;
	struct kv_curl_loop *cl = w->cl;

	act(cl, w->watch.fd, ready);
	cl->moved(cl->arg);
}

/* w NULL: a new watch. If it fails, the previous events stay watched. */
static int
watch_socket(struct kv_curl_loop *cl, curl_socket_t fd, uint32_t events, struct kv_socket_watch *w)
{
	int err;

	if (w != NULL)
		return kv_loop_rewatch(&w->watch, events);
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	w->cl = cl;
	err = kv_loop_watch(cl->loop, &w->watch, fd, events, socket_ready, w);
	if (err == 0)
		curl_multi_assign(cl->multi, fd, w);
	else
		free(w);
	return err;
}

/* ---- sockets that could not be watched ---- */

static struct kv_unwatched *
find_unwatched(struct kv_curl_loop *cl, curl_socket_t fd)
{
	for (int i = 0; i < cl->n_unwatched; i++)
		if (cl->unwatched[i].fd == fd)
			return &cl->unwatched[i];
	return NULL;
}

static void
remove_unwatched(struct kv_curl_loop *cl, curl_socket_t fd)
{
	struct kv_unwatched *u = find_unwatched(cl, fd);

	if (u != NULL)
		*u = cl->unwatched[--cl->n_unwatched];
}

static void
put_unwatched(struct kv_curl_loop *cl, curl_socket_t fd, uint32_t events, int err)
{
	struct kv_unwatched *u = find_unwatched(cl, fd);

	if (u == NULL && cl->n_unwatched < KV_CURL_LOOP_UNWATCHED) {
		u = &cl->unwatched[cl->n_unwatched++];
		kv_log_event(KV_LOG_WARNING, MODULE, "event=socket_not_watched errno=%s why=%s",
		    kv_err_name(err), "the socket is polled until epoll can watch it");
	}
	if (u != NULL)
		*u = (struct kv_unwatched){ .fd = fd, .events = events };
	else /* ends one connection instead of all */
		(void)shutdown(fd, SHUT_RDWR);
	if (!kv_timer_is_set(&cl->again))
		kv_timer_set(&cl->again, AGAIN_MS);
}

static uint32_t
poll_now(curl_socket_t fd, uint32_t events)
{
	struct pollfd p = { .fd = fd };
	uint32_t ready = 0;

	p.events = (short)((events & EPOLLIN ? POLLIN : 0) | (events & EPOLLOUT ? POLLOUT : 0));
	if (poll(&p, 1, 0) <= 0)
		return 0;
	ready |= p.revents & POLLIN ? EPOLLIN : 0;
	ready |= p.revents & POLLOUT ? EPOLLOUT : 0;
	return ready | (p.revents & (POLLERR | POLLHUP | POLLNVAL) ? EPOLLERR : 0);
}

/* libcurl's pointer for a socket cannot be read back, so a new watch is made. */
static void
try_again(void *arg)
{
	struct kv_curl_loop *cl = arg;
	struct kv_unwatched sockets[KV_CURL_LOOP_UNWATCHED];
	const int n = cl->n_unwatched;

	memcpy(sockets, cl->unwatched, (size_t)n * sizeof(sockets[0]));
	for (int i = 0; i < n; i++) {
		uint32_t ready;

		if (find_unwatched(cl, sockets[i].fd) == NULL)
			continue; /* it was closed while another one was served */
		if (watch_socket(cl, sockets[i].fd, sockets[i].events, NULL) == 0) {
			remove_unwatched(cl, sockets[i].fd);
			continue;
		}
		ready = poll_now(sockets[i].fd, sockets[i].events);
		if (ready != 0)
			act(cl, sockets[i].fd, ready);
	}
	if (cl->n_unwatched > 0)
		kv_timer_set(&cl->again, AGAIN_MS);
	cl->moved(cl->arg);
}

/* ---- what libcurl calls ---- */

static void
unwatch(struct kv_curl_loop *cl, curl_socket_t fd, struct kv_socket_watch *w)
{
	if (w != NULL)
		kv_loop_unwatch(&w->watch);
	free(w);
	curl_multi_assign(cl->multi, fd, NULL);
}

static int
socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *per_socket)
{
	struct kv_curl_loop *cl = arg;
	struct kv_socket_watch *w = per_socket;
	uint32_t events = 0;
	int err;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		remove_unwatched(cl, fd);
		if (w != NULL)
			unwatch(cl, fd, w);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	err = watch_socket(cl, fd, events, w);
	if (err == 0) {
		remove_unwatched(cl, fd);
		return 0;
	}
	if (w != NULL)
		unwatch(cl, fd, w);
	put_unwatched(cl, fd, events, err);
	return 0;
}

static void
timer_fired(void *arg)
{
	struct kv_curl_loop *cl = arg;
	int still;

	curl_multi_socket_action(cl->multi, CURL_SOCKET_TIMEOUT, 0, &still);
	cl->moved(cl->arg);
}

static int
timer_wanted(CURLM *multi, long ms, void *arg)
{
	struct kv_curl_loop *cl = arg;

	(void)multi;
	if (ms < 0)
		kv_timer_stop(&cl->timer);
	else
		kv_timer_set(&cl->timer, ms);
	return 0;
}

/* ---- the whole ---- */

void
kv_curl_loop_init(
    struct kv_curl_loop *cl, struct kv_loop *loop, CURLM *multi, kv_curl_loop_moved *moved, void *arg)
{
	*cl = (struct kv_curl_loop){ .loop = loop, .multi = multi, .moved = moved, .arg = arg };
	kv_timer_init(&cl->timer, loop, timer_fired, cl);
	kv_timer_init(&cl->again, loop, try_again, cl);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, cl);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, cl);
}

void
kv_curl_loop_release(struct kv_curl_loop *cl)
{
	kv_timer_stop(&cl->timer);
	kv_timer_stop(&cl->again);
}
