#ifndef KV_FS_CONFIG_OPTIONS_H
#define KV_FS_CONFIG_OPTIONS_H
/*
 * The options of -o, of the configuration file and of the environment: one table. The parser, -h, --print-config
 * and the test that compares it with the manual page read it, so a new option is a row here (and a member
 * of struct kv_settings, a paragraph of man/kvfs.1 and a test).
 */
#include <stdbool.h>
#include <stddef.h>

/* What a value looks like, and the type of the member that holds it. */
enum kv_option_kind {
	KV_OPTION_FLAG,	   /* no value; bool */
	KV_OPTION_NUMBER,  /* double */
	KV_OPTION_PERCENT, /* double, a hundredth of it */
	KV_OPTION_INTEGER, /* int */
	KV_OPTION_OCTAL,   /* mode_t */
	KV_OPTION_SECONDS, /* int64_t, milliseconds */
	KV_OPTION_SIZE,	   /* size_t, bytes; K, M and G are units */
	KV_OPTION_CHOICE,  /* int or an enum: the place in choices */
	KV_OPTION_TYPES,   /* bool[KV_TYPES] */
	KV_OPTION_USER,	   /* uid_t */
	KV_OPTION_GROUP,   /* gid_t */
	KV_OPTION_TEXT,	   /* const char *, as the three below */
	KV_OPTION_WORDS,   /* names, separated by ':' */
	KV_OPTION_PATH,	   /* made absolute, because kvfs leaves its directory; links are not resolved */
	KV_OPTION_VERSION, /* of an API, "7.4" */
	KV_OPTION_KINDS,
};

enum kv_option_section {
	KV_SECTION_VAULT,
	KV_SECTION_CREDENTIAL,
	KV_SECTION_RATE,
	KV_SECTION_CACHE,
	KV_SECTION_CONNECTION,
	KV_SECTION_ACCESS,
	KV_SECTION_LOG,
	KV_SECTIONS,
};

struct kv_option {
	const char *name;
	const char *older; /* a name that it had, accepted still; or NULL */
	enum kv_option_kind kind;
	enum kv_option_section section;
	size_t at, size;	    /* of the member of struct kv_settings */
	double least, most;	    /* of numbers */
	const char *const *choices; /* ended by NULL */
	/*
	 * A variable that gives the value where the command line does not; or NULL. One of kvfs's own (KVFS_...) takes
	 * precedence over the configuration file, the file over one that belongs to other programs too.
	 */
	const char *environment;
	const char *standard;  /* the default as a user would write it; NULL: see otherwise */
	const char *otherwise; /* what happens without a value, for people */
	const char *argument;  /* what a value is called in -h; NULL for a flag */
	const char *help;      /* a phrase: "give up after so many seconds" */
};

/* The i-th option in the order of -h, or NULL. */
const struct kv_option *kv_options_at(size_t i);
#define KV_OPTIONS_MOST 64 /* for arrays with an element per option */

const char *kv_options_section(enum kv_option_section section);
/* The place of the option with this name, of len characters, or with this older name; -1: none. */
int kv_options_find(const char *name, size_t len);
/* The option whose name is most like this one, or NULL where none is like it. */
const char *kv_options_nearest(const char *name, size_t len);
#endif
