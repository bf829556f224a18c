/*
 * Log lines about calls. All have the same form, so that one search finds an object's history.
 */
#include "client/vault/audit.h"

#include <string.h>

#include "client/base/buf.h"
#include "client/base/log.h"
#include "client/vault/explain.h"

#define MODULE	  "audit"
#define MOST_NAME 255 /* characters; a restore may have a file name */
#define MOST_WHY  4096

static void
begin_line(struct kv_log_line *line, enum kv_log_level level, const struct kv_vault *vault, const char *op)
{
	kv_log_begin(line, level, MODULE);
	kv_log_field(&line->pairs, "vault", kv_vault_name(vault));
	kv_log_field(&line->pairs, "op", op);
}

/* name NULL: all objects of the type. */
static void
add_object(struct kv_log_line *line, enum kv_type type, const char *name)
{
	char object[16 + MOST_NAME + 1], *end = stpcpy(object, kv_type_name(type));

	if (name != NULL) {
		*end++ = '/';
		*stpncpy(end, name, MOST_NAME) = '\0';
	}
	kv_log_field(&line->pairs, "object", object);
}

static void
add_answer(struct kv_buf *pairs, const struct kv_reply *reply)
{
	if (reply->status != 0)
		kv_log_number(pairs, "status", reply->status);
	if (reply->fault.inner[0] != '\0' || reply->fault.code[0] != '\0')
		kv_log_field(
		    pairs, "code", reply->fault.inner[0] != '\0' ? reply->fault.inner : reply->fault.code);
	if (reply->err != 0)
		kv_log_field(pairs, "errno", kv_err_name(reply->err));
	if (reply->attempts > 1)
		kv_log_number(pairs, "attempts", reply->attempts);
	if (reply->request_id[0] != '\0')
		kv_log_field(pairs, "request", reply->request_id);
	if (reply->client_request_id[0] != '\0')
		kv_log_field(pairs, "client_request", reply->client_request_id);
}

static void
add_caller(struct kv_buf *pairs, const struct kv_caller *caller)
{
	kv_log_number(pairs, "uid", caller->uid);
	kv_log_number(pairs, "pid", caller->pid);
	kv_log_field(pairs, "cmd", caller->command);
}

void
kv_audit_failure(
    const struct kv_vault *vault, const struct kv_call *call, const struct kv_reply *reply, const char *why)
{
	struct kv_log_line line;
	struct kv_buf text;

	kv_buf_init(&text, MOST_WHY);
	if (why == NULL)
		kv_explain(reply, kv_vault_name(vault), &text);
	begin_line(&line, KV_LOG_NOTICE, vault, kv_operation(call->op)->name);
	add_object(&line, call->type, call->name);
	add_answer(&line.pairs, reply);
	add_caller(&line.pairs, &call->caller);
	kv_log_field(&line.pairs, "why", why != NULL ? why : kv_buf_str(&text));
	/* The sentence of a token has these words, and kvfs found out more than the words of a cause say. */
	if (reply->fault.message[0] != '\0' && !reply->is_of_token && reply->cause == NULL)
		kv_log_field(&line.pairs, "message", reply->fault.message);
	kv_log_end(&line);
	kv_buf_release(&text);
}

void
kv_audit_class(const struct kv_vault *vault, const char *class, bool is_closed, double rate)
{
	kv_log_event(KV_LOG_NOTICE, MODULE, "vault=%s event=%s class=%s rate=%.1f why=%s",
	    kv_vault_name(vault), is_closed ? "closed" : "reopened", class, rate,
	    is_closed ? "the vault answers 429: kvfs sends only probes until one is served" :
			"the vault serves requests again");
}

void
kv_audit_pause(const struct kv_vault *vault, bool is_paused, int err)
{
	kv_log_event(KV_LOG_NOTICE, MODULE, "vault=%s event=%s errno=%s why=%s", kv_vault_name(vault),
	    is_paused ? "paused" : "resumed", is_paused ? kv_err_name(err) : "",
	    is_paused ? "most requests fail: kvfs sends only probes until one is served" :
			"the vault serves requests again");
}

void
kv_audit_sent(
    const struct kv_vault *vault, const struct kv_call *call, const struct kv_reply *reply, size_t bytes)
{
	struct kv_log_line line;

	begin_line(&line, KV_LOG_INFO, vault, kv_operation(call->op)->name);
	add_object(&line, call->type, reply->item != NULL ? reply->item->name : call->name);
	add_answer(&line.pairs, reply);
	if (bytes > 0)
		kv_log_number(&line.pairs, "bytes", (long long)bytes);
	kv_log_number(&line.pairs, "ms", reply->took_ms);
	add_caller(&line.pairs, &call->caller);
	kv_log_end(&line);
}

void
kv_audit_confirmed(const struct kv_vault *vault, enum kv_type type, const char *name, const char *version,
    const struct kv_caller *caller)
{
	struct kv_log_line line;

	begin_line(&line, KV_LOG_INFO, vault, "confirm");
	add_object(&line, type, name);
	kv_log_field(&line.pairs, "version", version);
	add_caller(&line.pairs, caller);
	kv_log_end(&line);
}

void
kv_audit_read(const struct kv_vault *vault, enum kv_type type, const char *name,
    const struct kv_caller *caller, size_t bytes)
{
	struct kv_log_line line;

	begin_line(&line, KV_LOG_INFO, vault, "read");
	add_object(&line, type, name);
	kv_log_number(&line.pairs, "bytes", (long long)bytes);
	add_caller(&line.pairs, caller);
	kv_log_end(&line);
}
