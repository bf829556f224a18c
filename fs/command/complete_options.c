#include "fs/command/complete_options.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/auth/credential.h"
#include "client/vault/type.h"
#include "fs/config/options.h"

static void
put(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		if (!iscntrl((unsigned char)*text))
			fputc(*text, out);
}

void
kv_complete_print(const char *before, const char *text, const char *after, const char *help, FILE *out)
{
	put(before, out);
	put(text, out);
	put(after, out);
	if (help != NULL)
		fprintf(out, "\t%s", help);
	fputc('\n', out);
}

/* The option that is being typed, and what the word has before it. */
struct typing {
	char *before; /* "-o" and the options before */
	const char *text;
	FILE *out;
};

static void
offer(const struct typing *t, const char *begun, const char *text, const char *after, const char *help)
{
	if (strncmp(text, begun, strlen(begun)) == 0)
		kv_complete_print(t->before, text, after, help, t->out);
}

/* ---- values ---- */

static void
offer_credentials(const struct typing *t, const char *begun)
{
	offer(t, begun, "auto", "", "the first that gives a token");
	for (int i = 0; kv_auths[i].word != NULL; i++)
		offer(t, begun, kv_auths[i].word, "", kv_auths[i].noun);
}

static void
offer_types(const struct typing *t, const char *begun)
{
	for (int i = 0; i < KV_TYPES; i++)
		offer(t, begun, kv_type_name((enum kv_type)i), "", NULL);
}

static void
offer_users(const struct typing *t, const char *begun)
{
	const struct passwd *user;

	setpwent();
	while ((user = getpwent()) != NULL)
		offer(t, begun, user->pw_name, "", NULL);
	endpwent();
}

static void
offer_groups(const struct typing *t, const char *begun)
{
	const struct group *group;

	setgrent();
	while ((group = getgrent()) != NULL)
		offer(t, begun, group->gr_name, "", NULL);
	endgrent();
}

/* Of a list "a:b:c", the last part is being typed. begun is that part; the rest is moved into before. */
static int
split_value(struct typing *t, const char *value, const char **begun, char separator)
{
	const char *last = separator != '\0' ? strrchr(value, separator) : NULL;
	const char *rest = last != NULL ? last + 1 : value;
	char *before;

	if (asprintf(&before, "%s%.*s", t->before, (int)(rest - t->text), t->text) < 0)
		return -ENOMEM;
	free(t->before);
	t->before = before;
	*begun = rest;
	return 0;
}

static void
offer_values(struct typing *t, const struct kv_option *o, const char *value)
{
	const bool is_list = o->kind == KV_OPTION_TYPES || o->kind == KV_OPTION_WORDS;
	const char *begun;

	if (split_value(t, value, &begun, is_list ? ':' : '\0') != 0)
		return;
	for (size_t i = 0; o->choices != NULL && o->choices[i] != NULL; i++)
		offer(t, begun, o->choices[i], "",
		    o->standard != NULL && strcmp(o->choices[i], o->standard) == 0 ? "the default" : NULL);
	if (strcmp(o->name, "auth") == 0)
		offer_credentials(t, begun);
	else if (o->kind == KV_OPTION_TYPES)
		offer_types(t, begun);
	else if (o->kind == KV_OPTION_USER)
		offer_users(t, begun);
	else if (o->kind == KV_OPTION_GROUP)
		offer_groups(t, begun);
	else if (o->kind == KV_OPTION_PATH || o->kind == KV_OPTION_SECRET)
		fprintf(t->out, ":%s %s\n", strcmp(o->argument, "DIRECTORY") == 0 ? "directories" : "files",
		    t->before);
	else if (o->standard != NULL && o->choices == NULL && begun[0] == '\0' && !is_list)
		offer(t, begun, o->standard, "", "the default");
}

/* ---- names ---- */

static bool
is_given(const char *list, const char *name)
{
	const size_t n = strlen(name);

	for (const char *c = list; c != NULL; c = strchr(c, ',')) {
		c += *c == ',';
		if (strncmp(c, name, n) == 0 && (c[n] == '=' || c[n] == ',' || c[n] == '\0'))
			return true;
	}
	return false;
}

static void
offer_names(const struct typing *t, const char *list)
{
	const struct kv_option *o;

	for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++)
		if (!is_given(list, o->name) || strcmp(o->name, t->text) == 0)
			offer(t, t->text, o->name, o->kind == KV_OPTION_FLAG ? "" : "=", o->help);
}

/* Where the last option of the list begins. */
static const char *
find_last(const char *list)
{
	const char *last = list;

	for (const char *c = list; *c != '\0'; c++) {
		if (c[0] == '\\' && c[1] != '\0')
			c++;
		else if (*c == ',')
			last = c + 1;
	}
	return last;
}

void
kv_complete_options(const char *before, const char *list, FILE *out)
{
	struct typing t = { .text = find_last(list), .out = out };
	const char *equals = strchr(t.text, '=');
	const int k = kv_options_find(t.text, strcspn(t.text, "="));

	if (asprintf(&t.before, "%s%.*s", before, (int)(t.text - list), list) < 0)
		return;
	if (equals == NULL)
		offer_names(&t, list);
	else if (k >= 0 && kv_options_at((size_t)k)->kind != KV_OPTION_FLAG)
		offer_values(&t, kv_options_at((size_t)k), equals + 1);
	free(t.before);
}
