#include "fs/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VARIABLE "NOTIFY_SOCKET"
#define MOST	 1024

/* False: no address of a socket of this machine. */
static bool
parse(const char *name, struct kv_notify *n)
{
	const size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(n->to.sun_path))
		return false;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, name, len);
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (name[0] == '@')
		n->to.sun_path[0] = '\0'; /* an abstract name ends where the address does */
	else
		n->to_len++;
	return true;
}

void
kv_notify_open(struct kv_notify *n)
{
	const char *name = getenv(VARIABLE);

	*n = (struct kv_notify){ .fd = -1 };
	if (name != NULL && parse(name, n)) {
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		n->is_open = n->fd >= 0;
	}
	unsetenv(VARIABLE);
}

/* A new line would begin another message. */
static void
flatten(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == '\x7f')
			*text = ' ';
}

bool
kv_notify_send(const struct kv_notify *n, const char *state, const char *text)
{
	const bool has_text = text != NULL;
	char message[MOST];
	ssize_t sent;
	size_t len;

	if (!n->is_open)
		return true;
	snprintf(message, sizeof(message), "%s%s%s%s", state, has_text && state[0] != '\0' ? "\n" : "",
	    has_text ? "STATUS=" : "", has_text ? text : "");
	len = strlen(state);
	if (has_text)
		flatten(message + len + (len > 0));
	do
		sent = sendto(n->fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&n->to,
		    n->to_len);
	while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

void
kv_notify_reloading(const struct kv_notify *n)
{
	char state[80];
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	(void)kv_notify_send(n, state, NULL);
}

void
kv_notify_close(struct kv_notify *n)
{
	if (n->is_open)
		close(n->fd);
	n->is_open = false;
}
