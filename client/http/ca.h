#ifndef KV_CLIENT_HTTP_CA_H
#define KV_CLIENT_HTTP_CA_H
/*
 * A file of CA certificates.
 */
#include "client/base/err.h"

struct kv_buf;

/*
 * Checks that file can be read and contains a PEM certificate. libcurl would report this only at the
 * first connection.
 */
int kv_ca_check(const char *file, struct kv_buf *why) KV_MUST_CHECK;
#endif
