#ifndef KV_CLIENT_HTTP_ROOM_H
#define KV_CLIENT_HTTP_ROOM_H
/*
 * A limit for the memory of large answers that arrive at the same time. A claim that does not fit
 * waits its turn. A claim that is alone is always granted, however large, so there is always progress.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct kv_room_claim {
	size_t bytes; /* 0: no claim was made */
	bool is_waiting;
	TAILQ_ENTRY(kv_room_claim) link; /* while it waits */
};

struct kv_room {
	size_t most, taken; /* bytes */
	TAILQ_HEAD(, kv_room_claim) waiting;
};

void kv_room_init(struct kv_room *room, size_t most);
/* Claims so many bytes (at least 1). false: there is no room now, and the claim waits. */
bool kv_room_take(struct kv_room *room, struct kv_room_claim *claim, size_t bytes);
/* Ends a claim, granted or waiting. Does nothing if none was made. */
void kv_room_give_back(struct kv_room *room, struct kv_room_claim *claim);
/* The claim that has waited longest, if there is room for it now: it is then granted. Otherwise NULL. */
struct kv_room_claim *kv_room_next(struct kv_room *room);
#endif
