/* Names of errors, and the errno of an answer. */
#include "client/base/err.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "client/base/refusal.h"

int
kv_err_of_status(long status, const struct kv_fault *fault)
{
	return status >= 200 && status <= 299 ? 0 : -kv_refusal_find(status, fault)->err;
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
