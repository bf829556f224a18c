/*
 * Ids of requests. The first group of each is the same for the whole process and random, so that an
 * id of another request of ours is known as such, however it came.
 */
#include "client/echo.h"

#include <string.h>
#include <strings.h>

#include "client/blob.h"

#define MARK_LEN	 8
#define FIRST_TO_BELIEVE 2

int
kv_echo_init(struct kv_echo *echo)
{
	char id[37];
	const int err = kv_blob_uuid(id);

	*echo = (struct kv_echo){ 0 };
	memcpy(echo->mark, id, MARK_LEN);
	return err;
}

int
kv_echo_make_id(const struct kv_echo *echo, char id[37])
{
	const int err = kv_blob_uuid(id);

	if (err == 0)
		memcpy(id, echo->mark, MARK_LEN);
	return err;
}

enum kv_echo_verdict
kv_echo_judge(struct kv_echo *echo, const char *id, const char *returned, bool is_first)
{
	if (returned[0] == '\0')
		return KV_ECHO_OWN;
	if (strcasecmp(id, returned) == 0) {
		echo->n_first_foreign = 0;
		return KV_ECHO_OWN;
	}
	if (strncasecmp(returned, echo->mark, MARK_LEN) == 0)
		return KV_ECHO_FOREIGN;
	if (echo->is_off)
		return KV_ECHO_OWN;
	if (!is_first)
		return KV_ECHO_FOREIGN;
	if (++echo->n_first_foreign < FIRST_TO_BELIEVE)
		return KV_ECHO_DOUBTED;
	echo->is_off = true;
	return KV_ECHO_REWRITER;
}
