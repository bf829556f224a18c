/*
 * What a vault was asked and what it answered. The backups of each object are counted in a hash
 * table with open addressing, by type and name in upper case; it keeps the first spelling.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/vault/mem.h"
#include "tests/vault/stats.h"

#define STATUSES 600

struct backups {
	char *object; /* "keys/NAME" */
	uint64_t count;
};

struct lv_stats {
	uint32_t counts[LV_TYPES + 1][LV_OPS][STATUSES];
	struct backups *table;
	size_t size, used;
	uint64_t in_flight, max_in_flight, restores_seen;
};

struct lv_stats *
lv_stats_new(void)
{
	return lv_mem_alloc(sizeof(struct lv_stats));
}

static void
free_table(struct lv_stats *s)
{
	size_t i;

	for (i = 0; i < s->size; i++)
		free(s->table[i].object);
	free(s->table);
	s->table = NULL;
	s->size = s->used = 0;
}

void
lv_stats_free(struct lv_stats *s)
{
	if (s != NULL)
		free_table(s);
	free(s);
}

void
lv_stats_reset(struct lv_stats *s)
{
	free_table(s);
	memset(s->counts, 0, sizeof(s->counts));
	s->max_in_flight = s->in_flight;
	s->restores_seen = 0;
}

void
lv_stats_enter(struct lv_stats *s)
{
	if (++s->in_flight > s->max_in_flight)
		s->max_in_flight = s->in_flight;
}

void
lv_stats_leave(struct lv_stats *s)
{
	s->in_flight--;
}

void
lv_stats_restore_seen(struct lv_stats *s)
{
	s->restores_seen++;
}

static struct backups *
slot(struct backups *table, size_t size, const char *object)
{
	uint64_t hash = 14695981039346656037U;
	const char *at;
	size_t i;

	for (at = object; *at != '\0'; at++)
		hash = (hash ^ (uint64_t)toupper((unsigned char)*at)) * 1099511628211U;
	for (i = hash & (size - 1); table[i].object != NULL; i = (i + 1) & (size - 1))
		if (strcasecmp(table[i].object, object) == 0)
			break;
	return &table[i];
}

static void
grow_table(struct lv_stats *s)
{
	size_t size = s->size == 0 ? 256 : 2 * s->size, i;
	struct backups *table = lv_mem_alloc(size * sizeof(*table));

	for (i = 0; i < s->size; i++)
		if (s->table[i].object != NULL)
			*slot(table, size, s->table[i].object) = s->table[i];
	free(s->table);
	s->table = table;
	s->size = size;
}

static void
count_backup(struct lv_stats *s, const char *object, uint64_t count)
{
	struct backups *b;

	if (2 * s->used >= s->size)
		grow_table(s);
	b = slot(s->table, s->size, object);
	if (b->object == NULL) {
		b->object = lv_mem_dup(object);
		s->used++;
	}
	b->count += count;
}

void
lv_stats_count(struct lv_stats *s, const struct lv_route *route, int status)
{
	struct lv_text object = { 0 };

	s->counts[route->type][route->op][status < STATUSES ? status : 0]++;
	if (route->op != LV_BACKUP)
		return;
	lv_text_printf(&object, "%s/%s", lv_route_type_name(route->type), route->name);
	count_backup(s, object.data, 1);
	lv_text_release(&object);
}

/* One operation's {"200":n,...} over some types, with its name; nothing if all are 0. */
static void
write_op(const struct lv_stats *sum, enum lv_op op, unsigned from, unsigned to, struct lv_text *out)
{
	bool is_first = true;
	uint64_t n;
	unsigned type;
	int status;

	for (status = 0; status < STATUSES; status++) {
		for (n = 0, type = from; type < to; type++)
			n += sum->counts[type][op][status];
		if (n == 0)
			continue;
		if (is_first) {
			lv_text_comma(out);
			lv_text_printf(out, "\"%s\":{", lv_route_op_name(op));
		}
		is_first = false;
		lv_text_comma(out);
		if (status == LV_STATUS_NONE)
			lv_text_printf(out, "\"none\":%llu", (unsigned long long)n);
		else
			lv_text_printf(out, "\"%d\":%llu", status, (unsigned long long)n);
	}
	if (!is_first)
		lv_text_puts(out, "}");
}

static void
write_ops(const struct lv_stats *sum, unsigned from, unsigned to, struct lv_text *out)
{
	unsigned op;

	lv_text_puts(out, "{");
	for (op = 0; op < LV_OPS; op++)
		write_op(sum, (enum lv_op)op, from, to, out);
	lv_text_puts(out, "}");
}

static void
write_backups(const struct lv_stats *sum, struct lv_text *out)
{
	size_t i;

	lv_text_puts(out, ",\"backups\":{");
	for (i = 0; i < sum->size; i++)
		if (sum->table[i].object != NULL) {
			lv_text_comma(out);
			lv_text_printf(out, "\"%s\":%llu", sum->table[i].object,
			    (unsigned long long)sum->table[i].count);
		}
	lv_text_puts(out, "}");
}

static uint64_t
throttled(const struct lv_stats *sum)
{
	uint64_t n = 0;
	unsigned type, op;

	for (type = 0; type <= LV_TYPES; type++)
		for (op = 0; op < LV_OPS; op++)
			n += sum->counts[type][op][429];
	return n;
}

/* The most in flight of several is the largest of theirs, not of all together. */
static void
add(struct lv_stats *sum, const struct lv_stats *s)
{
	uint32_t *to = &sum->counts[0][0][0];
	const uint32_t *from = &s->counts[0][0][0];
	size_t i;

	for (i = 0; i < sizeof(sum->counts) / sizeof(uint32_t); i++)
		to[i] += from[i];
	for (i = 0; i < s->size; i++)
		if (s->table[i].object != NULL)
			count_backup(sum, s->table[i].object, s->table[i].count);
	sum->in_flight += s->in_flight;
	sum->restores_seen += s->restores_seen;
	if (s->max_in_flight > sum->max_in_flight)
		sum->max_in_flight = s->max_in_flight;
}

void
lv_stats_write(struct lv_stats *const *all, size_t count, struct lv_text *out)
{
	struct lv_stats *sum = lv_stats_new();
	unsigned type;
	size_t i;

	for (i = 0; i < count; i++)
		add(sum, all[i]);
	lv_text_puts(out, "\"requests\":");
	write_ops(sum, 0, LV_TYPES + 1, out);
	lv_text_puts(out, ",\"by_type\":{");
	for (type = 0; type < LV_TYPES; type++) {
		lv_text_comma(out);
		lv_text_printf(out, "\"%s\":", lv_route_type_name((enum lv_type)type));
		write_ops(sum, type, type + 1, out);
	}
	lv_text_puts(out, "}");
	write_backups(sum, out);
	lv_text_printf(out,
	    ",\"restores_seen\":%llu,\"in_flight\":%llu,\"max_in_flight\":%llu,\"throttled\":%llu",
	    (unsigned long long)sum->restores_seen, (unsigned long long)sum->in_flight,
	    (unsigned long long)sum->max_in_flight, (unsigned long long)throttled(sum));
	lv_stats_free(sum);
}
