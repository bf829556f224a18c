#ifndef KV_CLIENT_AUTH_TOKEN_REFUSAL_H
#define KV_CLIENT_AUTH_TOKEN_REFUSAL_H
/*
 * Numbers of the token service ("AADSTS7000222"), in its own answers and in the messages of programs, as
 * sentences for the user.
 */
#include "client/auth/ask.h"

struct kv_token_refused {
	const struct kv_fault *fault; /* inner is the number; "" without one */
	const char *client;	      /* id of the application; NULL: not known, or a user */
	const char
	    *login; /* template of the command by which a user signs in (client/base/detail); or NULL */
	int64_t wall_date; /* Date of the answer; 0: not known */
};

/* The fault of a program that quotes the token service in its output. */
void kv_token_refusal_of_text(const char *text, struct kv_fault *fault);
/*
 * If the fault has a number that the table of refusals (client/base/refusal_rows) has, append ": ", the sentence
 * with what to do, and the number to why. Returns the errno of the row, or 0 if there is none.
 */
int kv_token_refusal_say(
    const struct kv_audience *audience, const struct kv_token_refused *refused, struct kv_buf *why);
#endif
