#include "tests/unit/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1000
#define MAX_REQUEST	1000000

struct fake_server {
	pthread_mutex_t lock;
	pthread_cond_t released;
	pthread_t accepter;
	pthread_t threads[MAX_CONNECTIONS];
	int fds[MAX_CONNECTIONS]; /* -1: closed */
	int fd, port, n, n_open, most, requests;
	enum fake_conduct conduct;
	const char *answer;
	size_t answer_len;
	bool is_released;
	char request[MAX_REQUEST + 1];
	size_t request_len;
};

struct connection {
	struct fake_server *server;
	int i, fd;
};

/* The length of the first whole request in text, 0 while it is not whole. */
static size_t
whole_request(const char *text, size_t len)
{
	const char *end = memmem(text, len, "\r\n\r\n", 4), *field = NULL;
	size_t body = 0, head;

	if (end == NULL)
		return 0;
	head = (size_t)(end - text) + 4;
	for (const char *line = text; line < end; line = strstr(line, "\r\n") + 2)
		if (strncasecmp(line, "Content-Length:", 15) == 0)
			field = line + 15;
	if (field != NULL)
		body = strtoul(field, NULL, 10);
	return len - head >= body ? head + body : 0;
}

static bool
send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		const ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static void
wait_for_release(struct fake_server *s)
{
	pthread_mutex_lock(&s->lock);
	while (!s->is_released)
		pthread_cond_wait(&s->released, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* Whether the connection goes on. */
static bool
serve(struct fake_server *s, int fd, enum fake_conduct conduct, const char *answer, size_t len)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	char c;

	switch (conduct) {
	case FAKE_WAIT_FOR_OTHERS:
		wait_for_release(s);
		return send_all(fd, answer, len);
	case FAKE_ANSWER:
		return send_all(fd, answer, len);
	case FAKE_ANSWER_CLOSE:
		(void)send_all(fd, answer, len);
		return false;
	case FAKE_ENDLESS:
		(void)send_all(fd, answer, len);
		while (send_all(fd, "xxxxxxxxxxxxxxxx", 16))
			;
		return false;
	case FAKE_SILENCE:
		while (recv(fd, &c, 1, 0) > 0)
			;
		return false;
	case FAKE_RESET:
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		return false;
	case FAKE_CLOSE:
		break;
	}
	return false;
}

static bool
take_request(struct fake_server *s, int fd, const char *text, size_t len)
{
	enum fake_conduct conduct;
	const char *answer;
	size_t answer_len;

	pthread_mutex_lock(&s->lock);
	memcpy(s->request, text, len);
	s->request[len] = '\0';
	s->request_len = len;
	s->requests++;
	conduct = s->conduct;
	answer = s->answer;
	answer_len = s->answer_len;
	pthread_mutex_unlock(&s->lock);
	return serve(s, fd, conduct, answer, answer_len);
}

static void *
run_connection(void *arg)
{
	struct connection *c = arg;
	char *text = calloc(1, MAX_REQUEST + 1);
	size_t len = 0, whole;
	ssize_t n;

	while (text != NULL && (n = recv(c->fd, text + len, MAX_REQUEST - len, 0)) > 0) {
		len += (size_t)n;
		text[len] = '\0';
		whole = whole_request(text, len);
		if (whole == 0)
			continue;
		if (!take_request(c->server, c->fd, text, whole))
			break;
		memmove(text, text + whole, len - whole + 1);
		len -= whole;
	}
	pthread_mutex_lock(&c->server->lock);
	c->server->fds[c->i] = -1;
	c->server->n_open--;
	close(c->fd);
	pthread_mutex_unlock(&c->server->lock);
	free(text);
	free(c);
	return NULL;
}

static void
add_connection(struct fake_server *s, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));

	pthread_mutex_lock(&s->lock);
	if (c == NULL || s->n == MAX_CONNECTIONS)
		abort();
	*c = (struct connection){ .server = s, .i = s->n++, .fd = fd };
	s->fds[c->i] = fd;
	if (++s->n_open > s->most)
		s->most = s->n_open;
	if (pthread_create(&s->threads[c->i], NULL, run_connection, c) != 0)
		abort();
	pthread_mutex_unlock(&s->lock);
}

static void *
run_accepter(void *arg)
{
	struct fake_server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0)
		add_connection(s, fd);
	return NULL;
}

struct fake_server *
fake_server_new(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	struct fake_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->released, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&address, len) != 0 || listen(s->fd, 200) != 0 ||
	    getsockname(s->fd, (struct sockaddr *)&address, &len) != 0)
		abort();
	s->port = ntohs(address.sin_port);
	if (pthread_create(&s->accepter, NULL, run_accepter, s) != 0)
		abort();
	return s;
}

void
fake_server_free(struct fake_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->accepter, NULL);
	close(s->fd);
	fake_server_release(s);
	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < s->n; i++)
		if (s->fds[i] >= 0)
			shutdown(s->fds[i], SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
	for (int i = 0; i < s->n; i++)
		pthread_join(s->threads[i], NULL);
	pthread_cond_destroy(&s->released);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int
fake_server_port(const struct fake_server *s)
{
	return s->port;
}

void
fake_server_set(struct fake_server *s, enum fake_conduct conduct, const char *answer, size_t len)
{
	pthread_mutex_lock(&s->lock);
	s->conduct = conduct;
	s->answer = answer;
	s->answer_len = len;
	s->is_released = false;
	pthread_mutex_unlock(&s->lock);
}

void
fake_server_release(struct fake_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->is_released = true;
	pthread_cond_broadcast(&s->released);
	pthread_mutex_unlock(&s->lock);
}

const char *
fake_server_request(struct fake_server *s, size_t *len)
{
	pthread_mutex_lock(&s->lock);
	*len = s->request_len;
	pthread_mutex_unlock(&s->lock);
	return s->request;
}

static int
locked(struct fake_server *s, const int *n)
{
	int value;

	pthread_mutex_lock(&s->lock);
	value = *n;
	pthread_mutex_unlock(&s->lock);
	return value;
}

int
fake_server_requests(struct fake_server *s)
{
	return locked(s, &s->requests);
}

int
fake_server_connections(struct fake_server *s)
{
	return locked(s, &s->n);
}

int
fake_server_most(struct fake_server *s)
{
	return locked(s, &s->most);
}

int
fake_server_open(struct fake_server *s)
{
	return locked(s, &s->n_open);
}
