/*
 * Options are those of GNU coreutils 9.1 and GNU tar 1.34, as far as they select nothing: cp -l and -s read no file,
 * cp -n and -u read some; tar must create an archive. Abbreviations of long options are not known, so
 * they select.
 */
#include <string.h>

#include "client/base/buf.h"
#include "client/base/words.h"
#include "client/vault/vault.h"
#include "fs/mount/process.h"
#include "fs/object/takes_all.h"

#define MOST_WORDS 8192	 /* bytes of a command line; longer ones name single files */
#define MOST_VARS  65536 /* bytes of an environment */

static const struct program {
	const char *name;
	bool has_bundle; /* the first word is short options, with or without '-' */
	char needs;	 /* an option without which it reads nothing; 0: none */
	const char *needs_name;
	const char *flags;
	const char *with_value; /* short options whose value is the rest of the word, or the next word */
	const char *names;	/* long options; a value follows after '=' or as the next word */
	const char *variable;	/* has more options; NULL: none */
} programs[] = {
	{
	    .name = "cp",
	    .flags = "abdfHLPprRTvxZ",
	    .with_value = "St",
	    .names = "archive:backup:copy-contents:debug:dereference:force:no-dereference:no-preserve:"
		     "no-target-directory:one-file-system:parents:preserve:recursive:reflink:sparse:suffix:"
		     "strip-trailing-slashes:target-directory:verbose",
	},
	{
	    .name = "tar",
	    .has_bundle = true,
	    .needs = 'c',
	    .needs_name = "create",
	    .flags = "cvzjJahpPSs",
	    .with_value = "fCbHI",
	    .names =
		"acls:absolute-names:atime-preserve:auto-compress:blocking-factor:bzip2:checkpoint:"
		"checkpoint-action:create:dereference:directory:file:force-local:format:full-time:group:gzip:"
		"ignore-failed-read:label:lzip:lzma:lzop:mode:mtime:no-acls:no-selinux:no-xattrs:numeric-owner:"
		"one-file-system:owner:posix:preserve-permissions:record-size:recursion:selinux:show-stored-names:"
		"sort:sparse:totals:use-compress-program:utc:verbose:warning:xattrs:xz:zstd",
	    .variable = "TAR_OPTIONS=",
	},
};

static bool
is_in(const char *letters, char c)
{
	return strchr(letters, c) != NULL;
}

/* Whether every letter of word is a known one. */
static bool
knows_letters(const struct program *p, const char *word, bool *has_need)
{
	for (; *word != '\0'; word++) {
		*has_need |= *word == p->needs;
		if (is_in(p->with_value, *word))
			return true;
		if (!is_in(p->flags, *word))
			return false;
	}
	return true;
}

/* As old options of tar are: their values are the next words, in the same order. */
static bool
knows_bundle(const struct program *p, const char *word, bool *has_need)
{
	for (; *word != '\0'; word++) {
		*has_need |= *word == p->needs;
		if (!is_in(p->with_value, *word) && !is_in(p->flags, *word))
			return false;
	}
	return true;
}

static bool
knows_name(const struct program *p, const char *word, bool *has_need)
{
	const size_t len = strcspn(word, "=");
	char name[32];

	if (len >= sizeof(name))
		return false;
	memcpy(name, word, len);
	name[len] = '\0';
	*has_need |= p->needs != 0 && strcmp(name, p->needs_name) == 0;
	return kv_words_has(p->names, name);
}

static bool
knows_all(const struct program *p, const char *words, size_t len)
{
	bool has_need = p->needs == 0;
	size_t n = 0;

	for (const char *word = words; word < words + len; word += strlen(word) + 1, n++) {
		bool is_known = true;

		if (n == 0) /* the program itself */
			continue;
		if (strcmp(word, "--") == 0)
			break;
		if (strncmp(word, "--", 2) == 0)
			is_known = knows_name(p, word + 2, &has_need);
		else if (word[0] == '-')
			is_known = knows_letters(p, word + 1, &has_need);
		else if (n == 1 && p->has_bundle)
			is_known = knows_bundle(p, word, &has_need);
		if (!is_known)
			return false;
	}
	return has_need;
}

static const struct program *
find(const char *command)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(programs[i].name, command) == 0)
			return &programs[i];
	return NULL;
}

bool
kv_takes_all_words(const char *command, const char *words, size_t len)
{
	const struct program *p = find(command);

	return p != NULL && knows_all(p, words, len);
}

/* Whether thread tid's environment has no variable with options. */
static bool
is_without(const char *variable, pid_t tid)
{
	struct kv_buf words;
	bool is_read;

	kv_buf_init(&words, MOST_VARS);
	is_read = kv_process_words(tid, "environ", &words);
	for (size_t at = 0; is_read && at < words.len; at += strlen((char *)words.data + at) + 1)
		if (strncmp((char *)words.data + at, variable, strlen(variable)) == 0)
			is_read = false;
	kv_buf_release(&words);
	return is_read;
}

bool
kv_takes_all(const struct kv_caller *caller)
{
	const struct program *p = find(caller->command);
	struct kv_buf words;
	bool takes_all;

	if (p == NULL)
		return false;
	kv_buf_init(&words, MOST_WORDS);
	takes_all = kv_process_words(caller->pid, "cmdline", &words) &&
	    knows_all(p, (const char *)words.data, words.len) &&
	    (p->variable == NULL || is_without(p->variable, caller->pid));
	kv_buf_release(&words);
	return takes_all;
}
