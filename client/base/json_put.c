#include "client/base/json_put.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/base/json_quote.h"

#define INDENT	   2
#define UNORDERED  "key_ops"
#define MOST_WHOLE 1e21 /* as JavaScript does */

int
kv_json_put_line(struct kv_buf *out, int depth)
{
	return kv_buf_printf(out, "\n%*s", INDENT * depth, "");
}

int
kv_json_put_name(struct kv_buf *out, const char *name, int depth, int *n)
{
	int err = (*n)++ > 0 ? kv_buf_puts(out, ",") : 0;

	if (err == 0)
		err = kv_json_put_line(out, depth);
	if (err == 0)
		err = kv_json_quote(out, name);
	return err == 0 ? kv_buf_puts(out, ": ") : err;
}

/* ---- elements in order ---- */

static int
compare_names(const void *a, const void *b)
{
	const struct kv_json *const *x = a, *const *y = b;

	return strcmp(kv_json_name(*x), kv_json_name(*y));
}

/* Strings by their bytes; what is no string is equal to everything, and stays somewhere. */
static int
compare_strings(const void *a, const void *b)
{
	const struct kv_json *const *x = a, *const *y = b;
	const char *s = kv_json_as_string(*x), *t = kv_json_as_string(*y);

	return s != NULL && t != NULL ? strcmp(s, t) : 0;
}

/* The elements or members of value, in the order in which they are written. NULL: out of memory. */
static const struct kv_json **
in_order(const struct kv_json *value, size_t *n)
{
	const struct kv_json **list = calloc(kv_json_count(value) + 1, sizeof(*list));
	const char *name = kv_json_name(value);

	*n = 0;
	if (list == NULL)
		return NULL;
	for (const struct kv_json *e = kv_json_first(value); e != NULL; e = kv_json_next(e))
		list[(*n)++] = e;
	if (kv_json_is_object(value))
		qsort(list, *n, sizeof(*list), compare_names);
	else if (name != NULL && strcmp(name, UNORDERED) == 0)
		qsort(list, *n, sizeof(*list), compare_strings);
	return list;
}

/* ---- values ---- */

static int
put_members(struct kv_buf *out, const struct kv_json *const *list, size_t n, int depth)
{
	int err = 0, n_put = 0;

	for (size_t i = 0; err == 0 && i < n; i++) {
		if (i > 0 && strcmp(kv_json_name(list[i - 1]), kv_json_name(list[i])) == 0)
			return -EBADMSG;
		err = kv_json_put_name(out, kv_json_name(list[i]), depth, &n_put);
		if (err == 0)
			err = kv_json_put(out, list[i], depth);
	}
	return err;
}

/* An array of numbers and strings is one line. */
static bool
is_flat(const struct kv_json *value)
{
	if (kv_json_is_object(value))
		return false;
	for (const struct kv_json *e = kv_json_first(value); e != NULL; e = kv_json_next(e))
		if (kv_json_is_object(e) || kv_json_is_array(e))
			return false;
	return true;
}

static int
put_elements(struct kv_buf *out, const struct kv_json *const *list, size_t n, int depth, bool is_one_line)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < n; i++) {
		err = kv_buf_puts(out, i == 0 ? "" : is_one_line ? ", " : ",");
		if (err == 0 && !is_one_line)
			err = kv_json_put_line(out, depth);
		if (err == 0)
			err = kv_json_put(out, list[i], depth);
	}
	return err;
}

static int
put_compound(struct kv_buf *out, const struct kv_json *value, int depth)
{
	const bool is_object = kv_json_is_object(value), is_one_line = is_flat(value);
	const struct kv_json **list;
	size_t n;
	int err;

	if (kv_json_first(value) == NULL)
		return kv_buf_puts(out, is_object ? "{}" : "[]");
	list = in_order(value, &n);
	if (list == NULL)
		return -ENOMEM;
	err = kv_buf_puts(out, is_object ? "{" : "[");
	if (err == 0)
		err = is_object ? put_members(out, list, n, depth + 1) :
				  put_elements(out, list, n, depth + 1, is_one_line);
	free(list);
	if (err == 0 && !is_one_line)
		err = kv_json_put_line(out, depth);
	return err == 0 ? kv_buf_puts(out, is_object ? "}" : "]") : err;
}

/* What is beyond a double, such as 1e400, has no JSON. Whole numbers have no exponent as long as they are short. */
static int
put_number(struct kv_buf *out, double number)
{
	if (!isfinite(number))
		return -EBADMSG;
	return kv_buf_printf(
	    out, fabs(number) < MOST_WHOLE && floor(number) == number ? "%.0f" : "%.17g", number);
}

int
kv_json_put(struct kv_buf *out, const struct kv_json *value, int depth)
{
	double number;
	int64_t whole;
	bool is_true;

	if (kv_json_is_object(value) || kv_json_is_array(value))
		return put_compound(out, value, depth);
	if (kv_json_as_string(value) != NULL)
		return kv_json_quote(out, kv_json_as_string(value));
	if (kv_json_as_integer(value, &whole) == 0)
		return kv_buf_printf(out, "%lld", (long long)whole);
	if (kv_json_as_number(value, &number) == 0)
		return put_number(out, number);
	if (kv_json_as_bool(value, &is_true) == 0)
		return kv_buf_puts(out, is_true ? "true" : "false");
	return kv_buf_puts(out, "null");
}
