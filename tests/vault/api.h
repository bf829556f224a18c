#ifndef LV_API_H
#define LV_API_H
/* The versions of the service's API, in the order in which they came out. */
#include <stdbool.h>

#define LV_API_NEWEST "2026-04-01"

/* Whether a service whose newest version is this one accepts the version. */
bool lv_api_is_known(const char *version, const char *newest);

/* Whether the version is this one or a later one; false for one that is not known. */
bool lv_api_has(const char *version, const char *since);
#endif
