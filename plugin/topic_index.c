#include "topic_index_private.h"

static bool may_begin(const struct depth *d, char byte)
{
	return (d->begins[(unsigned char)byte / WORD_BITS] >> (unsigned char)byte % WORD_BITS & 1) != 0;
}

/* The set of the only text, or NULL; *ret_end is where the level ends. */
static const struct set *find_only(const struct depth *d, const char *level, const char **ret_end)
{
	const char *text = d->only->text, *end = text + d->only->length;

	while (text < end && *level == *text) {
		level++;
		text++;
	}
	if (text == end && (*level == '/' || *level == '\0')) {
		*ret_end = level;
		return d->only->set;
	}
	*ret_end = strchrnul(level, '/');
	return NULL;
}

static const struct set *find_text(const struct depth *d, const char *level, const char **ret_end)
{
	const struct literal *found;

	*ret_end = strchrnul(level, '/');
	if ((size_t)(*ret_end - level) > d->longest) {
		return NULL;
	}
	found = slot_of(d, level, (size_t)(*ret_end - level));
	return found->text != NULL ? found->set : NULL;
}

/* The patterns that a level suits; NULL or an empty set when there are none. *ret_end is where it ends. */
static inline __attribute__((always_inline)) const struct set *
find_set(const struct depth *d, const char *level, bool wildcards, const char **ret_end)
{
	const struct set *s = NULL;

	if (d->literal_count > 0 && may_begin(d, *level)) {
		s = d->only != NULL ? find_only(d, level, ret_end) : find_text(d, level, ret_end);
	} else if (wildcards) {
		*ret_end = strchrnul(level, '/');
	}
	if (s != NULL || !wildcards) {
		return s;
	}
	return *ret_end > level ? d->filled : d->empty;
}

/* A topic on its way through the index. */
struct walk {
	size_t count;                             /* of levels */
	size_t first, end;                        /* outside of these words no pattern is left */
	uint64_t left;                            /* of the only word, when there is one */
	const char *levels[TOPIC_LEVELS_MAX + 1]; /* where each begins; one more: behind the last one's end */
	const struct set *sets[TOPIC_LEVELS_MAX + 1]; /* what suits each, and the end */
};

/* False when no pattern is left. */
static inline bool narrow(struct walk *w, const struct set *s, bool one_word)
{
	if (one_word) {
		w->left &= s->words[0];
		return w->left != 0;
	}
	w->sets[w->count] = s;
	w->first = MAX(w->first, s->first);
	w->end = MIN(w->end, s->end);
	return w->first < w->end;
}

static inline __attribute__((always_inline)) bool walk(const struct topic_index *x, const char *topic,
                                                       struct walk *w, bool one_word)
{
	bool wildcards = topic[0] != '$'; /* MQTT 5, section 4.7.2 */
	const char *at = topic, *end;

	while (w->count < x->depth_count) {
		const struct set *s = find_set(&x->depths[w->count], at, wildcards, &end);

		if (s == NULL || !narrow(w, s, one_word)) {
			return false;
		}
		wildcards = true;
		w->levels[w->count++] = at;
		at = end + 1;
		if (*end == '\0') {
			w->levels[w->count] = at;
			return narrow(w, x->ending[w->count], one_word);
		}
	}
	w->levels[w->count] = at;
	return narrow(w, x->deeper, one_word);
}

/* The lowest bit that is in all sets, or TOPIC_INDEX_NONE. */
static size_t first_in_all(const struct walk *w)
{
	for (size_t i = w->first; i < w->end; i++) {
		uint64_t left = w->sets[w->count]->words[i];

		for (size_t n = 0; n < w->count; n++) {
			left &= w->sets[n]->words[i];
		}
		if (left != 0) {
			return i * WORD_BITS + (size_t)__builtin_ctzll(left);
		}
	}
	return TOPIC_INDEX_NONE;
}

static size_t find(const struct topic_index *x, const char *topic, struct walk *w)
{
	w->count = 0;
	if (x->word_count == 1) {
		w->left = UINT64_MAX;
		return walk(x, topic, w, true) ? (size_t)__builtin_ctzll(w->left) : TOPIC_INDEX_NONE;
	}
	w->first = 0;
	w->end = x->word_count;
	return walk(x, topic, w, false) ? first_in_all(w) : TOPIC_INDEX_NONE;
}

static inline void capture(const struct walk *w, uint8_t name, const char **ret, size_t *ret_length)
{
	*ret = NULL;
	*ret_length = 0;
	if (name > 0 && name <= w->count) {
		*ret = w->levels[name - 1];
		*ret_length = (size_t)(w->levels[name] - w->levels[name - 1]) - 1;
	}
}

size_t topic_index_match(const struct topic_index *x, const char *topic, struct topic_match *ret)
{
	struct walk w;
	size_t number = find(x, topic, &w);

	if (number != TOPIC_INDEX_NONE) {
		capture(&w, x->names[number].station, &ret->station, &ret->station_length);
		capture(&w, x->names[number].property, &ret->property, &ret->property_length);
	}
	return number;
}
