#ifndef KV_CLIENT_HTTP_EASY_H
#define KV_CLIENT_HTTP_EASY_H
/*
 * libcurl's easy handles with kvfs's options, kept for the next transfer. Part of client/http/http.
 */
#include <curl/curl.h>
#include "client/base/err.h"

struct kv_ca;
struct kv_http_request;

#define KV_EASY_IDLE 128 /* handles kept */

/* libcurl's callbacks. The first four get the transfer as arg, the others socket_arg. */
struct kv_easy_setup {
	struct kv_ca *ca;
	const char *proxy;	       /* a URL, "" for none, NULL for that of the environment */
	struct curl_slist *connect_to; /* from kv_resolve_parse(), or NULL */
	curl_write_callback header, answer;
	curl_read_callback body;
	curl_prereq_callback about_to_send;
	curl_opensocket_callback open_socket;
	curl_closesocket_callback close_socket;
	void *socket_arg;
};

struct kv_easies {
	struct kv_easy_setup setup;
	CURLSH *sessions; /* TLS sessions of all handles; NULL: each has its own */
	CURL *idle[KV_EASY_IDLE];
	int n_idle;
	unsigned int generation; /* of the CA certificates */
};

/*
 * setup's strings are borrowed. The handles share their TLS sessions: a new connection to a host resumes one, which
 * costs half of a full handshake.
 */
void kv_easies_init(struct kv_easies *easies, const struct kv_easy_setup *setup);
void kv_easies_release(struct kv_easies *easies);
/*
 * The CA certificates have changed: later transfers use neither the connections nor the TLS sessions of earlier
 * ones, because a resumed session is not verified again.
 */
void kv_easies_renew(struct kv_easies *easies);
/* NULL: out of memory. Give it back after its transfer. */
CURL *kv_easies_take(struct kv_easies *easies);
/*
 * is_reusable is false after a transfer that failed or was cancelled: a handle of libcurl 8 whose transfer was stopped
 * before its second sending fails its next one (CURLE_SEND_FAIL_REWIND).
 */
void kv_easies_give_back(struct kv_easies *easies, CURL *easy, bool is_reusable);

/*
 * Set the options that differ between requests. headers and reason (CURL_ERROR_SIZE bytes) must live
 * until the handle is given back.
 */
void kv_easy_set(CURL *easy, const struct kv_http_request *request, struct curl_slist *headers, char *reason,
    void *transfer);
/*
 * The request's headers with its token and its id. -ENOMEM. Free *headers with kv_easy_free_headers()
 * in any case.
 */
int kv_easy_make_headers(const struct kv_http_request *request, struct curl_slist **headers) KV_MUST_CHECK;
/* Wipes the headers, because one is the token. */
void kv_easy_free_headers(struct curl_slist *headers);
#endif
