#include "fs/deleted/found.h"

#include <string.h>
#include <strings.h>

static bool
is_old_enough(const struct kv_item *was, int64_t wall_created)
{
	return was->wall_created == 0 || wall_created <= was->wall_created;
}

static bool
is_new_enough(const struct kv_item *was, int64_t wall_updated)
{
	return wall_updated == 0 || wall_updated >= was->wall_updated;
}

static bool
has_version(const struct kv_item *was, const struct kv_item *item)
{
	return was->version[0] == '\0' || item->version[0] == '\0' ||
	    strcasecmp(item->version, was->version) == 0;
}

/* A version that was created later may be a new one of the same object, of which the version list tells. */
enum kv_found
kv_found_item(const struct kv_item *was, const struct kv_item *item)
{
	const bool is_it = is_old_enough(was, item->wall_created) && is_new_enough(was, item->wall_updated) &&
	    has_version(was, item);

	return is_it ? KV_FOUND_IT : KV_FOUND_UNCLEAR;
}

enum kv_found
kv_found_versions(const struct kv_item *was, const struct kv_versions *versions)
{
	if (!is_old_enough(was, versions->wall_oldest))
		return KV_FOUND_OTHER;
	if (!is_new_enough(was, versions->wall_updated))
		return KV_FOUND_OLDER;
	return has_version(was, &versions->newest) ? KV_FOUND_IT : KV_FOUND_UNCLEAR;
}

enum kv_found
kv_found_version(const struct kv_item *was, const struct kv_versions *versions)
{
	return versions->has_version && is_new_enough(was, versions->wall_version_updated) ? KV_FOUND_IT :
											     KV_FOUND_OLDER;
}

void
kv_found_note_recovered(struct kv_item *was, const struct kv_item *item)
{
	if (item->wall_created != 0)
		was->wall_created = item->wall_created;
	if (item->version[0] != '\0')
		memcpy(was->version, item->version, sizeof(was->version));
	if (was->wall_updated == 0)
		was->wall_updated = item->wall_updated;
}

const char *
kv_found_explain(enum kv_found found)
{
	return found == KV_FOUND_OTHER ?
	    "the vault has another object of this name, which was created later than the deleted one" :
	    "the vault has an older state of this object than the deleted one, as after a purge and the restore of a backup";
}
