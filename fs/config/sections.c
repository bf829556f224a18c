#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/buf.h"
#include "fs/config/given.h"
#include "fs/config/sections.h"

#define LIST "vaults"

/* ---- which one ---- */

/* The first line of section with this key, of the first file that has one. */
static const struct kv_conf_line *
find_line(const struct kv_conf *c, const char *section, const char *name)
{
	for (const struct kv_conf_line *l = c->lines; l != NULL; l = l->next)
		if (strcmp(l->section, section) == 0 && strcmp(l->name, name) == 0)
			return l;
	return NULL;
}

static int
refuse_line(const struct kv_conf_line *l, const char *sentence, struct kv_buf *why)
{
	kv_buf_say(why, "%s: %s", l->where, sentence);
	return -EINVAL;
}

/* The list may have several lines, all in one file. */
static int
take_list(struct kv_given *g, const struct kv_conf_line *first, struct kv_buf *why)
{
	int err = 0;

	for (const struct kv_conf_line *l = first; err == 0 && l != NULL; l = l->next)
		if (l->file == first->file && strcmp(l->section, first->section) == 0 &&
		    strcmp(l->name, LIST) == 0 && l->value != NULL)
			err = kv_vault_list_add_all(&g->vaults, l->value, l->where, why);
	if (err == 0 && g->vaults.n == 0)
		err = refuse_line(first, "vaults needs the names of vaults: vaults = prod-eu prod-us", why);
	return err;
}

/* The vaults of g->section. */
static int
take_section(struct kv_given *g, struct kv_buf *why)
{
	const struct kv_conf_line *one = find_line(&g->conf, g->section, "vault");
	const struct kv_conf_line *list = find_line(&g->conf, g->section, LIST);
	const char *value = one != NULL ? one->value : g->section;

	if (one != NULL && list != NULL && one->file == list->file)
		return refuse_line(one, "this section has vaults, too: one of vault and vaults", why);
	if (one != NULL && (value == NULL || value[0] == '\0'))
		return refuse_line(one, "vault needs a value: vault=…", why);
	kv_vault_list_release(&g->vaults);
	g->is_each = list != NULL && (one == NULL || list->file < one->file);
	if (g->is_each)
		return take_list(g, list, why);
	return kv_vault_list_add(
	    &g->vaults, value, strlen(value), one != NULL ? one->where : "argument", why);
}

/* A vault that is called as a section, beside other vaults: the section's options would be ignored. */
static int
check_several(const struct kv_given *g, struct kv_buf *why)
{
	for (size_t i = 0; i < g->vaults.n; i++) {
		const char *text = g->vaults.vaults[i].text;
		const struct kv_conf_section *s = kv_conf_find(&g->conf, text);

		if (s == NULL)
			continue;
		kv_buf_say(why,
		    "'%s' is a section (%s), and a section is mounted alone: name the vault by its host, or make a "
		    "section with all these vaults",
		    text, s->where);
		return -EINVAL;
	}
	return 0;
}

/* [estate/prod-uk] where [estate] has no such vault: a misspelling, which would cost the vault its options. */
static void
warn_of_unused(struct kv_given *g)
{
	const size_t len = strlen(g->section);

	for (const struct kv_conf_section *s = g->conf.sections; s != NULL; s = s->next) {
		bool is_used = false;

		if (strncmp(s->name, g->section, len) != 0 || s->name[len] != '/')
			continue;
		for (size_t i = 0; i < g->vaults.n && g->is_each; i++)
			is_used = is_used || strcmp(g->vaults.vaults[i].folder, s->name + len + 1) == 0;
		if (!is_used)
			kv_buf_say(&g->warnings, "%s: [%s] is not used, because [%s] has no folder %s\n",
			    s->where, s->name, g->section, s->name + len + 1);
	}
}

int
kv_sections_choose(struct kv_given *g, struct kv_buf *why)
{
	struct kv_vault_list *list = &g->vaults;
	int err = 0;

	if (list->n == 1 && !list->vaults[0].is_named &&
	    kv_conf_find(&g->conf, list->vaults[0].text) != NULL) {
		g->section = kv_given_keep(g, strdup(list->vaults[0].text));
		err = g->section != NULL ? take_section(g, why) : -ENOMEM;
	} else if (list->n > 1) {
		err = check_several(g, why);
	}
	if (err != 0)
		return err;
	if (g->section != NULL)
		warn_of_unused(g);
	g->is_each = g->is_each || list->n > 1 || (list->n == 1 && list->vaults[0].is_named);
	if (list->n == 1 && !g->is_each)
		err =
		    kv_given_set(g, kv_options_find("vault", 5), list->vaults[0].text, list->vaults[0].where);
	return err;
}

/* ---- its values ---- */

/* What a section of one vault must not have. */
static int
check_place(const struct kv_conf_line *l, const struct kv_option *o, struct kv_buf *why)
{
	const char *slash = strchr(l->section, '/');

	if (o != NULL && strcmp(o->name, "config") == 0)
		return refuse_line(l, "config is for the command line: -o config=FILE", why);
	if (strcmp(l->name, LIST) == 0 && (l->section[0] == '\0' || slash != NULL))
		return refuse_line(
		    l, "vaults belongs into the section of a mount, below a line such as [estate]", why);
	if (slash == NULL || o == NULL)
		return 0;
	if (strcmp(o->name, "vault") == 0)
		return refuse_line(
		    l, "the section of the mount names its vaults, as in vaults = prod-eu us=prod-us", why);
	if (!o->is_shared)
		return 0;
	kv_buf_say(why, "%s: %s is for the whole mount: put it into [%.*s]", l->where, o->name,
	    (int)(slash - l->section), l->section);
	return -EINVAL;
}

static int
take_line(struct kv_given *g, const struct kv_conf_line *l, struct kv_buf *why)
{
	char *text;
	int err;

	if (l->value == NULL)
		return kv_given_take(g, l->name, false, l->where, why);
	if (asprintf(&text, "%s=%s", l->name, l->value) < 0)
		return -ENOMEM;
	err = kv_given_take(g, text, false, l->where, why);
	kv_buf_free_string(text);
	return err;
}

/* Take the lines of one section, all files'. */
static int
apply(struct kv_given *g, const struct kv_conf *c, const char *section, struct kv_buf *why)
{
	const struct kv_conf_line *from[KV_OPTIONS_MOST] = { NULL };
	int err = 0;

	for (const struct kv_conf_line *l = c->lines; err == 0 && l != NULL; l = l->next) {
		const int k = kv_options_find(l->name, strlen(l->name));

		if (strcmp(l->section, section) != 0)
			continue;
		err = check_place(l, k >= 0 ? kv_options_at((size_t)k) : NULL, why);
		if (err != 0 || strcmp(l->name, LIST) == 0)
			continue;
		if (k >= 0 && from[k] != NULL && from[k]->file == l->file)
			kv_buf_say(&g->warnings, "%s: %s is given a second time, and ignored (%s)\n",
			    l->where, l->name, from[k]->where);
		if (k >= 0 && g->values[k] == NULL)
			g->faults[k] = l->fault;
		if (k >= 0 && from[k] == NULL)
			from[k] = l;
		err = take_line(g, l, why);
	}
	return err;
}

int
kv_sections_apply(
    struct kv_given *g, const struct kv_conf *c, const char *section, const char *folder, struct kv_buf *why)
{
	struct kv_buf warnings;
	char *name;
	int err = 0;

	if (section != NULL && folder != NULL) {
		if (asprintf(&name, "%s/%s", section, folder) < 0)
			return -ENOMEM;
		err = apply(g, c, name, why);
		free(name);
	}
	warnings = g->warnings; /* what follows is the whole mount's, which has warned of it */
	if (folder != NULL)
		kv_buf_init(&g->warnings, 8192);
	if (err == 0 && section != NULL)
		err = apply(g, c, section, why);
	if (err == 0)
		err = apply(g, c, "", why);
	if (folder != NULL) {
		kv_buf_release(&g->warnings);
		g->warnings = warnings;
	}
	return err;
}
