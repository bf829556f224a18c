#ifndef LV_ROUTE_H
#define LV_ROUTE_H
/* What a method and a path ask for: the service's URLs as operation, type, name and version. */
#include <stdbool.h>

#include "tests/vault/encode.h"

#define LV_NAME_MAX 127

enum lv_type { LV_KEYS, LV_SECRETS, LV_CERTIFICATES, LV_TYPES };

enum lv_op {
	LV_LIST,
	LV_VERSIONS,
	LV_GET,
	LV_BACKUP,
	LV_RESTORE,
	LV_DELETE,
	LV_RECOVER,
	LV_IMPORT,
	LV_CREATE,
	LV_SET,
	LV_UPDATE,
	LV_DELETED, /* both the list and one of it: name tells */
	LV_PURGE,
	LV_POLICY,
	LV_ROTATION,
	LV_PENDING,
	LV_MERGE,
	LV_CRYPT,
	LV_TOKEN,
	LV_CHALLENGE,
	LV_OTHER,
	LV_OPS
};

struct lv_route {
	enum lv_op op;
	enum lv_type type; /* LV_TYPES where there is none */
	char name[LV_NAME_MAX + 1];
	char version[LV_VERSION_SIZE]; /* lower case; "" for the current one */
	const char *word;	       /* the path's last word where op is LV_OTHER or LV_CRYPT */
};

/* 0, -ENOENT for a path that leads nowhere, -EINVAL for a bad name, -ENOTSUP for the method. */
int lv_route_parse(struct lv_route *route, const char *method, const char *path);

const char *lv_route_op_name(enum lv_op op);
const char *lv_route_type_name(enum lv_type type); /* keys, secrets, certificates */
const char *lv_route_singular(enum lv_type type);  /* key, secret, certificate */
const char *lv_route_title(enum lv_type type);	   /* Key, Secret, Certificate */
enum lv_op lv_route_op(const char *name);	   /* LV_OPS if it is none */
enum lv_type lv_route_type(const char *name);	   /* LV_TYPES if it is none */
#endif
