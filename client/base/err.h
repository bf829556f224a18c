#ifndef KV_CLIENT_BASE_ERR_H
#define KV_CLIENT_BASE_ERR_H
/*
 * Errors are negative errno values everywhere. This is the table that turns an answer of the
 * service into one, and the names for the log. Results of libcurl are turned in client/http/http.
 */
#include <stdbool.h>

#define KV_MUST_CHECK	__attribute__((warn_unused_result))
#define KV_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* What an error body says; strings are cut to fit and always terminated. */
struct kv_fault {
	char code[64];	   /* "Forbidden", "KeyNotFound", "" where none was given */
	char inner[64];	   /* innermost innererror.code, "ForbiddenByRbac", or "" */
	char message[512]; /* one line: runs of white space and controls are one blank */
};

/*
 * The errno of an answer, as in the README's table: 0 for 2xx, else negative. fault may be NULL.
 * A 404 is -ENOENT only when its code ends in "NotFound" (or "NotFoundException": lowkey-vault); any other one is -EBADMSG, because a
 * proxy's or a wrong host's 404 says nothing about the object.
 */
int kv_err_of_status(long status, const struct kv_fault *fault) KV_MUST_CHECK;

/* Whether the same request may be answered otherwise a little later: 408, 429, 5xx. */
bool kv_err_is_passing(long status);

/* "EACCES" for -EACCES and EACCES; "0" for 0; "E?" for what the C library cannot name. */
const char *kv_err_name(int err);
#endif
