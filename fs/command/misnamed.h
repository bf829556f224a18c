#ifndef KV_FS_COMMAND_MISNAMED_H
#define KV_FS_COMMAND_MISNAMED_H
/* Whether a file of an archive that is not called NAME.blob is a blob nevertheless, by its bytes. */
#include <stdbool.h>
#include <stdint.h>
#include "client/base/err.h"

/*
 * A whole blob of a form that kvfs recognises, also as text. size: of the file. A file that cannot be read is none.
 * -ENOMEM.
 */
int kv_misnamed_look(const char *path, int64_t size, bool *is_blob) KV_MUST_CHECK;
#endif
