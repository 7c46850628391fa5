#include "topic_index_private.h"

#include <errno.h>
#include <stdlib.h>

static size_t set_size(const struct topic_index *x)
{
	return sizeof(struct set) + x->word_count * sizeof(uint64_t);
}

static void set_put(struct set *s, size_t pattern)
{
	s->words[pattern / WORD_BITS] |= UINT64_C(1) << pattern % WORD_BITS;
}

static void set_join(struct set *to, const struct set *from, size_t word_count)
{
	for (size_t i = 0; i < word_count; i++) {
		to->words[i] |= from->words[i];
	}
}

static void set_seal(struct set *s, size_t word_count)
{
	s->first = (uint32_t)word_count;
	s->end = 0;
	for (size_t i = 0; i < word_count; i++) {
		if (s->words[i] != 0) {
			s->first = MIN(s->first, (uint32_t)i);
			s->end = (uint32_t)i + 1;
		}
	}
}

/* Room for the texts of each depth, as if no two were the same. */
static int make_slots(struct topic_index *x, const struct topic_pattern *const *patterns, size_t count)
{
	size_t texts[TOPIC_LEVELS_MAX] = {0}, total = 0;

	for (size_t p = 0; p < count; p++) {
		for (size_t i = 0; i < patterns[p]->count; i++) {
			enum topic_level_kind kind = patterns[p]->level[i].kind;

			x->depth_count = MAX(x->depth_count, kind == TOPIC_REST ? i : i + 1);
			texts[i] += kind == TOPIC_LITERAL;
		}
	}
	for (size_t i = 0; i < x->depth_count; i++) {
		size_t *slot_count = &x->depths[i].slot_count;

		for (*slot_count = texts[i] > 0; *slot_count < texts[i] * 2; *slot_count *= 2) {}
		total += *slot_count;
	}
	x->slots = calloc(total + 1, sizeof(*x->slots));
	if (x->slots == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0, at = 0; i < x->depth_count; i++) {
		x->depths[i].slots = &x->slots[at];
		at += x->depths[i].slot_count;
	}
	return 0;
}

static void note_first_byte(struct depth *d, char byte)
{
	d->begins[(unsigned char)byte / WORD_BITS] |= UINT64_C(1) << (unsigned char)byte % WORD_BITS;
}

static void note_literal(struct depth *d, const struct topic_level *level)
{
	struct literal *slot = slot_of(d, level->text, level->length);

	if (slot->text != NULL) {
		return;
	}
	*slot = (struct literal){
		.text = level->text,
		.length = (uint32_t)level->length,
		.hash = (uint32_t)hash_text(level->text, level->length, 0),
	};
	d->literal_count++;
	d->only = d->literal_count == 1 ? slot : NULL;
	d->longest = MAX(d->longest, level->length);
	if (level->length > 0) {
		note_first_byte(d, level->text[0]);
	} else {
		note_first_byte(d, '/');
		note_first_byte(d, '\0');
	}
}

static void note_literals(struct topic_index *x, const struct topic_pattern *pattern)
{
	for (size_t i = 0; i < pattern->count; i++) {
		if (pattern->level[i].kind == TOPIC_LITERAL) {
			note_literal(&x->depths[i], &pattern->level[i]);
		}
	}
}

static struct set *next_set(struct topic_index *x)
{
	return (struct set *)(x->sets + x->set_count++ * set_size(x));
}

static int make_sets(struct topic_index *x)
{
	size_t set_count = x->depth_count + 2; /* of ending and deeper */

	for (size_t i = 0; i < x->depth_count; i++) {
		set_count += x->depths[i].literal_count + 2;
	}
	x->sets = calloc(set_count, set_size(x));
	if (x->sets == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < x->depth_count; i++) {
		struct depth *d = &x->depths[i];

		d->filled = next_set(x);
		d->empty = next_set(x);
		for (size_t n = 0; n < d->slot_count; n++) {
			if (d->slots[n].text != NULL) {
				d->slots[n].set = next_set(x);
			}
		}
	}
	for (size_t i = 0; i <= x->depth_count; i++) {
		x->ending[i] = next_set(x);
	}
	x->deeper = next_set(x);
	return 0;
}

/* # at this depth: it suits that level and all that follow, or none at all. */
static void put_rest(struct topic_index *x, size_t depth, size_t number)
{
	for (size_t i = depth; i < x->depth_count; i++) {
		set_put(x->depths[i].filled, number);
		set_put(x->depths[i].empty, number);
	}
	for (size_t i = depth; i <= x->depth_count; i++) {
		set_put(x->ending[i], number);
	}
	set_put(x->deeper, number);
}

static void put_level(struct topic_index *x, const struct topic_level *level, size_t depth, size_t number)
{
	struct depth *d = &x->depths[depth];

	switch (level->kind) {
	case TOPIC_LITERAL:
		set_put(slot_of(d, level->text, level->length)->set, number);
		break;
	case TOPIC_REST:
		put_rest(x, depth, number);
		break;
	case TOPIC_ONE:
		set_put(d->filled, number);
		set_put(d->empty, number);
		break;
	case TOPIC_STATION:
		set_put(d->filled, number);
		x->names[number].station = (uint8_t)(depth + 1);
		break;
	case TOPIC_PROPERTY:
		set_put(d->filled, number);
		x->names[number].property = (uint8_t)(depth + 1);
		break;
	}
}

static void put_pattern(struct topic_index *x, const struct topic_pattern *pattern, size_t number)
{
	for (size_t i = 0; i < pattern->count; i++) {
		put_level(x, &pattern->level[i], i, number);
	}
	if (pattern->count > 0 && pattern->level[pattern->count - 1].kind != TOPIC_REST) {
		set_put(x->ending[pattern->count], number);
	}
}

/* What wildcards take they take of the texts too, but for a first level that begins with '$'. */
static void join_wildcards(struct topic_index *x)
{
	for (size_t i = 0; i < x->depth_count; i++) {
		const struct depth *d = &x->depths[i];

		for (size_t n = 0; n < d->slot_count; n++) {
			const struct literal *l = &d->slots[n];

			if (l->text != NULL && !(i == 0 && l->length > 0 && l->text[0] == '$')) {
				set_join(l->set, l->length > 0 ? d->filled : d->empty, x->word_count);
			}
		}
	}
}

static int make(struct topic_index *x, const struct topic_pattern *const *patterns, size_t count)
{
	x->word_count = (count + WORD_BITS - 1) / WORD_BITS;
	x->names = calloc(count + 1, sizeof(*x->names));
	if (x->names == NULL || make_slots(x, patterns, count) != 0) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		note_literals(x, patterns[i]);
	}
	if (make_sets(x) != 0) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		put_pattern(x, patterns[i], i);
	}
	join_wildcards(x);
	for (size_t i = 0; i < x->set_count; i++) {
		set_seal((struct set *)(x->sets + i * set_size(x)), x->word_count);
	}
	return 0;
}

int topic_index_new(struct topic_index **ret, const struct topic_pattern *const *patterns, size_t count)
{
	struct topic_index *x = calloc(1, sizeof(*x));
	int error = x != NULL ? make(x, patterns, count) : -ENOMEM;

	if (error != 0) {
		topic_index_free(x);
		return error;
	}
	*ret = x;
	return 0;
}

void topic_index_free(struct topic_index *x)
{
	if (x == NULL) {
		return;
	}
	free(x->sets);
	free(x->slots);
	free(x->names);
	free(x);
}
