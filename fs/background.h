#ifndef KV_FS_BACKGROUND_H
#define KV_FS_BACKGROUND_H
/*
 * The start in the background: the program forks, the parent waits for the child's report and ends with it.
 *
 * The child stays in the process group of the caller until the mount is there: automount(8) and systemd know
 * by its group who mounts, and hold everybody else who comes along that path until the mount is done. And
 * it ends with its parent: a start that was killed must not mount later.
 */
#include <stdbool.h>
#include "client/base/err.h"

/*
 * Fork. In the child *report is the pipe to the parent, and 0 is returned; in the parent *report is -1, the report
 * has come or the child has ended, and the program's exit status is returned, with a sentence on stderr
 * where it is not 0. forget, in the parent before it waits, drops what the child alone needs: secrets.
 */
int kv_background_fork(void (*forget)(void *arg), void *arg, int *report);
/*
 * In the child, once the mount is there: leave session, terminal and folder, and report. -EPIPE: the parent
 * is gone, so somebody was told that there is no mount; it must be ended. report is closed.
 */
int kv_background_mounted(int report) KV_MUST_CHECK;
/* In the child, in the place of the above: the sentence for the user. report is closed. */
void kv_background_failed(int report, const char *sentence);

/* "kvfs: sentence" on stderr. */
void kv_background_print_failure(const char *sentence);
#endif
