#ifndef KV_FS_DROPBOX_DROP_H
#define KV_FS_DROPBOX_DROP_H
/*
 * The files and folders below restore/ or import/. They are kept in a tree of names, because a restored file is found by its
 * name although readdir lists nothing.
 *
 * A removed folder has nothing in it, and nothing can be put into it: the kernel, which sees only that rmdir(2) removed the
 * uppermost one, still asks for names in those that were below it.
 */
#include <stdbool.h>
#include "client/base/err.h"
#include "client/vault/type.h"
#include "fs/mount/tree.h"

struct kv_dropbox;
struct kv_upload;

/* A file or folder. It lives while it has a name, and after that while its node is referenced. */
struct kv_drop {
	struct kv_node node;
	struct kv_dropbox *dropbox;
	struct kv_upload *upload; /* a file's; NULL: a folder */
	struct kv_drop *parent;	  /* NULL: removed, or the drop box itself */
	struct kv_drop *sibling, *children;
	char *name;		   /* NULL: the drop box itself */
	LIST_ENTRY(kv_drop) files; /* the drop box's list; files only */
	bool is_fixed;		   /* a predefined folder, which cannot be removed */
	bool is_of_keys;	   /* restore/ of a Managed HSM, whose blobs do not show their type */
};

/* node must be a kv_drop. */
struct kv_drop *kv_drop_of(struct kv_node *node);
bool kv_drop_is_folder(const struct kv_drop *drop);
/* Whether it has lost its name. */
bool kv_drop_is_removed(const struct kv_drop *drop);

/* For the tables of operations. */
void kv_drop_release(struct kv_node *node);

/* The drop box itself. NULL: out of memory. */
struct kv_drop *kv_drop_new_root(struct kv_dropbox *dropbox, uint64_t ino);
/* A new folder. -EEXIST, -ENOMEM; -ENOENT: the folder that it would be in was removed. */
int kv_drop_make_folder(struct kv_drop *folder, const char *name, struct kv_drop **drop) KV_MUST_CHECK;
/* A new file, which takes ownership of upload unless this fails. -EEXIST, -ENOMEM, -ENOENT. */
int kv_drop_make_file(
    struct kv_drop *folder, const char *name, struct kv_upload *upload, struct kv_drop **drop) KV_MUST_CHECK;

/* NULL if there is none. */
struct kv_drop *kv_drop_child(struct kv_drop *folder, const char *name);
/* Remove its name and all names below it. May free drop. */
void kv_drop_remove(struct kv_drop *drop);
/* Rename it, replacing any file or folder of that name. -ENOMEM, -ENOENT. */
int kv_drop_move(struct kv_drop *drop, struct kv_drop *folder, const char *name) KV_MUST_CHECK;
/*
 * The type given by the nearest folder called keys, secrets or certificates, starting at folder and going up, or by
 * is_of_keys. -ENOENT: none.
 */
int kv_drop_type(const struct kv_drop *folder, enum kv_type *type) KV_MUST_CHECK;
#endif
