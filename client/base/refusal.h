#ifndef KV_CLIENT_BASE_REFUSAL_H
#define KV_CLIENT_BASE_REFUSAL_H
/*
 * What an answer that is a refusal means: the errno, a sentence for the user, and what to do. There is one
 * table for the vault, the Managed HSM and the token service (client/base/refusal_rows).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/base/err.h"

struct kv_buf;

struct kv_refusal_row {
	/*
	 * What the row is for. status: 0 any, 4 and 5: 4xx and 5xx. Patterns of fnmatch(3) for code, innermost
	 * code and message; NULL any. The service changes its sentences, so a message is matched only by the
	 * code in it ("AKV10032*") or, where it has none, by a few words.
	 */
	long status;
	const char *code, *inner, *message;
	int err; /* positive errno */
	/*
	 * Templates (client/base/detail). remedy may be NULL. {clock} is known if the answer's Date and the
	 * clock of this machine differ by more than five minutes.
	 */
	const char *sentence, *remedy;
};

/* A refusal, and what is known about the request. A member may be NULL, "" or 0. */
struct kv_refusal {
	const struct kv_refusal_row *row; /* NULL: the one for status and fault */
	long status;
	const struct kv_fault *fault;
	const char *who;			/* who answered: the vault's host */
	const char *client, *tenant, *audience; /* of a token request */
	const char *login;			/* template of the command with which a user signs in */
	const char
	    *action; /* that a role must permit, and the permission, if the message does not name them */
	const char *permission;
	size_t n_versions;
	int64_t wall_date; /* Date of the answer, Unix seconds */
	bool is_bare;	   /* the sentence without what to do, because something more exact follows */
};

/*
 * The row for an answer that is not 2xx; never NULL. status 0: of the token service, whose numbers decide and
 * not the status. fault NULL: nothing is known but the status.
 */
const struct kv_refusal_row *kv_refusal_find(long status, const struct kv_fault *fault);
/* Append "sentence: remedy" to why, or the sentence alone. */
void kv_refusal_say(const struct kv_refusal *refusal, struct kv_buf *why);

/*
 * The token service has numbers: "AADSTS7000222: …". Store the first one in text, such as "AADSTS7000222", in
 * inner. false if there is none.
 */
bool kv_refusal_find_aadsts(const char *text, char *inner, size_t size);
/* Whether the table has a sentence for this number of the token service. */
bool kv_refusal_is_aadsts(const char *inner);
#endif
