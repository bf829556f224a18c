#ifndef KV_CLIENT_BASE_FAULT_H
#define KV_CLIENT_BASE_FAULT_H
/*
 * What an answer says about an error (struct kv_fault, client/base/err). Never fails: what is not there, or
 * cannot be read, leaves empty strings.
 */
#include <stddef.h>
#include "client/base/err.h"

/* A body {"error":{"code":…,"message":…,"innererror":{…}}}; text need not end in NUL. */
void kv_fault_parse(const char *text, size_t len, struct kv_fault *fault);
/*
 * len bytes of text as a fault holds them: one line, in which runs of white space and controls are one
 * blank, cut at a character where size ends.
 */
void kv_fault_line(char *to, size_t size, const char *text, size_t len);
#endif
