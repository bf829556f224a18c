#ifndef KV_FS_DROPBOX_DROPBOX_H
#define KV_FS_DROPBOX_DROPBOX_H
/*
 * A drop box: a file that is written into it is sent to the vault when its writer closes it. Its kind says as what:
 * restore/ restores (fs/restore), import/ imports keys (fs/import). Its state is split over this folder: drop (names),
 * upload (the bytes of one file), submit (sending one), receipt and confirm (what was sent, and whether the vault still
 * has it), folders (mkdir, rename, …), recall (LOOKUP of a file that was sent), nodes (the operation tables).
 *
 * Every function that takes a req answers it exactly once, now or later.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include "fs/mount/branch.h"
#include "fs/dropbox/confirm.h"
#include "fs/dropbox/drop.h"
#include "fs/dropbox/upload.h"

struct kv_buf;
struct kv_receipts;
struct kv_submit;

/* What one drop box does differently from another. */
struct kv_dropbox_kind {
	const char *name;	 /* of its folder, and of its operation in the log: "restore" */
	const char *done;	 /* "restored": what it does with a file, for sentences */
	const char *prefix;	 /* of the paths of its receipts, by which those of two kinds differ */
	size_t most;		 /* bytes of a file */
	enum kv_proof proof;	 /* that the vault still has it */
	const char *too_large;	 /* the sentence for a larger one, … */
	const char *wrong_start; /* … for one whose start may_begin() refuses … */
	const char *no_backups;	 /* … and for a name of cp --backup=numbered */
	/* Why a file cannot have this name, which is no staging name; NULL: it can. May be NULL: any name. */
	const char *(*refuse_name)(const char *name);
	/* Whether a file in folder may start with these bytes, its first write. */
	bool (*may_begin)(const unsigned char *data, size_t len, const struct kv_drop *folder);
	/*
	 * Send file, which has all its bytes: as kv_submit_start(), which logs the failure with the sentence in why.
	 * Either kv_submit_new() and kv_submit_begin(), or kv_submit_pretend().
	 */
	int (*start)(struct kv_drop *file, struct kv_drop *folder, const char *name,
	    const struct kv_caller *caller, struct kv_buf *why);
	/* Begin with the requests of a submit; finally kv_submit_succeed() or kv_submit_end(). */
	void (*send)(struct kv_submit *submit);
	/* Free what the kind added to a submit, and cancel its requests. */
	void (*release)(struct kv_submit *submit);
};

struct kv_dropbox {
	const struct kv_dropbox_kind *kind;
	struct kv_branch *branch;
	struct kv_receipts *receipts;
	struct kv_confirms *confirms;
	size_t staged;				/* bytes of all files being written */
	LIST_HEAD(, kv_drop) files;		/* with or without a name */
	LIST_HEAD(, kv_dropbox_handle) handles; /* open ones */
	uint64_t n_opened;
	LIST_HEAD(, kv_submit) submits;
	int n_submits;
	struct kv_recall_stream *stream; /* owned by fs/dropbox/recall */
	bool is_stopped;
};

/* branch must have its volume. NULL: out of memory. */
struct kv_dropbox *kv_dropbox_new(struct kv_branch *branch, const struct kv_dropbox_kind *kind);

/* ---- functions of struct kv_tree_part, whose state is the drop box ---- */

/* Cancel what is in flight without calling completions. Call it before the nodes are freed. */
void kv_dropbox_stop(void *dropbox);
/* Call it after the nodes, whose bytes staged counts, were freed. NULL does nothing. */
void kv_dropbox_free(void *dropbox);
/* Files that are queued or in flight. */
int kv_dropbox_under_way(const void *dropbox);
/* At the end of the mount: log each file whose bytes are lost or whose request has no answer. */
void kv_dropbox_log_lost(void *dropbox);
/* Assert the invariants that hold between two requests. */
void kv_dropbox_check(const void *dropbox);

/* ---- operations of struct kv_node_ops; node is the kv_drop of a file, or of the folder for CREATE ---- */

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

/*
 * Create a file called name in folder. -EEXIST, -ENOMEM; -ENOENT: folder was removed; -EINVAL for a dot name that is not
 * a staging name, or one that the kind refuses.
 */
int kv_dropbox_make(struct kv_dropbox *dropbox, struct kv_drop *folder, const char *name,
    struct kv_drop **file) KV_MUST_CHECK;
/* Remove file's name and free bytes that can no longer be sent. May free file. */
void kv_dropbox_detach(struct kv_drop *file);
/* The folder or file called name in folder. NULL if there is none, or only a file that was refused. */
struct kv_drop *kv_dropbox_child(struct kv_drop *folder, const char *name);
/*
 * If name belongs to a failed file that is still open, free the name for a new file. Further writes to the
 * old one fail with ESTALE.
 */
void kv_dropbox_free_name(struct kv_drop *folder, const char *name);
/* Log an event of the file named what. err 0: not a failure. why may be NULL. */
void kv_dropbox_log(const struct kv_dropbox *dropbox, const char *what, const struct kv_caller *caller,
    int err, const char *why);
/* The same for what is no news: only for the audit. */
void kv_dropbox_log_usual(
    const struct kv_dropbox *dropbox, const char *what, const struct kv_caller *caller, const char *why);
/* The same as kv_dropbox_log() for file, on behalf of its last writer. */
void kv_dropbox_log_file(
    const struct kv_dropbox *dropbox, const struct kv_drop *file, int err, const char *why);
/* The same for a failure: "why: nothing was restored". */
void kv_dropbox_log_nothing(
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
