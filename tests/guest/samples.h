/* SPDX-License-Identifier: GPL-2.0 */
/* A bounded set of measured values and its percentiles. */
#ifndef VMM_TEST_SAMPLES_H
#define VMM_TEST_SAMPLES_H

#include <stdint.h>
#include <stdlib.h>

/**
 * struct samples - measured values
 * @v: the values
 * @count: how many are kept
 * @max: room; later values overwrite the oldest
 * @seen: how many were added in all
 */
struct samples {
	uint64_t *v;
	size_t count;
	size_t max;
	size_t seen;
};

static inline int samples_init(struct samples *s, size_t max)
{
	*s = (struct samples) { .v = calloc(max, sizeof(*s->v)), .max = max };
	return s->v ? 0 : -1;
}

static inline void samples_add(struct samples *s, uint64_t v)
{
	s->v[s->seen++ % s->max] = v;
	if (s->count < s->max)
		s->count++;
}

static inline int samples_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Ends the collecting: percentiles want order. */
static inline void samples_sort(struct samples *s)
{
	qsort(s->v, s->count, sizeof(*s->v), samples_cmp);
}

/* The value that @percent of the sorted values do not exceed; 0 when empty. */
static inline uint64_t samples_at(const struct samples *s, unsigned int percent)
{
	if (!s->count)
		return 0;
	return s->v[(s->count - 1) * percent / 100];
}

#endif
