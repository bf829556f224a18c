#ifndef KV_CLIENT_BASE_DETAIL_H
#define KV_CLIENT_BASE_DETAIL_H
/*
 * Details in an error's text, such as the action that a role assignment must permit, and templates that name
 * them.
 */
#include <stddef.h>

#define KV_DETAIL_SIZE 512

struct kv_buf;

/* A detail that the caller supplies. value NULL or "": unknown. */
struct kv_detail {
	const char *name, *value;
};

/*
 * Find the detail called name in text, a message of the service or of the token service as one line
 * (client/base/fault). It is "" if the text lacks it, or if it cannot be one: text comes from outside, and a
 * caller's id may become part of a command that the user pastes.
 */
void kv_detail_find(const char *text, const char *name, char value[KV_DETAIL_SIZE]);

/*
 * Append template to why. {name} is replaced by that detail of text, or else of given, whose last member has
 * the name NULL. A part in brackets is left out if it names an unknown
 * detail; after '|' it says what to write instead: "no role permits [{action}|this]".
 */
void kv_detail_fill(
    const char *template, const char *text, const struct kv_detail *given, struct kv_buf *why);
#endif
