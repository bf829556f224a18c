/* The versions of the service's API. */
#include <string.h>

#include "tests/vault/api.h"

static const char *const versions[] = {
	"2015-06-01",
	"2016-10-01",
	"7.0-preview",
	"7.0",
	"7.1-preview",
	"7.1",
	"7.2-preview",
	"7.2",
	"7.3-preview",
	"7.3",
	"7.4-preview.1",
	"7.4",
	"7.5-preview.1",
	"7.5",
	"7.6-preview.1",
	"7.6-preview.2",
	"7.6",
	"2025-06-01-preview",
	"2025-07-01",
	"2026-01-01-preview",
	"2026-03-01-preview",
	"2026-04-01",
};

/* The version's place, -1 where it has none. */
static int
place(const char *version)
{
	int i;

	for (i = 0; i < (int)(sizeof(versions) / sizeof(versions[0])); i++)
		if (strcmp(versions[i], version) == 0)
			return i;
	return -1;
}

bool
lv_api_is_known(const char *version, const char *newest)
{
	int at = place(version);

	return at >= 0 && at <= place(newest);
}

bool
lv_api_has(const char *version, const char *since)
{
	return place(version) >= place(since);
}
