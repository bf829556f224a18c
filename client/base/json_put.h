#ifndef KV_CLIENT_BASE_JSON_PUT_H
#define KV_CLIENT_BASE_JSON_PUT_H
/*
 * Writes parsed JSON for people to read: a member per line, indented by two blanks. Equal values give equal
 * bytes: members are in the order of their names, and so are the strings of an array called "key_ops", whose
 * order a Managed HSM changes from one answer to the next.
 */
#include "client/base/err.h"

struct kv_buf;
struct kv_json;

/*
 * Append value, whose first line is already indented by depth levels, without a line end. -EBADMSG: an object
 * has a duplicate member. -EFBIG, -ENOMEM.
 */
int kv_json_put(struct kv_buf *out, const struct kv_json *value, int depth) KV_MUST_CHECK;
/* Append a line end and the indentation of depth levels. */
int kv_json_put_line(struct kv_buf *out, int depth) KV_MUST_CHECK;
/*
 * Append ","  unless *n is 0, a line end, the indentation and the name, and count one more member in *n: the start of a
 * member of an object that the caller writes.
 */
int kv_json_put_name(struct kv_buf *out, const char *name, int depth, int *n) KV_MUST_CHECK;
#endif
