/*
 * A scripted version list.
 */
#include <stdio.h>

#include "tests/unit/fake_vault.h"
#include "tests/unit/fake_versions.h"

#define OLD 1600000000

struct fake_versions fake_versions;

void
fake_versions_reset(void)
{
	fake_versions = (struct fake_versions){ .per_page = 8, .ms = 10 };
}

static struct kv_page *
make_page(const struct fake_version *rows, size_t n, const char *next)
{
	char names[400] = "";
	struct kv_page *page;

	for (size_t i = 0; i < n; i++) {
		const size_t len = strlen(names);

		snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? " " : "", rows[i].name);
	}
	page = fake_vault_page(names, OLD, next);
	for (size_t i = 0; i < n; i++) {
		struct kv_item *item = &page->items[i];

		snprintf(item->version, sizeof(item->version), "%s", rows[i].version);
		item->wall_created = rows[i].wall_created;
		item->wall_updated = rows[i].wall_updated;
		item->is_managed = rows[i].is_managed;
	}
	return page;
}

int64_t
fake_versions_answer(const struct kv_call *call, struct kv_reply *reply)
{
	const struct fake_versions *v = &fake_versions;
	const size_t first =
	    call->next_link != NULL && !v->is_endless ? (size_t)(call->next_link[0] - '0') : 0;
	const size_t n = v->n - first < v->per_page ? v->n - first : v->per_page;
	char next[2] = "";

	if (v->ms >= 0 && v->err != 0) {
		reply->err = v->err;
		reply->status = v->status;
	} else if (v->ms >= 0) {
		if (first + n < v->n || v->is_endless)
			next[0] = (char)('0' + first + n);
		reply->page = make_page(&v->rows[first], n, next);
	}
	return v->ms;
}
