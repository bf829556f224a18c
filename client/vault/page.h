#ifndef KV_CLIENT_VAULT_PAGE_H
#define KV_CLIENT_VAULT_PAGE_H
/*
 * A page of a list of objects or of an object's versions.
 */
#include <stddef.h>
#include "client/vault/item.h"

struct kv_buf;
struct kv_json;

struct kv_page {
	struct kv_json *json; /* the answer; its "value" has the items in the same order */
	struct kv_item *items;
	size_t n;
	char *next_link; /* absolute; NULL at the end */
};
/* The request that the page answers. */
struct kv_page_asked {
	enum kv_type type;
	const char *name;	     /* of the object whose versions were requested; NULL: objects */
	const struct kv_url *vault;  /* the host in ids and links */
	const struct kv_url *origin; /* where requests go, through a gateway; NULL: to vault */
	bool any_host;
};
/*
 * Parses the answer to GET /TYPE or GET /TYPE/NAME/versions; text need not end in NUL. Each item's id
 * must be valid for kv_item_parse_id(), have the requested name (ignoring case), and be on the vault's
 * host unless any_host (no_challenge_verify, for emulators). A link to the next page must be on
 * origin, including the port, because a token is sent there, or on the vault's host: then it is rewritten to
 * origin. Otherwise -EBADMSG, and why names the item. An empty page with a next_link is valid. -ENOMEM. On failure page is zeroed.
 */
int kv_page_parse(const char *text, size_t len, const struct kv_page_asked *asked, struct kv_buf *why,
    struct kv_page *page) KV_MUST_CHECK;
void kv_page_release(struct kv_page *page);
#endif
