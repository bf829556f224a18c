#ifndef LV_FAULT_H
#define LV_FAULT_H
/* Faults that requests are to meet, as POST /_local/faults sets them. */
#include <cjson/cJSON.h>
#include <stdint.h>

#include "tests/vault/route.h"
#include "tests/vault/text.h"

enum lv_action {
	LV_ACT_NONE, /* a delay at most */
	LV_ACT_STATUS,
	LV_ACT_RESET,
	LV_ACT_CLOSE,
	LV_ACT_TRUNCATE,
	LV_ACT_STALL,
	LV_ACT_GARBAGE,
	LV_ACT_APPLIED_RESET,
	LV_ACTIONS
};

/* Valid until the next change of the faults. */
struct lv_effect {
	enum lv_action action;
	int status;
	int64_t delay_ms;
	int64_t retry_after_s; /* -1: no header */
	const char *code, *message;
	const char *refusal; /* its name (tests/vault/refusal), or NULL: status, code and message count */
};

struct lv_faults;

struct lv_faults *lv_faults_new(void);
void lv_faults_free(struct lv_faults *f);
void lv_faults_clear(struct lv_faults *f);

/* One fault or a list of them, added behind the others: 0, or -EINVAL and a sentence in why. */
int lv_faults_add(struct lv_faults *f, const cJSON *json, struct lv_text *why);

/* What a request meets; its fault is counted as used. vault is NULL for token requests. */
struct lv_effect lv_faults_meet(struct lv_faults *f, const char *vault, const struct lv_route *route);

/* The faults with how often each was matched and met, as a JSON array. */
void lv_faults_write(const struct lv_faults *f, struct lv_text *out);
#endif
