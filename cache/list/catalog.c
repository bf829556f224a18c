/*
 * The catalog: a tree of objects by key (tsearch(3)), with a reference to each.
 *
 * Invariants:
 *	the tree has n objects, in the order of their keys, and no duplicate key
 *	each is of the catalog's type, and its key is its name in upper case
 *	each is referenced, and none is gone
 *	size and digest describe the current content; an object with a digest has a size
 *	siblings are referenced by their object, and have its type, times and fingerprint
 */
#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cache/index/object_rows.h"
#include "cache/list/catalog.h"
#include "client/base/clock.h"
#include "client/vault/item.h"

#define SETTLED_S 2 /* "updated" is in whole seconds: an item this recent may hide a later change */

/* Without the vault's time ours decides, and the two clocks may differ. A Managed HSM sends no date. */
#define OUR_SETTLED_S 300

struct kv_catalog {
	enum kv_type type;
	struct kv_object_rows *rows;
	kv_catalog_changed *changed;
	void *arg;
	void *tree;
	size_t n;
};

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct kv_object *)a)->key, ((const struct kv_object *)b)->key);
}

struct kv_object *
kv_catalog_find(const struct kv_catalog *c, const char *name)
{
	char key[KV_NAME_MAX + 1];
	const struct kv_object probe = { .key = key };
	void *const *found;

	kv_object_key(name, key);
	found = tfind(&probe, (void *const *)&c->tree, compare_keys);
	return found != NULL ? *found : NULL;
}

bool
kv_catalog_has_key(const void *catalog, const char *key)
{
	return kv_catalog_find(catalog, key) != NULL;
}

size_t
kv_catalog_count(const struct kv_catalog *c)
{
	return c->n;
}

struct visit {
	kv_catalog_visit *visit;
	void *arg;
};

static void
visit_one(const void *node, VISIT order, void *arg)
{
	const struct visit *v = arg;

	if (order == postorder || order == leaf)
		v->visit(v->arg, *(struct kv_object *const *)node);
}

void
kv_catalog_each(const struct kv_catalog *c, kv_catalog_visit *visit, void *arg)
{
	struct visit v = { .visit = visit, .arg = arg };

	twalk_r(c->tree, visit_one, &v);
}

/* ---- changes ---- */

static struct kv_object *
insert_new(struct kv_catalog *c, const char *name)
{
	struct kv_object *object = kv_object_new(c->type, name);

	if (object == NULL)
		return NULL;
	if (tsearch(object, &c->tree, compare_keys) == NULL) {
		kv_object_unref(object);
		return NULL;
	}
	c->n++;
	kv_object_rows_recall(c->rows, object);
	return object;
}

static void
invalidate_one(struct kv_catalog *c, struct kv_object *object)
{
	object->size = -1;
	c->changed(c->arg, object);
	object->has_digest = false;
	kv_object_rows_note(c->rows, object);
}

/* A sibling has what its object's item shows. */
static void
update_sibling(struct kv_object *sibling)
{
	const struct kv_object *of = sibling->of;

	memcpy(sibling->name, of->name, strlen(of->name)); /* maybe another case */
	memcpy(sibling->fingerprint, of->fingerprint, KV_FINGERPRINT_LEN);
	sibling->has_fingerprint = of->has_fingerprint;
	sibling->wall_updated = of->wall_updated;
	sibling->wall_expires = of->wall_expires;
	sibling->is_enabled = of->is_enabled;
	sibling->is_gone = of->is_gone;
}

static void
update_siblings(struct kv_object *object)
{
	for (struct kv_object *s = object->beside; s != NULL; s = s->beside)
		update_sibling(s);
}

void
kv_catalog_invalidate(struct kv_catalog *c, struct kv_object *object)
{
	update_siblings(object);
	invalidate_one(c, object);
	for (struct kv_object *s = object->beside; s != NULL; s = s->beside)
		invalidate_one(c, s);
}

static void
drop_siblings(struct kv_object *object)
{
	struct kv_object *s, *next;

	for (s = object->beside; s != NULL; s = next) {
		next = s->beside;
		s->beside = NULL;
		kv_object_unref(s);
	}
	object->beside = NULL;
}

void
kv_catalog_remove(struct kv_catalog *c, struct kv_object *object)
{
	if (object->is_gone)
		return;
	tdelete(object, &c->tree, compare_keys);
	c->n--;
	object->is_gone = true;
	kv_catalog_invalidate(c, object);
	drop_siblings(object);
	kv_object_unref(object);
}

/*
 * Whether, by item, object has not changed since its fingerprint was stored or since it was added. What was fetched in the
 * second of an update may be of before another one, with the same time.
 */
static bool
is_unchanged(const struct kv_object *object, const struct kv_item *item)
{
	if (strcmp(object->name, item->name) != 0)
		return false;
	if (object->has_fingerprint)
		return memcmp(object->fingerprint, item->fingerprint, KV_FINGERPRINT_LEN) == 0;
	return object->wall_updated == item->wall_updated && object->mono_added != 0 &&
	    (object->size < 0 || object->wall_fetched > object->wall_updated + SETTLED_S);
}

/* Whether an item of this age would show every later change. */
static bool
is_settled(int64_t wall_updated, int64_t wall_date)
{
	if (wall_updated == 0)
		return true;
	return wall_date != 0 ? wall_updated + SETTLED_S < wall_date :
				wall_updated + OUR_SETTLED_S < kv_clock_wall_s();
}

int
kv_catalog_list(struct kv_catalog *c, const struct kv_item *item, uint64_t serial, int64_t wall_date,
    struct kv_object **out)
{
	struct kv_object *object = kv_catalog_find(c, item->name);
	bool is_again, is_same, was_trusted;

	*out = NULL;
	if (object == NULL)
		object = insert_new(c, item->name);
	if (object == NULL)
		return -ENOMEM;
	is_again = object->seen == serial; /* it moved while the list was read, or two parts read it */
	if (is_again && object->mono_added != 0)
		return 0; /* restored since: the page may be older */
	object->seen = serial;
	object->is_shown = object->is_shown && is_again;
	is_same = is_unchanged(object, item);
	memcpy(object->name, item->name, strlen(object->name)); /* same length, maybe another case */
	memcpy(object->fingerprint, item->fingerprint, KV_FINGERPRINT_LEN);
	was_trusted = object->has_fingerprint;
	object->has_fingerprint = is_settled(item->wall_updated, wall_date);
	object->is_managed = item->is_managed;
	object->is_external = item->is_external;
	object->is_enabled = item->is_enabled;
	object->wall_expires = item->wall_expires;
	object->mono_added = 0;
	if (!is_same || item->wall_updated > object->wall_updated)
		object->wall_updated = item->wall_updated;
	update_siblings(object);
	if (!is_same)
		kv_catalog_invalidate(c, object);
	else if (object->has_fingerprint != was_trusted)
		kv_object_rows_note(c->rows, object);
	if (!is_again || (!item->is_managed && !object->is_shown))
		*out = object;
	object->is_shown = object->is_shown || !item->is_managed;
	return 0;
}

int
kv_catalog_add(struct kv_catalog *c, const struct kv_item *item, struct kv_object **out)
{
	struct kv_object *object = kv_catalog_find(c, item->name);

	*out = NULL;
	if (object == NULL) {
		object = insert_new(c, item->name);
		if (object == NULL)
			return -ENOMEM;
		object->size = -1; /* the rows describe the object as last listed */
		object->has_digest = false;
	} else {
		memcpy(object->name, item->name, strlen(object->name)); /* same length, maybe another case */
		kv_catalog_invalidate(c, object);
	}
	object->mono_added = kv_clock_mono_ms();
	object->has_fingerprint = false;
	object->wall_updated = item->wall_updated;
	object->wall_expires = item->wall_expires;
	object->is_enabled = item->is_enabled;
	object->is_managed = item->is_managed;
	object->is_external = item->is_external;
	update_siblings(object);
	*out = object;
	return 0;
}

/* ---- siblings ---- */

static struct kv_object *
add_sibling(struct kv_catalog *c, struct kv_object *object, enum kv_kind kind)
{
	struct kv_object *s = object->is_gone ? NULL : kv_object_new_sibling(object, kind);

	if (s == NULL)
		return NULL;
	kv_object_rows_recall(c->rows, s);
	if (!s->has_fingerprint || !object->has_fingerprint ||
	    memcmp(s->fingerprint, object->fingerprint, KV_FINGERPRINT_LEN) != 0) {
		s->size = -1;
		s->has_digest = false;
	}
	update_sibling(s);
	s->beside = object->beside;
	object->beside = s;
	return s;
}

struct kv_object *
kv_catalog_sibling(struct kv_catalog *c, struct kv_object *object, enum kv_kind kind, int64_t max_age_s)
{
	struct kv_object *s = object->beside;

	while (s != NULL && s->kind != kind)
		s = s->beside;
	if (s == NULL)
		return add_sibling(c, object, kind);
	if (s->size >= 0 && kv_clock_wall_s() - s->wall_fetched > max_age_s)
		invalidate_one(c, s);
	return s;
}

struct sweep {
	uint64_t serial;
	int64_t mono_started;
	kv_catalog_keep *keep;
	void *arg;
	struct kv_object **gone;
	size_t n;
	int err;
};

static void
sweep_one(void *arg, struct kv_object *object)
{
	struct sweep *s = arg;

	if (object->seen == s->serial)
		return;
	if (object->mono_added < s->mono_started)
		s->gone[s->n++] = object;
	else if (s->err == 0)
		s->err = s->keep(s->arg, object);
}

int
kv_catalog_sweep(
    struct kv_catalog *c, uint64_t serial, int64_t mono_started, kv_catalog_keep *keep, void *arg)
{
	struct sweep s = { .serial = serial, .mono_started = mono_started, .keep = keep, .arg = arg };

	s.gone = calloc(c->n + 1, sizeof(struct kv_object *));
	if (s.gone == NULL)
		return -ENOMEM;
	kv_catalog_each(c, sweep_one, &s);
	for (size_t i = 0; i < s.n; i++)
		kv_catalog_remove(c, s.gone[i]);
	free(s.gone);
	return s.err;
}

/* ---- checking, creating, freeing ---- */

struct check {
	const struct kv_catalog *catalog;
	const struct kv_object *last;
	size_t n;
};

static void
check_one(const void *node, VISIT order, void *arg)
{
	const struct kv_object *object = *(struct kv_object *const *)node;
	struct check *check = arg;
	char key[KV_NAME_MAX + 1];

	if (order != postorder && order != leaf)
		return;
	kv_object_key(object->name, key);
	assert(strcmp(object->key, key) == 0);
	assert(check->last == NULL || strcmp(check->last->key, key) < 0);
	assert(object->type == check->catalog->type);
	assert(object->refs > 0 && !object->is_gone);
	assert(!object->has_digest || object->size >= 0);
	assert(object->kind == KV_KIND_BLOB && object->of == NULL);
	for (const struct kv_object *s = object->beside; s != NULL; s = s->beside) {
		assert(s->of == object && s->refs > 0 && s->kind != KV_KIND_BLOB && s->type == object->type);
		assert(
		    s->wall_updated == object->wall_updated && s->has_fingerprint == object->has_fingerprint);
		assert(!s->is_gone && (!s->has_digest || s->size >= 0));
	}
	check->last = object;
	check->n++;
}

void
kv_catalog_check(const struct kv_catalog *c)
{
	struct check check = { .catalog = c };

	twalk_r(c->tree, check_one, &check);
	assert(check.n == c->n);
}

struct kv_catalog *
kv_catalog_new(enum kv_type type, struct kv_object_rows *rows, kv_catalog_changed *changed, void *arg)
{
	struct kv_catalog *c = calloc(1, sizeof(*c));

	if (c != NULL)
		*c = (struct kv_catalog){ .type = type, .rows = rows, .changed = changed, .arg = arg };
	return c;
}

static void
free_entry(void *object)
{
	drop_siblings(object);
	kv_object_unref(object);
}

void
kv_catalog_free(struct kv_catalog *c)
{
	if (c == NULL)
		return;
	tdestroy(c->tree, free_entry);
	free(c);
}
