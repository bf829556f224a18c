/*
 * localvault: an HTTPS server that behaves like Azure Key Vault, for trying kvfs and for its tests.
 *
 * One thread, one loop (http.c). A request goes by its Host header to a vault (vault.c), to the
 * token services (authority.c), or, below /_local, to the knobs for tests (control.c). All state
 * is in the folder that --state names: vault.db, ca.pem, ca.key, secret, protection.pem, lock, and
 * port while it runs.
 */
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tests/vault/authority.h"
#include "tests/vault/ca.h"
#include "tests/vault/control.h"
#include "tests/vault/mem.h"
#include "tests/vault/paging.h"
#include "tests/vault/oidc.h"
#include "tests/vault/seed.h"
#include "tests/vault/vault.h"

#define USUAL_PLACE "127.0.0.1:8443"
#define USUAL_PORT  8443

static void
handle(void *arg, const struct lv_request *r, struct lv_answer *a)
{
	struct lv_service *s = arg;
	struct lv_vault *v = r->is_plain ? NULL : lv_vault_of_host(s, r->host);
	size_t len = strcspn(r->host, ":");

	if (strncmp(r->path, "/_local/", 8) == 0)
		lv_control_handle(s, r, a);
	else if (v != NULL)
		lv_vault_handle(s, v, r, a);
	else if (r->is_plain || (len == 9 && strncasecmp(r->host, "localhost", 9) == 0) ||
	    (len == 9 && strncmp(r->host, "127.0.0.1", 9) == 0))
		lv_authority_handle(s, r, a);
	else
		a->status = 404;
}

static void
leave(void *arg, struct lv_answer *a)
{
	(void)arg;
	if (a->owner != NULL)
		lv_stats_leave(a->owner);
}

/* A fact that is made once and kept: the option's text, the store's, or a new GUID. */
static char *
fact(struct lv_store *store, const char *name, const char *given)
{
	char *kept = lv_store_fact(store, name);
	char *value = given != NULL ? lv_mem_dup(given) : lv_mem_dup(kept);
	const bool is_kept = kept != NULL && strcmp(kept, value) == 0;

	free(kept);
	if (is_kept)
		return value;

	if (value == NULL) {
		value = lv_mem_alloc(LV_GUID_SIZE);
		lv_encode_new_guid(value);
	}
	lv_store_set_fact(store, name, value);
	return value;
}

static char *
path_in(const struct lv_options *o, const char *name)
{
	struct lv_text t = { 0 };

	lv_text_printf(&t, "%s/%s", o->state, name);
	return lv_text_take(&t);
}

/* The first line of a file; NULL without one. */
static char *
read_line(const char *file)
{
	FILE *f = fopen(file, "re");
	char line[512], *text = NULL;

	if (f == NULL)
		return NULL;
	if (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		text = lv_mem_dup(line);
	}
	fclose(f);
	return text;
}

/* The default principal's secret, in a file of 0600 that is made once. */
static char *
open_secret(const struct lv_options *o)
{
	char *file = path_in(o, "secret"), *secret = read_line(file);
	struct lv_text t = { 0 };
	unsigned char bytes[30];
	int fd;

	if (secret == NULL) {
		lv_encode_random(bytes, sizeof(bytes));
		lv_encode_base64url(&t, bytes, sizeof(bytes));
		secret = lv_text_take(&t);
		fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || dprintf(fd, "%s\n", secret) < 0) {
			free(secret);
			secret = NULL;
		}
		if (fd >= 0)
			close(fd);
	}
	free(file);
	return secret;
}

/* What proves principals besides their secrets. */
static int
add_registrations(struct lv_service *s, const struct lv_options *o, struct lv_text *why)
{
	char pem[32768];
	int i, err = 0;

	for (i = 0; i < o->registration_count && err == 0; i++) {
		const struct lv_options_registration *r = &o->registrations[i];
		const char *id = *r->id != '\0' ? r->id : lv_access_find(s->access, NULL)->id;
		FILE *f;

		if (r->subject != NULL) {
			lv_assertions_add_federation(s->assertions, id, r->what, r->subject);
			continue;
		}
		f = fopen(r->what, "re");
		pem[f != NULL ? fread(pem, 1, sizeof(pem) - 1, f) : 0] = '\0';
		if (f != NULL)
			fclose(f);
		err = lv_assertions_add_certificate(s->assertions, id, pem, why);
		if (err != 0)
			lv_text_printf(why, ": %s", r->what);
	}
	return err;
}

static int
add_principals(struct lv_service *s, const struct lv_options *o, struct lv_text *why)
{
	char *id = fact(s->store, "client", o->client_id), *secret = open_secret(o);
	int err = secret != NULL ? 0 : -EIO, i;

	if (err == 0)
		err = lv_access_add(s->access, id, secret, "*", why);
	else
		lv_text_printf(why, "cannot write the client secret into %s", o->state);
	for (i = 0; i < o->principal_count && err == 0; i++) {
		char *own = read_line(o->principals[i].secret_file);

		if (own == NULL) {
			lv_text_printf(why, "cannot read %s", o->principals[i].secret_file);
			err = -ENOENT;
		} else {
			err =
			    lv_access_add(s->access, o->principals[i].id, own, o->principals[i].rights, why);
		}
		free(own);
	}
	lv_access_set_deny(s->access, NULL, o->deny);
	free(id);
	free(secret);
	return err;
}

/*
 * The state is made by one process at a time: a server, and beside it one that prints the settings. The
 * descriptor to close when all is made, or -errno.
 */
static int
lock_state(const struct lv_options *o, struct lv_text *why)
{
	char *file = path_in(o, "lock");
	int fd, err = 0;

	if (mkdir(o->state, 0700) != 0 && errno != EEXIST)
		err = -errno;
	fd = err == 0 ? open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (err == 0 && (fd < 0 || flock(fd, LOCK_EX) != 0))
		err = -errno;
	if (err != 0)
		lv_text_printf(why, "cannot make %s: %s", o->state, strerror(-err));
	if (err != 0 && fd >= 0)
		close(fd);
	free(file);
	return err != 0 ? err : fd;
}

static int
open_state(struct lv_service *s, struct lv_options *o, struct lv_text *why)
{
	char *database = path_in(o, "vault.db"), *protection = path_in(o, "protection.pem"), *key;
	char *tenant;
	int err, i;

	err = lv_store_open(&s->store, database, why);
	if (err == 0)
		err = lv_blob_new(
		    &s->blob, o->protection_key != NULL ? o->protection_key : protection, o->is_hsm, why);
	if (err == 0) {
		tenant = fact(s->store, "tenant", o->tenant);
		snprintf(s->tenant, sizeof(s->tenant), "%s", tenant);
		key = fact(s->store, "token-key", NULL);
		s->access = lv_access_new(key, s->tenant);
		s->assertions = lv_assertions_new();
		s->oidc = lv_oidc_new();
		err = add_principals(s, o, why);
		if (err == 0)
			err = add_registrations(s, o, why);
		free(tenant);
		free(key);
	}
	free(database);
	free(protection);
	s->options = o;
	s->faults = lv_faults_new();
	s->stats = lv_stats_new();
	for (i = 0; i < o->vault_count; i++)
		s->vaults[i] = (struct lv_vault){ o->vaults[i].name, o->vaults[i].geo,
			o->vaults[i].subscription, lv_limit_new(), lv_stats_new() };
	s->vault_count = o->vault_count;
	s->limit = lv_limit_new();
	if (err == 0 && o->list_lag_ms > 0)
		lv_store_keep_past(s->store);
	for (i = 0; i < o->seed_count && err == 0; i++)
		err = lv_seed(s, o->seeds[i], why);
	return err;
}

static void
close_state(struct lv_service *s)
{
	int i;

	lv_http_free(s->http);
	lv_access_free(s->access);
	lv_assertions_free(s->assertions);
	lv_oidc_free(s->oidc);
	lv_blob_free(s->blob);
	lv_store_close(s->store);
	lv_faults_free(s->faults);
	lv_paging_release(s);
	lv_stats_free(s->stats);
	lv_text_release(&s->arc_key);
	lv_limit_free(s->limit);
	for (i = 0; i < s->vault_count; i++) {
		lv_limit_free(s->vaults[i].limit);
		lv_stats_free(s->vaults[i].stats);
	}
}

/* The server's certificate, by the state's authority. */
static int
open_authority(const struct lv_options *o, char **certificate, char **key, struct lv_text *why)
{
	char wildcard[300], hsm[300];
	const char *names[] = { "localhost", "vault.localhost", "*.vault.localhost", "*.managedhsm.localhost",
		o->suffix, wildcard, NULL, NULL };

	snprintf(wildcard, sizeof(wildcard), "*.%s", o->suffix);
	if (strncmp(o->suffix, "vault.", 6) == 0) {
		snprintf(hsm, sizeof(hsm), "*.managedhsm.%s", o->suffix + 6);
		names[6] = hsm;
	}
	return lv_ca_open(o->state, names, certificate, key, why);
}

/* The port, for --print-env while this runs. */
static void
note_port(const struct lv_service *s)
{
	char *file = path_in(s->options, "port");
	FILE *f = fopen(file, "we");

	if (f != NULL) {
		fprintf(f, "%d\n", s->port);
		fclose(f);
	}
	free(file);
}

static void
forget_port(const struct lv_options *o)
{
	char *file = path_in(o, "port");

	(void)unlink(file);
	free(file);
}

/* The port of --listen, of the localvault that runs, or the usual one; 0: not known. */
static int
find_port(const struct lv_options *o)
{
	const char *colon = o->listen != NULL ? strrchr(o->listen, ':') : NULL;
	char *file = path_in(o, "port"), *noted = read_line(file);
	int64_t port = 0;

	if (colon == NULL || lv_options_number(colon + 1, &port) != 0)
		port = 0;
	if (port == 0 && (noted == NULL || lv_options_number(noted, &port) != 0))
		port = o->listen == NULL ? USUAL_PORT : 0;
	free(file);
	free(noted);
	return port <= 65535 ? (int)port : 0;
}

static int
listen_all(struct lv_service *s, const struct lv_options *o, int *imds_port, struct lv_text *why)
{
	char *certificate = NULL, *key = NULL;
	int err = open_authority(o, &certificate, &key, why);

	s->http = lv_http_new(handle, leave, s);
	if (err == 0)
		err = lv_http_listen(
		    s->http, o->listen != NULL ? o->listen : USUAL_PLACE, certificate, key, &s->port, why);
	if (err == 0 && o->imds != NULL)
		err = lv_http_listen(s->http, o->imds, NULL, NULL, imds_port, why);
	free(certificate);
	free(key);
	return err;
}

static void
add_member(struct lv_text *out, const char *name, const char *value)
{
	lv_text_comma(out);
	lv_text_printf(out, "\"%s\":", name);
	lv_text_string(out, value);
}

/* A file of the state by its absolute path. */
static void
add_file(struct lv_text *out, const char *member, const struct lv_options *o, const char *name)
{
	char *file = path_in(o, name), *whole = realpath(file, NULL);

	add_member(out, member, whole != NULL ? whole : file);
	free(file);
	free(whole);
}

static void
say_ready(const struct lv_service *s, int imds_port)
{
	const struct lv_options *o = s->options;
	struct lv_text t = { 0 }, url = { 0 };
	int i;

	lv_text_puts(&t, "{\"vaults\":{");
	for (i = 0; i < s->vault_count; i++) {
		lv_text_clear(&url);
		lv_vault_url(s, &s->vaults[i], &url);
		add_member(&t, s->vaults[i].name, url.data);
	}
	lv_text_puts(&t, "}");
	add_file(&t, "ca", o, "ca.pem");
	lv_text_clear(&url);
	lv_text_printf(&url, "https://localhost:%d", s->port);
	add_member(&t, "authority", url.data);
	add_member(&t, "tenant", s->tenant);
	add_member(&t, "client_id", lv_access_find(s->access, NULL)->id);
	add_file(&t, "client_secret_file", o, "secret");
	lv_text_clear(&url);
	lv_text_printf(&url, "http://%.*s:%d", (int)strcspn(o->imds != NULL ? o->imds : "", ":"),
	    o->imds != NULL ? o->imds : "", imds_port);
	add_member(&t, "imds", o->imds != NULL ? url.data : NULL);
	lv_text_printf(&t, ",\"pid\":%d,\"port\":%d}\n", (int)getpid(), s->port);
	fputs(t.data, stdout);
	fflush(stdout);
	lv_text_release(&t);
	lv_text_release(&url);
}

static void
print_vaults(const struct lv_service *s)
{
	struct lv_text url = { 0 };
	int i;

	for (i = 0; i < s->vault_count; i++) {
		lv_text_clear(&url);
		lv_vault_url(s, &s->vaults[i], &url);
		printf("%s%s\n", i == 0 ? "export KVFS_VAULT=" : "# another vault: ", url.data);
	}
	lv_text_release(&url);
}

/* The settings of the clients, for eval in a shell. */
static int
print_env(struct lv_service *s, struct lv_text *why)
{
	const struct lv_options *o = s->options;
	const struct lv_principal *p = lv_access_find(s->access, NULL);
	char *ca, *whole, *certificate = NULL, *key = NULL;
	int err = open_authority(o, &certificate, &key, why);

	s->port = find_port(o);
	if (err == 0 && s->port == 0) {
		lv_text_puts(why, "--print-env needs --listen with the port, or a localvault that runs");
		err = -EINVAL;
	}
	if (err == 0) {
		ca = path_in(o, "ca.pem");
		whole = realpath(ca, NULL);
		printf("export AZURE_TENANT_ID=%s\nexport AZURE_CLIENT_ID=%s\n", s->tenant, p->id);
		printf("export AZURE_CLIENT_SECRET=%s\n", p->secret);
		printf("export AZURE_AUTHORITY_HOST=https://localhost:%d/\n", s->port);
		printf("export LOCALVAULT_CA=%s\n", whole != NULL ? whole : ca);
		print_vaults(s);
		free(ca);
		free(whole);
	}
	free(certificate);
	free(key);
	return err;
}

static int
run(struct lv_service *s, struct lv_options *o, struct lv_text *why)
{
	const int lock = lock_state(o, why);
	int err, imds_port = 0;

	if (lock < 0)
		return lock;
	err = open_state(s, o, why);
	if (err == 0)
		err = o->prints_env ? print_env(s, why) : listen_all(s, o, &imds_port, why);
	if (err == 0 && !o->prints_env)
		note_port(s);
	close(lock);
	if (err == 0 && !o->prints_env) {
		say_ready(s, imds_port);
		err = lv_http_run(s->http);
		forget_port(o);
	}
	return err;
}

/* A connection is a descriptor, and the usual soft limit is 1,024. */
static void
allow_connections(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

int
main(int argc, char **argv)
{
	static struct lv_options options;
	static struct lv_service service;
	struct lv_text why = { 0 };
	sigset_t end;
	int err = lv_options_parse(&options, argc, argv, &why);

	if (err != 0) {
		if (err < 0)
			fprintf(stderr, "localvault: %s\n", lv_text_str(&why));
		lv_text_release(&why);
		return err < 0 ? 2 : 0;
	}
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	sigprocmask(SIG_BLOCK, &end, NULL);
	signal(SIGPIPE, SIG_IGN);
	allow_connections();
	err = run(&service, &options, &why);
	if (err != 0)
		fprintf(stderr, "localvault: %s\n", why.len > 0 ? why.data : strerror(-err));
	close_state(&service);
	lv_text_release(&why);
	return err != 0 ? 1 : 0;
}
