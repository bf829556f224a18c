#ifndef KV_CLIENT_CREDENTIAL_ARC_KEY_H
#define KV_CLIENT_CREDENTIAL_ARC_KEY_H
/*
 * The key file with which a client proves to the agent of Azure Arc that it may use the machine's identity.
 * The agent's challenge names the file, so a process that listens in the agent's place could name any other:
 * its folder, name and size are checked before it is read.
 */
#include "client/base/err.h"

struct kv_buf;

#define KV_ARC_KEY_FOLDER "/var/opt/azcmagent/tokens" /* the agent's, the same on every Linux */
#define KV_ARC_KEY_MOST	  4096			      /* bytes */

/*
 * Reads the key file that challenge, a WWW-Authenticate header, names into key, which must have a maximum of
 * KV_ARC_KEY_MOST or more. It must be directly in folder, a regular file and no link. -EACCES and a sentence
 * in why, -ENOMEM.
 */
int kv_arc_key_read(
    const char *challenge, const char *folder, struct kv_buf *key, struct kv_buf *why) KV_MUST_CHECK;
#endif
