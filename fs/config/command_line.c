#include "fs/config/command_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/config/given.h"
#include "fs/config/habits.h"
#include "fs/config/nearest.h"

/* ---- -o ---- */

static bool
is_list(const char *option)
{
	const int k = kv_options_find(option, strcspn(option, "="));

	return k >= 0 &&
	    (kv_options_at((size_t)k)->kind == KV_OPTION_TYPES ||
		kv_options_at((size_t)k)->kind == KV_OPTION_WORDS);
}

/* Take "a,b=c,…". In a value, \, stands for a comma and \\ for a backslash. */
static int
take_list(struct kv_given *g, const char *list, struct kv_buf *why)
{
	char *one = malloc(strlen(list) + 1);
	int err = one != NULL ? 0 : -ENOMEM;
	bool follows_list = false; /* the previous option's value is a list */

	while (err == 0 && *list != '\0') {
		size_t n = 0;

		while (*list != '\0' && *list != ',') {
			if (*list == '\\' && (list[1] == ',' || list[1] == '\\'))
				list++;
			one[n++] = *list++;
		}
		one[n] = '\0';
		list += *list == ',';
		if (n > 0)
			err = kv_given_take(g, one, true, "-o", why);
		if (err == -EINVAL && follows_list && strstr(kv_buf_str(why), "colons") == NULL)
			kv_buf_say(why, "; the parts of a list are separated by colons, not commas");
		follows_list = n > 0 && is_list(one);
		explicit_bzero(one, n);
	}
	free(one);
	return err;
}

static int
take_argument(struct kv_given *g, const char *text)
{
	char **arguments = reallocarray(g->arguments, g->n_arguments + 1, sizeof(*arguments));
	char *copy = kv_given_keep(g, strdup(text));

	if (arguments != NULL)
		g->arguments = arguments;
	if (arguments == NULL || copy == NULL)
		return -ENOMEM;
	g->arguments[g->n_arguments++] = copy;
	return 0;
}

static const struct {
	const char *name;
	enum kv_print print;
} longs[] = {
	{ "--help", KV_PRINT_HELP },
	{ "--version", KV_PRINT_VERSION },
	{ "--print-config", KV_PRINT_CONFIG },
};
#define N_LONGS (sizeof(longs) / sizeof(longs[0]))

/* Append the option that a misspelt one is like. */
static void
say_meant(const char *text, size_t n, size_t n_dashes, struct kv_buf *why)
{
	const char *meant = kv_options_nearest(text + n_dashes, n - n_dashes), *dash_o = "-o ";
	size_t least = kv_nearest_start(n - n_dashes);

	for (size_t i = 0; i < N_LONGS; i++)
		if (kv_nearest_is(text, n, longs[i].name, &least)) {
			meant = longs[i].name;
			dash_o = "";
		}
	if (meant != NULL)
		kv_buf_say(why, "did you mean '%s%s'? ", dash_o, meant);
}

/* The message repeats only the name: the value may be a secret. */
static int
say_unknown(const char *text, struct kv_buf *why)
{
	const size_t n = strcspn(text, "="), n_dashes = strspn(text, "-");

	for (size_t i = 0; i < N_LONGS; i++)
		if (text[n] == '=' && strlen(longs[i].name) == n && strncmp(text, longs[i].name, n) == 0) {
			kv_buf_say(why, "%s takes no value: kvfs %s%s", longs[i].name, longs[i].name,
			    longs[i].print == KV_PRINT_CONFIG ? " VAULT" : "");
			return -EINVAL;
		}
	kv_buf_say(why, "unknown option '%.*s'", (int)n, text);
	if (n_dashes < n && kv_habits_say(text + n_dashes, n - n_dashes, why))
		return -EINVAL;
	kv_buf_say(why, " (");
	if (n_dashes < n)
		say_meant(text, n, n_dashes, why);
	kv_buf_say(why, "kvfs -h lists them)");
	return -EINVAL;
}

/* Take a one-letter option, with its value directly after it or in the next argument. */
static int
take_letter(struct kv_given *g, int argc, char *const argv[], int *i, struct kv_buf *why)
{
	const char *text = argv[*i];

	switch (text[1]) {
	case 'o':
		if (text[2] != '\0')
			return take_list(g, text + 2, why);
		if (*i + 1 < argc)
			return take_list(g, argv[++*i], why);
		kv_buf_say(why, "-o needs an option after it");
		return -EINVAL;
	case 'f':
		g->is_foreground = true;
		break;
	case 'd':
		g->is_foreground = true;
		if (kv_given_set(g, kv_options_find("debug", 5), "all", "-d") != 0)
			return -ENOMEM;
		break;
	case 'h':
		g->print = KV_PRINT_HELP;
		break;
	case 'V':
		g->print = KV_PRINT_VERSION;
		break;
	case 's':
		break; /* single-threaded, which mount.fuse3 may pass: kvfs always is */
	default:
		return say_unknown(text, why);
	}
	return text[2] == '\0' ? 0 : say_unknown(text, why);
}

/* Take a long option. False: there is none of this name. */
static bool
take_long(struct kv_given *g, const char *text)
{
	for (size_t i = 0; i < N_LONGS; i++)
		if (strcmp(text, longs[i].name) == 0) {
			g->print = longs[i].print;
			return true;
		}
	return false;
}

int
kv_command_line_read(struct kv_given *g, int argc, char *const argv[], struct kv_buf *why)
{
	bool is_over = false;
	int err = 0;

	for (int i = 1; err == 0 && i < argc; i++) {
		if (is_over || argv[i][0] != '-' || argv[i][1] == '\0')
			err = take_argument(g, argv[i]);
		else if (strcmp(argv[i], "--") == 0)
			is_over = true;
		else if (!take_long(g, argv[i]))
			err = take_letter(g, argc, argv, &i, why);
	}
	return err;
}
