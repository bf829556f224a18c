/*
 * Requests to the endpoints of managed identities.
 */
#include "client/credential/managed.h"

#include <errno.h>
#include <stddef.h>

#include "client/base/buf.h"
#include "client/http/http.h"

/* The id that the user gave, and what the source calls it; value NULL: none. */
struct id {
	const char *option, *name, *value;
};

/* An option of kvfs's own takes precedence over AZURE_CLIENT_ID, which client_id may be. */
static struct id
find_id(const struct kv_credential_options *o, const struct kv_managed_names *names)
{
	if (o->object_id != NULL)
		return (struct id){ "object_id", names->object, o->object_id };
	if (o->resource_id != NULL)
		return (struct id){ "resource_id", names->resource, o->resource_id };
	return (struct id){ "client_id", names->client, o->client_id };
}

bool
kv_managed_is_named(const struct kv_credential_options *o)
{
	return o->client_id != NULL || o->object_id != NULL || o->resource_id != NULL;
}

static int
make_url(struct kv_ask *ask, const char *url, const struct kv_managed_names *names, struct kv_buf *whole)
{
	const struct id id = find_id(ask->o, names);
	int err;

	if (id.value != NULL && id.name == NULL) {
		kv_buf_say(kv_ask_why(ask),
		    "%s does not support a user-assigned identity by %s=", ask->endpoint->who, id.option);
		return -EACCES;
	}
	err = kv_buf_puts(whole, url);
	if (err == 0)
		err = kv_ask_add_field(whole, "resource", ask->audience->resource);
	return err == 0 && id.value != NULL ? kv_ask_add_field(whole, id.name, id.value) : err;
}

int
kv_managed_get(struct kv_ask *ask, const char *url, const char *header, const struct kv_managed_names *names,
    unsigned int connect_ms)
{
	const char *headers[] = { header, NULL };
	struct kv_http_request request = { .method = "GET",
		.headers = headers,
		.max_answer = KV_ASK_MAX_ANSWER,
		.is_local = true,
		.connect_ms = connect_ms };
	struct kv_buf whole;
	int err;

	kv_buf_init(&whole, 8192);
	err = make_url(ask, url, names, &whole);
	if (err == 0) {
		request.url = kv_buf_str(&whole);
		err = kv_ask_send(ask, &request);
	}
	kv_buf_release(&whole);
	return err;
}
