#ifndef KV_CLIENT_HTTP_TRANSFER_H
#define KV_CLIENT_HTTP_TRANSFER_H
/*
 * One transfer: its data and libcurl's callbacks. Part of client/http/http, which owns it.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "client/base/buf.h"
#include "client/http/connection.h"
#include "client/http/echo.h"
#include "client/http/headers.h"
#include "client/http/http.h"
#include "client/http/room.h"

/* What all transfers share. */
struct kv_transfers {
	struct kv_connections connections; /* in use or idle */
	struct kv_room room;		   /* for answers with a large Content-Length */
	size_t n_bytes;			   /* of incoming answers */
	struct kv_date last_date;
	const struct kv_ca *ca;
	struct kv_proxy proxy; /* the option */
};

struct kv_transfer {
	struct kv_http *http;
	struct kv_transfers *shared;   /* part of http */
	TAILQ_ENTRY(kv_transfer) link; /* in queue or running */
	bool is_running;
	bool is_ended_well; /* libcurl ended it without an error */
	CURL *easy;
	struct curl_slist *headers;
	struct kv_buf body; /* the request's; bytes from body_at are still to be sent */
	size_t body_at;
	struct kv_buf answer;
	struct kv_room_claim claim;
	struct kv_headers answered;
	struct kv_echo *echo; /* NULL: ids are not compared */
	char id[37];
	struct kv_connection *connection; /* once it is sent */
	bool is_once, is_local, is_repeated;
	bool is_refused; /* its connection was unusable: retried on a new one */
	bool is_sent;	 /* sending has started */
	bool is_foreign; /* the answer belongs to another request */
	int err;	 /* while receiving the answer */
	bool is_judged;
	int64_t mono_start, mono_sent;
	char reason[CURL_ERROR_SIZE];
	kv_http_done *done;
	void *arg;
};

/* Callbacks for struct kv_easy_setup; arg is the transfer. */
int kv_transfer_about_to_send(void *arg, char *ip, char *local_ip, int port, int local_port);
size_t kv_transfer_give_body(char *room, size_t size, size_t n, void *arg);
size_t kv_transfer_take_header(char *line, size_t size, size_t n, void *arg);
size_t kv_transfer_take_answer(char *data, size_t size, size_t n, void *arg);

/* The -errno and sentence for a transfer that ended with code; 0 if it has an answer. */
int kv_transfer_error(
    const struct kv_transfer *t, CURLcode code, struct kv_buf *reason, bool *is_of_proxy) KV_MUST_CHECK;
#endif
