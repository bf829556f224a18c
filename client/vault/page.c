/*
 * Pages of a list. Everything from the network is checked.
 */
#include "client/vault/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/base/json_quote.h"
#include "client/http/url.h"

#define MAX_ID 200 /* characters of an id in a sentence */

_Static_assert(KV_FINGERPRINT_LEN == KV_JSON_FINGERPRINT, "an item's is that of its value");

/* Names the item that makes the whole list fail. */
static void
say_item(const char *id, const char *what, struct kv_buf *why)
{
	struct kv_buf quoted;
	char text[MAX_ID + 1] = "";

	kv_buf_init(&quoted, (size_t)6 * MAX_ID + 2);
	strncat(text, id != NULL ? id : "", MAX_ID);
	if (id != NULL && kv_json_quote(&quoted, text) == 0)
		kv_buf_say(why, "an item of the list %s: %s", what, kv_buf_str(&quoted));
	else
		kv_buf_say(why, "an item of the list has no id");
	kv_buf_release(&quoted);
}

static int
parse_item(const struct kv_json *list_item, const struct kv_page_asked *asked, struct kv_buf *why,
    struct kv_item *item)
{
	const char *id = NULL, *what = "is not well-formed";
	int err = -EBADMSG;

	if (kv_json_is_object(list_item))
		err = kv_json_string(list_item, asked->type == KV_KEYS ? "kid" : "id", &id);
	if (err == 0) {
		what = "has an id of another vault or type";
		err = id != NULL ?
		    kv_item_parse_id(id, asked->type, asked->any_host ? NULL : asked->vault, item) :
		    -EBADMSG;
	}
	if (err == 0 && asked->name != NULL && strcasecmp(item->name, asked->name) != 0) {
		what = "belongs to another object";
		err = -EBADMSG;
	}
	if (err == 0) {
		what = "has attributes that are not well-formed";
		err = kv_item_parse_attributes(list_item, item);
	}
	if (err == 0)
		err = kv_json_fingerprint(list_item, item->fingerprint);
	if (err == -EBADMSG)
		say_item(id, what, why);
	return err;
}

static int
parse_items(
    const struct kv_json *root, const struct kv_page_asked *asked, struct kv_buf *why, struct kv_page *page)
{
	const struct kv_json *value, *element, *error;
	size_t size;
	int err = kv_json_member(root, "value", &value);

	if (err != 0 || !kv_json_is_array(value))
		return -EBADMSG;
	if (kv_json_member(root, "error", &error) != 0 || kv_json_is_object(error)) {
		kv_buf_say(why, "the list has an error beside its items");
		return -EBADMSG;
	}
	size = kv_json_count(value);
	if (size == 0)
		return 0;
	page->items = calloc(size, sizeof(*page->items));
	if (page->items == NULL)
		return -ENOMEM;
	for (element = kv_json_first(value); element != NULL; element = kv_json_next(element)) {
		err = parse_item(element, asked, why, &page->items[page->n]);
		if (err != 0)
			return err;
		page->n++;
	}
	return 0;
}

/* The public name of a vault behind a gateway; the port that the gateway has there does not matter. */
static bool
is_behind_gateway(const struct kv_page_asked *asked, const struct kv_url *link)
{
	return asked->origin != NULL && strcmp(asked->origin->host, asked->vault->host) != 0 &&
	    link->is_https && strcmp(link->host, asked->vault->host) == 0;
}

/* The same path and query at another host. */
static char *
move_link(const char *path, const struct kv_url *to)
{
	struct kv_buf url;
	char *link = NULL;

	kv_buf_init(&url, strlen(path) + 300);
	kv_buf_say(&url, "https://");
	kv_url_say_host(to, &url);
	if (kv_buf_puts(&url, path) == 0)
		link = strdup(kv_buf_str(&url));
	kv_buf_release(&url);
	return link;
}

/* An empty nextLink is the end too, as for the SDKs. */
static int
parse_next_link(
    const struct kv_json *root, const struct kv_page_asked *asked, struct kv_buf *why, struct kv_page *page)
{
	const struct kv_url *to = asked->origin != NULL ? asked->origin : asked->vault;
	struct kv_url origin;
	const char *link, *path;
	bool is_ours;
	int err = kv_json_string(root, "nextLink", &link);

	if (err != 0 || link == NULL || *link == '\0')
		return err;
	err = kv_url_parse(link, &origin, &path);
	if (err == -ENOMEM)
		return err;
	is_ours = err == 0 && kv_url_is_same_origin(&origin, to);
	if (err != 0 || (!is_ours && !is_behind_gateway(asked, &origin)) || *path != '/') {
		kv_buf_say(why, "the list's next page is not on this vault");
		return -EBADMSG;
	}
	page->next_link = is_ours ? strdup(link) : move_link(path, to);
	return page->next_link != NULL ? 0 : -ENOMEM;
}

int
kv_page_parse(
    const char *text, size_t len, const struct kv_page_asked *asked, struct kv_buf *why, struct kv_page *page)
{
	int err;

	memset(page, 0, sizeof(*page));
	err = kv_json_parse(text, len, &page->json);
	if (err == 0)
		err = parse_items(page->json, asked, why, page);
	if (err == 0)
		err = parse_next_link(page->json, asked, why, page);
	if (err != 0)
		kv_page_release(page);
	return err;
}

void
kv_page_release(struct kv_page *page)
{
	kv_json_free(page->json);
	free(page->items);
	kv_buf_free_string(page->next_link);
	memset(page, 0, sizeof(*page));
}
