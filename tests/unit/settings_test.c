#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/base/buf.h"
#include "fs/config/arguments.h"
#include "fs/config/conf.h"
#include "fs/config/sections.h"
#include "fs/config/vault_list.h"
#include "fs/config/number.h"
#include "fs/config/cloud.h"
#include "fs/config/command_line.h"
#include "fs/config/given.h"
#include "fs/config/habits.h"
#include "fs/config/mountpoint.h"
#include "fs/mount/fusermount.h"
#include "fs/mount/mountinfo.h"
#include "fs/config/network.h"
#include "fs/config/nearest.h"
#include "fs/config/options.h"
#include "fs/config/print_config.h"
#include "fs/config/settings.h"
#include "fs/config/value.h"
#include "tests/unit/fake_alloc.h"

#define SECRET "hunter2"

static char folder[] = "/tmp/kvfs-options-XXXXXX"; /* a place for files */
static char point[sizeof(folder) + 8];		   /* the mount point in it */
static struct kv_settings options;
static struct kv_buf why;

static const char *const variables[] = { "KVFS_VAULT", "AZURE_TENANT_ID", "AZURE_CLIENT_ID",
	"AZURE_CLIENT_SECRET", "AZURE_AUTHORITY_HOST", "IDENTITY_ENDPOINT", "IDENTITY_HEADER",
	"AZURE_POD_IDENTITY_AUTHORITY_HOST", "AZURE_TOKEN_CREDENTIALS", "AZURE_ADDITIONALLY_ALLOWED_TENANTS",
	"AZURE_IDENTITY_DISABLE_MULTITENANTAUTH", "SUDO_USER", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "https_proxy", "no_proxy" };

static int
parse(int argc, const char *const argv[])
{
	int err;

	kv_settings_release(&options);
	kv_buf_clear(&why);
	err = kv_settings_parse(argc, (char *const *)(uintptr_t)argv, &options, &why);
	assert_null(strstr(kv_buf_str(&why), SECRET));
	assert_true((err == 0) == (why.len == 0));
	return err;
}

static const char *
first_auth(void)
{
	const struct kv_auth_order *order = &options.auth.credential.order;

	return order->n == 0 ? "auto" : kv_auths[order->auths[0]].word;
}

/* With -o OPTIONS of a vault, or none of either where NULL, on a mount point that is there. */
static int
parse_with(const char *vault, const char *list)
{
	const char *argv[6] = { "kvfs" };
	int argc = 1;

	if (list != NULL) {
		argv[argc++] = "-o";
		argv[argc++] = list;
	}
	if (vault != NULL)
		argv[argc++] = vault;
	argv[argc++] = point;
	return parse(argc, argv);
}

static const char *
file(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void
write_file(const char *name, const char *content, mode_t mode)
{
	FILE *f = fopen(file(name), "we");

	assert_non_null(f);
	fputs(content, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file(name), mode), 0);
}

static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	snprintf(point, sizeof(point), "%s/point", folder);
	assert_int_equal(mkdir(point, 0700), 0);
	setenv("XDG_CONFIG_HOME", folder, 1);
	for (size_t i = 0; i < N_OF(variables); i++)
		unsetenv(variables[i]);
	write_file("kvfs.conf", "", 0600);
	kv_buf_init(&why, 4096);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	kv_settings_release(&options);
	kv_buf_release(&why);
	unlink(file("kvfs.conf"));
	unlink(file("secret"));
	assert_int_equal(rmdir(point), 0);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

/* ---- the vault ---- */

static void
a_vault_is_a_name_a_host_or_a_url(void **state)
{
	static const struct {
		const char *vault, *host;
		int port;
	} rows[] = {
		{ "myvault", "myvault.vault.azure.net", 443 },
		{ "My-Vault1", "my-vault1.vault.azure.net", 443 },
		{ "abc", "abc.vault.azure.net", 443 },
		{ "abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwx.vault.azure.net", 443 },
		{ "myvault.vault.azure.net", "myvault.vault.azure.net", 443 },
		{ "myvault.managedhsm.azure.net", "myvault.managedhsm.azure.net", 443 },
		{ "localhost:8443", "localhost", 8443 },
		{ "127.0.0.1:8443", "127.0.0.1", 8443 },
		{ "[::1]:8443", "::1", 8443 },
		{ "https://myvault.vault.azure.net", "myvault.vault.azure.net", 443 },
		{ "https://myvault.vault.azure.net/", "myvault.vault.azure.net", 443 },
		{ "HTTPS://MyVault.Vault.Azure.Net:443/", "myvault.vault.azure.net", 443 },
		{ "myvault.vault.azure.net/", "myvault.vault.azure.net", 443 },
		{ "https://localhost:8443", "localhost", 8443 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(parse_with(rows[i].vault, NULL) == 0, i, kv_buf_str(&why));
		assert_row(strcmp(options.vault.host, rows[i].host) == 0, i, options.vault.host);
		assert_row(options.vault.port == rows[i].port, i, rows[i].vault);
		assert_true(options.vault.is_https);
	}
}

static void
what_is_no_vault_is_refused(void **state)
{
	static char endless[3000];
	static const struct {
		const char *vault, *word;
	} rows[] = {
		{ "ab", "3 to 24" },
		{ "abcdefghijklmnopqrstuvwxy", "3 to 24" },
		{ "my_vault", "3 to 24" },
		{ "my vault", "3 to 24" },
		{ "http://myvault.vault.azure.net", "needs https" },
		{ "ftp://myvault.vault.azure.net", "not a vault" },
		{ "https://", "not a vault" },
		{ "https://myvault.vault.azure.net/secrets", "leave out '/secrets'" },
		{ "https://myvault.vault.azure.net?x=y", "leave out '?x=y'" },
		{ "myvault.vault.azure.net:0", "not a vault" },
		{ "myvault.vault.azure.net:65536", "not a vault" },
		{ "https://user:" SECRET "@myvault.vault.azure.net", "without a user name" },
		{ "user:" SECRET "@myvault.vault.azure.net", "without a user name" },
		{ endless, "3 to 24" },
	};

	(void)state;
	memset(endless, 'x', sizeof(endless) - 1);
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(parse_with(rows[i].vault, NULL) == -EINVAL, i, "is no vault");
		assert_row(strstr(kv_buf_str(&why), rows[i].word) != NULL, i, kv_buf_str(&why));
	}
}

static void
the_argument_wins_over_the_option_and_the_environment(void **state)
{
	(void)state;
	setenv("KVFS_VAULT", "of-environment", 1);
	assert_int_equal(parse_with("of-argument", "vault=of-option"), 0);
	assert_string_equal(options.vault.host, "of-argument.vault.azure.net");
	assert_int_equal(parse_with(NULL, "vault=of-option"), 0);
	assert_string_equal(options.vault.host, "of-option.vault.azure.net");
	assert_int_equal(parse_with(NULL, NULL), 0);
	assert_string_equal(options.vault.host, "of-environment.vault.azure.net");
	unsetenv("KVFS_VAULT");
	write_file("kvfs.conf", "vault = of-file\n", 0600);
	assert_int_equal(parse_with(NULL, NULL), 0);
	assert_string_equal(options.vault.host, "of-file.vault.azure.net");
	write_file("kvfs.conf", "", 0600);
	assert_int_equal(parse_with(NULL, NULL), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "is the mount point, and no vault is given"));
}

static void
what_is_missing_of_vault_and_mount_point_is_said(void **state)
{
	const char *one[] = { "kvfs", "myvault", NULL }, *none[] = { "kvfs", NULL };

	(void)state;
	write_file("kvfs.conf", "", 0600);
	assert_int_equal(parse(2, one), -EINVAL);
	assert_string_equal(kv_buf_str(&why),
	    "'myvault' is the mount point, and no vault is given: kvfs VAULT MOUNTPOINT, or -o vault=, or KVFS_VAULT");
	assert_int_equal(parse(1, none), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "no vault and no mount point"));
}

static void
an_owner_may_be_given_by_name(void **state)
{
	(void)state;
	assert_int_equal(parse_with("myvault", "uid=daemon,gid=daemon"), 0);
	assert_int_equal(options.uid, 1);
	assert_int_equal(options.gid, 1);
	assert_int_equal(parse_with("myvault", "uid=7,gid=8"), 0);
	assert_int_equal(options.uid, 7);
	assert_int_equal(options.gid, 8);
}

static void
the_source_of_the_mount_is_the_vault_as_it_was_named(void **state)
{
	(void)state;
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_string_equal(options.source, "myvault");
	assert_int_equal(parse_with("https://myvault.vault.azure.net/", NULL), 0);
	assert_string_equal(options.source, "https://myvault.vault.azure.net/");
	assert_int_equal(parse_with("myvault", "fsname=a\\,b"), 0);
	assert_string_equal(options.source, "a,b");
}

static void
a_cloud_has_its_suffix_and_its_authority(void **state)
{
	static const struct {
		const char *vault, *authority, *environment, *host, *want;
	} rows[] = {
		{ "myvault", NULL, "", "myvault.vault.azure.net", "https://login.microsoftonline.com" },
		{ "myvault.vault.azure.cn", NULL, "", "myvault.vault.azure.cn",
		    "https://login.chinacloudapi.cn" },
		{ "m.managedhsm.azure.cn", NULL, "", "m.managedhsm.azure.cn",
		    "https://login.chinacloudapi.cn" },
		{ "myvault.vault.usgovcloudapi.net", NULL, "", "myvault.vault.usgovcloudapi.net",
		    "https://login.microsoftonline.us" },
		{ "localhost:8443", NULL, "", "localhost", "https://login.microsoftonline.com" },
		{ "evilvault.azure.cn", NULL, "", "evilvault.azure.cn", "https://login.microsoftonline.com" },
		{ "myvault", "https://login.chinacloudapi.cn", "", "myvault.vault.azure.cn",
		    "https://login.chinacloudapi.cn" },
		{ "myvault", "login.microsoftonline.us", "", "myvault.vault.usgovcloudapi.net",
		    "https://login.microsoftonline.us" },
		{ "myvault", NULL, "https://login.microsoftonline.us/", "myvault.vault.usgovcloudapi.net",
		    "https://login.microsoftonline.us" },
		{ "myvault", NULL, " login.partner.microsoftonline.cn// ", "myvault.vault.azure.cn",
		    "https://login.partner.microsoftonline.cn" },
		{ "myvault", NULL, "https://login.microsoftonline.us.evil.example", "myvault.vault.azure.net",
		    "https://login.microsoftonline.us.evil.example" },
		{ "myvault.vault.sovcloud-api.fr", NULL, "", "myvault.vault.sovcloud-api.fr",
		    "https://login.sovcloud-identity.fr" },
		{ "m.managedhsm.sovcloud-api.de", NULL, "", "m.managedhsm.sovcloud-api.de",
		    "https://login.sovcloud-identity.de" },
		{ "myvault", "https://a.example", "https://b.example", "myvault.vault.azure.net",
		    "https://a.example" },
		{ "myvault", NULL, "https://b.example:8443/x", "myvault.vault.azure.net",
		    "https://b.example:8443/x" },
		{ "myvault.vault.azure.net", "https://login.chinacloudapi.cn", "", "myvault.vault.azure.net",
		    "https://login.chinacloudapi.cn" },
	};
	char list[200];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		setenv("AZURE_AUTHORITY_HOST", rows[i].environment, 1);
		snprintf(
		    list, sizeof(list), "authority=%s", rows[i].authority != NULL ? rows[i].authority : "");
		assert_row(parse_with(rows[i].vault, rows[i].authority != NULL ? list : NULL) == 0, i,
		    kv_buf_str(&why));
		assert_row(strcmp(options.vault.host, rows[i].host) == 0, i, options.vault.host);
		assert_row(strcmp(options.auth.credential.authority, rows[i].want) == 0, i,
		    options.auth.credential.authority);
	}
}

static void
a_cloud_whose_suffix_is_not_known_needs_a_host(void **state)
{
	(void)state;
	setenv("AZURE_AUTHORITY_HOST", "login.sovcloud-identity.sg", 1);
	assert_int_equal(parse_with("myvault", NULL), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "https://login.sovcloud-identity.sg is not known"));
	assert_int_equal(parse_with("myvault", "suffix=.vault.example.sg"), 0);
	assert_string_equal(options.vault.host, "myvault.vault.example.sg");
	assert_int_equal(parse_with("myvault.vault.example.sg", NULL), 0);
}

static void
the_public_host_decides_the_cloud_and_the_service(void **state)
{
	(void)state;
	assert_int_equal(parse_with("gateway.example:8443", "public_host=m.managedhsm.azure.cn"), 0);
	assert_string_equal(options.vault.host, "gateway.example");
	assert_string_equal(options.public_vault.host, "m.managedhsm.azure.cn");
	assert_true(options.is_hsm);
	assert_string_equal(options.auth.credential.authority, "https://login.chinacloudapi.cn");
}

static void
a_managed_hsm_has_keys_and_a_newer_api(void **state)
{
	(void)state;
	assert_int_equal(parse_with("myhsm", "hsm"), 0);
	assert_string_equal(options.vault.host, "myhsm.managedhsm.azure.net");
	assert_true(options.is_hsm && options.types[KV_KEYS]);
	assert_false(options.types[KV_SECRETS] || options.types[KV_CERTIFICATES]);
	assert_string_equal(options.api_version, "2026-04-01");
	assert_string_equal(options.older_api_version, "7.6");
	assert_int_equal(parse_with("m.managedhsm.azure.cn", "api_version=7.5,types=keys"), 0);
	assert_true(options.is_hsm);
	assert_string_equal(options.api_version, "7.5");
	assert_null(options.older_api_version);
	assert_int_equal(parse_with("myhsm", "hsm,authority=login.microsoftonline.us"), 0);
	assert_string_equal(options.vault.host, "myhsm.managedhsm.usgovcloudapi.net");
	assert_int_equal(parse_with("myhsm", "hsm,types=keys:secrets"), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "a Managed HSM has only these"));
}

static void
without_lists_an_open_tells_the_size(void **state)
{
	(void)state;
	assert_int_equal(parse_with("myvault", "nolist"), 0);
	assert_true(options.is_listless && options.size == KV_SIZE_OPEN);
	assert_int_equal(parse_with("myvault", "nolist,size=stat"), 0);
	assert_true(options.size == KV_SIZE_STAT);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_true(!options.is_listless && options.size == KV_SIZE_STAT);
}

/* ---- networks ---- */

static void
a_password_of_a_proxy_belongs_into_a_private_file(void **state)
{
	static const char with_password[] = "proxy = http://me:" SECRET "@proxy.example:3128\n";

	(void)state;
	assert_int_equal(parse_with("myvault", "proxy=http://me:" SECRET "@proxy.example"), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "into the variable https_proxy, or into the configuration"));
	write_file("kvfs.conf", with_password, 0644);
	assert_int_equal(parse_with("myvault", NULL), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why),
	    "kvfs.conf line 1: this file has the user name of a proxy, and can be read by others: give it mode 0600"));
	write_file("kvfs.conf", with_password, 0600);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_string_equal(options.proxy.url, "http://me:" SECRET "@proxy.example:3128");
	assert_non_null(strstr(options.proxy.from, "kvfs.conf line 1"));
	write_file("kvfs.conf", "proxy = http://proxy.example:3128\n", 0644);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_int_equal(parse_with("myvault", "proxy=none"), 0);
	assert_string_equal(options.proxy.url, "none");
}

static void
the_first_variable_of_ca_certificates_counts(void **state)
{
	(void)state;
	setenv("REQUESTS_CA_BUNDLE", "/r.pem", 1);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_string_equal(options.ca.file, "/r.pem");
	assert_string_equal(options.ca.file_from, "REQUESTS_CA_BUNDLE");
	setenv("CURL_CA_BUNDLE", "/c.pem", 1);
	setenv("SSL_CERT_DIR", "/a:/b", 1);
	assert_int_equal(parse_with("myvault", "cacert=/x.pem"), 0);
	assert_string_equal(options.ca.file, "/c.pem");
	assert_string_equal(options.ca.folder, "/a:/b");
	assert_string_equal(options.ca.folder_from, "SSL_CERT_DIR");
	assert_string_equal(options.ca.added, "/x.pem");
	setenv("SSL_CERT_FILE", "s.pem", 1);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_true(options.ca.file[0] == '/' && strstr(options.ca.file, "/s.pem") != NULL);
	assert_string_equal(options.ca.file_from, "SSL_CERT_FILE");
}

static void
requests_takes_a_directory_too(void **state)
{
	(void)state;
	setenv("REQUESTS_CA_BUNDLE", folder, 1);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_null(options.ca.file);
	assert_string_equal(options.ca.folder, folder);
	assert_string_equal(options.ca.folder_from, "REQUESTS_CA_BUNDLE");
}

/* ---- values ---- */

static void
without_options_everything_is_as_the_manual_says(void **state)
{
	(void)state;
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_string_equal(options.mountpoint, point);
	assert_string_equal(options.api_version, "7.4");
	assert_null(options.older_api_version);
	assert_true(options.types[KV_KEYS] && options.types[KV_SECRETS] && options.types[KV_CERTIFICATES]);
	assert_false(options.is_hsm || options.is_listless || options.list_extra);
	assert_string_equal(options.stat_only, "ls:tree:du");
	assert_string_equal(options.kernel, "");
	assert_null(options.debug);
	assert_null(options.ca.added);
	assert_null(options.ca.file);
	assert_null(options.ca.folder);
	assert_null(options.proxy.url);
	assert_null(options.resolve);
	assert_null(options.suffix);
	assert_null(options.auth.resource);
	assert_string_equal(options.public_vault.host, "myvault.vault.azure.net");
	assert_int_equal(options.retry_ms, 0);
	assert_true(options.types[KV_KEYS] && options.types[KV_SECRETS] && options.types[KV_CERTIFICATES]);
	assert_true(options.rate == 0);
	assert_true(options.share == 0.5);
	assert_int_equal(options.max_inflight, 0);
	assert_int_equal(options.timeout_ms, 300000);
	assert_int_equal(options.list_ttl_ms, 60000);
	assert_int_equal(options.list_parts, 32);
	assert_null(options.archivers);
	assert_int_equal(options.cache_size, 64 << 20);
	assert_int_equal(options.uid, getuid());
	assert_int_equal(options.gid, getgid());
	assert_int_equal(options.umask, 0077);
	assert_false(options.is_read_only || options.is_dry_run || options.allow_other || options.allow_root);
	assert_false(options.may_hide);
	assert_int_equal(options.auth.credential.order.n, 0);
	assert_null(options.auth.credential.tenant);
	assert_null(options.auth.credential.client_id);
	assert_null(options.auth.credential.client_secret);
	assert_null(options.auth.credential.token_file);
	assert_null(options.auth.credential.client_certificate);
	assert_null(options.auth.credential.client_certificate_password_file);
	assert_null(options.auth.credential.service_connection);
	assert_null(kv_credential_variable(&options.auth.credential, "IDENTITY_ENDPOINT"));
	assert_null(kv_credential_variable(&options.auth.credential, "AZURE_POD_IDENTITY_AUTHORITY_HOST"));
	assert_null(options.auth.allow_tenant);
	assert_false(options.auth.no_challenge_verify);
}

static void
every_option_says_what_it_says(void **state)
{
	(void)state;
	assert_int_equal(
	    parse_with("myvault",
		"ro,dry_run,list_extra,no_challenge_verify,allow_other,rate=2.5,total_rate=12,share=95,max_inflight=7,timeout=1.5,list_ttl=86400,list_parts=64,archivers=cp:tar,"
		"nonempty,uid=12,gid=34,umask=027,types=keys:certificates,api_version=7.6-preview.2,size=stat,stat_only=a:b,"
		"debug=http:auth,noexec,tenant=t,client_id=c,allow_tenant=*,auth=env,cache_size=5K,suffix=vault.x.example,"
		"resource=https://r.example/,proxy=http://p.example:3128,resolve=v:10.0.0.4,public_host=P.example,retry=1.5,"
		"client_certificate=/c.pem,client_certificate_password_file=/p,service_connection=s"),
	    0);
	assert_string_equal(options.auth.credential.client_certificate, "/c.pem");
	assert_string_equal(options.auth.credential.client_certificate_password_file, "/p");
	assert_string_equal(options.auth.credential.service_connection, "s");
	assert_string_equal(options.vault.host, "myvault.vault.x.example");
	assert_string_equal(options.public_vault.host, "p.example");
	assert_string_equal(options.auth.resource, "https://r.example");
	assert_string_equal(options.proxy.url, "http://p.example:3128");
	assert_string_equal(options.proxy.from, "-o proxy");
	assert_string_equal(options.resolve, "v:10.0.0.4");
	assert_int_equal(options.retry_ms, 1500);
	assert_true(options.list_extra);
	assert_true(options.is_read_only && options.is_dry_run && options.allow_other && !options.allow_root);
	assert_true(options.auth.no_challenge_verify);
	assert_true(options.rate == 2.5 && options.total_rate == 12);
	assert_true(options.share == 0.95);
	assert_int_equal(options.max_inflight, 7);
	assert_int_equal(options.timeout_ms, 1500);
	assert_int_equal(options.list_ttl_ms, 86400000);
	assert_int_equal(options.list_parts, 64);
	assert_string_equal(options.archivers, "cp:tar");
	assert_true(options.may_hide);
	assert_int_equal(options.uid, 12);
	assert_int_equal(options.gid, 34);
	assert_int_equal(options.umask, 027);
	assert_true(options.types[KV_KEYS] && !options.types[KV_SECRETS] && options.types[KV_CERTIFICATES]);
	assert_string_equal(options.api_version, "7.6-preview.2");
	assert_string_equal(options.stat_only, "a:b");
	assert_string_equal(options.debug, "http:auth");
	assert_string_equal(options.kernel, ",noexec");
	assert_string_equal(options.auth.credential.tenant, "t");
	assert_string_equal(options.auth.credential.client_id, "c");
	assert_string_equal(options.auth.allow_tenant, "*");
	assert_string_equal(first_auth(), "env");
	assert_int_equal(options.cache_size, 5 << 10);
}

/* ---- several vaults ---- */

static int
parse_several(const char *config, const char *first, const char *second)
{
	const char *argv[] = { "kvfs", first, second, point };

	write_file("kvfs.conf", config, 0600);
	if (second != NULL)
		return parse(4, argv);
	argv[2] = point;
	return parse(3, argv);
}

static void
several_vaults_are_folders_with_settings_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(parse_several("[estate]\nvaults = prod-eu us=prod-us\nrate = 2\nro\n[estate/us]\n"
				       "rate = 3\ntenant = t\nsuffix = .vault.example.com\n",
			     "estate", NULL),
	    0);
	assert_true(options.is_each);
	assert_int_equal(kv_settings_vaults(&options), 2);
	assert_string_equal(kv_settings_vault(&options, 0)->vault.host, "prod-eu.vault.azure.net");
	assert_string_equal(kv_settings_vault(&options, 1)->vault.host, "prod-us.vault.example.com");
	assert_string_equal(kv_settings_vault(&options, 1)->folder, "us");
	assert_true(kv_settings_vault(&options, 0)->rate == 2 && kv_settings_vault(&options, 1)->rate == 3);
	assert_null(kv_settings_vault(&options, 0)->auth.credential.tenant);
	assert_string_equal(kv_settings_vault(&options, 1)->auth.credential.tenant, "t");
	assert_true(kv_settings_vault(&options, 1)->is_read_only);
	assert_string_equal(options.source, "estate");
	assert_string_equal(options.mountpoint, point);
	assert_int_equal(parse_several("", "prod-eu", "us=prod-us"), 0);
	assert_string_equal(options.source, "prod-eu,prod-us");
	assert_int_equal(parse_several("", "prod-eu", NULL), 0);
	assert_false(options.is_each);
	assert_int_equal(kv_settings_vaults(&options), 1);
	assert_ptr_equal(kv_settings_vault(&options, 0), &options);
	assert_null(options.folder);
	assert_int_equal(parse_with("prod-eu", "each"), 0);
	assert_int_equal(kv_settings_vaults(&options), 1);
	assert_string_equal(kv_settings_vault(&options, 0)->folder, "prod-eu");
	assert_int_equal(parse_with(NULL, "each,vault=prod-us"), 0);
	assert_string_equal(kv_settings_vault(&options, 0)->folder, "prod-us");
}

static void
a_vault_keeps_its_number_whatever_the_others_are(void **state)
{
	unsigned int number;

	(void)state;
	assert_int_equal(parse_several("", "prod-eu", "prod-us"), 0);
	number = kv_settings_vault(&options, 1)->number;
	assert_true(number > 0 && number <= 32767);
	assert_true(number != kv_settings_vault(&options, 0)->number);
	assert_int_equal(parse_several("", "prod-us", "prod-kr"), 0);
	assert_int_equal(kv_settings_vault(&options, 0)->number, number);
	assert_int_equal(parse_several("", "x=PROD-US", "a=prod-jp"), 0);
	assert_int_equal(kv_settings_vault(&options, 0)->number, number);
	assert_int_equal(parse_with("prod-us", "each"), 0);
	assert_int_equal(kv_settings_vault(&options, 0)->number, number);
}

static void
vaults_that_cannot_be_together_are_refused(void **state)
{
	(void)state;
	assert_int_equal(parse_several("", "a=prod-eu", "b=prod-eu.vault.azure.net"), -EINVAL);
	assert_string_equal(
	    kv_buf_str(&why), "a and b are the same vault, prod-eu.vault.azure.net: leave one out");
	assert_int_equal(parse_several("", "prod-eu", "prod_us"), -EINVAL);
	assert_string_equal(kv_buf_str(&why),
	    "vault prod_us: 'prod_us' is not the name of a vault: 3 to 24 letters, digits and '-'");
	assert_int_equal(
	    parse_several("[e]\nvaults = a=prod-eu b=prod-us\n[e/b]\nrate = x\n", "e", NULL), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "vault b: "));
	assert_non_null(strstr(kv_buf_str(&why), "line 4: rate=x must be a number"));
	assert_int_equal(parse_with(NULL, "each"), -EINVAL);
}

static void
sizes_have_units(void **state)
{
	static const struct {
		const char *list;
		unsigned long long size;
	} rows[] = { { "cache_size=0", 0 }, { "cache_size=123", 123 }, { "cache_size=1k", 1 << 10 },
		{ "cache_size=3M", 3 << 20 }, { "cache_size=2g", 2ULL << 30 },
		{ "cache_size=1024G", 1ULL << 40 } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(parse_with("myvault", rows[i].list) == 0, i, kv_buf_str(&why));
		assert_row(options.cache_size == rows[i].size, i, rows[i].list);
	}
}

static void
a_bad_value_is_named_with_where_it_was_said_and_what_is_right(void **state)
{
	static const struct {
		const char *option, *value, *right;
	} rows[] = {
		{ "rate", "fast", "a number from 1 to 10000" },
		{ "rate", "0", "a number from 1 to 10000" },
		{ "rate", "0.5", "a number from 1 to 10000" },
		{ "rate", "10001", "a number from 1 to 10000" },
		{ "rate", "-5", "a number from 1 to 10000" },
		{ "rate", "5/s", "a number from 1 to 10000" },
		{ "rate", "nan", "a number from 1 to 10000" },
		{ "rate", "inf", "a number from 1 to 10000" },
		{ "share", "0", "a number from 1 to 100" },
		{ "share", "101", "a number from 1 to 100" },
		{ "share", "half", "a number from 1 to 100" },
		{ "share", "50%", "a number from 1 to 100" },
		{ "max_inflight", "0", "a whole number from 1 to 1000" },
		{ "max_inflight", "1.5", "a whole number from 1 to 1000" },
		{ "max_inflight", "1001", "a whole number from 1 to 1000" },
		{ "max_inflight", "99999999999999999999", "a whole number from 1 to 1000" },
		{ "max_inflight", "+5", "a whole number from 1 to 1000" },
		{ "timeout", "0", "a number from 1 to 86400" },
		{ "timeout", "86401", "a number from 1 to 86400" },
		{ "timeout", "5m", "a number from 1 to 86400" },
		{ "list_ttl", "0", "a number from 1 to 86400" },
		{ "list_parts", "0", "a whole number from 1 to 64" },
		{ "cache_size", "big", "a size such as 64M" },
		{ "cache_size", "-1", "a size such as 64M" },
		{ "cache_size", "64MB", "a size such as 64M" },
		{ "cache_size", "1T", "a size such as 64M" },
		{ "cache_size", "1025G", "a size such as 64M" },
		{ "cache_size", "99999999999999999999", "a size such as 64M" },
		{ "cache_size", "1.5G", "a size such as 64M" },
		{ "uid", "no-such-user", "the number or the name of a user" },
		{ "uid", "-1", "the number or the name of a user" },
		{ "gid", "no-such-group", "the number or the name of a group" },
		{ "gid", "4294967295", "the number or the name of a group" },
		{ "umask", "8", "an octal number such as 0022" },
		{ "umask", "01000", "an octal number such as 0022" },
		{ "umask", "u=rwx", "an octal number such as 0022" },
		{ "types", "key", "some of keys:secrets:certificates" },
		{ "types", "keys::secrets", "some of keys:secrets:certificates" },
		{ "types", "keys;secrets", "some of keys:secrets:certificates" },
		{ "types", ":", "some of keys:secrets:certificates" },
		{ "auth", "Auto", "auto, or a list as in env:cli" },
		{ "auth", "az", "auto, or a list as in env:cli" },
		{ "size", "list", "stat" },
		{ "api_version", "7.4&x=y", "a version such as 7.4" },
		{ "auth", "env:env", "auto, or a list as in env:cli" },
		{ "tenant", "../x", "a tenant's id or domain" },
		{ "authority", "http://login.example", "an https URL" },
		{ "authority", "https://", "an https URL" },
		{ "authority", "https://me:x/y z", "an https URL" },
		{ "resource", "http://vault.azure.net", "an https URL" },
		{ "resource", "vault.azure.net", "an https URL" },
		{ "suffix", "vault_x..example", "the end of a host's name" },
		{ "suffix", "vault.example:8443", "the end of a host's name" },
		{ "suffix", "vault.example/x", "the end of a host's name" },
		{ "proxy", "ftp://proxy.example", "the URL of a proxy" },
		{ "proxy", "http://", "the URL of a proxy" },
		{ "resolve", "myvault", "HOST:ADDRESS" },
		{ "resolve", "myvault:other.example", "HOST:ADDRESS" },
		{ "public_host", "https://v.example", "the name of a host" },
		{ "public_host", "v.example:443", "the name of a host" },
		{ "retry", "-1", "a number from 0 to 86400" },
		{ "retry", "1m", "a number from 0 to 86400" },
	};
	char text[200], said[600];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		snprintf(text, sizeof(text), "%s=%s", rows[i].option, rows[i].value);
		write_file("kvfs.conf", "", 0600);
		assert_row(parse_with("myvault", text) == -EINVAL, i, text);
		snprintf(said, sizeof(said), "-o: %s must be %s", text, rows[i].right);
		assert_row(strncmp(kv_buf_str(&why), said, strlen(said)) == 0, i, kv_buf_str(&why));
		snprintf(text, sizeof(text), "\n%s = %s\n", rows[i].option, rows[i].value);
		write_file("kvfs.conf", text, 0600);
		assert_row(parse_with("myvault", NULL) == -EINVAL, i, text);
		snprintf(said, sizeof(said), "%s line 2: %s=%s must be %s", file("kvfs.conf"), rows[i].option,
		    rows[i].value, rows[i].right);
		assert_row(strncmp(kv_buf_str(&why), said, strlen(said)) == 0, i, kv_buf_str(&why));
	}
}

static void
options_that_exclude_each_other_are_refused(void **state)
{
	(void)state;
	assert_int_equal(parse_with("myvault", "allow_other,allow_root"), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "allow_other"));
	assert_non_null(strstr(kv_buf_str(&why), "allow_root"));
	assert_int_equal(parse_with("myvault", "token_file=/t,object_id=x"), -EINVAL);
	assert_non_null(strstr(
	    kv_buf_str(&why), "object_id= belongs to the credential managed, and token_file= to token"));
}

/* Otherwise the mount would sign in as somebody else than the command line says. */
static void
an_option_of_one_credential_implies_it_whatever_the_environment_says(void **state)
{
	static const struct {
		const char *list, *auth;
	} rows[] = { { "token_file=/t", "token" }, { "client_certificate=/c", "env" },
		{ "object_id=x", "managed" }, { "resource_id=/x", "managed" }, { "subscription=x", "cli" },
		{ "service_connection=x", "pipelines" }, { "object_id=x,auth=cli", "cli" },
		{ "object_id=x,auth=auto", "azd" }, { "tenant=x", "azd" } };

	(void)state;
	setenv("AZURE_TOKEN_CREDENTIALS", "AzureDeveloperCliCredential", 1);
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(parse_with("myvault", rows[i].list) == 0, i, kv_buf_str(&why));
		assert_row(strcmp(first_auth(), rows[i].auth) == 0, i, first_auth());
		assert_row(options.auth.credential.order.n == 1, i, "alone");
	}
	unsetenv("AZURE_TOKEN_CREDENTIALS");
}

/* ---- credentials ---- */

static void
the_environment_says_who_asks_and_options_win_over_it(void **state)
{
	const struct kv_credential_options *c = &options.auth.credential;

	(void)state;
	setenv("AZURE_TENANT_ID", "tenant-e", 1);
	setenv("AZURE_CLIENT_ID", "client-e", 1);
	setenv("AZURE_CLIENT_SECRET", SECRET, 1);
	setenv("IDENTITY_ENDPOINT", "http://127.0.0.1/msi", 1);
	setenv("IDENTITY_HEADER", "header-e", 1);
	setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://imds", 1);
	setenv("SUDO_USER", "alice", 1);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_string_equal(c->tenant, "tenant-e");
	assert_string_equal(c->client_id, "client-e");
	assert_string_equal(kv_credential_variable(c, "AZURE_CLIENT_SECRET"), SECRET);
	assert_string_equal(kv_credential_variable(c, "IDENTITY_ENDPOINT"), "http://127.0.0.1/msi");
	assert_string_equal(kv_credential_variable(c, "IDENTITY_HEADER"), "header-e");
	assert_string_equal(kv_credential_variable(c, "AZURE_POD_IDENTITY_AUTHORITY_HOST"), "http://imds");
	assert_string_equal(kv_credential_variable(c, "SUDO_USER"), "alice");
	write_file("kvfs.conf", "tenant = tenant-f\nclient_id = client-f\n", 0600);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_string_equal(c->tenant, "tenant-f");
	assert_int_equal(parse_with("myvault", "tenant=tenant-o,client_id=client-o"), 0);
	assert_string_equal(c->tenant, "tenant-o");
	assert_string_equal(c->client_id, "client-o");
	setenv("AZURE_TENANT_ID", "", 1);
	write_file("kvfs.conf", "", 0600);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_null(c->tenant);
}

static void
each_kind_of_credential_has_its_word(void **state)
{
	static const struct {
		const char *list;
		const char *auth;
	} rows[] = { { "auth=auto", "auto" }, { "auth=env", "env" }, { "auth=managed", "managed" },
		{ "auth=cli", "cli" }, { "auth=token,token_file=/t", "token" }, { "token_file=/t", "token" },
		{ "token_file=/t,auth=cli", "cli" } };

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		assert_row(parse_with("myvault", rows[i].list) == 0, i, kv_buf_str(&why));
		assert_row(strcmp(first_auth(), rows[i].auth) == 0, i, rows[i].list);
	}
}

static int
parse_secret_file(void)
{
	char list[200];

	snprintf(list, sizeof(list), "client_secret_file=%s", file("secret"));
	return parse_with("myvault", list);
}

static void
a_secret_is_the_first_line_of_its_file(void **state)
{
	static const char *const contents[] = { SECRET, SECRET "\n", SECRET "\r\n", SECRET "\nother\n" };

	(void)state;
	setenv("AZURE_CLIENT_SECRET", "another", 1);
	for (size_t i = 0; i < N_OF(contents); i++) {
		write_file("secret", contents[i], 0600);
		assert_row(parse_secret_file() == 0, i, kv_buf_str(&why));
		assert_string_equal(options.auth.credential.client_secret, SECRET);
	}
}

static void
a_secrets_file_must_be_its_owners_alone_and_hold_one(void **state)
{
	static const struct {
		const char *content;
		mode_t mode;
		const char *word;
	} rows[] = { { SECRET, 0604, "0600" }, { SECRET, 0620, "0600" }, { SECRET, 0666, "0600" },
		{ "", 0600, "is empty" }, { "\n" SECRET "\n", 0600, "is empty" } };

	(void)state;
	setenv("AZURE_CLIENT_SECRET", SECRET, 1);
	for (size_t i = 0; i < N_OF(rows); i++) {
		write_file("secret", rows[i].content, rows[i].mode);
		assert_row(parse_secret_file() == -EINVAL, i, kv_buf_str(&why));
		assert_row(
		    strncmp(kv_buf_str(&why), "-o: client_secret_file=", 23) == 0, i, kv_buf_str(&why));
		assert_row(strstr(kv_buf_str(&why), rows[i].word) != NULL, i, kv_buf_str(&why));
	}
	unlink(file("secret"));
	assert_int_equal(parse_secret_file(), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), strerror(ENOENT)));
	assert_int_equal(mkdir(file("secret"), 0700), 0);
	assert_int_equal(parse_secret_file(), -EINVAL);
	assert_int_equal(rmdir(file("secret")), 0);
}

static void
a_bare_name_is_looked_for_among_the_credentials_of_the_service(void **state)
{
	char list[200];

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	write_file("secret", SECRET, 0440);
	assert_int_equal(parse_with("myvault", "client_id=c,client_secret_file=secret"), 0);
	assert_string_equal(options.client_secret_file, file("secret"));
	assert_string_equal(options.auth.credential.client_secret, SECRET);
	assert_int_equal(parse_with("myvault", "token_file=none"), 0);
	assert_null(strstr(options.auth.credential.token_file, folder));
	unlink(file("secret"));
	snprintf(list, sizeof(list), "client_id=c,client_secret_file=%s", file("secret"));
	assert_int_equal(parse_with("myvault", list), -EINVAL);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void
a_variable_loses_line_breaks_at_its_end_and_may_have_none_inside(void **state)
{
	(void)state;
	setenv("AZURE_CLIENT_ID", "an-id\r\n", 1);
	setenv("AZURE_CLIENT_SECRET", SECRET "\n", 1);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_string_equal(options.auth.credential.client_id, "an-id");
	assert_string_equal(kv_credential_variable(&options.auth.credential, "AZURE_CLIENT_SECRET"), SECRET);
	setenv("AZURE_CLIENT_ID", "\n", 1);
	assert_int_equal(parse_with("myvault", NULL), 0);
	assert_null(options.auth.credential.client_id);
	setenv("IDENTITY_HEADER", SECRET "\r\nX: y", 1);
	assert_int_equal(parse_with("myvault", NULL), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "IDENTITY_HEADER contains a line break"));
	unsetenv("IDENTITY_HEADER");
	setenv("AZURE_TENANT_ID", "a\tb", 1);
	assert_int_equal(parse_with("myvault", NULL), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "AZURE_TENANT_ID contains"));
}

/* parse() looks for it. */
static void
a_secret_where_none_belongs_is_not_repeated(void **state)
{
	static const char *const lists[] = { "client_secret=" SECRET, "ro=" SECRET,
		"authority=https://user:" SECRET "@login.example",
		"authority=user:" SECRET "@login.example" };

	(void)state;
	for (size_t i = 0; i < N_OF(lists); i++)
		assert_row(parse_with("myvault", lists[i]) == -EINVAL, i, "is refused");
	setenv("AZURE_AUTHORITY_HOST", "https://user:" SECRET "@login.example", 1);
	assert_int_equal(parse_with("myvault", NULL), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "AZURE_AUTHORITY_HOST"));
	unsetenv("AZURE_AUTHORITY_HOST");
	setenv("KVFS_VAULT", "https://user:" SECRET "@host", 1);
	assert_int_equal(parse_with(NULL, NULL), -EINVAL);
}

/* ---- paths ---- */

static void
a_mount_point_must_be_a_folder(void **state)
{
	const char *argv[] = { "kvfs", "myvault", NULL, NULL };

	(void)state;
	argv[2] = file("none");
	assert_int_equal(parse(3, argv), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "does not exist"));
	argv[2] = file("kvfs.conf");
	assert_int_equal(parse(3, argv), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "is not a directory"));
	assert_int_equal(parse_with(NULL, "vault=myvault"), 0);
	argv[1] = "-ovault=myvault";
	assert_int_equal(parse(2, argv), -EINVAL);
	assert_string_equal(
	    kv_buf_str(&why), "no mount point is given (usage: kvfs [OPTIONS] [VAULT] MOUNTPOINT)");
}

static void
paths_are_absolute_because_the_process_leaves_its_folder(void **state)
{
	const char *argv[] = { "kvfs", "-o", "token_file=./secret,cacert=./kvfs.conf", "myvault", "point",
		NULL };
	char *before = getcwd(NULL, 0);

	(void)state;
	assert_non_null(before);
	write_file("secret", "x", 0600);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(parse(5, argv), 0);
	assert_string_equal(options.mountpoint, point);
	assert_string_equal(options.auth.credential.token_file, file("secret"));
	assert_string_equal(options.ca.added, file("kvfs.conf"));
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(parse_with("myvault", "token_file=none"), 0);
	assert_string_equal(options.auth.credential.token_file, "/none");
	assert_int_equal(chdir(before), 0);
	free(before);
}

static void
help_and_version_need_nothing_else(void **state)
{
	const char *help[] = { "kvfs", "-h", NULL }, *version[] = { "kvfs", "--version", NULL };

	(void)state;
	assert_int_equal(parse(2, help), 0);
	assert_int_equal(options.given.print, KV_PRINT_HELP);
	assert_int_equal(parse(2, version), 0);
	assert_int_equal(options.given.print, KV_PRINT_VERSION);
}

/* What kv_print_config() prints, in which each run of blanks is one. */
static const char *
printed(void)
{
	static char text[8000];
	FILE *out = fmemopen(text, sizeof(text), "w");
	char *to = text;

	assert_non_null(out);
	kv_print_config(&options, out);
	assert_int_equal(fclose(out), 0);
	for (const char *from = text; *from != '\0'; from++)
		if (from[0] != ' ' || from[1] != ' ')
			*to++ = *from;
	*to = '\0';
	return text;
}

static void
print_config_shows_each_value_and_where_it_was_given(void **state)
{
	static const char *const lines[] = { "rate 2.5 # -o\n", "share 50 # default\n", "ro yes # -o\n",
		"timeout 7 # /", "kvfs.conf line 1\n", "tenant tenant-e # AZURE_TENANT_ID\n",
		"types keys:certificates # -o\n", "spill 0 # default\n", "cache none # -o\n",
		"umask 0027 # -o\n", "max_inflight (as many as the rate needs) # default\n",
		"cache_size 3M # -o\n", "authority https://login.microsoftonline.com # default\n",
		"debug all # -d\n", "uid 12 # -o\n", "AZURE_CLIENT_SECRET (set) # environment\n",
		"https_proxy (not shown) # environment\n", "no_proxy .example # environment\n",
		"IDENTITY_ENDPOINT http://127.0.0.1/msi # environment\n" };
	const char *argv[] = { "kvfs", "--print-config", "-d", "-o",
		"ro,rate=2.5,types=keys:certificates,cache=none,umask=27,uid=12,cache_size=3072k", NULL };

	(void)state;
	setenv("AZURE_TENANT_ID", "tenant-e", 1);
	setenv("AZURE_CLIENT_SECRET", SECRET, 1);
	setenv("IDENTITY_ENDPOINT", "http://127.0.0.1/msi", 1);
	setenv("https_proxy", "http://me:" SECRET "@proxy.example", 1);
	setenv("no_proxy", ".example", 1);
	write_file("kvfs.conf", "timeout = 7\nrate = 9\n", 0600);
	assert_int_equal(parse(5, argv), 0);
	assert_null(strstr(printed(), SECRET));
	for (size_t i = 0; i < N_OF(lines); i++)
		assert_row(strstr(printed(), lines[i]) != NULL, i, lines[i]);
	for (size_t i = 0; kv_options_at(i) != NULL; i++)
		assert_row(strstr(printed(), kv_options_at(i)->name) != NULL, i, kv_options_at(i)->name);
}

static void
print_config_remarks_on_a_secret_that_cannot_be_read(void **state)
{
	static const char missing[] = "# -o; client_secret_file=",
			  hint[] = " (a name without '/' is a file in "
				   "$CREDENTIALS_DIRECTORY, which is not set, or in the current directory)\n";
	const char *argv[] = { "kvfs", "--print-config", "-o", "rate=7,client_secret_file=absent", "myvault",
		NULL };

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(parse(5, argv), 0);
	assert_non_null(strstr(options.secret_fault, "/absent: No such file or directory (a name"));
	assert_non_null(strstr(printed(), missing));
	assert_non_null(strstr(printed(), hint));
	assert_non_null(strstr(printed(), "rate 7 # -o\n"));
	assert_int_equal(parse_with("myvault", "client_id=c,client_secret_file=absent"), -EINVAL);
	assert_non_null(strstr(kv_buf_str(&why), "/absent: No such file or directory (a name"));
	assert_int_equal(parse_with("myvault", "client_id=c,client_secret_file=./absent"), -EINVAL);
	assert_null(strstr(kv_buf_str(&why), "(a name"));
}

static int
parse_once(void)
{
	const char *argv[] = { "kvfs", "-o",
		"ro,rate=5,suffix=vault.x.example,resource=https://r.example,"
		"proxy=http://p.example,resolve=v:10.0.0.4+w:[::1],public_host=p.example",
		"myvault", point, NULL };
	struct kv_settings one;
	const int err = kv_settings_parse(5, (char *const *)(uintptr_t)argv, &one, NULL);

	kv_settings_release(&one);
	return err;
}

static void
the_want_of_memory_is_an_error(void **state)
{
	(void)state;
	setenv("AZURE_TENANT_ID", "tenant", 1);
	setenv("AZURE_CLIENT_ID", "client", 1);
	setenv("AZURE_CLIENT_SECRET", SECRET, 1);
	setenv("AZURE_AUTHORITY_HOST", "login.example/", 1);
	setenv("SSL_CERT_FILE", "ca.pem", 1);
	setenv("SSL_CERT_DIR", "certs", 1);
	EACH_ALLOCATION_FAILS(parse_once());
}

static void
nothing_that_was_given_stays_in_memory(void **state)
{
	(void)state;
	setenv("AZURE_CLIENT_SECRET", SECRET, 1);
	fake_alloc_watch(SECRET);
	assert_int_equal(parse_once(), 0);
	write_file("secret", SECRET "\n", 0600);
	assert_int_equal(parse_secret_file(), 0);
	kv_settings_release(&options);
	assert_int_equal(fake_alloc_unwiped(), 0);
	fake_alloc_watch(NULL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_vault_is_a_name_a_host_or_a_url),
		TEST(what_is_no_vault_is_refused),
		TEST(the_argument_wins_over_the_option_and_the_environment),
		TEST(what_is_missing_of_vault_and_mount_point_is_said),
		TEST(an_owner_may_be_given_by_name),
		TEST(the_source_of_the_mount_is_the_vault_as_it_was_named),
		TEST(a_cloud_has_its_suffix_and_its_authority),
		TEST(a_cloud_whose_suffix_is_not_known_needs_a_host),
		TEST(the_public_host_decides_the_cloud_and_the_service),
		TEST(a_managed_hsm_has_keys_and_a_newer_api),
		TEST(without_lists_an_open_tells_the_size),
		TEST(a_password_of_a_proxy_belongs_into_a_private_file),
		TEST(the_first_variable_of_ca_certificates_counts),
		TEST(requests_takes_a_directory_too),
		TEST(without_options_everything_is_as_the_manual_says),
		TEST(every_option_says_what_it_says),
		TEST(several_vaults_are_folders_with_settings_of_their_own),
		TEST(a_vault_keeps_its_number_whatever_the_others_are),
		TEST(vaults_that_cannot_be_together_are_refused),
		TEST(sizes_have_units),
		TEST(a_bad_value_is_named_with_where_it_was_said_and_what_is_right),
		TEST(options_that_exclude_each_other_are_refused),
		TEST(an_option_of_one_credential_implies_it_whatever_the_environment_says),
		TEST(the_environment_says_who_asks_and_options_win_over_it),
		TEST(each_kind_of_credential_has_its_word),
		TEST(a_secret_is_the_first_line_of_its_file),
		TEST(a_secrets_file_must_be_its_owners_alone_and_hold_one),
		TEST(a_bare_name_is_looked_for_among_the_credentials_of_the_service),
		TEST(a_variable_loses_line_breaks_at_its_end_and_may_have_none_inside),
		TEST(a_secret_where_none_belongs_is_not_repeated),
		TEST(a_mount_point_must_be_a_folder),
		TEST(paths_are_absolute_because_the_process_leaves_its_folder),
		TEST(help_and_version_need_nothing_else),
		TEST(print_config_shows_each_value_and_where_it_was_given),
		TEST(print_config_remarks_on_a_secret_that_cannot_be_read),
		TEST(the_want_of_memory_is_an_error),
		TEST(nothing_that_was_given_stays_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
