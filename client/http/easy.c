/*
 * libcurl's handles and their options. The reasons for some (each was measured):
 * - CURLOPT_QUICK_EXIT: otherwise the end of a transfer joins its resolver thread, and a silent DNS
 *   server blocks the loop.
 * - No CURLOPT_CAINFO and no CURLOPT_CAPATH: client/http/ca has the certificates.
 */
#include "client/http/easy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/http/ca.h"
#include "client/http/http.h"

#define IDLE_S	   60L /* a connection idle for longer is not reused: the server may be about to close it */
#define USER_AGENT "kvfs/" KV_VERSION

/* ---- handles ---- */

static CURLcode
use_ca(CURL *easy, void *ssl_ctx, void *arg)
{
	(void)easy;
	kv_ca_use(arg, ssl_ctx);
	return CURLE_OK;
}

/*
 * libcurl reuses connections and TLS sessions only if CURLOPT_CAPATH is equal. What it names does not exist, and
 * use_ca() replaces what libcurl made of it.
 */
static void
set_generation(CURL *easy, unsigned int generation)
{
	char name[40];

	snprintf(name, sizeof(name), "/dev/null/kvfs-%u", generation);
	curl_easy_setopt(easy, CURLOPT_CAPATH, name);
	curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, name);
}

/* Options that are the same for all transfers and stay with the handle. */
static CURL *
new_handle(const struct kv_easies *easies)
{
	const struct kv_easy_setup *s = &easies->setup;
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_SHARE, easies->sessions);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(
	    easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* the proxy's headers are not the answer's */
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_S);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, use_ca); /* for an https proxy too */
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, s->ca);
	curl_easy_setopt(easy, CURLOPT_PROXY, s->proxy);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, s->connect_to);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, s->answer);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, s->body);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, s->header);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, s->about_to_send);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, s->open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, s->socket_arg);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, s->close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, s->socket_arg);
	return easy;
}

void
kv_easies_init(struct kv_easies *easies, const struct kv_easy_setup *setup)
{
	easies->setup = *setup;
	easies->sessions = curl_share_init();
	if (easies->sessions != NULL)
		curl_share_setopt(easies->sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	easies->n_idle = 0;
	easies->generation = 0;
}

CURL *
kv_easies_take(struct kv_easies *easies)
{
	CURL *easy = easies->n_idle > 0 ? easies->idle[--easies->n_idle] : new_handle(easies);

	if (easy != NULL && easies->generation > 0)
		set_generation(easy, easies->generation);
	return easy;
}

void
kv_easies_renew(struct kv_easies *easies)
{
	easies->generation++;
}

void
kv_easies_give_back(struct kv_easies *easies, CURL *easy, bool is_reusable)
{
	/* both are freed now, but libcurl might use them when the connection ends */
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	if (is_reusable && easies->n_idle < KV_EASY_IDLE)
		easies->idle[easies->n_idle++] = easy;
	else
		curl_easy_cleanup(easy);
}

void
kv_easies_release(struct kv_easies *easies)
{
	while (easies->n_idle > 0)
		curl_easy_cleanup(easies->idle[--easies->n_idle]);
	curl_share_cleanup(easies->sessions);
}

/* ---- a request ---- */

static int
add_header(struct curl_slist **headers, const char *header)
{
	struct curl_slist *more = curl_slist_append(*headers, header);

	if (more == NULL)
		return -ENOMEM;
	*headers = more;
	return 0;
}

int
kv_easy_make_headers(const struct kv_http_request *request, struct curl_slist **headers)
{
	struct kv_buf line;
	char id_header[80];
	int err;

	*headers = NULL;
	err = add_header(headers, "Expect:");

	if (err == 0 && request->echo != NULL) {
		snprintf(id_header, sizeof(id_header), "x-ms-client-request-id: %s", request->id);
		err = add_header(headers, id_header);
	}
	for (size_t i = 0; err == 0 && request->headers != NULL && request->headers[i] != NULL; i++)
		err = add_header(headers, request->headers[i]);
	if (err == 0 && request->token != NULL) {
		kv_buf_init(&line, (size_t)1 << 20);
		err = kv_buf_puts(&line, "Authorization: Bearer ");
		if (err == 0)
			err = kv_buf_puts(&line, request->token);
		if (err == 0)
			err = add_header(headers, kv_buf_str(&line));
		kv_buf_release(&line);
	}
	return err;
}

void
kv_easy_free_headers(struct curl_slist *headers)
{
	for (struct curl_slist *h = headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data)); /* one is the token */
	curl_slist_free_all(headers);
}

static void
set_body(CURL *easy, const struct kv_http_request *request)
{
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body_len == 0 ? "" : NULL);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
	if (strcmp(request->method, "GET") == 0)
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
	/* a PUT is a POST by another name: CURLOPT_UPLOAD would add "Expect: 100-continue" and other things of files */
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, strcmp(request->method, "PUT") == 0 ? "PUT" : NULL);
}

void
kv_easy_set(CURL *easy, const struct kv_http_request *request, struct curl_slist *headers, char *reason,
    void *transfer)
{
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request->is_repeated ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, request->is_local ? "http,https" : "https");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, request->is_local ? "*" : NULL);
	curl_easy_setopt(
	    easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(request->connect_ms != 0 ? request->connect_ms : 10000));
	curl_easy_setopt(
	    easy, CURLOPT_LOW_SPEED_TIME, (long)(request->silence_s != 0 ? request->silence_s : 30));
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
	set_body(easy, request);
}
