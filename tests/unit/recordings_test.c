/*
 * What the real service answered, as far as it was recorded, is read as it is.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "client/base/buf.h"
#include "client/base/fault.h"
#include "client/base/refusal.h"
#include "client/http/url.h"
#include "client/vault/blob.h"
#include "client/vault/bundle.h"
#include "client/vault/operations.h"
#include "client/vault/page.h"
#include "client/vault/vault.h"
#include "client/vault/body.h"

static struct kv_buf page_why;

struct tally {
	int pages, items, bundles, facts, backups, faults, conflicts;
};

static const char *
field(const cJSON *exchange, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(exchange, name));

	assert_non_null(s);
	return s;
}

static bool
ends_in(const char *s, const char *tail)
{
	const size_t n = strlen(s), t = strlen(tail);

	return n >= t && strcmp(s + n - t, tail) == 0;
}

/* The type that a path begins with, without "/deleted…". */
static bool
type_of_path(const char *path, enum kv_type *type)
{
	char word[20];
	const size_t n = strcspn(path + 1, "/");

	if (n >= sizeof(word))
		return false;
	memcpy(word, path + 1, n);
	word[n] = '\0';
	return kv_type_parse(word, type) == 0;
}

static void
check_page(const char *body, enum kv_type type, const struct kv_url *origin, struct tally *tally)
{
	const struct kv_page_asked asked = { .type = type, .vault = origin };
	struct kv_page page;

	assert_row(kv_page_parse(body, strlen(body), &asked, &page_why, &page) == 0, 0, body);
	for (size_t i = 0; i < page.n; i++)
		assert_true(
		    page.items[i].wall_created > 1500000000 && page.items[i].wall_updated > 1500000000);
	tally->pages++;
	tally->items += (int)page.n;
	kv_page_release(&page);
}

static void
check_backup(const char *body, struct tally *tally)
{
	struct kv_buf blob, again;
	bool is_complete;

	kv_buf_init(&blob, KV_BLOB_MAX);
	kv_buf_init(&again, 2 * KV_BLOB_MAX);
	assert_int_equal(kv_body_decode(body, strlen(body), &blob), 0);
	assert_int_not_equal(kv_blob_look(blob.data, blob.len, &is_complete), KV_BLOB_UNKNOWN);
	assert_true(is_complete);
	assert_int_equal(kv_body_encode(blob.data, blob.len, &again), 0);
	assert_string_equal(kv_buf_str(&again), body);
	kv_buf_release(&blob);
	kv_buf_release(&again);
	tally->backups++;
}

static void
check_bundle(
    const char *path, const char *body, enum kv_type type, const struct kv_url *vault, struct tally *tally)
{
	const struct kv_bundle_asked asked = { .type = type, .vault = vault };
	struct kv_item item;
	char expected[200];

	assert_row(kv_bundle_parse(body, strlen(body), &asked, &item) == 0, 0, body);
	assert_int_equal(strlen(item.version), 32);
	snprintf(expected, sizeof(expected), "/%s/%s", kv_type_name(type), item.name);
	if (!ends_in(path, "/restore"))
		assert_memory_equal(path, expected, strlen(expected));
	tally->bundles++;
}

static void
check_fact(const char *path, const char *body, const struct kv_url *vault, struct tally *tally)
{
	const char *issuer = strrchr(path, '/') + 1;
	const bool is_list = strcmp(issuer, KV_ISSUERS) == 0;
	const enum kv_op op = is_list	    ? KV_OP_ISSUERS :
	    strcmp(issuer, "contacts") == 0 ? KV_OP_CONTACTS :
					      KV_OP_ISSUER;
	const struct kv_answered answered = { .type = KV_CERTIFICATES,
		.name = issuer,
		.vault = vault,
		.body = body,
		.len = strlen(body),
		.why = &page_why };
	struct kv_parsed parsed = { 0 };
	struct kv_reply reply = { 0 };

	assert_row(kv_operation(op)->parse(&answered, &parsed, &reply) == 0, 0, body);
	kv_parsed_release(&parsed);
	tally->facts++;
}

static void
check_fault(const char *body, long status, struct tally *tally)
{
	const struct kv_refusal_row *row;
	struct kv_fault fault;

	kv_fault_parse(body, strlen(body), &fault);
	assert_true(fault.code[0] != '\0' && fault.message[0] != '\0');
	if (status == 404)
		assert_int_equal(kv_err_of_status(status, &fault), -ENOENT);
	/* the table has a row for it, and not only for its status */
	row = kv_refusal_find(status, &fault);
	assert_row(row->code != NULL || row->inner != NULL || row->message != NULL, status, fault.message);
	tally->conflicts += status == 409;
	tally->faults++;
}

/* Not what sign, decrypt and the like answer, nor issuers and contacts, which are no objects. */
static bool
is_bundle(const char *method, const char *path)
{
	if (strncmp(path, "/certificates/issuers", 21) == 0 || strcmp(path, "/certificates/contacts") == 0)
		return false;
	if (strcmp(method, "POST") == 0)
		return ends_in(path, "/create") || ends_in(path, "/import") || ends_in(path, "/restore");
	return !ends_in(path, "/pending") && !ends_in(path, "/policy");
}

static void
check_exchange(const cJSON *exchange, struct tally *tally)
{
	const char *method = field(exchange, "method"), *path = field(exchange, "path"),
		   *body = field(exchange, "body");
	const long status = (long)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(exchange, "status"));
	struct kv_url origin;
	enum kv_type type;
	char url[300];

	snprintf(url, sizeof(url), "https://%s/", field(exchange, "host"));
	assert_int_equal(kv_url_parse(url, &origin, NULL), 0);
	if (status >= 400 && *body != '\0')
		check_fault(body, status, tally);
	if (status != 200 || !type_of_path(path, &type) || strcmp(method, "DELETE") == 0)
		return;
	if (strcmp(method, "GET") == 0 && (strchr(path + 1, '/') == NULL || ends_in(path, "/versions")))
		check_page(body, type, &origin, tally);
	else if (ends_in(path, "/backup"))
		check_backup(body, tally);
	else if (strcmp(path, "/certificates/contacts") == 0 ||
	    strncmp(path, "/certificates/issuers", strlen("/certificates/issuers")) == 0)
		check_fact(path, body, &origin, tally);
	else if (is_bundle(method, path))
		check_bundle(path, body, type, &origin, tally);
}

static void
check_recording(const char *folder, const char *name, struct tally *tally)
{
	struct kv_buf path, text;
	cJSON *exchanges, *exchange;
	FILE *f;

	kv_buf_init(&path, 1000);
	kv_buf_init(&text, (size_t)16 << 20);
	assert_int_equal(kv_buf_printf(&path, "%s/%s", folder, name), 0);
	f = fopen(kv_buf_str(&path), "re");
	assert_non_null(f);
	for (size_t n = 1; n > 0; text.len += n) {
		assert_int_equal(kv_buf_reserve(&text, text.len + 65536), 0);
		n = fread(text.data + text.len, 1, 65536, f);
	}
	fclose(f);
	exchanges = cJSON_ParseWithLength(kv_buf_str(&text), text.len);
	assert_row(cJSON_IsArray(exchanges), 0, name);
	cJSON_ArrayForEach(exchange, exchanges) {
		check_exchange(exchange, tally);
	}
	cJSON_Delete(exchanges);
	kv_buf_release(&path);
	kv_buf_release(&text);
}

static void
what_the_service_answered_is_taken_as_it_is(void **state)
{
	const char *folder = getenv("KVFS_RECORDINGS");
	struct tally tally = { 0 };
	struct dirent *entry;
	DIR *dir;

	(void)state;
	if (folder == NULL)
		folder = "../shared/recordings";
	dir = opendir(folder);
	if (dir == NULL) {
		printf(
		    "skipped: no recordings of the real service in %s (KVFS_RECORDINGS names another folder)\n",
		    folder);
		skip();
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (ends_in(entry->d_name, ".json"))
			check_recording(folder, entry->d_name, &tally);
	closedir(dir);
	print_message(
	    "recordings: %d pages with %d items, %d bundles, %d facts, %d backups, %d errors, %d of them conflicts\n",
	    tally.pages, tally.items, tally.bundles, tally.facts, tally.backups, tally.faults,
	    tally.conflicts);
	assert_true(
	    tally.pages > 0 && tally.items > 0 && tally.bundles > 0 && tally.backups > 0 && tally.faults > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_service_answered_is_taken_as_it_is),
	};

	kv_buf_init(&page_why, 1000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
