/* Memory for answers, first come, first served: a small answer does not overtake a large one that waits. */
#include "client/http/room.h"

void
kv_room_init(struct kv_room *room, size_t most)
{
	room->most = most;
	room->taken = 0;
	TAILQ_INIT(&room->waiting);
}

static bool
has_room(const struct kv_room *room, size_t bytes)
{
	return room->taken == 0 || (room->taken < room->most && bytes <= room->most - room->taken);
}

bool
kv_room_take(struct kv_room *room, struct kv_room_claim *claim, size_t bytes)
{
	claim->bytes = bytes;
	if (TAILQ_EMPTY(&room->waiting) && has_room(room, bytes)) {
		room->taken += bytes;
		return true;
	}
	claim->is_waiting = true;
	TAILQ_INSERT_TAIL(&room->waiting, claim, link);
	return false;
}

void
kv_room_give_back(struct kv_room *room, struct kv_room_claim *claim)
{
	if (claim->is_waiting)
		TAILQ_REMOVE(&room->waiting, claim, link);
	else
		room->taken -= claim->bytes;
	claim->is_waiting = false;
	claim->bytes = 0;
}

struct kv_room_claim *
kv_room_next(struct kv_room *room)
{
	struct kv_room_claim *claim = TAILQ_FIRST(&room->waiting);

	if (claim == NULL || !has_room(room, claim->bytes))
		return NULL;
	TAILQ_REMOVE(&room->waiting, claim, link);
	claim->is_waiting = false;
	room->taken += claim->bytes;
	return claim;
}
