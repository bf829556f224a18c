#ifndef LV_AADSTS_H
#define LV_AADSTS_H
/* Refusals of the token service: a number each, which decides its HTTP status and its OAuth error. */
#include <stdbool.h>

#include "tests/vault/http.h"

/* What stands in a text. */
struct lv_aadsts_names {
	const char *client, *tenant, *resource;
};

/* A refusal with the number, status and error given; text begins with "AADSTSn: ". */
void lv_aadsts_answer(struct lv_answer *a, int status, const char *error, int number, const char *text);

/* A refusal of a number that the table has. The text is the service's own, format, or the table's. */
void lv_aadsts_refuse(struct lv_answer *a, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool lv_aadsts_refuse_as(struct lv_answer *a, int number, const struct lv_aadsts_names *names);

/* The number of a text that begins with "AADSTSn"; 0 without one. */
int lv_aadsts_number(const char *text);
#endif
