#ifndef LV_BODY_H
#define LV_BODY_H
/* Objects as JSON: bundles and list items as the service writes them, and the facts it is sent. */
#include "tests/vault/service.h"

/* https://HOST/TYPE/NAME[/VERSION] as a JSON string; kind is "keys", "deletedkeys" and so on. */
void lv_body_id(
    const struct lv_call *c, const char *kind, const char *name, const char *version, struct lv_text *out);

/* A whole bundle; with_value tells a secret's value. */
void lv_body_bundle(const struct lv_call *c, const struct lv_object *o, const struct lv_version *v,
    bool with_value, struct lv_text *out);
void lv_body_deleted(
    const struct lv_call *c, const struct lv_object *o, const struct lv_version *v, struct lv_text *out);

/* A list's item: of an object, of a deleted one, or of a version. */
void lv_body_item(const struct lv_call *c, const struct lv_object *o, const struct lv_version *v,
    bool is_version, struct lv_text *out);

/* The id by which a Managed HSM refers to a key outside of it; NULL for any other version. */
const char *lv_body_external(const struct lv_version *v);

void lv_body_policy(const struct lv_call *c, const struct lv_object *o, struct lv_text *out);

/* enabled, nbf, exp and tags of a body into v: 0, or -EINVAL with the 400 written. */
int lv_body_read(struct lv_call *c, struct lv_version *v);

/* A version as a request begins it: a fresh id, enabled, made now. */
void lv_body_new_version(const struct lv_call *c, struct lv_version *v);

const cJSON *lv_body_get(const cJSON *json, const char *name); /* NULL without it */
const char *lv_body_string(const cJSON *json, const char *name);
char *lv_body_print(const cJSON *json); /* compact; NULL gives NULL */
void lv_body_bad(struct lv_call *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif
