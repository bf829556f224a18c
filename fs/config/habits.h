#ifndef KV_FS_CONFIG_HABITS_H
#define KV_FS_CONFIG_HABITS_H
/*
 * What users of other programs type: options of sshfs, rclone, blobfuse2, mount-s3 and az that have another name here, and
 * options of kvfs with two dashes.
 */
#include <stdbool.h>
#include <stddef.h>

struct kv_buf;

/*
 * Append what to write instead of the unknown option name, of len characters without leading dashes, as ": that is -o ro
 * here". '-' and '_' are the same. False: nothing is known of it.
 */
bool kv_habits_say(const char *name, size_t len, struct kv_buf *text);
#endif
