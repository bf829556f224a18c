#ifndef KV_FS_COMMAND_COMPLETE_H
#define KV_FS_COMMAND_COMPLETE_H
/*
 * Completion of command lines. The shells' scripts (contrib/completion) only call `kvfs complete -- WORD...` with the
 * words after "kvfs" up to the one that is being typed, which may be empty; so what is offered comes from the tables of
 * options and commands, and is the same in each shell. Each line of the answer is one of:
 *
 *	CANDIDATE [TAB DESCRIPTION]	for the whole last word; no blank follows if it ends in '='
 *	:files BEFORE			file names may follow what the word begins with
 *	:directories BEFORE		likewise
 */
#include <stdio.h>

/* The last of n words, n > 0, is completed. */
void kv_complete(int n, char *const words[], FILE *out);
/* The hidden subcommand. */
int kv_complete_cmd(int argc, char *const argv[]);
#endif
