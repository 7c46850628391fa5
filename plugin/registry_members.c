#include "registry_private.h"

#include <errno.h>
#include <stdlib.h>

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_members(const void *left, const void *right)
{
	const struct registry_member *a = left;
	const struct registry_member *b = right;

	if (a->datastream != b->datastream) {
		return compare_numbers(a->datastream, b->datastream);
	}
	if (a->cause != b->cause) {
		return compare_numbers(a->cause, b->cause);
	}
	if (a->period_us != b->period_us) {
		return compare_numbers(a->period_us, b->period_us);
	}
	return compare_numbers(a->position, b->position);
}

/* Where each datastream's stand; they are sorted. */
static int count_members(struct registry *r)
{
	for (size_t i = 0; i < r->count.datastreams; i++) {
		r->datastreams[i].member_first = 0;
		r->datastreams[i].member_count = 0;
	}
	for (size_t i = 0; i < r->count.members; i++) {
		const struct registry_member *m = &r->members[i];
		struct registry_datastream *d;

		if (m->datastream == 0 || m->datastream > r->count.datastreams || m->member == 0 ||
		    m->member > r->count.datastreams || m->position >= GROUP_MEMBERS_MAX ||
		    m->cause >= CAUSE_COUNT || m->member_cause >= CAUSE_COUNT) {
			return -EINVAL;
		}
		d = &r->datastreams[m->datastream - 1];
		d->member_first = d->member_count == 0 ? (uint32_t)i : d->member_first;
		d->member_count++;
	}
	return 0;
}

struct membership {
	uint32_t member, index;
};

static int compare_memberships(const void *left, const void *right)
{
	const struct membership *a = left;
	const struct membership *b = right;

	return a->member != b->member ? compare_numbers(a->member, b->member)
	                              : compare_numbers(a->index, b->index);
}

/* The members once more, for whom has to find the groups of one. */
static int seal_memberships(struct registry *r)
{
	size_t count = r->count.members;
	struct membership *sorted = calloc(count + 1, sizeof(*sorted));

	free(r->memberships);
	r->memberships = calloc(count + 1, sizeof(*r->memberships));
	if (sorted == NULL || r->memberships == NULL) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		sorted[i] = (struct membership){r->members[i].member, (uint32_t)i};
	}
	qsort(sorted, count, sizeof(*sorted), compare_memberships);
	for (size_t i = 0; i < count; i++) {
		r->memberships[i] = sorted[i].index;
	}
	free(sorted);
	return 0;
}

int registry_seal_members(struct registry *r)
{
	int error = registry_seal_array(r->members, r->count.members, sizeof(*r->members), compare_members);

	if (error == 0) {
		error = count_members(r);
	}
	return error == 0 ? seal_memberships(r) : error;
}

const struct registry_member *registry_members(const struct registry *r, const struct registry_datastream *d)
{
	return &r->members[d->member_first];
}

/* Where the memberships of number n, or of a greater one, begin. */
static size_t first_membership(const struct registry *r, size_t n)
{
	size_t low = 0, high = r->count.members;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->members[r->memberships[middle]].member < n) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

size_t registry_memberships(const struct registry *r, const struct registry_datastream *d,
                            const uint32_t **ret_first)
{
	size_t number = (size_t)(d - r->datastreams) + 1;
	size_t first = first_membership(r, number);

	*ret_first = &r->memberships[first];
	return first_membership(r, number + 1) - first;
}
