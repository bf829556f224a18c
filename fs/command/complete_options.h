#ifndef KV_FS_COMMAND_COMPLETE_OPTIONS_H
#define KV_FS_COMMAND_COMPLETE_OPTIONS_H
#include <stdio.h>

/*
 * Print the candidates for a list "a,b=c,…" of -o options of which the last one is being typed, as
 * fs/command/complete does. before: what the word has before the list, "-o" or "".
 */
void kv_complete_options(const char *before, const char *list, FILE *out);
/* One candidate: a line that a shell script reads. Control characters in it are left out. */
void kv_complete_print(const char *before, const char *text, const char *after, const char *help, FILE *out);
#endif
