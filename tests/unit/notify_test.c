#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/notify.h"

static char directory[] = "/tmp/kvfs-notify-XXXXXX";

/* A socket of a service manager; name is that of NOTIFY_SOCKET. */
static int
listen_on(const char *name)
{
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const size_t len = strlen(name);

	assert_true(fd >= 0 && len < sizeof(to.sun_path));
	memcpy(to.sun_path, name, len);
	if (name[0] == '@')
		to.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (const struct sockaddr *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] != '@'))),
	    0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

/* The next message, or "" if there is none. */
static const char *
received(int fd)
{
	static char text[4096];
	const ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
messages_arrive_by_path_and_by_abstract_name(void **state)
{
	char path[64], abstract[64];
	const char *const names[] = { path, abstract };

	(void)state;
	snprintf(path, sizeof(path), "%s/socket", directory);
	snprintf(abstract, sizeof(abstract), "@kvfs-notify-test-%d", (int)getpid());
	for (size_t i = 0; i < N_OF(names); i++) {
		const int fd = listen_on(names[i]);
		struct kv_notify n;

		kv_notify_open(&n);
		assert_row(n.is_open && getenv("NOTIFY_SOCKET") == NULL, i, names[i]);
		assert_true(kv_notify_send(&n, "READY=1", "9 objects"));
		assert_string_equal(received(fd), "READY=1\nSTATUS=9 objects");
		assert_true(kv_notify_send(&n, "STOPPING=1", NULL));
		assert_string_equal(received(fd), "STOPPING=1");
		kv_notify_reloading(&n);
		assert_memory_equal(received(fd), "RELOADING=1\nMONOTONIC_USEC=", 27);
		kv_notify_close(&n);
		close(fd);
	}
	unlink(path);
}

static void
a_text_cannot_be_another_message(void **state)
{
	char name[64], text[4096];
	struct kv_notify n;
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "@kvfs-notify-text-%d", (int)getpid());
	fd = listen_on(name);
	kv_notify_open(&n);
	assert_true(kv_notify_send(&n, "", "one\nMAINPID=1\x7f"));
	assert_string_equal(received(fd), "STATUS=one MAINPID=1 ");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(kv_notify_send(&n, "READY=1", text));
	assert_memory_equal(received(fd), "READY=1\nSTATUS=xxx", 18);
	kv_notify_close(&n);
	close(fd);
}

static void
without_a_manager_nothing_happens(void **state)
{
	static const char *const wrong[] = {
		"", "/", "@", "relative", "vsock:2:1",
		"/a/path/that/is/longer/than/the/address/of/a/socket/can/be/because/it/has/more/than/one/hundred/and/eight/bytes"
	};
	struct kv_notify n = { .is_open = false };

	(void)state;
	kv_notify_close(&n);
	unsetenv("NOTIFY_SOCKET");
	kv_notify_open(&n);
	assert_false(n.is_open);
	assert_true(kv_notify_send(&n, "READY=1", "text"));
	kv_notify_reloading(&n);
	for (size_t i = 0; i < N_OF(wrong); i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", wrong[i], 1), 0);
		kv_notify_open(&n);
		assert_row(!n.is_open && getenv("NOTIFY_SOCKET") == NULL, i, wrong[i]);
		kv_notify_close(&n);
	}
}

static void
a_manager_that_does_not_listen_never_blocks(void **state)
{
	char name[64];
	struct kv_notify n;
	bool is_sent = true;
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "@kvfs-notify-full-%d", (int)getpid());
	fd = listen_on(name);
	kv_notify_open(&n);
	for (int i = 0; is_sent && i < 100000; i++)
		is_sent = kv_notify_send(&n, "READY=1", "text");
	assert_false(is_sent); /* its queue is full */
	received(fd);
	assert_true(kv_notify_send(&n, "READY=1", "text"));
	close(fd);
	assert_false(kv_notify_send(&n, "READY=1", "text"));
	kv_notify_close(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_arrive_by_path_and_by_abstract_name),
		cmocka_unit_test(a_text_cannot_be_another_message),
		cmocka_unit_test(without_a_manager_nothing_happens),
		cmocka_unit_test(a_manager_that_does_not_listen_never_blocks),
	};
	int failed;

	if (mkdtemp(directory) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
