/*
 * Request ids. The first group of each is random but the same for the whole process, so that an id of
 * another request of this process is always recognised.
 */
#include "client/http/echo.h"

#include <string.h>
#include <strings.h>

#include "client/base/crypto.h"
#include "client/base/log.h"

#define MODULE		 "http"
#define MARK_LEN	 8
#define FIRST_TO_BELIEVE 2
#define LATER_TO_BELIEVE 8 /* a new gateway on a path without one is less likely than a mix-up */

int
kv_echo_make_mark(char mark[9])
{
	char id[37];
	const int err = kv_crypto_uuid(id);

	memcpy(mark, id, MARK_LEN);
	mark[MARK_LEN] = '\0';
	return err;
}

void
kv_echo_init(struct kv_echo *echo, const char mark[9])
{
	*echo = (struct kv_echo){ 0 };
	memcpy(echo->mark, mark, MARK_LEN);
}

int
kv_echo_make_id(const struct kv_echo *echo, char id[37])
{
	const int err = kv_crypto_uuid(id);

	if (err == 0)
		memcpy(id, echo->mark, MARK_LEN);
	return err;
}

static enum kv_echo_verdict
judge_lacking(struct kv_echo *echo, const struct kv_echo_answer *a)
{
	if (echo->is_spotty || echo->is_off || a->may_lack_id)
		return KV_ECHO_OWN;
	if (a->before == KV_ECHO_RIGHT)
		return KV_ECHO_FOREIGN;
	echo->is_spotty = a->is_repeated;
	return KV_ECHO_OWN;
}

enum kv_echo_verdict
kv_echo_judge(struct kv_echo *echo, const struct kv_echo_answer *a)
{
	if (a->returned[0] == '\0')
		return judge_lacking(echo, a);
	if (strcasecmp(a->id, a->returned) == 0) {
		echo->n_doubted = 0;
		echo->has_echoed = true;
		return KV_ECHO_OWN;
	}
	if (strncasecmp(a->returned, echo->mark, MARK_LEN) == 0)
		return KV_ECHO_FOREIGN;
	if (echo->is_off)
		return KV_ECHO_OWN;
	if (a->before == KV_ECHO_RIGHT)
		return KV_ECHO_FOREIGN;
	echo->n_doubted += a->before == KV_ECHO_NOTHING;
	if (echo->n_doubted < (echo->has_echoed ? LATER_TO_BELIEVE : FIRST_TO_BELIEVE))
		return KV_ECHO_DOUBTED;
	echo->is_off = true;
	return KV_ECHO_REWRITER;
}

static void
log_answer(const struct kv_echo *echo, const struct kv_echo_answer *a, enum kv_log_level level,
    const char *event, const char *why)
{
	kv_log_event(level, MODULE, "host=%s event=%s status=%ld client_request=%s returned=%s why=%s",
	    echo->host, event, a->status, a->id, a->returned, why);
}

bool
kv_echo_accept(struct kv_echo *echo, const struct kv_echo_answer *a)
{
	static const char foreign[] =
	    "the answer belongs to another request: it is not used, and its connection is closed";
	const int n_doubted = echo->n_doubted;

	switch (kv_echo_judge(echo, a)) {
	case KV_ECHO_OWN:
		if (echo->n_doubted < n_doubted)
			log_answer(echo, a, KV_LOG_WARNING, "answer_mixed_up",
			    "the first answer on the previous connection belonged to another request and was not used");
		return true;
	case KV_ECHO_REWRITER:
		log_answer(echo, a, KV_LOG_WARNING, "request_ids_rewritten",
		    "a gateway replaces x-ms-client-request-id in answers: kvfs can no longer check whether an "
		    "answer belongs to its request");
		return true;
	case KV_ECHO_DOUBTED:
		log_answer(echo, a, KV_LOG_DEBUG, "answer_mixed_up", foreign);
		return false;
	case KV_ECHO_FOREIGN:
		log_answer(echo, a, KV_LOG_WARNING, "answer_mixed_up", foreign);
		return false;
	}
	return false;
}
