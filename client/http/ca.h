#ifndef KV_CLIENT_HTTP_CA_H
#define KV_CLIENT_HTTP_CA_H
/*
 * A file of certificates that the user trusts.
 */
#include "client/base/err.h"

struct kv_buf;

/* Whether file can be read and holds a certificate in PEM: libcurl would say so at the first connection only. */
int kv_ca_check(const char *file, struct kv_buf *why) KV_MUST_CHECK;
#endif
