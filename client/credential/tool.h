#ifndef KV_CLIENT_CREDENTIAL_TOOL_H
#define KV_CLIENT_CREDENTIAL_TOOL_H
/*
 * What the developers' tools have in common: a program that prints a token of the account that its user
 * signed in with. It is run without a shell. Whatever its failure is, the credential is unavailable.
 */
#include <stdbool.h>
#include "client/auth/ask.h"

struct kv_tool {
	const char *program; /* for messages: "az" */
	const char *command; /* what is run, for messages: "az account get-access-token" */
	int limit_ms;
	const char *login; /* template of the command to sign in (client/base/refusal) */
};

/* SUDO_USER, for the hint whose sign-in counts. A row of the kind's variables. */
#define KV_TOOL_CALLER "SUDO_USER"

/* The presence of every tool: it may be installed. */
enum kv_presence kv_tool_presence(const struct kv_credential_options *options, struct kv_buf *why);
/*
 * For a kv_ask_ended: true if the program ended well. Otherwise the ask has ended with a sentence that quotes
 * the program.
 */
bool kv_tool_succeeded(
    struct kv_ask *ask, const struct kv_tool *tool, int err, int status, const char *diagnostics);
/*
 * Append text, up to the end of its first line, after ": ". What may be a token is replaced. Nothing for an
 * empty line.
 */
void kv_tool_quote(struct kv_buf *why, const char *text);
#endif
