#ifndef KV_CLIENT_BASE_ERR_H
#define KV_CLIENT_BASE_ERR_H
/*
 * Errors are negative errno values everywhere. An answer of the service is mapped to one by the table in
 * client/base/refusal_rows, a result of libcurl by client/http/curl_error.
 */
#include <stdbool.h>

#define KV_MUST_CHECK	__attribute__((warn_unused_result))
#define KV_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* The content of an error body; strings are cut to fit and always terminated. */
struct kv_fault {
	char code[64];	    /* "Forbidden", "KeyNotFound"; "" if none was given */
	char inner[64];	    /* innermost innererror.code, "ForbiddenByRbac", or "" */
	char message[1024]; /* one line: runs of white space and controls are one blank */
};

/*
 * The errno of an answer: 0 for 2xx, else negative. fault may be NULL. A 404 is -ENOENT only if its code ends
 * in "NotFound" (or "NotFoundException": lowkey-vault). Any other 404 is -EBADMSG, because it may come from a
 * proxy or a wrong host and then proves nothing about the object.
 */
int kv_err_of_status(long status, const struct kv_fault *fault) KV_MUST_CHECK;

/* Whether the failure is temporary, so that the same request may succeed later: 408, 429, 5xx. */
bool kv_err_is_temporary(long status);

/* "EACCES" for -EACCES and EACCES; "0" for 0; "E?" for an error without a name in the C library. */
const char *kv_err_name(int err);
#endif
