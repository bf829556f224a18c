/*
 * What becomes of transfers when sockets cannot be watched: epoll_ctl() is this file's, and fails when
 * a test says so.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/http/http.h"
#include "client/base/loop.h"
#include "tests/unit/fake_alloc.h"
#include "tests/unit/fake_server.h"

#define N 12

static struct kv_loop *loop;
static struct kv_http *http;
static struct fake_server *server;
static int n_to_fail; /* calls of epoll_ctl() that fail from now on */
static int n_failed;
static int n_good, n_bad, last_err;

int
epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	if (n_to_fail > 0 && op != EPOLL_CTL_DEL) {
		n_to_fail--;
		n_failed++;
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

static int
set_up(void **state)
{
	const struct kv_http_options options = { .max_connections = 8 };
	struct kv_buf why;

	(void)state;
	alarm(30);
	loop = kv_loop_new();
	server = fake_server_new();
	fake_server_set(server, FAKE_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 40);
	kv_buf_init(&why, 500);
	assert_int_equal(kv_http_new(loop, &options, &http, &why), 0);
	kv_buf_release(&why);
	n_to_fail = n_failed = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	n_to_fail = 0;
	kv_http_free(http);
	fake_server_free(server);
	kv_loop_free(loop);
	alarm(0);
	return 0;
}

static void
took(void *arg, int err, const struct kv_http_answer *answer)
{
	(void)arg;
	if (err == 0 && answer->status == 200 && strcmp(answer->body, "ok") == 0)
		n_good++;
	else
		n_bad++;
	if (err != 0)
		last_err = err;
	if (n_good + n_bad == N)
		kv_loop_stop(loop);
}

/* N transfers side by side, to their end. */
static void
fetch_all(void)
{
	struct kv_transfer *t;
	char url[100];
	const struct kv_http_request request = { .method = "POST",
		.url = url,
		.body = "abc",
		.body_len = 3,
		.max_answer = 9,
		.is_local = true,
		.is_once = true };

	n_good = n_bad = 0;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/restore", fake_server_port(server));
	for (int i = 0; i < N; i++) {
		const int err = kv_http_send(http, &request, took, NULL, &t);

		n_bad += err != 0;
		if (err != 0)
			last_err = err;
	}
	if (n_good + n_bad < N)
		assert_int_equal(kv_loop_run(loop), 0);
}

static void
a_socket_that_cannot_be_watched_fails_no_transfer(void **state)
{
	static const int failures[] = { 1, 2, 3, 10, 100, 1000 };

	(void)state;
	for (size_t i = 0; i < N_OF(failures); i++) {
		n_failed = 0;
		n_to_fail = failures[i];
		kv_http_forget_connections(http);
		fetch_all();
		n_to_fail = 0;
		assert_true(n_failed > 0);
		assert_int_equal(n_good, N);
		fetch_all();
		assert_int_equal(n_good, N);
	}
}

static void
an_allocation_that_fails_fails_one_transfer_at_most(void **state)
{
	bool has_failed = true;

	for (int n = 1; has_failed; n++) {
		tear_down(state);
		set_up(state);
		fake_alloc_fail_at(n);
		fetch_all();
		has_failed = fake_alloc_has_failed();
		fake_alloc_fail_at(0);
		assert_row(n_bad <= has_failed, n, "failed");
		fetch_all();
		assert_int_equal(n_good, N);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_socket_that_cannot_be_watched_fails_no_transfer),
		TEST(an_allocation_that_fails_fails_one_transfer_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
