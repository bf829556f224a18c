#ifndef KV_CACHE_PACE_OUTCOME_H
#define KV_CACHE_PACE_OUTCOME_H

/* How a request in flight ended. */
enum kv_outcome {
	KV_SERVED,   /* the service itself answered, with success or an error */
	KV_LIMITED,  /* 429 */
	KV_DOWN,     /* 408, 5xx, or no answer */
	KV_ABANDONED /* cancelled: no caller waits for it any more */
};
#endif
