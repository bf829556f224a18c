#ifndef KV_FS_CONFIG_CONF_H
#define KV_FS_CONFIG_CONF_H
/*
 * Configuration files, as text: which key has which value, in which section. The syntax is that of kvfs.conf(5):
 *
 *	# a comment
 *	rate = 100			for every mount
 *	[estate]			a mount
 *	vaults = prod-eu prod-us
 *	[estate/prod-us]		one vault of it
 *	client_secret_file = "/etc/kvfs/us # 2"
 *
 * Whether a key is an option, and its value a valid one, is not checked here.
 */
#include <stdbool.h>
#include <stddef.h>
#include "client/base/err.h"

struct kv_buf;

struct kv_conf_line {
	struct kv_conf_line *next;
	char *section; /* "", "estate" or "estate/prod-us" */
	char *name;
	char *value; /* NULL: a key without "=" */
	char *where; /* "/etc/kvfs.conf line 3" */
	int file;    /* 0 for the first file that was read, and so on */
	/* Why the file must not contain a secret, as kv_secret_file_fault(); NULL: it may. */
	const char *fault;
};

/* A section's header. */
struct kv_conf_section {
	struct kv_conf_section *next;
	char *name, *where;
};

struct kv_conf {
	struct kv_conf_line *lines, **last; /* in the order of the files, and of their lines */
	struct kv_conf_section *sections, **last_section;
	int n_files;
};

void kv_conf_init(struct kv_conf *conf);
/* Wipes the values. */
void kv_conf_release(struct kv_conf *conf);

/*
 * Add the lines of a file. Returns 1; 0 if there is no such file, or a personal one that the user cannot read;
 * -EINVAL with a sentence in why (which repeats no value), or -ENOMEM.
 */
int kv_conf_read(struct kv_conf *conf, const char *path, bool is_personal, struct kv_buf *why) KV_MUST_CHECK;
/* The first header of section; NULL: there is none. */
const struct kv_conf_section *kv_conf_find(const struct kv_conf *conf, const char *section);
#endif
