#ifndef KV_CLIENT_HTTP_ROOM_H
#define KV_CLIENT_HTTP_ROOM_H
/*
 * Room in memory for large answers that come in at the same time. Who asks for it when all is taken waits
 * its turn; one that has all of it to itself is always let in, however large it is, so there is always
 * progress.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct kv_room_claim {
	size_t bytes; /* 0: none was made */
	bool is_waiting;
	TAILQ_ENTRY(kv_room_claim) link; /* while it waits */
};

struct kv_room {
	size_t most, taken; /* bytes */
	TAILQ_HEAD(, kv_room_claim) waiting;
};

void kv_room_init(struct kv_room *room, size_t most);
/* Whether there is room for so many bytes (at least 1) now. If not, the claim waits. */
bool kv_room_take(struct kv_room *room, struct kv_room_claim *claim, size_t bytes);
/* It needs no room any more, or no longer waits. Does nothing for one that was not made. */
void kv_room_give_back(struct kv_room *room, struct kv_room_claim *claim);
/* The claim that has waited for longest, if there is room for it now; it waits no longer. Else NULL. */
struct kv_room_claim *kv_room_next(struct kv_room *room);
#endif
