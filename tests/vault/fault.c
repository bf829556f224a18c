/* Faults that requests are to meet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/fault.h"
#include "tests/vault/mem.h"
#include "tests/vault/refusal.h"

struct fault {
	enum lv_op op;	   /* LV_OPS: any but token and challenge */
	enum lv_type type; /* LV_TYPES: any */
	char *vault, *name, *code, *message, *refusal;
	struct lv_effect effect;
	double share;
	int64_t skip, count; /* count -1: without end */
	int64_t matched, met;
	struct fault *next;
};

struct lv_faults {
	struct fault *first, **end;
	uint64_t random;
};

static const char *const action_names[LV_ACTIONS] = { "delay", "status", "reset", "close", "truncate",
	"stall", "garbage", "applied-reset" };

struct lv_faults *
lv_faults_new(void)
{
	struct lv_faults *f = lv_mem_alloc(sizeof(*f));

	f->end = &f->first;
	f->random = 0x9e3779b97f4a7c15;
	return f;
}

static void
free_fault(struct fault *x)
{
	free(x->vault);
	free(x->name);
	free(x->code);
	free(x->message);
	free(x->refusal);
	free(x);
}

void
lv_faults_clear(struct lv_faults *f)
{
	struct fault *x;

	while ((x = f->first) != NULL) {
		f->first = x->next;
		free_fault(x);
	}
	f->end = &f->first;
}

void
lv_faults_free(struct lv_faults *f)
{
	if (f != NULL)
		lv_faults_clear(f);
	free(f);
}

static double
number(const cJSON *json, const char *name, double otherwise)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(json, name);

	return cJSON_IsNumber(n) ? n->valuedouble : otherwise;
}

static const char *
string(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

static int
parse_action(struct fault *x, const char *action, struct lv_text *why)
{
	int i;

	x->effect.action = x->effect.status != 0 || x->refusal != NULL ? LV_ACT_STATUS : LV_ACT_NONE;
	if (action == NULL)
		return 0;
	for (i = 0; i < LV_ACTIONS; i++)
		if (strcmp(action, action_names[i]) == 0) {
			x->effect.action = (enum lv_action)i;
			return 0;
		}
	lv_text_printf(why, "there is no action called %s", action);
	return -EINVAL;
}

static int
check_names(const cJSON *json, struct lv_text *why)
{
	static const char *const known[] = { "operation", "type", "vault", "name", "action", "status", "code",
		"message", "refusal", "delay_ms", "retry_after", "share", "skip", "count" };
	const cJSON *member;
	size_t i;

	cJSON_ArrayForEach(member, json) {
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcmp(member->string, known[i]) == 0)
				break;
		if (i == sizeof(known) / sizeof(known[0])) {
			lv_text_printf(why, "a fault has no member %s", member->string);
			return -EINVAL;
		}
	}
	return 0;
}

static int
parse(struct fault *x, const cJSON *json, struct lv_text *why)
{
	const char *op = string(json, "operation"), *type = string(json, "type");

	x->op = op != NULL ? lv_route_op(op) : LV_OPS;
	x->type = type != NULL ? lv_route_type(type) : LV_TYPES;
	if ((op != NULL && x->op == LV_OPS) || (type != NULL && x->type == LV_TYPES)) {
		lv_text_printf(
		    why, "there is no operation %s or no type %s", op ? op : "any", type ? type : "any");
		return -EINVAL;
	}
	x->vault = lv_mem_dup(string(json, "vault"));
	x->name = lv_mem_dup(string(json, "name"));
	x->code = lv_mem_dup(string(json, "code"));
	x->message = lv_mem_dup(string(json, "message"));
	x->share = number(json, "share", 1);
	x->skip = (int64_t)number(json, "skip", 0);
	x->count = (int64_t)number(json, "count", -1);
	x->effect.status = (int)number(json, "status", 0);
	x->effect.delay_ms = (int64_t)number(json, "delay_ms", 0);
	x->effect.retry_after_s = (int64_t)number(json, "retry_after", -1);
	x->effect.code = x->code;
	x->effect.message = x->message;
	x->refusal = lv_mem_dup(string(json, "refusal"));
	x->effect.refusal = x->refusal;
	if (x->refusal != NULL && !lv_refusal_is(x->refusal)) {
		lv_text_printf(why, "there is no refusal called %s", x->refusal);
		return -EINVAL;
	}
	return parse_action(x, string(json, "action"), why);
}

int
lv_faults_add(struct lv_faults *f, const cJSON *json, struct lv_text *why)
{
	const cJSON *each;
	struct fault *x;
	int err = 0;

	if (cJSON_IsArray(json)) {
		cJSON_ArrayForEach(each, json) {
			err = lv_faults_add(f, each, why);
			if (err != 0)
				return err;
		}
		return 0;
	}
	if (!cJSON_IsObject(json)) {
		lv_text_puts(why, "a fault is a JSON object");
		return -EINVAL;
	}
	x = lv_mem_alloc(sizeof(*x));
	err = check_names(json, why);
	if (err == 0)
		err = parse(x, json, why);
	if (err != 0) {
		free_fault(x);
		return err;
	}
	*f->end = x;
	f->end = &x->next;
	return 0;
}

static bool
matches(const struct fault *x, const char *vault, const struct lv_route *route)
{
	bool is_ordinary = route->op != LV_TOKEN && route->op != LV_CHALLENGE;

	return (x->op == route->op || (x->op == LV_OPS && is_ordinary)) &&
	    (x->type == LV_TYPES || x->type == route->type) &&
	    (x->name == NULL || strcasecmp(x->name, route->name) == 0) &&
	    (x->vault == NULL || (vault != NULL && strcasecmp(x->vault, vault) == 0));
}

/* Whether chance picks this one: xorshift with a fixed seed, so that a test can be repeated. */
static bool
draws(struct lv_faults *f, double share)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return share >= 1 || (double)(f->random >> 11) / 9007199254740992.0 < share;
}

struct lv_effect
lv_faults_meet(struct lv_faults *f, const char *vault, const struct lv_route *route)
{
	struct fault *x;

	for (x = f->first; x != NULL; x = x->next) {
		if (!matches(x, vault, route))
			continue;
		if (x->matched++ < x->skip || x->count == x->met || !draws(f, x->share))
			continue;
		x->met++;
		return x->effect;
	}
	return (struct lv_effect){ .retry_after_s = -1 };
}

void
lv_faults_write(const struct lv_faults *f, struct lv_text *out)
{
	const struct fault *x;

	lv_text_puts(out, "[");
	for (x = f->first; x != NULL; x = x->next) {
		lv_text_comma(out);
		lv_text_puts(out, "{\"operation\":");
		lv_text_string(out, x->op == LV_OPS ? "any" : lv_route_op_name(x->op));
		lv_text_puts(out, ",\"type\":");
		lv_text_string(out, x->type == LV_TYPES ? "any" : lv_route_type_name(x->type));
		lv_text_puts(out, ",\"name\":");
		lv_text_string(out, x->name);
		lv_text_printf(out, ",\"action\":\"%s\",\"status\":%d,\"matched\":%lld,\"met\":%lld}",
		    action_names[x->effect.action], x->effect.status, (long long)x->matched,
		    (long long)x->met);
	}
	lv_text_puts(out, "]");
}
