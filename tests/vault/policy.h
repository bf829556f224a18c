#ifndef LV_POLICY_H
#define LV_POLICY_H
/* The policy of a certificate: the service's defaults under what a request says. */
#include <cjson/cJSON.h>
#include <stdint.h>

/*
 * A whole policy (without its id) from what a request says (may be NULL) over the defaults, or over
 * an earlier policy (JSON text, may be NULL). The caller frees it with cJSON_Delete().
 */
cJSON *lv_policy_new(const cJSON *given, const char *earlier, int64_t now);

/* The default for an imported certificate: what can be read off it. */
void lv_policy_describe(
    cJSON *policy, const char *kty, int bits, const char *curve, const char *subject, int months);

void lv_policy_set_content_type(cJSON *policy, const char *type);
const char *lv_policy_content_type(const cJSON *policy);
const char *lv_policy_issuer(const cJSON *policy);

/* Certificate (DER in base64) self-signed as the policy says; NULL if it cannot be. */
char *lv_policy_self_sign(const cJSON *policy, const char *key, int64_t now);
char *lv_policy_request(const cJSON *policy, const char *key);
#endif
