/*
 * Maps the results of libcurl: first to a cause, which is more exact than libcurl's code, then by a table to an
 * errno and the words that follow the name of the host or of the proxy. What libcurl reports as a failure of the
 * server may be one of the proxy, and a user who reads "cannot be resolved" would check the vault's name.
 */
#include "client/http/curl_error.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "client/base/buf.h"
#include "client/base/clock.h"
#include "client/http/ca.h"
#include "client/http/proxy.h"
#include "client/http/tls_error.h"
#include "client/http/url.h"

#define SLOW_DNS_US 4500000 /* a DNS server answers sooner, and resolvers wait at least 5 s for one */

enum cause {
	NAME_UNKNOWN,
	NAME_SILENT,
	CONNECT_REFUSED,
	CONNECT_NO_ROUTE,
	CONNECT_SILENT,
	TLS_SILENT,
	TLS_FIRST, /* in the order of enum kv_tls_problem */
	TLS_LAST = TLS_FIRST + KV_TLS_PROBLEMS - 1,
	ANSWER_SILENT,
	PROXY_CLOSED,
	PROXY_REFUSED,
	OTHER,
	CAUSES,
};

/* A transfer's end, taken apart. */
struct end {
	const struct kv_curl_end *e;
	enum cause cause;
	const char *words, *host;
	const struct kv_proxy_used *through; /* the proxy that was used, or NULL */
	bool is_of_proxy;
	long status;   /* of the proxy, 0 if it did not answer */
	long verified; /* X509_V_… */
	long error;    /* errno of connect(2) */
};

/* ---- what follows a row's words ---- */

static void
say_words(const struct end *end, struct kv_buf *reason)
{
	kv_buf_say(reason, " (%s)", end->words);
}

static void
say_remedy_of_name(const struct end *end, struct kv_buf *reason)
{
	kv_buf_say(reason,
	    end->is_of_proxy ?
		": check its name" :
		": is it wrong, or that of a vault that was deleted, or is this machine offline?");
}

static const struct kv_ca_refusal *
refusal_of(const struct end *end)
{
	static const struct kv_ca_refusal none;

	/* another connection may have been refused since */
	return end->e->refusal != NULL && end->e->refusal->error == end->verified ? end->e->refusal : &none;
}

static void
say_issuer(const struct end *end, struct kv_buf *reason)
{
	const char *issuer = refusal_of(end)->issuer;

	kv_buf_say(reason,
	    "%s%s%s: if a proxy that decrypts TLS is in between, or the CA is your own, name the CA's "
	    "certificate with -o cacert=FILE",
	    issuer[0] != '\0' ? " (" : "", issuer, issuer[0] != '\0' ? ")" : "");
}

static void
say_clock(const struct end *end, struct kv_buf *reason)
{
	const struct kv_ca_refusal *r = refusal_of(end);
	const time_t now = (time_t)kv_clock_wall_s();
	const bool is_early = end->cause == TLS_FIRST + KV_TLS_NOT_YET;
	char text[24] = "?";
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	kv_buf_say(reason, " %s, and this machine's clock says %s: is the clock wrong?",
	    r->starts[0] == '\0' ? (is_early ? "later" : "in the past") : (is_early ? r->starts : r->ends),
	    text);
}

static void
say_verified(const struct end *end, struct kv_buf *reason)
{
	kv_buf_say(reason, ": %s", kv_tls_verified_words(end->verified));
}

static void
say_status(const struct end *end, struct kv_buf *reason)
{
	kv_buf_say(reason, " %ld", end->status);
	if (end->status == 407)
		kv_buf_say(reason, ": it %s",
		    end->through->has_user ? "refuses the user name or the password" :
					     "requires a user name and a password");
	else if (end->status == 403)
		kv_buf_say(reason, ": it does not allow %s", end->host);
	else if (end->status >= 500)
		kv_buf_say(reason, ": it cannot reach %s", end->host);
}

/* ---- the table ---- */

/* -EIO, and not -EPROTO, is a failure of TLS that time may mend: the start waits for it. */
#define TLS(problem) [TLS_FIRST + (problem)]

static const struct {
	int err; /* 0: that of libcurl's code */
	const char *words;
	void (*say)(const struct end *end, struct kv_buf *reason);
} rows[CAUSES] = {
	[NAME_UNKNOWN] = { -EHOSTUNREACH, "cannot be resolved: DNS does not know this name",
	    say_remedy_of_name },
	[NAME_SILENT] = { 0, "cannot be resolved: the DNS server does not answer", NULL },
	[CONNECT_REFUSED] = { -ECONNREFUSED, "refuses connections: is the port right?", NULL },
	[CONNECT_NO_ROUTE] = { -EHOSTUNREACH, "cannot be reached", say_words },
	[CONNECT_SILENT] = { -ETIMEDOUT, "does not answer: is a firewall in between?", NULL },
	[TLS_SILENT] = { -ETIMEDOUT, "accepts a connection and then does not answer", NULL },
	TLS(KV_TLS_UNKNOWN) = { -EPROTO, "and kvfs do not agree on TLS", say_words },
	TLS(KV_TLS_CA) = { -EPROTO, "has a certificate from a CA that this machine does not trust",
	    say_issuer },
	TLS(KV_TLS_EXPIRED) = { -EPROTO, "has a certificate that expired", say_clock },
	TLS(KV_TLS_NOT_YET) = { -EIO, "has a certificate that begins", say_clock },
	TLS(KV_TLS_NAME) = { -EPROTO,
	    "has a certificate for another host: is it the right address, or is a login page in between?",
	    NULL },
	TLS(KV_TLS_REFUSED) = { -EPROTO, "has a certificate that is refused", say_verified },
	TLS(KV_TLS_VERSION) = { -EPROTO, "has no TLS 1.2 or later", NULL },
	TLS(KV_TLS_NOT_TLS) = { -EPROTO, "does not speak TLS on this port", NULL },
	TLS(KV_TLS_CLIENT) = { -EPROTO, "requires a certificate of the client, which kvfs does not have",
	    NULL },
	TLS(KV_TLS_CLOSED) = { -EIO,
	    "closes the connection in the TLS handshake: does a firewall or a proxy in between not allow this host?",
	    NULL },
	[ANSWER_SILENT] = { -ETIMEDOUT, "sent nothing more", say_words },
	[PROXY_CLOSED] = { 0, "closes the connection", say_words },
	[PROXY_REFUSED] = { 0, "answers", say_status },
	[OTHER] = { 0, "gave no answer", say_words },
};

/* ---- causes ---- */

static int
errno_of(const struct end *end)
{
	const struct kv_curl_end *e = end->e;

	switch (e->code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_OUT_OF_MEMORY: /* libcurl before 8.3: also a header of more than 100 KB */
		return e->is_in_header ? -EBADMSG : -ENOMEM;
	case CURLE_WRITE_ERROR:
		return -ENOMEM;
	case CURLE_URL_MALFORMAT:
		return -EINVAL;
	case CURLE_UNSUPPORTED_PROTOCOL: /* of the URL, or the answer is not HTTP */
		return e->is_sent ? -EBADMSG : -EINVAL;
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
		return -EBADMSG;
#endif
	default:
		return -EIO;
	}
}

/* The TCP connection, to the host or to the proxy, was made. (CURLINFO_CONNECT_TIME_T includes more.) */
static bool
is_connected(const struct kv_curl_end *e)
{
	char *ip = NULL;

	curl_easy_getinfo(e->easy, CURLINFO_PRIMARY_IP, &ip);
	return ip != NULL && ip[0] != '\0';
}

static bool
is_resolved(const struct kv_curl_end *e)
{
	curl_off_t us = 0;

	curl_easy_getinfo(e->easy, CURLINFO_NAMELOOKUP_TIME_T, &us);
	return us > 0 || is_connected(e);
}

static enum cause
cause_of_name(const struct kv_curl_end *e)
{
	curl_off_t us = 0;

	/* libcurl does not pass on why; "no such name" is a quick answer */
	curl_easy_getinfo(e->easy, CURLINFO_TOTAL_TIME_T, &us);
	return us < SLOW_DNS_US ? NAME_UNKNOWN : NAME_SILENT;
}

static enum cause
cause_of_silence(const struct end *end)
{
	const struct kv_curl_end *e = end->e;

	if (e->is_sent)
		return ANSWER_SILENT;
	return !is_resolved(e) ? NAME_SILENT : !is_connected(e) ? CONNECT_SILENT : TLS_SILENT;
}

static enum cause
cause_of_tls(struct end *end)
{
	const struct kv_curl_end *e = end->e;
	const bool is_verification =
	    e->code == CURLE_PEER_FAILED_VERIFICATION || e->code == CURLE_SSL_ISSUER_ERROR;
	long of_proxy = 0;

	curl_easy_getinfo(e->easy, CURLINFO_SSL_VERIFYRESULT, &end->verified);
	curl_easy_getinfo(e->easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &of_proxy);
	end->is_of_proxy = end->through != NULL && end->through->is_https && end->status == 0;
	if (end->is_of_proxy && of_proxy != 0)
		end->verified = of_proxy;
	return TLS_FIRST + kv_tls_problem(end->verified, is_verification, end->words);
}

static enum cause
cause_of_connect(const struct end *end)
{
	switch (end->error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
	case EACCES: /* a local firewall */
	case EPERM:
		return CONNECT_NO_ROUTE;
	case ETIMEDOUT:
		return CONNECT_SILENT;
	default:
		return CONNECT_REFUSED;
	}
}

static enum cause
cause_of(struct end *end)
{
	const struct kv_curl_end *e = end->e;

	curl_easy_getinfo(e->easy, CURLINFO_OS_ERRNO, &end->error);
	if (end->through != NULL)
		curl_easy_getinfo(e->easy, CURLINFO_HTTP_CONNECTCODE, &end->status);
	end->is_of_proxy = end->through != NULL && end->status / 100 != 2;
	if (end->is_of_proxy && end->status >= 300)
		return PROXY_REFUSED;
	switch (e->code) {
	case CURLE_COULDNT_RESOLVE_HOST: /* with some SOCKS proxies the host is looked up here */
		end->is_of_proxy = false;
		return cause_of_name(e);
	case CURLE_COULDNT_RESOLVE_PROXY:
		return cause_of_name(e);
	case CURLE_COULDNT_CONNECT:
		return is_connected(e) && end->is_of_proxy ? PROXY_CLOSED : cause_of_connect(end);
	case CURLE_OPERATION_TIMEDOUT:
		return cause_of_silence(end);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ENGINE_INITFAILED:
		return cause_of_tls(end);
	default:
		break;
	}
	/* with TLS 1.3 the server refuses the client only after the handshake */
	if (!end->is_of_proxy && kv_tls_problem(0, false, end->words) == KV_TLS_CLIENT)
		return TLS_FIRST + KV_TLS_CLIENT;
	return end->is_of_proxy ? PROXY_CLOSED : OTHER;
}

/* What libcurl reports for a header that is too large. */
static bool
is_too_large(CURLcode code)
{
#if LIBCURL_VERSION_NUM >= 0x080600
	if (code == CURLE_TOO_LARGE)
		return true;
#endif
	return code == CURLE_OUT_OF_MEMORY;
}

static const char *
words_of(const struct kv_curl_end *e)
{
	if (is_too_large(e->code) && e->is_in_header)
		return "the answer's header is too large";
	if (e->code == CURLE_ABORTED_BY_CALLBACK) /* by kv_transfer_about_to_send() */
		return "the connection ended before the answer";
	return e->words[0] != '\0' ? e->words : curl_easy_strerror(e->code);
}

/* ---- the sentence ---- */

/* "host" or "host:8443" into text; false if there is no URL. */
static bool
find_host(const struct kv_curl_end *e, struct kv_url *origin, struct kv_buf *text)
{
	char *url = NULL;

	curl_easy_getinfo(e->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (url == NULL || kv_url_parse(url, origin, NULL) != 0)
		return false;
	kv_url_say_host(origin, text);
	return true;
}

static void
say(const struct end *end, const char *host, struct kv_buf *reason)
{
	if (end->is_of_proxy)
		kv_buf_say(reason, "the proxy %s (%s)", end->through->address, end->through->from);
	else
		kv_buf_say(reason, "%s", host);
	kv_buf_say(reason, " %s", rows[end->cause].words);
	if (rows[end->cause].say != NULL)
		rows[end->cause].say(end, reason);
	if (end->through != NULL && !end->is_of_proxy)
		kv_buf_say(
		    reason, " (through the proxy %s of %s)", end->through->address, end->through->from);
}

int
kv_curl_error(const struct kv_curl_end *e, struct kv_buf *reason, bool *is_of_proxy)
{
	struct end end = { .e = e, .words = words_of(e) };
	struct kv_proxy_used used;
	struct kv_url origin;
	struct kv_buf host;
	int err = errno_of(&end);

	*is_of_proxy = false;
	if (err == 0)
		return 0;
	kv_buf_init(&host, 300);
	if (err == -ENOMEM || err == -EBADMSG || err == -EINVAL || !find_host(e, &origin, &host)) {
		kv_buf_say(reason, "%s", end.words);
		kv_buf_release(&host);
		return err;
	}
	if (!e->is_local && !e->is_sent && kv_proxy_find(e->proxy, origin.host, &used))
		end.through = &used;
	end.host = kv_buf_str(&host);
	end.cause = cause_of(&end);
	if (rows[end.cause].err != 0)
		err = rows[end.cause].err;
	if (end.cause == PROXY_REFUSED && end.status < 500)
		err = -EACCES;
	*is_of_proxy = end.is_of_proxy;
	say(&end, kv_buf_str(&host), reason);
	kv_buf_release(&host);
	return err;
}
