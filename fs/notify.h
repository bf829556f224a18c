#ifndef KV_FS_NOTIFY_H
#define KV_FS_NOTIFY_H
/*
 * Messages to the service manager, by the protocol of sd_notify(3): lines of NAME=VALUE in a datagram to the socket
 * that NOTIFY_SOCKET names. They are sent at once or not at all, so that they never block, and a failure is no failure
 * of the mount.
 */
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "client/base/err.h"

struct kv_notify {
	bool is_open; /* there is a service manager that waits for messages */
	int fd;
	struct sockaddr_un to;
	socklen_t to_len;
};

/*
 * Take NOTIFY_SOCKET, a path or '@' and an abstract name, out of the environment: programs that kvfs starts are not the
 * service. Without it, or if it is anything else, the functions below do nothing.
 */
void kv_notify_open(struct kv_notify *notify);
/*
 * Send one line, or several that state, such as "READY=1", and "STATUS=" with text make. state may be "", text NULL;
 * in text, control characters become blanks. Whether the manager has it; true if there is none.
 */
bool kv_notify_send(const struct kv_notify *notify, const char *state, const char *text);
/* Before and after the configuration is read again; with the time that Type=notify-reload needs. */
void kv_notify_reloading(const struct kv_notify *notify);
/* Does nothing if notify is zeroed. */
void kv_notify_close(struct kv_notify *notify);
#endif
