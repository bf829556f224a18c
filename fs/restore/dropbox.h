#ifndef KV_FS_RESTORE_DROPBOX_H
#define KV_FS_RESTORE_DROPBOX_H
/*
 * restore/, the drop box: whatever is written into it is restored when its writer closes it. All state of what
 * is written is below fs/restore: upload (one file), submit (one restore), receipt and confirm (what
 * was restored, and whether it still is), folders (names), recall (looking up what was restored).
 *
 * Every function that takes a req answers it exactly once, now or later.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include "fs/mount/branch.h"
#include "fs/restore/drop.h"
#include "fs/restore/upload.h"

struct kv_confirms;
struct kv_receipts;
struct kv_submit;

struct kv_dropbox {
	struct kv_branch *branch;
	struct kv_receipts *receipts;
	struct kv_confirms *confirms;
	size_t staged;				/* bytes of all files that are being written */
	LIST_HEAD(, kv_drop) files;		/* that live, with and without a name */
	LIST_HEAD(, kv_dropbox_handle) handles; /* that are open */
	uint64_t n_opened;
	LIST_HEAD(, kv_submit) submits;
	int n_submits;
	struct kv_recall_stream *stream; /* fs/restore/recall's */
	bool is_stopped;
};

/* NULL: out of memory. branch has its volume already. */
struct kv_dropbox *kv_dropbox_new(struct kv_branch *branch);
/* Cancel what is under way, without its completions; before the nodes are freed. */
void kv_dropbox_stop(struct kv_dropbox *dropbox);
/* After the nodes, whose bytes count to those staged. NULL does nothing. */
void kv_dropbox_free(struct kv_dropbox *dropbox);
/* How many restores were sent, or are about to be, and have no answer yet. */
int kv_dropbox_under_way(const struct kv_dropbox *dropbox);
/* At the end of the mount, before the sum: log each file whose bytes are lost, or whose restore has no answer. */
void kv_dropbox_say_lost(struct kv_dropbox *dropbox);
/* Assert what must hold between two requests. */
void kv_dropbox_check(const struct kv_dropbox *dropbox);

/* ---- operations of struct kv_node_ops; node is a kv_drop: of a file, but for CREATE ---- */

void kv_dropbox_create(
    struct kv_node *node, fuse_req_t req, const char *name, mode_t mode, struct fuse_file_info *fi);
void kv_dropbox_open(struct kv_node *node, fuse_req_t req, struct fuse_file_info *fi);
void kv_dropbox_read(
    struct kv_node *node, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
void kv_dropbox_write(struct kv_node *node, fuse_req_t req, const char *data, size_t size, off_t offset,
    struct fuse_file_info *fi);
void kv_dropbox_setattr(
    struct kv_node *node, fuse_req_t req, const struct stat *attr, int what, struct fuse_file_info *fi);

/* ---- for the modules of this folder ---- */

/* A new file called name in folder. -EEXIST, -ENOMEM, -EINVAL for a dot name that is no staging name. */
int kv_dropbox_make(struct kv_dropbox *dropbox, struct kv_drop *folder, const char *name,
    struct kv_drop **file) KV_MUST_CHECK;
/* file's name is gone: what nobody can send any more is freed. file may be. */
void kv_dropbox_detach(struct kv_drop *file);
/* What is called name in folder: a folder, or a file that has become something or still may. NULL: nothing. */
struct kv_drop *kv_dropbox_child(struct kv_drop *folder, const char *name);
/* A failed file that somebody still has open loses its name to another one; what that one writes gets ESTALE. */
void kv_dropbox_free_name(struct kv_drop *folder, const char *name);
/* A line about file (a path or name) that failed with err, or 0. why: may be NULL. */
void kv_dropbox_say(const struct kv_dropbox *dropbox, const char *what, const struct kv_caller *caller,
    int err, const char *why);
/* The same about file, which its last writer has written. */
void kv_dropbox_say_of(
    const struct kv_dropbox *dropbox, const struct kv_drop *file, int err, const char *why);

/* An open file of the drop box. */
struct kv_dropbox_handle {
	struct kv_handle handle;
	LIST_ENTRY(kv_dropbox_handle) link;
	struct kv_drop *file;
	bool is_writer;
	struct kv_writer writer;
};
#endif
