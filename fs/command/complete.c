#include "fs/command/complete.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fs/command/commands.h"
#include "fs/command/complete_options.h"
#include "fs/config/given.h"
#include "fs/mount/mountinfo.h"

#define MOST_OPERANDS 4

/* What a word can be. */
enum word { NOTHING, ANY, FILES, DIRECTORIES, MOUNTS, SECTIONS, COMMANDS, BYOK, OPTIONS };

struct flag {
	const char *name, *help;
	enum word value; /* NOTHING: it has none */
};

/* One command, or none: the mount itself, whose operands are the vaults and then the mount point. */
struct grammar {
	const char *command, *second; /* "byok", "wrap" */
	struct flag flags[8];
	enum word
	    operands[MOST_OPERANDS]; /* the last one that is not NOTHING may repeat if it is is_repeated */
	bool is_repeated;
};

static const struct grammar grammars[] = {
	{ NULL, NULL,
	    { { "-o", "options", OPTIONS }, { "-f", "stay in the foreground", NOTHING },
		{ "-d", "the same, with debug messages", NOTHING }, { "-h", "help", NOTHING },
		{ "-V", "the version", NOTHING }, { "--print-config", "the options in effect", NOTHING },
		{ "--help", "help", NOTHING }, { "--version", "the version", NOTHING } },
	    { SECTIONS, DIRECTORIES }, true },
	{ "umount", NULL, { { NULL, NULL, NOTHING } }, { MOUNTS }, true },
	{ "status", NULL, { { "--watch", "once a second", NOTHING } }, { MOUNTS }, false },
	{ "plan", NULL, { { "-m", "the manifest of the archive", FILES } }, { DIRECTORIES, MOUNTS, FILES },
	    true },
	{ "restore", NULL,
	    { { "-j", "files at a time", ANY }, { "-m", "the manifest of the archive", FILES } },
	    { DIRECTORIES, MOUNTS, FILES }, true },
	{ "verify", NULL,
	    { { "--json", "one line of JSON", NOTHING }, { "-m", "the manifest of the archive", FILES } },
	    { DIRECTORIES, MOUNTS }, false },
	{ "byok", "kek",
	    { { "-o", "options", OPTIONS }, { "--size", "2048, 3072 or 4096 bits", ANY },
		{ "--expires", "24h", ANY } },
	    { SECTIONS }, false },
	{ "byok", "wrap",
	    { { "--kek", "the key exchange key", FILES }, { "--kid", "its id", ANY },
		{ "--key", "the private key", FILES }, { "--oct", "an AES key", FILES },
		{ "--passin-file", "its passphrase", FILES }, { "-o", "the package", FILES } },
	    { NOTHING }, false },
	{ "byok", "show", { { NULL, NULL, NOTHING } }, { FILES }, false },
	{ "byok", NULL, { { NULL, NULL, NOTHING } }, { BYOK }, false },
	{ "help", NULL, { { NULL, NULL, NOTHING } }, { COMMANDS }, false },
};
#define GRAMMARS (sizeof(grammars) / sizeof(grammars[0]))
#define FLAGS	 (sizeof(grammars[0].flags) / sizeof(grammars[0].flags[0]))

/* The words; the last one is being typed. */
struct line {
	int n;
	char *const *words;
	const char *last;
	FILE *out;
};

static void
offer(const struct line *l, const char *text, const char *help)
{
	if (strncmp(text, l->last, strlen(l->last)) == 0)
		kv_complete_print("", text, "", help, l->out);
}

/* ---- what there is ---- */

static void
offer_commands(const struct line *l)
{
	const char *help, *name;

	for (size_t i = 0; (name = kv_commands_at(i, &help)) != NULL; i++)
		offer(l, name, help);
}

static void
offer_byok(const struct line *l)
{
	for (size_t i = 0; i < GRAMMARS; i++)
		if (grammars[i].second != NULL)
			offer(l, grammars[i].second, NULL);
}

static void
offer_mounts(const struct line *l)
{
	struct kv_mountinfo info;
	int position = 0;

	while (kv_mountinfo_next(&position, &info))
		if (strcmp(info.type, KV_KVFS_TYPE) == 0)
			offer(l, info.folder, NULL);
}

/* The sections of mounts, of the files that this command line would read. A file with a mistake offers none. */
static void
offer_sections(const struct line *l)
{
	const char *argv[32] = { "kvfs", "--print-config" };
	int argc = 2;
	struct kv_given given;
	struct kv_buf why;

	for (int i = 0; i + 2 < l->n && argc < 30; i++)
		if (strcmp(l->words[i], "-o") == 0) {
			argv[argc++] = "-o";
			argv[argc++] = l->words[++i];
		}
	kv_buf_init(&why, 4096);
	if (kv_given_read(argc, (char *const *)(uintptr_t)argv, &given, &why) == 0)
		for (const struct kv_conf_section *s = given.conf.sections; s != NULL; s = s->next)
			if (strchr(s->name, '/') == NULL)
				offer(l, s->name, s->where);
	kv_given_release(&given);
	kv_buf_release(&why);
}

static void
offer_word(const struct line *l, enum word word)
{
	if (word == FILES || word == DIRECTORIES)
		fprintf(l->out, ":%s \n", word == FILES ? "files" : "directories");
	else if (word == MOUNTS)
		offer_mounts(l);
	else if (word == SECTIONS)
		offer_sections(l);
	else if (word == COMMANDS)
		offer_commands(l);
	else if (word == BYOK)
		offer_byok(l);
	else if (word == OPTIONS)
		kv_complete_options("", l->last, l->out);
}

/* ---- where the word stands ---- */

static bool
is_word(const struct line *l, int i, const char *word)
{
	return i < l->n - 1 && strcmp(l->words[i], word) == 0;
}

/* The grammar of the command, whose words are the first *skip ones. */
static const struct grammar *
find_grammar(const struct line *l, int *skip)
{
	*skip = is_word(l, 0, "mount") ? 1 : 0;
	for (size_t i = 0; *skip == 0 && i < GRAMMARS; i++) {
		const struct grammar *g = &grammars[i];

		if (g->command == NULL || !is_word(l, 0, g->command) ||
		    (g->second != NULL && !is_word(l, 1, g->second)))
			continue;
		*skip = g->second != NULL ? 2 : 1;
		return g;
	}
	return &grammars[0];
}

static const struct flag *
find_flag(const struct grammar *g, const char *word)
{
	for (size_t i = 0; i < FLAGS && g->flags[i].name != NULL; i++)
		if (strcmp(g->flags[i].name, word) == 0)
			return &g->flags[i];
	return NULL;
}

/* The kind of the operand after n others. */
static enum word
find_operand(const struct grammar *g, int n)
{
	int i = 0;

	while (i < n && i + 1 < MOST_OPERANDS && g->operands[i + 1] != NOTHING)
		i++;
	return i == n || g->is_repeated ? g->operands[i] : NOTHING;
}

static void
offer_operand(const struct line *l, const struct grammar *g, int n, bool is_first)
{
	const enum word word = find_operand(g, n);

	if (is_first)
		offer_commands(l);
	offer_word(l, word);
	/* the vault may be given elsewhere, and then the first operand is the mount point */
	if (g == &grammars[0] && word == SECTIONS && strchr("/.~", l->last[0]) != NULL)
		offer_word(l, DIRECTORIES);
}

void
kv_complete(int n, char *const words[], FILE *out)
{
	const struct line l = { .n = n, .words = words, .last = words[n - 1], .out = out };
	int skip, n_operands = 0;
	const struct grammar *g = find_grammar(&l, &skip);
	const struct flag *flag = NULL;
	bool is_over = false;

	for (int i = skip; i < n - 1; i++) {
		if (flag != NULL && flag->value != NOTHING) { /* this word is its value */
			flag = NULL;
			continue;
		}
		flag = is_over ? NULL : find_flag(g, words[i]);
		if (strcmp(words[i], "--") == 0)
			is_over = true;
		else if (is_over || words[i][0] != '-')
			n_operands++;
	}
	if (flag != NULL && flag->value != NOTHING)
		offer_word(&l, flag->value);
	else if (!is_over && g == &grammars[0] && strncmp(l.last, "-o", 2) == 0 && l.last[2] != '\0')
		kv_complete_options("-o", l.last + 2, out);
	else if (!is_over && l.last[0] == '-')
		for (size_t i = 0; i < FLAGS && g->flags[i].name != NULL; i++)
			offer(&l, g->flags[i].name, g->flags[i].help);
	else
		offer_operand(&l, g, n_operands, n == 1);
}

int
kv_complete_cmd(int argc, char *const argv[])
{
	const int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;

	if (argc == first) {
		fprintf(stderr, "usage: kvfs complete -- WORD... (for the completion of shells)\n");
		return 1;
	}
	kv_complete(argc - first, argv + first, stdout);
	return 0;
}
