#ifndef KV_CLIENT_HTTP_RESOLVE_H
#define KV_CLIENT_HTTP_RESOLVE_H
/*
 * The option resolve: hosts that are reached at another address than that of DNS. TLS and requests keep the
 * host's name.
 */
#include "client/base/err.h"

struct curl_slist;

/*
 * text is "HOST[:PORT]:ADDRESS", several joined by '+'; ADDRESS is an IPv4 address or an IPv6 address in
 * brackets. Without PORT an entry is for all ports. *list gets entries for CURLOPT_CONNECT_TO, to be freed
 * with curl_slist_free_all(); it may be NULL, to check only. -EINVAL, -ENOMEM.
 */
int kv_resolve_parse(const char *text, struct curl_slist **list) KV_MUST_CHECK;
#endif
