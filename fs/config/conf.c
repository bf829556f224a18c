#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/auth/secret_file.h"
#include "client/base/buf.h"
#include "fs/config/conf.h"

#define BOM "\357\273\277" /* begins a file that an editor of Windows has written */

/* One file while it is read. */
struct reading {
	struct kv_conf *conf;
	const char *path;
	int line;
	char *section; /* of the lines that follow; NULL: none yet */
	const char *fault;
	struct kv_buf *why;
};

void
kv_conf_init(struct kv_conf *c)
{
	*c = (struct kv_conf){ .lines = NULL };
	c->last = &c->lines;
	c->last_section = &c->sections;
}

static void
free_line(struct kv_conf_line *l)
{
	free(l->section);
	free(l->name);
	free(l->where);
	kv_buf_free_string(l->value);
	free(l);
}

static void
free_section(struct kv_conf_section *s)
{
	free(s->name);
	free(s->where);
	free(s);
}

void
kv_conf_release(struct kv_conf *c)
{
	for (struct kv_conf_line *l = c->lines, *next; l != NULL; l = next) {
		next = l->next;
		free_line(l);
	}
	for (struct kv_conf_section *s = c->sections, *next; s != NULL; s = next) {
		next = s->next;
		free_section(s);
	}
	kv_conf_init(c);
}

const struct kv_conf_section *
kv_conf_find(const struct kv_conf *c, const char *section)
{
	for (const struct kv_conf_section *s = c->sections; s != NULL; s = s->next)
		if (strcmp(s->name, section) == 0)
			return s;
	return NULL;
}

/* ---- one line ---- */

static int
refuse(const struct reading *r, const char *sentence)
{
	kv_buf_say(r->why, "%s line %d: %s", r->path, r->line, sentence);
	return -EINVAL;
}

static char *
say_where(const struct reading *r)
{
	char *where;

	return asprintf(&where, "%s line %d", r->path, r->line) >= 0 ? where : NULL;
}

static char *
skip_blanks(char *text)
{
	return text + strspn(text, " \t");
}

/* Cut off the blanks and the line break at the end of text. */
static void
trim(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
}

/* What follows a quoted value or a header may only be a comment. */
static bool
is_rest_empty(char *rest)
{
	rest = skip_blanks(rest);
	return rest[0] == '\0' || rest[0] == '#';
}

/* Cut an unquoted value off before a comment, which begins with a blank and '#'. */
static void
cut_comment(char *value)
{
	for (char *c = value; *c != '\0'; c++)
		if (*c == '#' && (c == value || isspace((unsigned char)c[-1]))) {
			*c = '\0';
			break;
		}
	trim(value);
}

/* In quotes, a backslash stands before a quote or a backslash, as \" and \\. */
static int
unquote(const struct reading *r, char *text, char **value)
{
	const char quote = text[0];
	char *to = text, *from = text + 1;

	*value = text;
	while (*from != quote) {
		if (from[0] == '\\' && (from[1] == quote || from[1] == '\\'))
			from++;
		if (*from == '\0')
			return refuse(r, "the quoted value has no end: add the closing quote");
		*to++ = *from++;
	}
	*to = '\0';
	return is_rest_empty(from + 1) ?
	    0 :
	    refuse(r, "something follows the quoted value: put all of it in quotes");
}

static int
add_line(struct reading *r, const char *name, const char *value)
{
	struct kv_conf_line *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->section = strdup(r->section != NULL ? r->section : "");
	l->name = strdup(name);
	l->value = value != NULL ? strdup(value) : NULL;
	l->where = say_where(r);
	l->file = r->conf->n_files;
	l->fault = r->fault;
	if (l->section == NULL || l->name == NULL || (value != NULL && l->value == NULL) ||
	    l->where == NULL) {
		free_line(l);
		return -ENOMEM;
	}
	*r->conf->last = l;
	r->conf->last = &l->next;
	return 0;
}

static int
read_key(struct reading *r, char *text)
{
	char *equals = strchr(text, '='), *value = NULL;
	int err = 0;

	if (equals == NULL) {
		cut_comment(text);
	} else {
		*equals = '\0';
		value = skip_blanks(equals + 1);
		if (value[0] == '"' || value[0] == '\'')
			err = unquote(r, value, &value);
		else
			cut_comment(value);
	}
	trim(text);
	if (err == 0 && text[0] == '\0')
		err = refuse(r, "a key is missing before '='");
	return err == 0 ? add_line(r, text, value) : err;
}

/* ---- a section's header ---- */

/* Letters, digits and "_.-", not beginning with one of these: "estate", or two such words with '/' between. */
static bool
is_section(const char *name)
{
	int n_slashes = 0;
	bool is_first = true;

	for (; *name != '\0'; name++) {
		if (*name == '/' && !is_first && n_slashes++ == 0) {
			is_first = true;
			continue;
		}
		if (!isalnum((unsigned char)*name) && (is_first || strchr("_.-", *name) == NULL))
			return false;
		is_first = false;
	}
	return !is_first;
}

static int
add_section(struct reading *r, const char *name)
{
	struct kv_conf_section *s = calloc(1, sizeof(*s));
	char *copy = strdup(name);

	if (s == NULL || copy == NULL || (s->name = strdup(name)) == NULL ||
	    (s->where = say_where(r)) == NULL) {
		free(copy);
		if (s != NULL)
			free_section(s);
		return -ENOMEM;
	}
	free(r->section);
	r->section = copy;
	*r->conf->last_section = s;
	r->conf->last_section = &s->next;
	return 0;
}

static int
read_header(struct reading *r, char *text)
{
	char *end = strchr(text, ']');
	char *name = skip_blanks(text + 1);

	if (end == NULL || !is_rest_empty(end + 1))
		return refuse(r, "a section is a line of its own, as in [estate] or [estate/prod-eu]");
	*end = '\0';
	trim(name);
	if (!is_section(name))
		return refuse(r,
		    "the name of a section has letters, digits, '-', '_' and '.', as in [estate] or "
		    "[estate/prod-eu]");
	return add_section(r, name);
}

static int
read_line(struct reading *r, char *text, size_t len)
{
	if (strlen(text) != len)
		return refuse(r, "the line contains a NUL byte: is it a text file?");
	if (r->line == 1 && strncmp(text, BOM, 3) == 0)
		text += 3;
	text = skip_blanks(text);
	trim(text);
	if (text[0] == '\0' || text[0] == '#')
		return 0;
	return text[0] == '[' ? read_header(r, text) : read_key(r, text);
}

/* ---- a file ---- */

/* A file for root alone cannot be read by the user of a service. */
static void
say_unreadable(const char *path, int err, struct kv_buf *why)
{
	const struct passwd *user = err == EACCES ? getpwuid(geteuid()) : NULL;

	if (err == EACCES)
		kv_buf_say(why,
		    "%s cannot be read by the user %s: give it mode 0644, and put secrets into files of their own",
		    path, user != NULL ? user->pw_name : "who mounts");
	else
		kv_buf_say(why, "%s: %s", path, strerror(err));
}

int
kv_conf_read(struct kv_conf *c, const char *path, bool is_personal, struct kv_buf *why)
{
	struct reading r = { .conf = c, .path = path, .why = why };
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int err = 0;

	if (f == NULL && (errno == ENOENT || errno == ENOTDIR || (is_personal && errno == EACCES)))
		return 0;
	if (f == NULL) {
		say_unreadable(path, errno, why);
		return -EINVAL;
	}
	r.fault = kv_secret_file_fault(fileno(f));
	while (err == 0 && (n = getline(&text, &size, f)) > 0) {
		r.line++;
		err = read_line(&r, text, (size_t)n);
	}
	if (err == 0 && ferror(f)) {
		kv_buf_say(why, "%s: %s", path, strerror(errno));
		err = -EINVAL;
	}
	fclose(f);
	if (text != NULL)
		explicit_bzero(text, size);
	free(text);
	free(r.section);
	c->n_files++;
	return err != 0 ? err : 1;
}
