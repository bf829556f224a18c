#ifndef KV_FS_COMMAND_HOLDERS_H
#define KV_FS_COMMAND_HOLDERS_H
/*
 * Who keeps a mount busy, as far as this user may see it: programs that have files open in it or work in it, and mounts
 * inside of it. Found in /proc without touching the mount, which may not answer.
 */
struct kv_buf;

/* Append "rsync (4711), bash (12, works in it), a mount on /mnt/x", or nothing, about the mount on path. */
void kv_holders_say(const char *path, struct kv_buf *text);
#endif
