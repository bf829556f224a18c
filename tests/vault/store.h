#ifndef LV_STORE_H
#define LV_STORE_H
/*
 * All objects of all vaults and their versions, in one SQLite file.
 *
 * An object is active, deleted, being purged or being recovered; one with due_ms set is in transition: a deletion,
 * purge or recovery that has not taken effect yet, or a certificate that is being issued. The key and the
 * secret behind a certificate are objects of their own, is_managed, with the certificate's name
 * and version identifiers.
 *
 * What SQLite refuses without cause (a full disk) ends the process with a message.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tests/vault/route.h"
#include "tests/vault/text.h"

#define LV_NEVER (-1) /* an nbf or exp that is not set */

/* Begins the secret of a key that is outside of the HSM, which has a reference to it. */
#define LV_EXTERNAL "external:"

struct lv_store;

enum lv_state { LV_ACTIVE, LV_SOFT_DELETED, LV_BEING_PURGED, LV_BEING_RECOVERED };

struct lv_object {
	int64_t id;
	enum lv_type type;
	enum lv_state state;
	int64_t due_ms; /* when the transition takes effect, Unix milliseconds; 0: none */
	int64_t wall_deleted, wall_purge;
	bool is_managed;
	char name[LV_NAME_MAX + 1];
	char current[LV_VERSION_SIZE]; /* "" while a first certificate is pending */
	char *policy;		       /* certificates: JSON without id */
	char *pending;		       /* certificates: the pending operation, JSON */
};

/* What the columns hold for keys / secrets / certificates. */
struct lv_version {
	char id[LV_VERSION_SIZE];
	bool is_enabled;
	int64_t created, updated, nbf, exp;
	char *tags;   /* a JSON object, or NULL */
	char *kind;   /* kty / content type or NULL / x5t */
	char *detail; /* key_ops, a JSON array / - / - */
	char *public; /* members of the JSON Web Key / - / DER in base64 */
	char *secret; /* PKCS#8 in base64, or LV_EXTERNAL and its id / the value / - */
};

/* Borrowed for the call; a value other than 0 ends the walk. */
typedef int lv_store_object(void *arg, const struct lv_object *o, const struct lv_version *current);
typedef int lv_store_version(void *arg, const struct lv_version *v);

struct lv_store_range {
	const char *vault;
	enum lv_type type;
	bool is_deleted;   /* the deleted ones (without the managed) instead of the active ones */
	bool with_pending; /* certificates without a version too */
	const char *from;  /* upper case, inclusive; for lv_store_walk */
	int64_t behind;	   /* an object's id, exclusive; for lv_store_walk_added */
	int limit;
	int64_t lag_ms; /* the objects as they were so long ago */
};

int lv_store_open(struct lv_store **s, const char *file, struct lv_text *why);
void lv_store_close(struct lv_store *s);

/* Any number of changes between the two takes effect at once, or with undo not at all. */
void lv_store_begin(struct lv_store *s);
void lv_store_commit(struct lv_store *s);
void lv_store_undo(struct lv_store *s);

/* By name in any case, in whatever state: 0 or -ENOENT. */
int lv_store_find(
    struct lv_store *s, const char *vault, enum lv_type type, const char *name, struct lv_object *o);
void lv_store_release_object(struct lv_object *o);
int lv_store_add(struct lv_store *s, const char *vault, struct lv_object *o); /* -EEXIST */
void lv_store_save(struct lv_store *s, const struct lv_object *o);
void lv_store_erase(struct lv_store *s, int64_t object);

/* id "" is the current one. */
int lv_store_get(struct lv_store *s, const struct lv_object *o, const char *id, struct lv_version *v);
void lv_store_release_version(struct lv_version *v);
int lv_store_put(struct lv_store *s, int64_t object, const struct lv_version *v); /* -EEXIST */
void lv_store_change(struct lv_store *s, int64_t object, const struct lv_version *v);
int lv_store_count(struct lv_store *s, int64_t object);

/* In the order of the names, or in that in which they were added. */
void lv_store_walk(struct lv_store *s, const struct lv_store_range *range, lv_store_object *each, void *arg);
void lv_store_walk_added(
    struct lv_store *s, const struct lv_store_range *range, lv_store_object *each, void *arg);

/* Needed before the first walk with a lag: from now on the store keeps what objects were. */
void lv_store_keep_past(struct lv_store *s);

/* In the order of the ids, or of their making; those that were made behind the one with this id. */
void lv_store_walk_versions(
    struct lv_store *s, int64_t object, const char *from, int limit, lv_store_version *each, void *arg);
void lv_store_walk_made(
    struct lv_store *s, int64_t object, const char *behind, int limit, lv_store_version *each, void *arg);

/* An object whose transition is due by then, with its vault (the caller frees it); -ENOENT. */
int lv_store_next_due(struct lv_store *s, int64_t now_ms, struct lv_object *o, char **vault);

/* Small facts that outlive the process: tenant, ids, keys. NULL if unknown; the caller frees. */
char *lv_store_fact(struct lv_store *s, const char *name);
void lv_store_set_fact(struct lv_store *s, const char *name, const char *value);
#endif
