/* What a method and a path ask for. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/route.h"

#define MAX_SEGMENTS 4

static const char *const op_names[LV_OPS] = {
	[LV_LIST] = "list",
	[LV_VERSIONS] = "versions",
	[LV_GET] = "get",
	[LV_BACKUP] = "backup",
	[LV_RESTORE] = "restore",
	[LV_DELETE] = "delete",
	[LV_RECOVER] = "recover",
	[LV_IMPORT] = "import",
	[LV_CREATE] = "create",
	[LV_SET] = "set",
	[LV_UPDATE] = "update",
	[LV_DELETED] = "deleted",
	[LV_PURGE] = "purge",
	[LV_POLICY] = "policy",
	[LV_ROTATION] = "rotation-policy",
	[LV_PENDING] = "pending",
	[LV_MERGE] = "merge",
	[LV_CRYPT] = "crypt",
	[LV_TOKEN] = "token",
	[LV_CHALLENGE] = "challenge",
	[LV_OTHER] = "other",
};

static const char *const type_names[LV_TYPES][3] = {
	{ "keys", "key", "Key" },
	{ "secrets", "secret", "Secret" },
	{ "certificates", "certificate", "Certificate" },
};

/* A word under a name, and what it means; types is a bit per type. */
static const struct verb {
	const char *word, *method;
	enum lv_op op;
	unsigned types;
} verbs[] = {
	{ "versions", "GET", LV_VERSIONS, 7 },
	{ "backup", "POST", LV_BACKUP, 7 },
	{ "create", "POST", LV_CREATE, 5 },
	{ "import", "POST", LV_IMPORT, 4 },
	{ "policy", "GET PATCH", LV_POLICY, 4 },
	{ "rotationpolicy", "GET PUT", LV_ROTATION, 1 },
	{ "pending", "GET PATCH DELETE", LV_PENDING, 4 },
}, bare[] = {
	{ "", "GET", LV_GET, 7 },
	{ "", "DELETE", LV_DELETE, 7 },
	{ "", "PATCH", LV_UPDATE, 7 },
	{ "", "PUT", LV_IMPORT, 1 },
	{ "", "PUT", LV_SET, 2 },
}, crypts[] = {
	{ "encrypt", "POST", LV_CRYPT, 1 },
	{ "decrypt", "POST", LV_CRYPT, 1 },
	{ "wrapkey", "POST", LV_CRYPT, 1 },
	{ "unwrapkey", "POST", LV_CRYPT, 1 },
	{ "sign", "POST", LV_CRYPT, 1 },
	{ "verify", "POST", LV_CRYPT, 1 },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const char *
lv_route_op_name(enum lv_op op)
{
	return op_names[op];
}

const char *
lv_route_type_name(enum lv_type type)
{
	return type == LV_TYPES ? "none" : type_names[type][0];
}

const char *
lv_route_singular(enum lv_type type)
{
	return type_names[type][1];
}

const char *
lv_route_title(enum lv_type type)
{
	return type_names[type][2];
}

enum lv_op
lv_route_op(const char *name)
{
	unsigned op;

	for (op = 0; op < LV_OPS; op++)
		if (strcmp(op_names[op], name) == 0)
			return (enum lv_op)op;
	return LV_OPS;
}

enum lv_type
lv_route_type(const char *name)
{
	unsigned type;

	for (type = 0; type < LV_TYPES; type++)
		if (strcmp(type_names[type][0], name) == 0)
			return (enum lv_type)type;
	return LV_TYPES;
}

/* The path's segments, without slashes at the end; -ENOENT for too many or an empty one. */
static int
split(const char *path, const char *segments[MAX_SEGMENTS], size_t lengths[MAX_SEGMENTS])
{
	size_t len = strlen(path);
	int count = 0;

	while (len > 0 && path[len - 1] == '/')
		len--;
	while (len > 0) {
		if (*path != '/' || count == MAX_SEGMENTS)
			return -ENOENT;
		path++, len--;
		segments[count] = path;
		lengths[count] = 0;
		while (len > 0 && *path != '/')
			path++, len--, lengths[count]++;
		if (lengths[count++] == 0)
			return -ENOENT;
	}
	return count;
}

static int
copy_name(char *to, const char *from, size_t len)
{
	size_t i;

	if (len > LV_NAME_MAX)
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (!isalnum((unsigned char)from[i]) && from[i] != '-')
			return -EINVAL;
		to[i] = from[i];
	}
	to[len] = '\0';
	return 0;
}

static int
copy_version(char *to, const char *from, size_t len)
{
	size_t i;

	if (len != LV_VERSION_SIZE - 1)
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (!isalnum((unsigned char)from[i]))
			return -EINVAL;
		to[i] = (char)tolower((unsigned char)from[i]);
	}
	to[len] = '\0';
	return 0;
}

static bool
is_word(const char *segment, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(segment, word, len) == 0;
}

/* The verb in a table: 0, -ENOTSUP if only the method is wrong, -ENOENT. */
static int
find_verb(struct lv_route *route, const struct verb *table, size_t count, const char *method,
    const char *word, size_t len)
{
	int err = -ENOENT;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!is_word(word, len, table[i].word) || !(table[i].types & 1U << route->type))
			continue;
		route->word = table[i].word;
		err = -ENOTSUP;
		if (strstr(table[i].method, method) != NULL) {
			route->op = table[i].op;
			return 0;
		}
	}
	return err;
}

static int
parse_deleted(struct lv_route *route, const char *method, int count, const char *const segments[],
    const size_t lengths[])
{
	route->op = LV_DELETED;
	if (count == 1)
		return strcmp(method, "GET") == 0 ? 0 : -ENOTSUP;
	if (copy_name(route->name, segments[1], lengths[1]) != 0)
		return -EINVAL;
	if (count == 3 && is_word(segments[2], lengths[2], "recover")) {
		route->op = LV_RECOVER;
		return strcmp(method, "POST") == 0 ? 0 : -ENOTSUP;
	}
	if (count != 2)
		return -ENOENT;
	if (strcmp(method, "DELETE") == 0)
		route->op = LV_PURGE;
	else if (strcmp(method, "GET") != 0)
		return -ENOTSUP;
	return 0;
}

/* Words that stand where a name stands: restore, and what a vault has of certificates. */
static int
parse_reserved(struct lv_route *route, const char *method, const char *segment, size_t len)
{
	if (is_word(segment, len, "restore") && strcmp(method, "POST") == 0) {
		route->op = LV_RESTORE;
		return 0;
	}
	if (route->type != LV_CERTIFICATES)
		return -ENOENT;
	if (is_word(segment, len, "contacts"))
		route->word = "contacts";
	else if (is_word(segment, len, "issuers"))
		route->word = "issuers";
	return route->word != NULL ? 0 : -ENOENT;
}

/*
 * Whether what follows "issuers" is the name of an issuer, and not a verb or a version of a certificate of that name,
 * which are found by their version.
 */
static bool
is_issuer(const struct lv_route *route, const char *method, const char *segment, size_t len)
{
	struct lv_route other = *route;

	return route->word != NULL && strcmp(route->word, "issuers") == 0 &&
	    find_verb(&other, verbs, COUNT(verbs), method, segment, len) == -ENOENT &&
	    copy_version(other.version, segment, len) != 0;
}

static int
parse_object(struct lv_route *route, const char *method, int count, const char *const segments[],
    const size_t lengths[])
{
	int err;

	if (copy_name(route->name, segments[1], lengths[1]) != 0)
		return -EINVAL;
	if (count == 2)
		return find_verb(route, bare, COUNT(bare), method, "", 0);
	if (count == 4 && route->type == LV_CERTIFICATES && is_word(segments[2], lengths[2], "pending") &&
	    is_word(segments[3], lengths[3], "merge")) {
		route->op = LV_MERGE;
		return strcmp(method, "POST") == 0 ? 0 : -ENOTSUP;
	}
	err = find_verb(route, verbs, COUNT(verbs), method, segments[2], lengths[2]);
	if (err != -ENOENT)
		return count == 3 ? err : -ENOENT;
	if (copy_version(route->version, segments[2], lengths[2]) != 0)
		return -ENOENT;
	if (count == 4)
		return find_verb(route, crypts, COUNT(crypts), method, segments[3], lengths[3]);
	if (strcmp(method, "GET") != 0 && strcmp(method, "PATCH") != 0)
		return -ENOTSUP;
	return find_verb(route, bare, COUNT(bare), method, "", 0);
}

int
lv_route_parse(struct lv_route *route, const char *method, const char *path)
{
	const char *segments[MAX_SEGMENTS] = { NULL };
	size_t lengths[MAX_SEGMENTS] = { 0 };
	int count = split(path, segments, lengths), err;
	bool is_deleted;
	unsigned t;

	*route = (struct lv_route){ .op = LV_OTHER, .type = LV_TYPES };
	if (count <= 0)
		return -ENOENT;
	is_deleted = lengths[0] > 7 && strncasecmp(segments[0], "deleted", 7) == 0;
	for (t = 0; t < LV_TYPES; t++)
		if (is_word(segments[0] + 7 * is_deleted, lengths[0] - 7 * is_deleted, type_names[t][0]))
			route->type = (enum lv_type)t;
	if (route->type == LV_TYPES)
		return -ENOENT;
	if (is_deleted)
		return parse_deleted(route, method, count, segments, lengths);
	if (count == 1) {
		route->op = LV_LIST;
		return strcmp(method, "GET") == 0 ? 0 : -ENOTSUP;
	}
	err = count <= 3 ? parse_reserved(route, method, segments[1], lengths[1]) : -ENOENT;
	if (err == 0 && (count == 2 || is_issuer(route, method, segments[2], lengths[2])))
		return 0;
	route->op = LV_OTHER;
	route->word = NULL;
	return parse_object(route, method, count, segments, lengths);
}
