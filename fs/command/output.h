#ifndef KV_FS_COMMAND_OUTPUT_H
#define KV_FS_COMMAND_OUTPUT_H
/*
 * Standard output of a command. What is printed there is a result, so it is an error if it does not arrive.
 */
#include <stdbool.h>
#include "client/base/err.h"

/* Whether it is open and can be written, as far as that shows without writing: 0 or -errno. */
int kv_output_check(void) KV_MUST_CHECK;
/* Write out what was printed. False: some of it is lost, and a sentence on stderr says so. */
bool kv_output_end(void) KV_MUST_CHECK;
/* Forget what was printed and did not arrive: the caller has said so. */
void kv_output_give_up(void);
#endif
