#include "fs/command/byok_wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/auth/secret_file.h"
#include "client/base/json.h"
#include "client/http/url.h"
#include "client/keypair/wrap.h"
#include "client/vault/byok.h"
#include "fs/command/byok_cmd.h"
#include "fs/command/passphrase.h"
#include "fs/command/usage.h"
#include "fs/guard.h"

#define MOST_FILE ((size_t)256 << 10)
#define MOST_WHY  1024
#define TRIES	  3 /* of a passphrase */

struct given {
	const char *kek, *kid, *key, *oct, *passin_file, *output;
};

/* ---- arguments ---- */

static int
read_options(int argc, char *const argv[], struct given *given)
{
	enum { KEK = 256, KID, KEY, OCT, PASSIN_FILE };
	static const struct option options[] = { { "kek", required_argument, NULL, KEK },
		{ "kid", required_argument, NULL, KID }, { "key", required_argument, NULL, KEY },
		{ "oct", required_argument, NULL, OCT },
		{ "passin-file", required_argument, NULL, PASSIN_FILE }, { NULL, 0, NULL, 0 } };
	static const struct kv_usage usage = { "byok wrap", NULL };
	int c;

	optind = 0;
	while ((c = kv_usage_option(&usage, argc, argv, ":o:", options)) != -1) {
		const char **const to = c == KEK ? &given->kek :
		    c == KID			 ? &given->kid :
		    c == KEY			 ? &given->key :
		    c == OCT			 ? &given->oct :
		    c == PASSIN_FILE		 ? &given->passin_file :
		    c == 'o'			 ? &given->output :
						   NULL;

		if (to == NULL)
			return 1;
		*to = optarg;
		if (c == 'o' && strcmp(optarg, "-") == 0)
			return kv_byok_cmd_fail(
			    "-o - does not mean standard output: give a package the name of a file, such as mine.byok");
	}
	if (optind < argc)
		return kv_byok_cmd_fail("'%s' is no option of kvfs byok wrap (kvfs byok -h)", argv[optind]);
	return 0;
}

/* What is missing, or too much; NULL: nothing. */
static const char *
find_fault(const struct given *given)
{
	if (given->kek == NULL)
		return "--kek is missing: the key exchange key, as kvfs byok kek prints it";
	if ((given->key == NULL) == (given->oct == NULL))
		return "give the key to be transferred: --key with a private key, or --oct with an AES key";
	if (given->output == NULL)
		return "-o NAME.byok is missing: the file to be written";
	if (given->oct != NULL && given->passin_file != NULL)
		return "--passin-file is for a private key, not for --oct";
	return NULL;
}

/* ---- the KEK ---- */

static bool
is_kid(const char *kid)
{
	struct kv_item item;
	struct kv_url url;

	return kv_url_parse(kid, &url, NULL) == 0 && url.is_https &&
	    kv_item_parse_id(kid, KV_KEYS, NULL, &item) == 0 && item.version[0] != '\0';
}

/* A key that does something else too cannot be one: the service makes "import" exclusive. */
static bool
is_for_import(const struct kv_json *jwk)
{
	const struct kv_json *ops = NULL, *first;
	const char *op;

	if (kv_json_member(jwk, "key_ops", &ops) != 0 || (ops != NULL && !kv_json_is_array(ops)))
		return false;
	if (ops == NULL)
		return true;
	first = kv_json_first(ops);
	op = first != NULL ? kv_json_as_string(first) : NULL;
	return kv_json_count(ops) == 1 && op != NULL && strcmp(op, "import") == 0;
}

static int
read_jwk(const struct kv_json *root, struct kv_kek **kek, struct kv_buf *kid, struct kv_buf *why)
{
	const struct kv_json *jwk = NULL;
	const char *text = NULL;
	int err = kv_json_object(root, "key", &jwk);

	if (err == 0 && jwk == NULL)
		jwk = root;
	if (err == 0)
		err = kv_json_string(jwk, "kid", &text);
	if (err == 0 && text != NULL && kid->len == 0)
		err = kv_buf_puts(kid, text);
	if (err == 0 && text != NULL && strcmp(text, kv_buf_str(kid)) != 0) {
		kv_buf_say(why, "is the key %s, and not that of --kid", text);
		return -EINVAL;
	}
	if (err == 0 && !is_for_import(jwk)) {
		kv_buf_say(why, "is no key exchange key: its only operation (key_ops) must be import");
		return -EINVAL;
	}
	return err == 0 ? kv_kek_of_jwk(jwk, kek, why) : err;
}

static int
parse_kek(const struct kv_buf *content, struct kv_kek **kek, struct kv_buf *kid, struct kv_buf *why)
{
	struct kv_json *root;
	int err = kv_json_parse((const char *)content->data, content->len, &root);

	if (err == -EBADMSG)
		return kv_kek_of_pem(content->data, content->len, kek, why);
	if (err == 0)
		err = read_jwk(root, kek, kid, why);
	if (err == -EBADMSG)
		kv_buf_say(why, "is not what kvfs byok kek prints");
	kv_json_free(root);
	return err;
}

/* 0, or 1 after a failure that was printed. */
static int
read_kek(const struct given *given, struct kv_kek **kek, struct kv_buf *kid)
{
	struct kv_buf content, why;
	int err = given->kid != NULL ? kv_buf_puts(kid, given->kid) : 0, status = 1;

	*kek = NULL;
	kv_buf_init(&content, MOST_FILE);
	kv_buf_init(&why, MOST_WHY);
	if (err != 0 || kv_byok_cmd_read(given->kek, &content) != 0)
		goto out;
	err = parse_kek(&content, kek, kid, &why);
	if (err != 0)
		(void)kv_byok_cmd_fail("%s: this file %s", given->kek,
		    why.len > 0 ? kv_buf_str(&why) : "cannot be read: out of memory");
	else if (kid->len == 0)
		(void)kv_byok_cmd_fail(
		    "%s: this file does not name the key: give its id with --kid https://VAULT/keys/NAME/VERSION",
		    given->kek);
	else if (!is_kid(kv_buf_str(kid)))
		(void)kv_byok_cmd_fail(
		    "'%s' is not the id of a key: https://VAULT/keys/NAME/VERSION", kv_buf_str(kid));
	else
		status = 0;
out:
	kv_buf_release(&content);
	kv_buf_release(&why);
	return status;
}

/* ---- the key ---- */

/* Into passphrase; -EPERM: there is nobody to ask. */
static int
ask_passphrase(const char *path, struct kv_buf *passphrase)
{
	char prompt[512];
	int err;

	snprintf(prompt, sizeof(prompt),
	    "Passphrase of %s: ", path == NULL || strcmp(path, "-") == 0 ? "the key" : path);
	kv_buf_clear(passphrase);
	err = kv_passphrase_ask(prompt, passphrase);
	if (err == -ENXIO)
		(void)kv_byok_cmd_fail(
		    "%s: this file is encrypted, and there is no terminal to ask for its passphrase: use --passin-file",
		    path);
	else if (err != 0)
		(void)kv_byok_cmd_fail("no passphrase was read: nothing was written");
	return err;
}

static int
read_pair(const struct given *given, const struct kv_buf *content, struct kv_buf *passphrase,
    struct kv_wrap_target *target, struct kv_buf *why)
{
	const bool can_ask = given->passin_file == NULL;
	int err = kv_wrap_read(content->data, content->len, kv_buf_str(passphrase), target, why);

	for (int i = 0; err == -EPERM && can_ask && i < TRIES; i++) {
		if (i > 0)
			(void)kv_byok_cmd_fail("that was not the passphrase; once more");
		if (ask_passphrase(given->key, passphrase) != 0)
			return -ECANCELED;
		kv_wrap_target_release(target);
		kv_buf_clear(why);
		err = kv_wrap_read(content->data, content->len, kv_buf_str(passphrase), target, why);
	}
	return err;
}

static int
read_passin(const struct given *given, struct kv_buf *passphrase)
{
	const struct kv_secret_file file = { "--passin-file", given->passin_file, false };
	struct kv_buf why;
	int err;

	if (file.path == NULL)
		return 0;
	kv_buf_init(&why, MOST_WHY);
	err = kv_secret_file_read_line(&file, passphrase, &why);
	if (err != 0)
		(void)kv_byok_cmd_fail("%s", why.len > 0 ? kv_buf_str(&why) : "out of memory");
	kv_buf_release(&why);
	return err;
}

/* 0, or 1 after a failure that was printed. */
static int
read_target(const struct given *given, struct kv_wrap_target *target)
{
	const char *path = given->oct != NULL ? given->oct : given->key;
	struct kv_buf content, passphrase, why;
	int err = -ECANCELED; /* printed */

	*target = (struct kv_wrap_target){ .bits = 0 };
	kv_buf_init(&target->plain, KV_WRAP_TARGET_MAX);
	kv_buf_init(&content, MOST_FILE);
	kv_buf_init(&passphrase, KV_SECRET_FILE_MAX);
	kv_buf_init(&why, MOST_WHY);
	if (read_passin(given, &passphrase) == 0 && kv_byok_cmd_read(path, &content) == 0)
		err = given->oct != NULL ? kv_wrap_read_oct(content.data, content.len, target, &why) :
					   read_pair(given, &content, &passphrase, target, &why);
	if (err == 0 && strcmp(path, "-") != 0 && kv_secret_file_is_exposed(path))
		(void)kv_byok_cmd_fail(
		    "warning: %s: other users can read this key: give the file mode 0600", path);
	if (err != 0 && err != -ECANCELED)
		(void)kv_byok_cmd_fail("%s: this file %s", path,
		    err != -ENOMEM ? kv_buf_str(&why) : "cannot be read: out of memory");
	kv_buf_release(&content);
	kv_buf_release(&passphrase);
	kv_buf_release(&why);
	return err == 0 ? 0 : 1;
}

/* ---- the package ---- */

static int
write_all(int fd, const struct kv_buf *content)
{
	size_t done = 0;

	while (done < content->len) {
		const ssize_t n = write(fd, content->data + done, content->len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : -errno;
}

/* Never over an existing file, not even through a link. */
static int
write_file(const char *path, const struct kv_buf *content)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int err;

	if (fd < 0 && errno == EEXIST)
		return kv_byok_cmd_fail("%s: exists, and is not overwritten: give another name", path);
	if (fd < 0)
		return kv_byok_cmd_fail("%s: %s", path, strerror(errno));
	err = write_all(fd, content);
	if (close(fd) != 0 && err == 0)
		err = -errno;
	if (err == 0)
		return 0;
	(void)unlink(path);
	return kv_byok_cmd_fail("%s: %s: nothing was written", path, strerror(-err));
}

static int
make_package(
    const struct kv_kek *kek, const char *kid, const struct kv_wrap_target *target, struct kv_buf *package)
{
	struct kv_buf ciphertext;
	int err;

	kv_buf_init(&ciphertext, 2 * (size_t)KV_WRAP_TARGET_MAX);
	err = kv_wrap(kek, target, &ciphertext);
	if (err == 0)
		err = kv_byok_put_package(kid, &ciphertext, package);
	kv_buf_release(&ciphertext);
	if (err == 0)
		return 0;
	return kv_byok_cmd_fail("the key cannot be encrypted: %s",
	    err == -ENOMEM ? "out of memory" : "OpenSSL, or the kernel's random numbers, failed");
}

static void
say_done(const struct given *given, const char *kid, const struct kv_wrap_target *target)
{
	const char *name =
	    strrchr(given->output, '/') != NULL ? strrchr(given->output, '/') + 1 : given->output;
	const bool is_rsa = strcmp(target->kty, "RSA-HSM") == 0;

	printf("%s: %s%s%s", given->output, target->kty, target->crv != NULL ? " " : "",
	    target->crv != NULL ? target->crv : "");
	if (target->crv == NULL)
		printf(" of %d bits", target->bits);
	printf(", for %s\n", kid);
	printf("Import it with: cp %s MOUNTPOINT/import/%s%s%s%s%s\n", given->output,
	    is_rsa ? "" : target->kty, is_rsa ? "" : "/", target->crv != NULL ? target->crv : "",
	    target->crv != NULL ? "/" : "", name);
}

static int
wrap(const struct given *given)
{
	struct kv_wrap_target target;
	struct kv_kek *kek;
	struct kv_buf kid, package;
	int status;

	kv_buf_init(&kid, 1024);
	kv_buf_init(&package, KV_BYOK_MAX);
	status = read_kek(given, &kek, &kid);
	if (status == 0) {
		status = read_target(given, &target);
		if (status == 0)
			status = make_package(kek, kv_buf_str(&kid), &target, &package);
		kv_wrap_target_release(&target);
	}
	if (status == 0)
		status = write_file(given->output, &package);
	if (status == 0)
		say_done(given, kv_buf_str(&kid), &target);
	kv_kek_free(kek);
	kv_buf_release(&kid);
	kv_buf_release(&package);
	return status;
}

int
kv_byok_wrap(int argc, char *const argv[])
{
	struct given given = { .kek = NULL };
	struct kv_buf why;
	const char *fault;
	int status = 0;

	if (read_options(argc, argv, &given) != 0)
		return 1;
	fault = find_fault(&given);
	if (fault != NULL) {
		(void)kv_byok_cmd_fail("%s", fault);
		return 1;
	}
	kv_guard_dumps();
	kv_buf_init(&why, MOST_WHY);
	if (kv_guard_lock(&why) != 0)
		status = kv_byok_cmd_fail("%s", kv_buf_str(&why));
	kv_buf_release(&why);
	return status == 0 ? wrap(&given) : status;
}
