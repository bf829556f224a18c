/* Maps an answer's status and error code to an errno. */
#include "client/base/err.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

static bool
ends_in(const char *s, const char *tail)
{
	const size_t n = strlen(s), t = strlen(tail);

	return n >= t && strcmp(s + n - t, tail) == 0;
}

/* ObjectIsBeingDeleted, ObjectIsBeingRecovered: a temporary state. */
static bool
is_in_transition(const struct kv_fault *fault)
{
	return strncmp(fault->inner, "ObjectIsBeing", 13) == 0 ||
	    strncmp(fault->code, "ObjectIsBeing", 13) == 0;
}

/* The service reports this by a code; older versions did so only in the message. */
static bool
is_of_certificate(const struct kv_fault *fault)
{
	return ends_in(fault->inner, "ManagedByKeyVault") ||
	    strstr(fault->message, "associated with a certificate") != NULL;
}

int
kv_err_of_status(long status, const struct kv_fault *fault)
{
	static const struct kv_fault none;

	if (fault == NULL)
		fault = &none;
	if (status >= 200 && status <= 299)
		return 0;
	if (status >= 500 && status <= 599)
		return -EIO;
	switch (status) {
	case 400:
		return -EINVAL;
	case 401:
		return -EACCES;
	case 403:
		return is_of_certificate(fault) ? -EPERM : -EACCES;
	case 404:
		return ends_in(fault->code, "NotFound") || ends_in(fault->code, "NotFoundException") ?
		    -ENOENT :
		    -EBADMSG;
	case 408:
		return -EIO;
	case 409:
		return is_in_transition(fault) ? -EBUSY : -EEXIST;
	case 413:
		return -EFBIG;
	case 429:
		return -EBUSY;
	default:
		return -EBADMSG;
	}
}

bool
kv_err_is_temporary(long status)
{
	return status == 408 || status == 429 || (status >= 500 && status <= 599);
}

const char *
kv_err_name(int err)
{
	const char *name = NULL;

	if (err != INT_MIN)
		name = strerrorname_np(err < 0 ? -err : err);
	return name != NULL ? name : "E?";
}
