#ifndef KV_CLIENT_BASE_JSON_H
#define KV_CLIENT_BASE_JSON_H
/*
 * Parses JSON objects, read-only, and merges two; the only user of cJSON. A null member
 * counts as missing. Reading a duplicate member fails with -EBADMSG, because two parsers could choose
 * differently; so does reading a member as the wrong type.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_buf;
struct kv_json;

/*
 * text need not end in NUL. It must be one object with only white space around it, without NUL bytes,
 * nested at most 1000 deep; otherwise -EBADMSG. \u0000 is read as U+FFFD. -ENOMEM.
 */
int kv_json_parse(const char *text, size_t len, struct kv_json **root) KV_MUST_CHECK;
/* cJSON's version, "1.7.15". */
const char *kv_json_library(void);
/* Wipes every string. NULL does nothing. */
void kv_json_free(struct kv_json *root);

/*
 * Append the object text with the members of the object more. Objects that both have are merged in the same
 * way; of other members, that of more is taken. -EBADMSG, -ENOMEM, -EFBIG.
 */
int kv_json_merge(const char *text, const char *more, struct kv_buf *out) KV_MUST_CHECK;

/* object may be NULL, which has no members. A missing member yields 0 and NULL. */
int kv_json_member(
    const struct kv_json *object, const char *name, const struct kv_json **member) KV_MUST_CHECK;
int kv_json_object(
    const struct kv_json *object, const char *name, const struct kv_json **value) KV_MUST_CHECK;
int kv_json_string(const struct kv_json *object, const char *name, const char **value) KV_MUST_CHECK;
/* *value is unchanged if the member is missing. */
int kv_json_bool(const struct kv_json *object, const char *name, bool *value) KV_MUST_CHECK;
/* A whole number from 0 to 2^53; 0 if it is missing. */
int kv_json_integer(const struct kv_json *object, const char *name, int64_t *value) KV_MUST_CHECK;
/* Any number; 0 if it is missing. */
int kv_json_number(const struct kv_json *object, const char *name, double *value) KV_MUST_CHECK;

/* The type of a value; NULL has none. */
bool kv_json_is_object(const struct kv_json *value);
bool kv_json_is_array(const struct kv_json *value);
/* 0 or -EBADMSG. */
int kv_json_as_integer(const struct kv_json *value, int64_t *n) KV_MUST_CHECK;
int kv_json_as_number(const struct kv_json *value, double *n) KV_MUST_CHECK;
int kv_json_as_bool(const struct kv_json *value, bool *is_true) KV_MUST_CHECK;
const char *kv_json_as_string(const struct kv_json *value); /* NULL if it is not a string */
const char *kv_json_name(const struct kv_json *value);	    /* NULL if it is not a member of an object */

/* The elements of an array, or the members of an object, in order. */
size_t kv_json_count(const struct kv_json *array);
const struct kv_json *kv_json_first(const struct kv_json *array);
const struct kv_json *kv_json_next(const struct kv_json *element);

#define KV_JSON_FINGERPRINT 16
/*
 * A digest of the value that does not depend on the order of members, on white space or on how strings
 * and numbers are written. -EBADMSG if an object has a duplicate member, -ENOMEM.
 */
int kv_json_fingerprint(
    const struct kv_json *value, unsigned char fingerprint[KV_JSON_FINGERPRINT]) KV_MUST_CHECK;
#endif
