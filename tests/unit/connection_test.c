/* Real sockets on 127.0.0.1. How a peer that has gone is found out is in tests/mount/test_connections.py. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/http/connection.h"
#include "tests/unit/fake_clock.h"

static struct kv_connections all;
static int listener;

struct pair {
	int fd, peer, port;
	struct kv_connection *c;
};

static int
set_up(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)state;
	fake_clock_set(1000000, 1700000000);
	kv_connections_init(&all);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 5), 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close(listener);
	kv_connections_release(&all);
	return 0;
}

static struct pair
open_pair(void)
{
	struct sockaddr_in address = { 0 };
	socklen_t len = sizeof(address);
	struct pair p;

	p.fd = kv_connections_open(&all, AF_INET, SOCK_STREAM, 0);
	assert_true(p.fd >= 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(connect(p.fd, (struct sockaddr *)&address, len), 0);
	p.peer = accept(listener, NULL, NULL);
	assert_true(p.peer >= 0);
	len = sizeof(address);
	assert_int_equal(getsockname(p.fd, (struct sockaddr *)&address, &len), 0);
	p.port = ntohs(address.sin_port);
	p.c = kv_connections_find(&all, "127.0.0.1", p.port);
	assert_non_null(p.c);
	return p;
}

static void
close_pair(struct pair *p)
{
	assert_int_equal(kv_connections_close(&all, p->fd), 0);
	close(p->peer);
}

/* A request and its answer. */
static void
use(const struct pair *p, bool is_once)
{
	kv_connection_enter(p->c, is_once);
	kv_connection_answered(p->c, false);
	kv_connection_leave(p->c, is_once);
}

static bool
has_ended(const struct pair *p)
{
	char c;

	return recv(p->peer, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static int
user_timeout(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &len), 0);
	return value;
}

static void
a_connection_is_found_by_its_ends(void **state)
{
	struct pair a, b;

	(void)state;
	assert_null(kv_connections_find(&all, "127.0.0.1", 1));
	a = open_pair();
	b = open_pair();
	assert_ptr_not_equal(a.c, b.c);
	assert_ptr_equal(kv_connections_find(&all, "127.0.0.1", a.port), a.c);
	assert_null(kv_connections_find(&all, "127.0.0.2", a.port));
	close_pair(&a);
	assert_null(kv_connections_find(&all, "127.0.0.1", a.port));
	close_pair(&b);
}

static void
what_is_sent_once_goes_out_only_on_a_fresh_connection(void **state)
{
	struct pair p = open_pair();

	(void)state;
	assert_true(kv_connection_is_usable(p.c, true));
	use(&p, false);
	fake_clock_advance(KV_CONNECTION_FRESH_MS);
	assert_true(kv_connection_is_usable(p.c, true));
	fake_clock_advance(1);
	assert_false(kv_connection_is_usable(p.c, true));
	assert_true(kv_connection_is_usable(p.c, false));
	use(&p, false);
	assert_true(kv_connection_is_usable(p.c, true));
	close_pair(&p);
}

static void
bytes_that_nobody_asked_for_are_seen(void **state)
{
	const struct linger reset = { .l_onoff = 1 };
	struct pair a = open_pair(), b = open_pair(), c = open_pair(), d = open_pair();

	(void)state;
	use(&a, false);
	assert_false(kv_connection_has_unread(a.c));
	assert_int_equal(write(a.peer, "HTTP", 4), 4);
	assert_true(kv_connection_has_unread(a.c));
	/* its end is the connection's */
	use(&b, false);
	shutdown(b.peer, SHUT_WR);
	assert_false(kv_connection_has_unread(b.c));
	assert_false(kv_connection_is_usable(b.c, false));
	use(&d, false);
	assert_int_equal(setsockopt(d.peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(d.peer);
	d.peer = dup(listener);
	assert_false(kv_connection_is_usable(d.c, false));
	/* by HTTP/2 the server may speak at any time */
	kv_connection_enter(c.c, false);
	kv_connection_answered(c.c, true);
	kv_connection_leave(c.c, false);
	assert_int_equal(write(c.peer, "ping", 4), 4);
	assert_true(kv_connection_is_usable(c.c, false));
	assert_false(kv_connection_has_unread(c.c));
	close_pair(&a);
	close_pair(&b);
	close_pair(&c);
	close_pair(&d);
}

static void
a_dropped_connection_ends_when_nothing_runs_on_it(void **state)
{
	struct pair p = open_pair();

	(void)state;
	kv_connection_enter(p.c, false);
	kv_connection_enter(p.c, true);
	kv_connection_drop(p.c);
	assert_false(kv_connection_is_usable(p.c, false));
	kv_connection_leave(p.c, false);
	assert_false(has_ended(&p));
	kv_connection_leave(p.c, true);
	assert_true(has_ended(&p));
	close_pair(&p);
}

static void
a_closed_connection_is_kept_for_what_runs_on_it(void **state)
{
	struct pair p = open_pair();

	(void)state;
	kv_connection_enter(p.c, false);
	close_pair(&p);
	assert_null(kv_connections_find(&all, "127.0.0.1", p.port));
	assert_false(kv_connection_is_usable(p.c, false));
	kv_connection_drop(p.c);
	kv_connection_leave(p.c, false);
}

static void
what_is_sent_once_is_given_more_time(void **state)
{
	struct pair p = open_pair();

	(void)state;
	assert_int_equal(user_timeout(p.fd), 20000);
	kv_connection_enter(p.c, true);
	kv_connection_enter(p.c, true);
	kv_connection_enter(p.c, false);
	assert_int_equal(user_timeout(p.fd), 60000);
	kv_connection_leave(p.c, true);
	assert_int_equal(user_timeout(p.fd), 60000);
	kv_connection_leave(p.c, true);
	assert_int_equal(user_timeout(p.fd), 20000);
	kv_connection_leave(p.c, false);
	close_pair(&p);
}

static void
one_silent_connection_ends_the_others_that_are_as_old(void **state)
{
	struct pair old = open_pair(), busy = open_pair(), once = open_pair(), young = open_pair();
	const int64_t mono_sent = 1000000 + 100;

	(void)state;
	use(&old, false);
	kv_connection_enter(busy.c, false);
	kv_connection_enter(once.c, true);
	fake_clock_advance(200);
	use(&young, false);
	kv_connections_end_silent(&all, mono_sent);
	assert_true(has_ended(&old));
	assert_false(has_ended(&busy)); /* its peer is alive */
	assert_false(has_ended(&once));
	assert_false(has_ended(&young));
	assert_false(kv_connection_is_usable(old.c, false));
	assert_true(kv_connection_is_usable(young.c, false));
	kv_connection_leave(busy.c, false);
	kv_connection_leave(once.c, true);
	close_pair(&old);
	close_pair(&busy);
	close_pair(&once);
	close_pair(&young);
}

static void
all_end_but_those_that_carry_what_is_sent_once(void **state)
{
	struct pair idle = open_pair(), busy = open_pair(), once = open_pair();

	(void)state;
	kv_connection_enter(busy.c, false);
	kv_connection_enter(once.c, true);
	kv_connections_end_all(&all);
	assert_true(has_ended(&idle));
	assert_true(has_ended(&busy));
	assert_false(has_ended(&once));
	assert_false(kv_connection_is_usable(once.c, true));
	kv_connection_leave(busy.c, false);
	kv_connection_leave(once.c, true);
	assert_true(has_ended(&once));
	close_pair(&idle);
	close_pair(&busy);
	close_pair(&once);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connection_is_found_by_its_ends),
		TEST(what_is_sent_once_goes_out_only_on_a_fresh_connection),
		TEST(bytes_that_nobody_asked_for_are_seen),
		TEST(a_dropped_connection_ends_when_nothing_runs_on_it),
		TEST(a_closed_connection_is_kept_for_what_runs_on_it),
		TEST(what_is_sent_once_is_given_more_time),
		TEST(one_silent_connection_ends_the_others_that_are_as_old),
		TEST(all_end_but_those_that_carry_what_is_sent_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
