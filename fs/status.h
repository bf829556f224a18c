#ifndef KV_FS_STATUS_H
#define KV_FS_STATUS_H
/*
 * kvfs status MOUNTPOINT [--watch]: what .kvfs/status says, for people.
 */

/* argv[0] is "status". The exit status: 1 with a sentence on stderr where there is nothing to show. */
int kv_status(int argc, char *const argv[]);
#endif
