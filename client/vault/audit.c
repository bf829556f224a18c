/*
 * Log lines about calls, one shape for all of them, so that one expression finds an object's history.
 */
#include "client/vault/audit.h"
#include "client/base/buf.h"
#include "client/base/log.h"

#define MODULE	 "audit"
#define MAX_LINE 4096

static void
begin_line(
    struct kv_buf *line, const struct kv_vault *vault, const char *op, enum kv_type type, const char *name)
{
	struct kv_buf object;

	kv_buf_init(line, MAX_LINE);
	kv_log_field(line, "vault", kv_vault_name(vault));
	kv_log_field(line, "op", op);
	kv_buf_init(&object, 256);
	kv_buf_say(&object, name != NULL ? "%s/%s" : "%s", kv_type_name(type), name);
	kv_log_field(line, "object", kv_buf_str(&object));
	kv_buf_release(&object);
}

static void
add_answer(struct kv_buf *line, const struct kv_reply *reply)
{
	if (reply->status != 0)
		kv_log_number(line, "status", reply->status);
	if (reply->fault.inner[0] != '\0' || reply->fault.code[0] != '\0')
		kv_log_field(
		    line, "code", reply->fault.inner[0] != '\0' ? reply->fault.inner : reply->fault.code);
	if (reply->err != 0)
		kv_log_field(line, "errno", kv_err_name(reply->err));
	if (reply->attempts > 1)
		kv_log_number(line, "attempts", reply->attempts);
	if (reply->request_id[0] != '\0')
		kv_log_field(line, "request", reply->request_id);
	if (reply->client_request_id[0] != '\0')
		kv_log_field(line, "client_request", reply->client_request_id);
}

static void
add_caller(struct kv_buf *line, const struct kv_caller *caller)
{
	kv_log_number(line, "uid", caller->uid);
	kv_log_number(line, "pid", caller->pid);
	kv_log_field(line, "cmd", caller->command);
}

static void
write_line(enum kv_log_level level, struct kv_buf *line)
{
	kv_log_write(level, MODULE, "%s", kv_buf_str(line));
	kv_buf_release(line);
}

void
kv_audit_failure(
    const struct kv_vault *vault, const struct kv_call *call, const struct kv_reply *reply, const char *why)
{
	struct kv_buf line;

	begin_line(&line, vault, kv_operation(call->op)->name, call->type, call->name);
	add_answer(&line, reply);
	add_caller(&line, &call->caller);
	if (why == NULL)
		why = reply->fault.message[0] != '\0' && !reply->is_of_token ? reply->fault.message :
									       reply->why;
	if (why != NULL && why[0] != '\0')
		kv_log_field(&line, "why", why);
	write_line(KV_LOG_NOTICE, &line);
}

void
kv_audit_class(const struct kv_vault *vault, const char *class, bool is_closed, double rate)
{
	kv_log_event(KV_LOG_NOTICE, MODULE, "vault=%s event=%s class=%s rate=%.1f why=%s",
	    kv_vault_name(vault), is_closed ? "closed" : "reopened", class, rate,
	    is_closed ? "the vault answers 429: only probes go until it serves again" :
			"the vault serves again");
}

void
kv_audit_pause(const struct kv_vault *vault, bool is_paused, int err)
{
	kv_log_event(KV_LOG_NOTICE, MODULE, "vault=%s event=%s errno=%s why=%s", kv_vault_name(vault),
	    is_paused ? "paused" : "resumed", is_paused ? kv_err_name(err) : "",
	    is_paused ? "most requests fail: only probes go until the vault serves again" :
			"the vault serves again");
}

void
kv_audit_sent(
    const struct kv_vault *vault, const struct kv_call *call, const struct kv_reply *reply, size_t bytes)
{
	struct kv_buf line;

	begin_line(&line, vault, kv_operation(call->op)->name, call->type,
	    reply->item != NULL ? reply->item->name : call->name);
	add_answer(&line, reply);
	if (bytes > 0)
		kv_log_number(&line, "bytes", (long long)bytes);
	kv_log_number(&line, "ms", reply->took_ms);
	add_caller(&line, &call->caller);
	write_line(KV_LOG_INFO, &line);
}

void
kv_audit_confirmed(const struct kv_vault *vault, enum kv_type type, const char *name, const char *version,
    const struct kv_caller *caller)
{
	struct kv_buf line;

	begin_line(&line, vault, "confirm", type, name);
	kv_log_field(&line, "version", version);
	add_caller(&line, caller);
	write_line(KV_LOG_INFO, &line);
}

void
kv_audit_read(const struct kv_vault *vault, enum kv_type type, const char *name,
    const struct kv_caller *caller, size_t bytes)
{
	struct kv_buf line;

	begin_line(&line, vault, "read", type, name);
	kv_log_number(&line, "bytes", (long long)bytes);
	add_caller(&line, caller);
	write_line(KV_LOG_INFO, &line);
}
