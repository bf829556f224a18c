#ifndef KV_FS_CONTROL_REPORT_H
#define KV_FS_CONTROL_REPORT_H
/*
 * What a mount says about itself: the contents of the files in .kvfs/. Names, sizes, times, counts and
 * log lines; never a value, a token or a blob.
 */
#include "client/base/err.h"
#include "fs/mount/mount.h"

struct kv_buf;

/* As it is now, appended to text. The manifest needs complete listings. -ENOMEM, -EFBIG. */
int kv_report(const struct kv_mount *mount, enum kv_control control, struct kv_buf *text) KV_MUST_CHECK;
#endif
