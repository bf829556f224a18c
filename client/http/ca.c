/*
 * The store of CA certificates.
 *
 * libcurl would parse a CA file again for each connection, which costs 30 ms with Debian's bundle. So libcurl gets
 * no file; a callback puts this store into each connection's SSL_CTX instead.
 *
 * The system's certificates are those of the hashed directory if it has any, because a bundle would cost these
 * 30 ms at each start. Some container images have only a bundle.
 */
#include "client/http/ca.h"

#include <ctype.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"

#define MAX_SOURCE 8192

struct kv_ca {
	struct kv_ca_options o;
	X509_STORE *store;
	struct kv_buf source;
	struct kv_ca_refusal refusal;
};

/* ---- files ---- */

/* "cacert=/a.pem", for messages and for the source. */
static void
say_place(struct kv_buf *text, const char *from, const char *path)
{
	kv_buf_say(text, "%s%s%s%s", text->len > 0 ? " " : "", from != NULL ? from : "",
	    from != NULL ? "=" : "", path);
}

static int
refuse(const char *from, const char *path, const char *problem, int err, struct kv_buf *why)
{
	kv_buf_say(why, "%s%s%s: %s", from != NULL ? from : "", from != NULL ? "=" : "", path, problem);
	return err;
}

/* O_NONBLOCK: a FIFO must not block the start. */
static int
open_file(const char *from, const char *path, FILE **f, struct kv_buf *why)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int err = fd >= 0 ? 0 : -errno;

	*f = NULL;
	if (err == 0 && fstat(fd, &st) != 0)
		err = -errno;
	if (err != 0)
		refuse(from, path, strerror(-err), err, why);
	else if (S_ISDIR(st.st_mode))
		err = refuse(from, path,
		    "it is a directory; this must be a file of certificates (SSL_CERT_DIR names a directory)",
		    -EISDIR, why);
	else if (!S_ISREG(st.st_mode))
		err = refuse(from, path, "it is not a regular file", -EINVAL, why);
	if (err == 0 && (*f = fdopen(fd, "r")) == NULL)
		err = -ENOMEM;
	if (err != 0 && fd >= 0)
		close(fd);
	return err;
}

/* An encrypted block must not ask for a password on the terminal. */
static int
no_password(char *to, int size, int is_writing, void *arg)
{
	(void)to;
	(void)size;
	(void)is_writing;
	(void)arg;
	return -1;
}

/* Blocks of other types (keys, CRLs) are skipped. TRUSTED CERTIFICATE keeps its restrictions. */
static int
read_certificates(X509_STORE *store, FILE *f, int *n)
{
	X509 *certificate;
	int err = 0;

	*n = 0;
	ERR_clear_error();
	while (err == 0 && (certificate = PEM_read_X509_AUX(f, NULL, no_password, NULL)) != NULL) {
		if (X509_STORE_add_cert(store, certificate) != 1)
			err = -ENOMEM;
		X509_free(certificate);
		++*n;
	}
	if (err == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		err = -EINVAL;
	ERR_clear_error();
	return err;
}

static int
add_file(X509_STORE *store, const char *from, const char *path, struct kv_buf *why)
{
	FILE *f;
	char problem[100];
	int n, err = open_file(from, path, &f, why);

	if (err != 0)
		return err;
	err = read_certificates(store, f, &n);
	fclose(f);
	if (err == -EINVAL && n > 0) {
		snprintf(problem, sizeof(problem), "certificate %d of this file is damaged", n + 1);
		return refuse(from, path, problem, err, why);
	}
	if (err == -EINVAL || (err == 0 && n == 0))
		return refuse(from, path,
		    "no certificate in this file, or a damaged one; it must be PEM (-----BEGIN CERTIFICATE-----)",
		    -EINVAL, why);
	return err;
}

/* ---- directories ---- */

/* "4bfab552.0", as openssl-rehash(1) makes it. */
static bool
is_hashed(const char *name)
{
	size_t n = 0;

	while (n < 8 && isxdigit((unsigned char)name[n]))
		n++;
	return n == 8 && name[8] == '.' && isdigit((unsigned char)name[9]);
}

static bool
has_hashed(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	bool found = false;

	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL)
		found = is_hashed(entry->d_name);
	closedir(dir);
	return found;
}

/* Whether one of "folder:folder:…" has certificates. */
static bool
one_has_hashed(const char *folders)
{
	bool found = false;

	while (!found && *folders != '\0') {
		const size_t n = strcspn(folders, ":");
		char *one = strndup(folders, n);

		found = one != NULL && has_hashed(one);
		free(one);
		folders += n + (folders[n] == ':');
	}
	return found;
}

static int
add_folder(X509_STORE *store, const char *folders)
{
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());

	return lookup != NULL && X509_LOOKUP_add_dir(lookup, folders, X509_FILETYPE_PEM) == 1 ? 0 : -ENOMEM;
}

/* ---- the whole store ---- */

/* What the variables name, instead of the system's. */
static int
add_given(const struct kv_ca_options *o, X509_STORE *store, struct kv_buf *source, struct kv_buf *why)
{
	int err = 0;

	if (o->file != NULL) {
		err = add_file(store, o->file_from, o->file, why);
		say_place(source, o->file_from, o->file);
	}
	if (err != 0 || o->folder == NULL)
		return err;
	if (!one_has_hashed(o->folder))
		return o->file != NULL ? 0 :
					 refuse(o->folder_from, o->folder,
					     "no certificate in this directory; 'openssl rehash' gives the "
					     "files the names that are looked for",
					     -ENOENT, why);
	say_place(source, o->folder_from, o->folder);
	return add_folder(store, o->folder);
}

static int
add_system(X509_STORE *store, struct kv_buf *source)
{
	const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
	const char *const folders[] = { curl->capath, X509_get_default_cert_dir() };
	const char *const files[] = { curl->cainfo, X509_get_default_cert_file(),
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (folders[i] != NULL && one_has_hashed(folders[i])) {
			say_place(source, NULL, folders[i]);
			return add_folder(store, folders[i]);
		}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i] != NULL && access(files[i], R_OK) == 0 &&
		    add_file(store, NULL, files[i], NULL) == 0) {
			say_place(source, NULL, files[i]);
			return 0;
		}
	return 0;
}

static int
make_store(const struct kv_ca_options *o, X509_STORE **out, struct kv_buf *source, struct kv_buf *why)
{
	X509_STORE *store = X509_STORE_new();
	int err = store != NULL ? 0 : -ENOMEM;

	kv_buf_clear(source);
	if (err == 0) /* as libcurl: an intermediate certificate that the user trusts is enough */
		X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	if (err == 0 && (o->file != NULL || o->folder != NULL))
		err = add_given(o, store, source, why);
	else if (err == 0)
		err = add_system(store, source);
	if (err == 0 && o->added != NULL) {
		err = add_file(store, "cacert", o->added, why);
		say_place(source, "cacert", o->added);
	}
	if (err == 0 && source->len == 0) {
		kv_buf_say(why,
		    "this machine has no CA certificates: install the package ca-certificates, or name a "
		    "file with -o cacert=FILE");
		err = -ENOENT;
	}
	ERR_clear_error();
	if (err != 0) {
		X509_STORE_free(store);
		store = NULL;
	}
	if (err == -ENOMEM)
		kv_buf_say(why, "out of memory");
	*out = store;
	return err;
}

int
kv_ca_new(const struct kv_ca_options *options, struct kv_ca **out, struct kv_buf *why)
{
	struct kv_ca *ca = calloc(1, sizeof(*ca));
	int err;

	*out = NULL;
	if (ca == NULL) {
		kv_buf_say(why, "out of memory");
		return -ENOMEM;
	}
	ca->o = *options;
	kv_buf_init(&ca->source, MAX_SOURCE);
	err = make_store(&ca->o, &ca->store, &ca->source, why);
	if (err == 0)
		*out = ca;
	else
		kv_ca_free(ca);
	return err;
}

void
kv_ca_free(struct kv_ca *ca)
{
	if (ca == NULL)
		return;
	X509_STORE_free(ca->store);
	kv_buf_release(&ca->source);
	free(ca);
}

int
kv_ca_reload(struct kv_ca *ca, struct kv_buf *why)
{
	struct kv_buf source;
	X509_STORE *store;
	int err;

	kv_buf_init(&source, MAX_SOURCE);
	err = make_store(&ca->o, &store, &source, why);
	if (err != 0) {
		kv_buf_release(&source);
		return err;
	}
	X509_STORE_free(ca->store); /* connections have references of their own */
	kv_buf_release(&ca->source);
	ca->store = store;
	ca->source = source;
	return 0;
}

const char *
kv_ca_source(const struct kv_ca *ca)
{
	return kv_buf_str(&ca->source);
}

/* ---- a connection ---- */

/* One line of printable ASCII: a server must not control a terminal. */
static void
copy_name(const X509_NAME *name, char *to, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio != NULL &&
	    X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_QUOTE) >= 0)
		n = BIO_read(bio, to, (int)size - 1);
	to[n > 0 ? n : 0] = '\0';
	for (char *p = to; *p != '\0'; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	BIO_free(bio);
}

static void
copy_time(const ASN1_TIME *time, char *to, size_t size)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(to, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		to[0] = '\0';
}

/* As OpenSSL verifies without this callback, but remembers what it refused. */
static int
verify(X509_STORE_CTX *context, void *arg)
{
	struct kv_ca *ca = arg;
	struct kv_ca_refusal *r = &ca->refusal;
	const int result = X509_verify_cert(context);
	const X509 *certificate;

	if (result > 0)
		return result;
	*r = (struct kv_ca_refusal){ .error = X509_STORE_CTX_get_error(context) };
	certificate = X509_STORE_CTX_get_current_cert(context);
	if (certificate != NULL) {
		copy_name(X509_get_issuer_name(certificate), r->issuer, sizeof(r->issuer));
		copy_time(X509_get0_notBefore(certificate), r->starts, sizeof(r->starts));
		copy_time(X509_get0_notAfter(certificate), r->ends, sizeof(r->ends));
	}
	return result;
}

void
kv_ca_use(struct kv_ca *ca, void *ssl_ctx)
{
	SSL_CTX_set1_cert_store(ssl_ctx, ca->store);
	SSL_CTX_set_cert_verify_callback(ssl_ctx, verify, ca);
}

const struct kv_ca_refusal *
kv_ca_refusal(const struct kv_ca *ca)
{
	return &ca->refusal;
}

int
kv_ca_check_library(const char *tls, struct kv_buf *why)
{
	if (tls != NULL && strncmp(tls, "OpenSSL/", 8) == 0)
		return 0;
	kv_buf_say(why,
	    "this libcurl uses %s for TLS: kvfs needs a libcurl with OpenSSL (on Debian the package libcurl4, not "
	    "libcurl3-gnutls)",
	    tls != NULL ? tls : "nothing");
	return -ENOTSUP;
}
