#include "fs/command/byok_cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "client/vault/byok.h"
#include "fs/command/byok_kek.h"
#include "fs/command/byok_wrap.h"
#include "fs/command/usage.h"

static const char usage[] =
    "usage: kvfs byok kek [-o NAME[=VALUE][,...]] [--size 4096] [--expires 24h] VAULT NAME\n"
    "       kvfs byok wrap --kek KEK.json --key KEY.pem -o NAME.byok\n"
    "                      [--kek KEK.pem --kid KID] [--oct FILE] [--passin-file FILE]\n"
    "       kvfs byok show FILE\n"
    "\n"
    "Bring your own key: kek creates a key exchange key in a Premium vault or a Managed HSM and\n"
    "prints its public half; wrap encrypts a private key with it, and needs no network; show\n"
    "explains such a package. Copying it into MOUNTPOINT/import/ imports it. See kvfs(1).\n";

int
kv_byok_cmd_fail(const char *format, ...)
{
	struct kv_buf text;
	va_list args;
	char line[4096];

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* parts of files are in it, and it may be shown on a terminal */
	for (char *p = line; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	kv_buf_init(&text, sizeof(line) + 16);
	kv_buf_say(&text, "kvfs: %s\n", line);
	(void)!write(STDERR_FILENO, text.data, text.len);
	kv_buf_release(&text);
	return 1;
}

/* Directly into the buffer, so that no copy stays anywhere. */
static int
read_all(int fd, struct kv_buf *content)
{
	ssize_t n = 1;
	int err = kv_buf_reserve(content, content->max);

	while (err == 0 && n > 0) {
		if (content->len == content->max)
			return -EFBIG;
		n = read(fd, content->data + content->len, content->max - content->len);
		if (n < 0 && errno != EINTR)
			err = -errno;
		if (n > 0)
			content->len += (size_t)n;
		if (n < 0)
			n = 1;
	}
	content->data[content->len] = '\0';
	return err;
}

int
kv_byok_cmd_read(const char *path, struct kv_buf *content)
{
	const bool is_stdin = strcmp(path, "-") == 0;
	const int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	const int err = fd >= 0 ? read_all(fd, content) : -errno;

	if (fd >= 0 && !is_stdin)
		close(fd);
	if (err == 0)
		return 0;
	if (err == -EFBIG)
		(void)kv_byok_cmd_fail("%s: is larger than any such file", path);
	else
		(void)kv_byok_cmd_fail("%s: %s", path, strerror(-err));
	return -1;
}

/* ---- show ---- */

static void
print_package(const char *path, const struct kv_byok *byok)
{
	struct kv_buf guess;

	if (byok->is_opaque) {
		printf(
		    "%s: an opaque package, as the tool set of 2016 wrote them: only the vault can judge it\n",
		    path);
		return;
	}
	kv_buf_init(&guess, 512);
	kv_byok_guess(byok, &guess);
	printf("%s: a key-transfer package for %s\n", path, byok->host);
	printf("  contains     %s\n", kv_buf_str(&guess));
	printf("  KEK          %s\n", byok->kek.name);
	printf("  KEK version  %s\n", byok->kek.version[0] != '\0' ? byok->kek.version : "not named");
	printf("  written by   %s\n", byok->generator[0] != '\0' ? byok->generator : "not named");
	kv_buf_release(&guess);
}

static int
show(int argc, char *const argv[])
{
	struct kv_buf content, why;
	struct kv_byok byok;
	int err;

	if (argc != 2)
		return kv_byok_cmd_fail("kvfs byok show takes one argument: a file (kvfs byok -h)");
	kv_buf_init(&content, KV_BYOK_MAX + 1);
	kv_buf_init(&why, 1024);
	err = kv_byok_cmd_read(argv[1], &content);
	if (err == 0) {
		err = kv_byok_parse(content.data, content.len, &byok, &why);
		if (err == 0)
			print_package(argv[1], &byok);
		else
			(void)kv_byok_cmd_fail("%s: this file %s", argv[1],
			    err == -EINVAL ? kv_buf_str(&why) : "cannot be read: out of memory");
	}
	kv_buf_release(&content);
	kv_buf_release(&why);
	return err == 0 ? 0 : 1;
}

int
kv_byok_cmd(int argc, char *const argv[])
{
	static const struct {
		const char *name;
		int (*run)(int argc, char *const argv[]);
	} steps[] = { { "kek", kv_byok_kek }, { "wrap", kv_byok_wrap }, { "show", show } };

	if (kv_usage_is_help(argc, argv)) {
		fputs(usage, stdout);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(argv[1], steps[i].name) == 0)
			return steps[i].run(argc - 1, argv + 1);
	if (argc > 1)
		return kv_byok_cmd_fail("'%s' is not kek, wrap or show (kvfs byok -h)", argv[1]);
	fputs(usage, stderr);
	return 1;
}
