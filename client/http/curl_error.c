/*
 * Maps the results of libcurl. What libcurl reports as a failure of the server may be a failure of the
 * proxy, and a user who reads "cannot be resolved" checks the vault's name; so the sentence names the
 * proxy if one is used.
 */
#include "client/http/curl_error.h"

#include <errno.h>

#include "client/base/buf.h"
#include "client/http/url.h"
#include "client/http/proxy.h"

static int
errno_of(const struct kv_curl_end *end)
{
	switch (end->code) {
	case CURLE_OK:
		return 0;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_ENGINE_INITFAILED:
		return -EPROTO;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY: /* libcurl before 8.3: also a header of more than 100 KB */
		return end->is_in_header ? -EBADMSG : -ENOMEM;
	case CURLE_WRITE_ERROR:
		return -ENOMEM;
	case CURLE_URL_MALFORMAT:
		return -EINVAL;
	case CURLE_UNSUPPORTED_PROTOCOL: /* of the URL, or the answer is not HTTP */
		return end->is_sent ? -EBADMSG : -EINVAL;
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
		return -EBADMSG;
#endif
	default:
		return -EIO;
	}
}

static const char *
words_of(const struct kv_curl_end *end)
{
	if (end->code == CURLE_OUT_OF_MEMORY && end->is_in_header)
		return "the answer's header is too large";
	if (end->code == CURLE_ABORTED_BY_CALLBACK) /* by kv_transfer_about_to_send() */
		return "the connection ended before the answer";
	return end->words[0] != '\0' ? end->words : curl_easy_strerror(end->code);
}

/* The variable that names the proxy; NULL if no proxy was used, or the proxy is not at fault. */
static const char *
find_proxy(const struct kv_curl_end *end, char *address, size_t size)
{
	struct kv_url origin;
	char *url = NULL;

	curl_easy_getinfo(end->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (end->is_local || end->is_sent || url == NULL || kv_url_parse(url, &origin, NULL) != 0)
		return NULL;
	return kv_proxy_of(origin.host, address, size);
}

static const char *
remedy_of(long status)
{
	return status == 407 ? ": it requires a user name and a password" :
	    status == 403    ? ": it does not allow this host" :
			       "";
}

int
kv_curl_error(const struct kv_curl_end *end, struct kv_buf *reason, bool *is_of_proxy)
{
	const int err = errno_of(end);
	const char *variable, *words;
	char address[256];
	long status = 0;

	*is_of_proxy = false;
	if (err == 0)
		return 0;
	words = words_of(end);
	variable = find_proxy(end, address, sizeof(address));
	if (variable == NULL) {
		kv_buf_say(reason, "%s", words);
		return err;
	}
	*is_of_proxy = true;
	curl_easy_getinfo(end->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (end->code == CURLE_COULDNT_RESOLVE_PROXY) {
		kv_buf_say(reason, "the proxy %s (%s) cannot be resolved: check its name", address, variable);
	} else if (status >= 300) {
		kv_buf_say(
		    reason, "the proxy %s (%s) answers %ld%s", address, variable, status, remedy_of(status));
		return status < 500 ? -EACCES : err;
	} else if (end->code == CURLE_COULDNT_CONNECT || end->code == CURLE_OPERATION_TIMEDOUT) {
		kv_buf_say(reason, "the proxy %s (%s) does not answer: %s", address, variable, words);
	} else {
		*is_of_proxy = false;
		kv_buf_say(reason, "%s (through the proxy %s of %s)", words, address, variable);
	}
	return err;
}
