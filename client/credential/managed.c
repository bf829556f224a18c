/*
 * Requests to the endpoints of managed identities.
 */
#include "client/credential/managed.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/http/http.h"

/* An option of kvfs's own takes precedence over AZURE_CLIENT_ID, which client_id may be. */
struct kv_managed_id
kv_managed_id(const struct kv_credential_options *o)
{
	if (o->object_id != NULL)
		return (struct kv_managed_id){ "object_id", o->object_id };
	if (o->resource_id != NULL)
		return (struct kv_managed_id){ "resource_id", o->resource_id };
	return (struct kv_managed_id){ "client_id", o->client_id };
}

/* What source calls that id. */
static const char *
name_of(const struct kv_managed_id *id, const struct kv_managed_source *source)
{
	return strcmp(id->option, "object_id") == 0 ? source->object :
	    strcmp(id->option, "resource_id") == 0  ? source->resource :
						      source->client;
}

static int
make_url(struct kv_ask *ask, const char *url, const struct kv_managed_source *source, struct kv_buf *whole)
{
	const struct kv_managed_id id = kv_managed_id(ask->o);
	const char *name = name_of(&id, source);
	int err;

	if (id.value != NULL && name == NULL) {
		kv_buf_say(kv_ask_why(ask),
		    "%s does not support a user-assigned identity by %s=", ask->endpoint->who, id.option);
		return -EACCES;
	}
	err = kv_buf_printf(
	    whole, "%s%sapi-version=%s", url, strchr(url, '?') != NULL ? "&" : "?", source->version);
	if (err == 0)
		err = kv_ask_add_field(whole, "resource", ask->audience->resource);
	return err == 0 && id.value != NULL ? kv_ask_add_field(whole, name, id.value) : err;
}

int
kv_managed_get(struct kv_ask *ask, const char *url, const char *name, const char *value,
    const struct kv_managed_source *source)
{
	struct kv_http_request request = {
		.method = "GET", .max_answer = KV_ASK_MAX_ANSWER, .is_local = true
	};
	struct kv_buf whole, header;
	int err;

	kv_buf_init(&whole, 8192);
	kv_buf_init(&header, 8192);
	err = make_url(ask, url, source, &whole);
	if (err == 0 && name != NULL)
		err = kv_buf_printf(&header, "%s: %s", name, value);
	if (err == 0) {
		const char *headers[] = { NULL, NULL, NULL };
		size_t n = 0;

		if (source->has_metadata)
			headers[n++] = "Metadata: true";
		if (name != NULL)
			headers[n] = kv_buf_str(&header);
		request.headers = headers;
		request.url = kv_buf_str(&whole);
		err = kv_ask_send(ask, &request);
	}
	kv_buf_release(&header);
	kv_buf_release(&whole);
	return err;
}
