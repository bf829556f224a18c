#ifndef KV_CLIENT_HTTP_CURL_LOOP_H
#define KV_CLIENT_HTTP_CURL_LOOP_H
/*
 * libcurl's sockets and timers in the event loop, through its multi_socket interface. Part of
 * client/http/http.
 */
#include <curl/curl.h>
#include "client/base/loop.h"

#define KV_CURL_LOOP_UNWATCHED 64

/*
 * A transfer may have ended: call curl_multi_info_read(). Called from the loop, never from inside a libcurl
 * call.
 */
typedef void kv_curl_loop_moved(void *arg);

struct kv_curl_loop {
	struct kv_loop *loop;
	CURLM *multi;
	kv_curl_loop_moved *moved;
	void *arg;
	struct kv_timer timer; /* libcurl's own */
	struct kv_timer again; /* runs while some sockets could not be watched */
	struct kv_unwatched {
		curl_socket_t fd;
		uint32_t events;
	} unwatched[KV_CURL_LOOP_UNWATCHED];
	int n_unwatched;
};

/* multi is borrowed, and must be cleaned up before kv_curl_loop_release(). */
void kv_curl_loop_init(
    struct kv_curl_loop *cl, struct kv_loop *loop, CURLM *multi, kv_curl_loop_moved *moved, void *arg);
void kv_curl_loop_release(struct kv_curl_loop *cl);
#endif
