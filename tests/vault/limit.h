#ifndef LV_LIMIT_H
#define LV_LIMIT_H
/*
 * A vault's limit: so many requests in any ten seconds. With LV_LIMIT_SERVICE each request weighs
 * as in the service's table (a fraction of the window for each kind). Refused requests do not
 * count.
 */
#include <stdbool.h>
#include <stdint.h>

enum lv_class {
	LV_CLASS_ORDINARY, /* secrets, certificates, EC and RSA-2048 keys, lists */
	LV_CLASS_RSA_3072,
	LV_CLASS_RSA_4096,
	LV_CLASS_HSM, /* EC and RSA-2048 on an HSM */
	LV_CLASS_HSM_RSA_3072,
	LV_CLASS_HSM_RSA_4096,
	LV_CLASS_CREATE_KEY,
	LV_CLASS_CREATE_HSM_KEY,
	LV_CLASS_CREATE_SECRET,
	LV_CLASS_MANAGED_HSM,	   /* get and list on a Managed HSM */
	LV_CLASS_MANAGED_HSM_SLOW, /* backup, restore, delete, purge */
	LV_CLASS_MANAGED_HSM_CREATE,
	LV_CLASSES
};

struct lv_limit;

struct lv_limit *lv_limit_new(void);
void lv_limit_free(struct lv_limit *l);

/* Whether a request may pass now; one that may is counted. */
bool lv_limit_pass(struct lv_limit *l, int64_t limit, enum lv_class class, int64_t mono_us);

/* How much of the window is in use: requests, or thousandths with LV_LIMIT_SERVICE. */
int64_t lv_limit_used(struct lv_limit *l, int64_t limit, int64_t mono_us);
void lv_limit_clear(struct lv_limit *l);
#endif
