/*
 * kvfs: an Azure Key Vault as a file system.
 *
 * The program checks its options, protects the secrets that it was given, and forks. The child creates
 * everything (no thread and no curl handle exists before the last fork), reads the first page of each list,
 * mounts, and runs the loop. The parent waits for the child's report and exits: with status 0 once the mount
 * is in place, otherwise with 1 and one sentence on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/index/db.h"
#include "cache/list/listing.h"
#include "client/auth/secret_file.h"
#include "client/auth/token.h"
#include "client/base/clock.h"
#include "client/base/crypto.h"
#include "client/base/json.h"
#include "client/base/log.h"
#include "client/http/http.h"
#include "client/vault/vault.h"
#include "fs/background.h"
#include "fs/comeback.h"
#include "fs/guard.h"
#include "fs/layers.h"
#include "fs/mount/request.h"
#include "fs/mount/session.h"
#include "fs/notify.h"
#include "fs/progress.h"
#include "fs/signals.h"
#include "fs/preflight.h"
#include "fs/command/commands.h"
#include "fs/command/mount_helper.h"
#include "fs/command/output.h"
#include "fs/config/mountpoint.h"
#include "fs/config/print_config.h"
#include "fs/upkeep.h"

#define MODULE	     "main"
#define END_MS	     10000 /* how long SIGTERM waits for restores in flight */
#define END_CHECK_MS 50
#define HEAP_STEP    (1 << 20) /* growth of malloc's heap; the default of 128 KiB is ten blobs */

struct program {
	struct kv_settings settings;
	const char *meant;   /* the command that the first argument is like, or NULL */
	const char *instead; /* what to do instead, if it is a command elsewhere, or NULL */
	struct kv_loop *loop;
	struct kv_mount mount;
	struct kv_layers layers;
	struct kv_session session;
	struct kv_signals signals;
	struct kv_upkeep upkeep;
	struct kv_notify notify; /* of the service manager, in the foreground */
	struct kv_progress progress;
	struct kv_comeback *comeback; /* the vaults that are away */
	struct kv_timer end;
	int64_t mono_end;  /* when to stop waiting for restores in flight */
	bool has_terminal; /* in the foreground with a terminal: SIGHUP means that the session ended */
};

/* ---- the end ---- */

static int
under_way(const struct program *p)
{
	const struct kv_branch *b;
	int sum = 0;

	TAILQ_FOREACH(b, &p->mount.branches, link)
		sum += kv_branch_under_way(b);
	return sum;
}

static void
end_if_idle(void *arg)
{
	struct program *p = arg;

	if (under_way(p) > 0 && kv_clock_mono_ms() < p->mono_end)
		kv_timer_set(&p->end, END_CHECK_MS);
	else
		kv_loop_stop(p->loop);
}

static void
begin_to_end(struct program *p)
{
	const bool is_second = p->mount.is_ending;

	p->mount.is_ending = true;
	(void)kv_notify_send(&p->notify, "STOPPING=1", NULL);
	if (is_second || !p->session.is_mounted) { /* a second signal ends the mount at once */
		kv_loop_stop(p->loop);
		return;
	}
	p->mono_end = kv_clock_mono_ms() + END_MS;
	kv_request_fail_all(&p->mount, -EIO);
	end_if_idle(p);
}

/*
 * Reopen the log, and read the credentials and the CA certificates again. What cannot be read leaves the
 * previous one in use.
 */
static void
reload(struct program *p)
{
	struct kv_buf of_ca, why;
	int err;

	kv_notify_reloading(&p->notify);
	kv_log_reopen();
	kv_buf_init(&of_ca, 1024);
	kv_buf_init(&why, 2048);
	err = kv_http_reload(p->layers.http, &of_ca);
	for (size_t i = 0; i < p->layers.n; i++) {
		const struct kv_layers_vault *v = &p->layers.vaults[i];
		int secret_err;

		kv_buf_clear(&why);
		secret_err = kv_settings_read_secret(
		    p->settings.is_each ? &p->settings.vaults[i] : &p->settings, &why);
		if (err != 0)
			kv_buf_say(&why, "%s%s", why.len > 0 ? "; " : "", kv_buf_str(&of_ca));
		if (err == 0 && secret_err == 0)
			kv_log_event(KV_LOG_NOTICE, MODULE, "vault=%s event=reloaded",
			    kv_vault_name(v->volume->vault));
		else
			kv_log_event(KV_LOG_WARNING, MODULE, "vault=%s event=reloaded why=%s",
			    kv_vault_name(v->volume->vault), kv_buf_str(&why));
		kv_token_reload(v->auth);
	}
	kv_comeback_now(p->comeback);
	(void)kv_notify_send(&p->notify, "READY=1", NULL);
	kv_buf_release(&of_ca);
	kv_buf_release(&why);
}

static void
signalled(void *arg, int number)
{
	struct program *p = arg;

	if (number != SIGHUP ||
	    (!p->signals.is_hangup_ignored && (p->has_terminal || !p->session.is_mounted)))
		begin_to_end(p);
	else if (p->session.is_mounted)
		reload(p);
}

/* By what ways the vault is reached, or would be, which may explain much later failures. */
static void
log_mounted(const struct program *p, const struct kv_branch *branch)
{
	const struct kv_settings *o = branch->settings;
	struct kv_proxy_used proxy;
	const bool has_proxy = kv_proxy_find(&o->proxy, o->vault.host, &proxy);

	kv_log_event(KV_LOG_INFO, MODULE,
	    "vault=%s event=%s errno=%s ca=%s proxy=%s proxy_of=%s resolve=%s public_host=%s",
	    kv_vault_name(branch->volume->vault), branch->away != 0 ? "mounted_away" : "mounted",
	    branch->away != 0 ? kv_err_name(branch->away) : NULL, kv_http_ca_source(p->layers.http),
	    has_proxy ? proxy.address : NULL, proxy.from, o->resolve, o->public_host);
}

static void
log_sum(const struct program *p, const struct kv_branch *branch)
{
	const struct kv_volume *volume = branch->volume;
	size_t n = 0, n_hidden = 0;

	for (int t = 0; t < KV_TYPES; t++) {
		if (volume->listings[t] == NULL)
			continue;
		n += kv_listing_count(volume->listings[t]);
		n_hidden += kv_listing_count_hidden(volume->listings[t]);
	}
	kv_log_event(KV_LOG_NOTICE, MODULE,
	    "vault=%s event=unmounted objects=%zu not_shown=%zu backed_up=%llu read=%llu "
	    "restored=%llu imported=%llu failed=%llu seconds=%lld",
	    kv_vault_name(volume->vault), n, n_hidden,
	    (unsigned long long)kv_vault_count(volume->vault, KV_OP_BACKUP, 200),
	    (unsigned long long)branch->n_read, (unsigned long long)branch->n_restored,
	    (unsigned long long)branch->n_imported, (unsigned long long)branch->n_failed,
	    (long long)(kv_clock_wall_s() - p->mount.wall_mounted));
}

/* ---- start and stop ---- */

/* 80 % of fs.fuse.max_request_timeout, after which the kernel ends the whole mount; 0: no limit. */
static int64_t
kernel_limit_ms(void)
{
	FILE *f = fopen("/proc/sys/fs/fuse/max_request_timeout", "re");
	char text[32] = "";
	long limit_s;

	if (f == NULL)
		return 0;
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	fclose(f);
	limit_s = strtol(text, NULL, 10);
	return limit_s > 0 ? (int64_t)limit_s * 800 : 0;
}

/* Take the directory, under a lock that other starts there wait for, and mount. */
static int
mount_there(struct program *p, struct kv_buf *warnings, struct kv_buf *why)
{
	const struct kv_settings *o = &p->settings;
	struct kv_buf notes;
	int lock, err;

	kv_buf_init(&notes, 4096);
	err = kv_mountpoint_take(o->mountpoint, o->may_hide, &lock, &notes, why);
	if (err == 0)
		err = kv_session_mount(&p->session, &p->mount, why);
	if (lock >= 0)
		close(lock);
	if (notes.len > 0) {
		kv_log_event(KV_LOG_NOTICE, MODULE, "why=%s", kv_buf_str(&notes));
		kv_buf_say(warnings, "%s%s", warnings->len > 0 ? "\n" : "", kv_buf_str(&notes));
	}
	kv_buf_release(&notes);
	return err;
}

static int
start(struct program *p, struct kv_buf *warnings, struct kv_buf *why)
{
	struct kv_mount *m = &p->mount;
	int err;

	p->loop = kv_loop_new();
	if (p->loop == NULL)
		return -ENOMEM;
	kv_mount_init(m, p->loop, &p->settings);
	m->kernel_limit_ms = kernel_limit_ms();
	kv_timer_init(&p->end, m->loop, end_if_idle, p);
	err = kv_signals_watch(&p->signals, m->loop, signalled, p);
	if (err == 0)
		err = kv_layers_make(&p->layers, m, why);
	if (err != 0)
		return err;
	err = kv_preflight(m, warnings, why);
	if (err == 0 && m->is_ending) { /* a signal arrived with the last answer */
		kv_buf_say(why, "ended by a signal");
		err = -EINTR;
	}
	if (err == 0)
		err = mount_there(p, warnings, why);
	return err;
}

static void
stop(struct program *p)
{
	struct kv_mount *m = &p->mount;

	if (p->loop == NULL)
		return;
	for (size_t i = 0; p->session.is_mounted && i < p->layers.n; i++)
		kv_volume_keep(p->layers.vaults[i].volume);
	kv_comeback_stop(&p->comeback);
	kv_request_fail_even_sent(m, -EIO);
	kv_session_unmount(&p->session);
	kv_layers_release(&p->layers);
	kv_timer_stop(&p->end);
	kv_progress_stop(&p->progress);
	kv_upkeep_stop(&p->upkeep);
	kv_signals_unwatch(&p->signals);
	kv_loop_free(p->loop);
}

/* ---- the process ---- */

/* Such a file is read as the SDKs read it, whatever its mode is; one of kvfs's own options would be refused. */
static void
warn_of_exposed_keys(const struct kv_credential_options *o)
{
	const struct kv_credential_kind *kind;
	int auth;

	for (size_t i = 0; (kind = kv_credential_at(i, &auth)) != NULL; i++) {
		const char *path = kind->is_key_file ? kv_credential_variable(o, kind->file_variable) : NULL;

		if (path != NULL && kv_secret_file_is_exposed(path))
			kv_log_event(KV_LOG_WARNING, MODULE, "file=%s why=%s", path,
			    "other users can read the private key in this file: give it mode 0600");
	}
}

/* Whether there is a controlling terminal, which can cause a SIGHUP. */
static bool
has_terminal(void)
{
	const int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void
forget_options(void *arg)
{
	kv_settings_release(arg);
}

/*
 * The first argument is taken for a vault; if that fails, it may have been a command. Of several lines it is one of its
 * own, because the last one is about something else.
 */
static void
say_meant(const struct program *p, struct kv_buf *why)
{
	const char *between = strchr(kv_buf_str(why), '\n') != NULL ? "\n  " : " ";

	if (p->settings.given.section != NULL)
		return;
	if (p->instead != NULL)
		kv_buf_say(why, "%s(if a command was meant: %s)", between, p->instead);
	else if (p->meant != NULL)
		kv_buf_say(why, "%s(did you mean the command '%s'? kvfs help lists them)", between, p->meant);
}

/* Everything except the fork. report is -1 in the foreground. */
static int
run(struct program *p, int report)
{
	struct kv_branch *branch;
	struct kv_buf warnings, why;
	int err;

	(void)mallopt(M_TOP_PAD, HEAP_STEP);
	(void)mallopt(M_TRIM_THRESHOLD, 4 * HEAP_STEP);
	p->has_terminal = p->settings.given.is_foreground && has_terminal();
	kv_log_open(p->settings.given.is_foreground, p->settings.debug);
	if (p->settings.given.is_foreground)
		kv_notify_open(&p->notify);
	warn_of_exposed_keys(
	    &kv_settings_vault(&p->settings, 0)->auth.credential); /* all have the same variables */
	kv_buf_init(&warnings, 4096);
	kv_buf_init(&why, 4096);
	err = start(p, &warnings, &why);
	if (err != 0) {
		const char *sentence;

		if (why.len == 0)
			kv_buf_say(&why, "%s", strerror(-err));
		say_meant(p, &why);
		sentence = kv_buf_str(&why);
		if (report >= 0)
			kv_background_failed(report, sentence);
		else
			kv_background_print_failure(sentence);
		(void)kv_notify_send(&p->notify, "", sentence);
	} else {
		if (report >= 0)
			err = kv_background_mounted(report, kv_buf_str(&warnings));
		if (err != 0) {
			kv_log_event(KV_LOG_WARNING, MODULE, "why=%s",
			    "the process that started kvfs ended before the mount was in place: it is unmounted");
		} else {
			TAILQ_FOREACH(branch, &p->mount.branches, link)
				log_mounted(p, branch);
			kv_comeback_start(&p->comeback, &p->mount);
			kv_upkeep_start(&p->upkeep, &p->mount, p->layers.http);
			kv_progress_start(&p->progress, &p->mount, &p->notify);
			err = kv_loop_run(p->loop);
			(void)kv_notify_send(&p->notify, "STOPPING=1", NULL); /* somebody unmounted it */
		}
		TAILQ_FOREACH(branch, &p->mount.branches, link) {
			kv_branch_log_lost(branch);
			log_sum(p, branch);
		}
	}
	kv_buf_release(&warnings);
	kv_buf_release(&why);
	stop(p);
	kv_notify_close(&p->notify);
	kv_log_close();
	return err == 0 ? 0 : 1;
}

static int
run_in_background(struct program *p)
{
	int report;
	const int status = kv_background_fork(forget_options, &p->settings, &report);

	return report >= 0 ? run(p, report) : status;
}

static void
print(const struct kv_settings *settings)
{
	if (settings->given.print == KV_PRINT_HELP)
		kv_commands_print_help();
	else if (settings->given.print == KV_PRINT_CONFIG)
		kv_print_config(settings, stdout);
	else
		printf("kvfs %s\nlibfuse/%s %s OpenSSL/%s SQLite/%s cJSON/%s\n", KV_VERSION,
		    fuse_pkgversion(), kv_http_library(), kv_crypto_library(), kv_db_library(),
		    kv_json_library());
}

int
main(int argc, char *argv[])
{
	static struct program program;
	struct kv_mount_helper helper = { .is_fake = false };
	struct kv_buf why;
	int status = 1, err = 0;

	/* So that none of our descriptors becomes stderr. To write to a closed stdout stays an error. */
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) != fd)
			return 1;
	(void)kv_crypto_begin();
	kv_buf_init(&why, 4096);
	if (kv_mount_helper_is(argv[0])) {
		err = kv_mount_helper_read(argc, argv, &helper, &why);
		argc = helper.argc;
		argv = (char **)(uintptr_t)helper.argv;
	} else if (kv_commands_run(argc, argv, &status)) {
		return status;
	} else if (kv_commands_is_mount(argc, argv)) {
		argc--;
		argv++;
	} else {
		program.meant = kv_commands_meant(argc, argv);
		program.instead = kv_commands_instead(argc, argv);
	}
	if (err == 0) {
		err = kv_settings_parse(argc, argv, &program.settings, &why);
		if (err != 0)
			say_meant(&program, &why);
		kv_background_print_warnings(kv_buf_str(&program.settings.given.warnings));
	}
	if (err != 0) {
		kv_background_print_failure(kv_buf_str(&why));
	} else if (program.settings.given.print != KV_PRINT_NOTHING) {
		print(&program.settings);
		status = kv_output_end() ? 0 : 1;
	} else if (helper.is_fake) {
		status = 0;
	} else {
		kv_signals_begin();
		kv_guard_secrets();
		kv_guard_complete_environment();
		status =
		    program.settings.given.is_foreground ? run(&program, -1) : run_in_background(&program);
	}
	kv_buf_release(&why);
	kv_settings_release(&program.settings);
	return status;
}
