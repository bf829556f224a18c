#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/base/words.h"
#include "fs/config/options.h"
#include "fs/config/settings.h"
#include "fs/config/value.h"

/* Parse text into field, the member of struct kv_settings. */
typedef int parse_fn(const struct kv_option *o, const char *text, void *field);
/* Append the value of field to out. False: the member has no value; ignore out. */
typedef bool say_fn(const struct kv_option *o, const void *field, struct kv_buf *out);

/* ---- numbers ---- */

static int
number(const struct kv_option *o, const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return isdigit((unsigned char)text[0]) && *end == '\0' && *value >= o->least && *value <= o->most ?
	    0 :
	    -EINVAL;
}

static int
integer(const char *text, int base, double least, double most, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, base);
	return isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0 && (double)*value >= least &&
		(double)*value <= most ?
	    0 :
	    -EINVAL;
}

static int
parse_number(const struct kv_option *o, const char *text, void *field)
{
	return number(o, text, field);
}

static bool
say_number(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	const double value = *(const double *)field;

	kv_buf_say(out, "%.15g", value);
	return value >= o->least;
}

static int
parse_percent(const struct kv_option *o, const char *text, void *field)
{
	double value;
	const int err = number(o, text, &value);

	if (err == 0)
		*(double *)field = value / 100;
	return err;
}

static bool
say_percent(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	(void)o;
	kv_buf_say(out, "%.15g", *(const double *)field * 100);
	return true;
}

static int
parse_integer(const struct kv_option *o, const char *text, void *field)
{
	long value;
	const int err = integer(text, 10, o->least, o->most, &value);

	if (err == 0)
		*(int *)field = (int)value;
	return err;
}

static bool
say_integer(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	const int value = *(const int *)field;

	kv_buf_say(out, "%d", value);
	return value >= o->least;
}

static int
parse_octal(const struct kv_option *o, const char *text, void *field)
{
	long value;
	const int err = integer(text, 8, o->least, o->most, &value);

	if (err == 0)
		*(mode_t *)field = (mode_t)value;
	return err;
}

static bool
say_octal(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	(void)o;
	kv_buf_say(out, "%04o", (unsigned int)*(const mode_t *)field);
	return true;
}

static int
parse_seconds(const struct kv_option *o, const char *text, void *field)
{
	double value;
	const int err = number(o, text, &value);

	if (err == 0)
		*(int64_t *)field = (int64_t)(value * 1000);
	return err;
}

static bool
say_seconds(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	(void)o;
	kv_buf_say(out, "%.15g", (double)*(const int64_t *)field / 1000);
	return true;
}

static const char units[] = "KMG";

static int
parse_size(const struct kv_option *o, const char *text, void *field)
{
	const char *unit;
	unsigned long long value;
	unsigned int shift;
	char *end;

	(void)o;
	value = strtoull(text, &end, 10);
	unit = *end != '\0' ? strchr(units, toupper((unsigned char)*end)) : NULL;
	shift = unit != NULL ? 10 * (unsigned int)(unit - units + 1) : 0;
	if (!isdigit((unsigned char)text[0]) || (*end != '\0' && (unit == NULL || end[1] != '\0')) ||
	    value > (1ULL << 40) >> shift)
		return -EINVAL;
	*(size_t *)field = (size_t)(value << shift);
	return 0;
}

static bool
say_size(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	size_t value = *(const size_t *)field, u = 0;

	(void)o;
	while (u < sizeof(units) - 1 && value > 0 && value % 1024 == 0) {
		value /= 1024;
		u++;
	}
	kv_buf_say(out, u > 0 ? "%zu%c" : "%zu", value, u > 0 ? units[u - 1] : 0);
	return true;
}

/* ---- words ---- */

static int
parse_flag(const struct kv_option *o, const char *text, void *field)
{
	(void)o;
	(void)text;
	*(bool *)field = true;
	return 0;
}

static bool
say_flag(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	(void)o;
	kv_buf_say(out, "%s", *(const bool *)field ? "yes" : "no");
	return true;
}

static int
parse_choice(const struct kv_option *o, const char *text, void *field)
{
	for (int i = 0; o->choices[i] != NULL; i++)
		if (strcmp(text, o->choices[i]) == 0) {
			memcpy(field, &i, sizeof(i)); /* an enum, which is as large as an int */
			return 0;
		}
	return -EINVAL;
}

static bool
say_choice(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	int i;

	memcpy(&i, field, sizeof(i));
	kv_buf_say(out, "%s", o->choices[i]);
	return true;
}

static int
parse_types(const struct kv_option *o, const char *text, void *field)
{
	bool *const types = field;
	const char *one;
	size_t n;

	(void)o;
	memset(types, 0, KV_TYPES * sizeof(*types));
	while (kv_words_next(&text, &one, &n)) {
		enum kv_type type;
		char word[32];

		snprintf(word, sizeof(word), "%.*s", (int)n, one);
		if (kv_type_parse(word, &type) != 0)
			return -EINVAL;
		types[type] = true;
	}
	return 0;
}

static bool
say_types(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	const bool *const types = field;
	const char *colon = "";

	(void)o;
	for (int t = 0; t < KV_TYPES; t++)
		if (types[t]) {
			kv_buf_say(out, "%s%s", colon, kv_type_name((enum kv_type)t));
			colon = ":";
		}
	return true;
}

/* A number or a name. */
static int
parse_user(const struct kv_option *o, const char *text, void *field)
{
	const struct passwd *user = isdigit((unsigned char)text[0]) ? NULL : getpwnam(text);
	long id;

	(void)o;
	if (user == NULL && integer(text, 10, 0, INT_MAX, &id) != 0)
		return -EINVAL;
	*(uid_t *)field = user != NULL ? user->pw_uid : (uid_t)id;
	return 0;
}

static int
parse_group(const struct kv_option *o, const char *text, void *field)
{
	const struct group *group = isdigit((unsigned char)text[0]) ? NULL : getgrnam(text);
	long id;

	(void)o;
	if (group == NULL && integer(text, 10, 0, INT_MAX, &id) != 0)
		return -EINVAL;
	*(gid_t *)field = group != NULL ? group->gr_gid : (gid_t)id;
	return 0;
}

_Static_assert(sizeof(uid_t) == sizeof(gid_t), "say_id is for both");
static bool
say_id(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	(void)o;
	kv_buf_say(out, "%u", *(const uid_t *)field);
	return true;
}

static int
parse_text(const struct kv_option *o, const char *text, void *field)
{
	(void)o;
	*(const char **)field = text;
	return 0;
}

static int
parse_version(const struct kv_option *o, const char *text, void *field)
{
	return text[strspn(text, "0123456789.-previw")] != '\0' ? -EINVAL : parse_text(o, text, field);
}

static bool
say_text(const struct kv_option *o, const void *field, struct kv_buf *out)
{
	const char *text = *(const char *const *)field;

	(void)o;
	kv_buf_say(out, "%s", text == NULL ? "" : strchr(text, '@') == NULL ? text : "(not shown)");
	return text != NULL;
}

/* ---- kinds ---- */

/* right: what a value must be; NULL: bounds or choices describe it, or any value is valid. */
static const struct {
	parse_fn *parse;
	say_fn *say;
	const char *right;
} kinds[KV_OPTION_KINDS] = {
	[KV_OPTION_FLAG] = { parse_flag, say_flag, NULL },
	[KV_OPTION_NUMBER] = { parse_number, say_number, "a number" },
	[KV_OPTION_PERCENT] = { parse_percent, say_percent, "a number" },
	[KV_OPTION_INTEGER] = { parse_integer, say_integer, "a whole number" },
	[KV_OPTION_OCTAL] = { parse_octal, say_octal, "an octal number such as 0022" },
	[KV_OPTION_SECONDS] = { parse_seconds, say_seconds, "a number" },
	[KV_OPTION_SIZE] = { parse_size, say_size, "a size such as 64M, at most 1024G" },
	[KV_OPTION_CHOICE] = { parse_choice, say_choice, NULL },
	[KV_OPTION_TYPES] = { parse_types, say_types, "some of keys:secrets:certificates" },
	[KV_OPTION_USER] = { parse_user, say_id, "the number or the name of a user" },
	[KV_OPTION_GROUP] = { parse_group, say_id, "the number or the name of a group" },
	[KV_OPTION_TEXT] = { parse_text, say_text, NULL },
	[KV_OPTION_WORDS] = { parse_text, say_text, NULL },
	[KV_OPTION_PATH] = { parse_text, say_text, NULL },
	[KV_OPTION_SECRET] = { parse_text, say_text, NULL },
	[KV_OPTION_VERSION] = { parse_version, say_text, "a version such as 7.4" },
};

const char *
kv_value_absolute(const char *path, struct kv_given *keeper)
{
	char *folder, *whole = NULL;

	if (path[0] == '/')
		return path;
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	folder = getcwd(NULL, 0);
	if (folder != NULL && asprintf(&whole, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, path) < 0)
		whole = NULL;
	free(folder);
	return kv_given_keep(keeper, whole);
}

/* A bare name in the folder of the service's credentials (systemd.exec(5)) if it is there; else absolute. */
static const char *
find_secret(const char *name, struct kv_given *keeper)
{
	const char *folder = kv_given_environment("CREDENTIALS_DIRECTORY");
	char *path;

	if (folder == NULL || strchr(name, '/') != NULL)
		return kv_value_absolute(name, keeper);
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return kv_given_keep(keeper, path);
	free(path);
	return kv_value_absolute(name, keeper);
}

void
kv_value_say_bare(const char *name, const char *path, struct kv_buf *why)
{
	const bool is_of_service = strrchr(path, '/') == path; /* client/auth/secret_file has a sentence */

	if (strchr(name, '/') != NULL || is_of_service || access(path, F_OK) == 0 || errno != ENOENT)
		return;
	kv_buf_say(why,
	    " (a name without '/' is a file in $CREDENTIALS_DIRECTORY, which is %s, or in the current directory)",
	    kv_given_environment("CREDENTIALS_DIRECTORY") != NULL ? "set, and does not have it" : "not set");
}

int
kv_value_parse(
    const struct kv_option *o, const char *text, struct kv_given *keeper, struct kv_settings *settings)
{
	if (o->kind == KV_OPTION_PATH)
		text = kv_value_absolute(text, keeper);
	else if (o->kind == KV_OPTION_SECRET)
		text = find_secret(text, keeper);
	return text != NULL ? kinds[o->kind].parse(o, text, (char *)settings + o->at) : -ENOMEM;
}

void
kv_value_say_right(const struct kv_option *o, struct kv_buf *why)
{
	if (kinds[o->kind].right != NULL)
		kv_buf_say(why, "%s", kinds[o->kind].right);
	if (kinds[o->kind].right != NULL && o->most > 0 && o->kind != KV_OPTION_OCTAL)
		kv_buf_say(why, " from %.15g to %.15g", o->least, o->most);
	for (int i = 0; o->choices != NULL && o->choices[i] != NULL; i++)
		kv_buf_say(why, "%s%s",
		    i == 0			  ? "" :
			o->choices[i + 1] != NULL ? ", " :
						    " or ",
		    o->choices[i]);
}

void
kv_value_say(const struct kv_option *o, const struct kv_settings *settings, struct kv_buf *out)
{
	kv_buf_clear(out);
	if (kinds[o->kind].say(o, (const char *)settings + o->at, out))
		return;
	kv_buf_clear(out);
	kv_buf_say(out, "(%s)", o->otherwise != NULL ? o->otherwise : "none");
}
