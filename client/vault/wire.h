#ifndef KV_CLIENT_VAULT_WIRE_H
#define KV_CLIENT_VAULT_WIRE_H
/*
 * JSON bodies to structs and back. Every function takes bytes that need not end in NUL, refuses what
 * is not the shape that the service promises with -EBADMSG (unknown fields are ignored, a missing
 * optional one is its zero), and leaves its out-parameter zeroed on failure. -ENOMEM where memory ends.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"
#include "client/vault/type.h"

struct kv_buf;
struct kv_url;

/* An object or one of its versions, as in a list. */
struct kv_item {
	char name[KV_NAME_MAX + 1]; /* the service's spelling */
	char version[64];	    /* "" in a list of objects, as the service gives it */
	int64_t wall_created;	    /* Unix seconds, 0 where not given */
	int64_t wall_updated;
	int64_t wall_expires;
	bool is_enabled;			       /* true where not given */
	bool is_managed;			       /* belongs to a certificate, whose backup holds it */
	unsigned char fingerprint[KV_FINGERPRINT_LEN]; /* of the whole item, in whatever order */
};
struct kv_page {
	struct kv_item *items;
	size_t n;
	char *next_link; /* absolute, verbatim; NULL at the end */
};
/* What a page was asked of, and whose. */
struct kv_page_asked {
	enum kv_type type;
	const char *name; /* of the object whose versions were asked for; NULL: objects */
	const struct kv_url *vault;
	bool any_host;
};
/*
 * A page of GET /TYPE or GET /TYPE/NAME/versions. Each item's id ("kid" or "id") must be
 * https://HOST/TYPE/NAME[/VERSION], perhaps with a slash behind it, the name well-formed and the one
 * asked for (without case), and HOST the vault's host: its port does not count, because independent
 * servers leave it out, and with any_host (no_challenge_verify, for an emulator) HOST does not count
 * either. next_link must be on the vault's origin, port and all, in any case: a token is sent there.
 * Else -EBADMSG, and why gets a sentence that names the item. An empty page with a next_link is a page
 * like another.
 */
int kv_wire_page(const char *text, size_t len, const struct kv_page_asked *asked, struct kv_buf *why,
    struct kv_page *page) KV_MUST_CHECK;
void kv_wire_page_release(struct kv_page *page);

/*
 * What a restore answers: a key, secret or certificate bundle; the item is the restored object with
 * the version that the answer names. Its fingerprint is zero: a bundle is no list item. The host of
 * the id does not count. A certificate's bundle may lack everything but its id.
 */
int kv_wire_bundle(const char *text, size_t len, enum kv_type type, struct kv_item *item) KV_MUST_CHECK;

/* The answer to a backup: "value" decoded is appended to blob. -EFBIG beyond blob's maximum. */
int kv_wire_backup(const char *text, size_t len, struct kv_buf *blob) KV_MUST_CHECK;
/* The body of a restore: {"value":"<base64url of data>"} appended to body. */
int kv_wire_restore_body(const void *data, size_t len, struct kv_buf *body) KV_MUST_CHECK;

/* An error body of the vault; never fails, what is no such body leaves empty strings. */
void kv_wire_fault(const char *text, size_t len, struct kv_fault *fault);
/*
 * The answer to GET /deletedTYPE/NAME. wall_purge: when the service purges it by itself, Unix seconds; 0
 * where it does not say. -EBADMSG where it is another object's, or no object.
 */
int kv_wire_deleted(
    const char *text, size_t len, enum kv_type type, const char *name, int64_t *wall_purge) KV_MUST_CHECK;
/* text as it stands in a fault: one line, cut at a character where size ends. NULL is "". */
void kv_wire_line(char *to, size_t size, const char *text);
/*
 * An id in single quotes inside a fault's message, of that type: "… restoring the key
 * 'https://v…/keys/N/VERSION'. …". The host does not count. -ENOENT where there is none.
 */
int kv_wire_fault_id(const struct kv_fault *fault, enum kv_type type, struct kv_item *item) KV_MUST_CHECK;

/*
 * A token answer of any source: access_token (or the az CLI's accessToken), expires_in (number or
 * string of seconds) or expires_on (number or string of Unix seconds; a date string, and the az
 * CLI's local-time expiresOn, are ignored). life_s is 0 where the answer does not say.
 */
struct kv_token {
	char *value;	/* wiped by kv_wire_token_release() */
	int64_t life_s; /* seconds from now */
};
int kv_wire_token(const char *text, size_t len, int64_t wall_now, struct kv_token *token) KV_MUST_CHECK;
void kv_wire_token_release(struct kv_token *token);
/* An error of a token service: code = "error", message = first line of "error_description". */
void kv_wire_token_fault(const char *text, size_t len, struct kv_fault *fault);
/* Unix seconds of "exp" in a JWT's payload, not verified; 0 where it is no JWT. */
int64_t kv_wire_jwt_expiry(const char *token);
#endif
