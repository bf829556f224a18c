#include "fs/import/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/base/buf.h"
#include "fs/dropbox/drop.h"

#define SUFFIX ".byok"

/* Tools of Windows write the suffix in upper case, too. */
static bool
find_name(const char *file_name, char name[KV_NAME_MAX + 1])
{
	const size_t n = strlen(file_name), suffix = strlen(SUFFIX);

	if (n <= suffix || n - suffix > KV_NAME_MAX || strcasecmp(file_name + n - suffix, SUFFIX) != 0)
		return false;
	snprintf(name, KV_NAME_MAX + 1, "%.*s", (int)(n - suffix), file_name);
	return kv_type_is_name(name);
}

const char *
kv_target_refuse_name(const char *file_name)
{
	char name[KV_NAME_MAX + 1];

	return find_name(file_name, name) ?
	    NULL :
	    "import/ takes key-transfer packages called NAME.byok; NAME becomes the key's: 1 to 127 letters, "
	    "digits and '-'";
}

/* Returns NULL if no folder from here up to the drop box has such a name. */
static const char *
nearest(const struct kv_drop *folder, bool (*is)(const char *word))
{
	for (; folder != NULL && folder->name != NULL; folder = folder->parent)
		if (is(folder->name))
			return folder->name;
	return NULL;
}

int
kv_target_find(
    const struct kv_drop *folder, const char *file_name, struct kv_target *target, struct kv_buf *why)
{
	const char *kty = nearest(folder, kv_byok_is_kty), *crv = nearest(folder, kv_byok_is_crv);

	if (!find_name(file_name, target->name)) {
		kv_buf_say(why, "%s", kv_target_refuse_name(file_name));
		return -EINVAL;
	}
	if (kty == NULL)
		kty = crv != NULL ? "EC-HSM" : "RSA-HSM";
	target->type = kv_byok_type(kty, crv);
	if (target->type != NULL)
		return 0;
	if (crv == NULL)
		kv_buf_say(
		    why, "the folder %s does not say which curve: copy it into import/%s/P-256/", kty, kty);
	else
		kv_buf_say(why, "the folder %s is for keys without a curve, and %s is one", kty, crv);
	return -EINVAL;
}
