#ifndef KV_CLIENT_HTTP_CURL_ERROR_H
#define KV_CLIENT_HTTP_CURL_ERROR_H
/*
 * How a transfer of libcurl ended, as an errno and a sentence. Part of client/http/http.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_ca_refusal;
struct kv_proxy;

struct kv_curl_end {
	CURL *easy;
	CURLcode code;
	const char *words;		     /* of CURLOPT_ERRORBUFFER */
	const struct kv_proxy *proxy;	     /* the option */
	const struct kv_ca_refusal *refusal; /* the last refused certificate */
	bool is_local;			     /* no proxy is used */
	bool is_sent;			     /* the request, or a part of it */
	bool is_in_header;		     /* the answer's header has begun and is not complete */
};
/*
 * 0 for CURLE_OK; otherwise -errno and a whole sentence in reason, which names the host or the proxy.
 * *is_of_proxy: the proxy is at fault. If the proxy refuses the tunnel: -EACCES.
 */
int kv_curl_error(const struct kv_curl_end *end, struct kv_buf *reason, bool *is_of_proxy) KV_MUST_CHECK;
#endif
