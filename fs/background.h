#ifndef KV_FS_BACKGROUND_H
#define KV_FS_BACKGROUND_H
/*
 * Starting in the background: the program forks, and the parent waits for the child's report and exits with
 * it.
 *
 * Until the mount is in place the child stays in the caller's process group: automount(8) and systemd
 * identify the mounting processes by their group, and block all other access to the path until the mount is
 * done. The child also ends if the parent dies, because a start that was killed must not mount later.
 */
#include <stdbool.h>
#include "client/base/err.h"

/*
 * Fork. In the child: *report is the pipe to the parent; returns 0. In the parent: *report is -1; returns the
 * program's exit status after the report has arrived or the child has ended, with a sentence on stderr if the
 * status is not 0. The parent calls forget before it waits, to drop what only the child needs: secrets.
 */
int kv_background_fork(void (*forget)(void *arg), void *arg, int *report);
/*
 * In the child, once the mount is in place: leave the session, the terminal and the directory, and report
 * success. The parent prints warnings, a line each or "", to stderr. -EPIPE: the parent has died, so its caller saw
 * a failed mount; unmount. Closes report.
 */
int kv_background_mounted(int report, const char *warnings) KV_MUST_CHECK;
/* In the child, instead of the above: report failure with a sentence for the user. Closes report. */
void kv_background_failed(int report, const char *sentence);

/* Print "kvfs: warning: line" for each line of warnings, which may be "", to stderr. */
void kv_background_print_warnings(const char *warnings);
/* Print "kvfs: sentence" to stderr. */
void kv_background_print_failure(const char *sentence);
#endif
