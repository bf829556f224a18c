#ifndef KV_FS_CONFIG_OPTIONS_H
#define KV_FS_CONFIG_OPTIONS_H
/*
 * One table of options for -o, the configuration file and the environment. The parser, -h, --print-config and
 * the test that compares it with the man page read it. A new option needs a row here, a member of struct
 * kv_settings, a paragraph in man/kvfs.1 and a test.
 */
#include <stdbool.h>
#include <stddef.h>

/* The form of a value, and the type of the member that stores it. */
enum kv_option_kind {
	KV_OPTION_FLAG,	   /* bool; takes no value */
	KV_OPTION_NUMBER,  /* double */
	KV_OPTION_PERCENT, /* double, the value divided by 100 */
	KV_OPTION_INTEGER, /* int */
	KV_OPTION_OCTAL,   /* mode_t */
	KV_OPTION_SECONDS, /* int64_t, milliseconds */
	KV_OPTION_SIZE,	   /* size_t, bytes; K, M and G are units */
	KV_OPTION_CHOICE,  /* int or an enum: the index in choices */
	KV_OPTION_TYPES,   /* bool[KV_TYPES] */
	KV_OPTION_USER,	   /* uid_t */
	KV_OPTION_GROUP,   /* gid_t */
	KV_OPTION_TEXT,	   /* const char *, as are those below */
	KV_OPTION_WORDS,   /* names separated by ':' */
	KV_OPTION_PATH,	   /* made absolute, because kvfs changes its directory; links are not resolved */
	/* A path of a file with a secret; a bare name is first looked for in $CREDENTIALS_DIRECTORY. */
	KV_OPTION_SECRET,
	KV_OPTION_VERSION, /* an API version, "7.4" */
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
	const char *older; /* an old name, still accepted; or NULL */
	enum kv_option_kind kind;
	enum kv_option_section section;
	size_t at, size;	    /* offset and size of the member of struct kv_settings */
	double least, most;	    /* of numbers */
	const char *const *choices; /* ended by NULL */
	/*
	 * An environment variable that sets the option if the command line does not; or NULL. kvfs's own
	 * variables (KVFS_...) take precedence over the configuration file; the file takes precedence over
	 * variables that other programs use too.
	 */
	const char *environment;
	bool is_shared;		/* of the whole mount: not in the section of one vault */
	const char *credential; /* the word of auth= that the option implies; or NULL */
	const char *standard;	/* the default, as a user would write it; NULL: see otherwise */
	const char *otherwise;	/* description of what happens without a value */
	const char *argument;	/* placeholder for the value in -h; NULL for a flag */
	const char *help;	/* for -h: "give up after so many seconds" */
};

/* The i-th option in the order of -h, or NULL. */
const struct kv_option *kv_options_at(size_t i);
#define KV_OPTIONS_MOST 64 /* for arrays with one element per option */

const char *kv_options_section(enum kv_option_section section);
/* The index of the option with this name or old name, of len characters; -1: none. */
int kv_options_find(const char *name, size_t len);
/* The option with the most similar name; NULL if none is similar. */
const char *kv_options_nearest(const char *name, size_t len);
#endif
