#ifndef KV_CLIENT_BASE_FAULT_H
#define KV_CLIENT_BASE_FAULT_H
/*
 * Parses an answer's description of an error into a struct kv_fault (client/base/err). Never fails:
 * members that are missing or cannot be parsed become empty strings.
 */
#include <stddef.h>
#include "client/base/err.h"

/* A body {"error":{"code":…,"message":…,"innererror":{…}}}; text need not end in NUL. */
void kv_fault_parse(const char *text, size_t len, struct kv_fault *fault);
/*
 * The request's id that a Managed HSM has at the end of a message: "… (Activity ID: GUID)"; to is "" without
 * one.
 */
void kv_fault_activity(const struct kv_fault *fault, char *to, size_t size);
/*
 * Copy len bytes of text in a fault's form: as one line, with each run of white space and controls
 * replaced by one blank, cut at a character boundary to fit size.
 */
void kv_fault_line(char *to, size_t size, const char *text, size_t len);
#endif
