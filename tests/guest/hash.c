// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest's running hash must be, without doing the guest's work.
 *
 * All of the hash's steps (payload.h) are linear modulo 2^64. With a word of
 * memory, after r rounds, equal to mul * x + add (x its first value), one step
 * of a round maps the column (h, x, 1) to
 *
 *	h' = FOLD * h + mul * x + add
 *	x' = FILL_MUL * x + FILL_ADD
 *
 * that is, a 3x3 matrix M; a round over n words is M^n, by repeated squaring.
 * So a client checks a megabyte of guest work with a few hundred
 * multiplications and takes next to no time away from the guests it watches.
 * hash_selftest() compares this with the plain loop.
 */
#include <stdlib.h>

#include "hash.h"
#include "payload.h"

/* Upper triangle of M; the rest is 0 0 and, in the corner, 1. */
struct step {
	uint64_t hh, hx, h1;
	uint64_t xx, x1;
};

/* First b, then a. */
static struct step compose(struct step a, struct step b)
{
	return (struct step) {
		.hh = a.hh * b.hh,
		.hx = a.hh * b.hx + a.hx * b.xx,
		.h1 = a.hh * b.h1 + a.hx * b.x1 + a.h1,
		.xx = a.xx * b.xx,
		.x1 = a.xx * b.x1 + a.x1,
	};
}

static struct step power(struct step base, uint64_t n)
{
	struct step r = { .hh = 1, .xx = 1 };

	for (; n; n >>= 1) {
		if (n & 1)
			r = compose(base, r);
		base = compose(base, base);
	}
	return r;
}

/**
 * hash_start() - the state of a guest that has just filled its memory
 * @s: filled in
 * @seed: the guest's seed
 * @bytes: size of its memory
 */
void hash_start(struct hash_state *s, uint64_t seed, uint64_t bytes)
{
	s->seed = seed;
	s->words = bytes / 8;
	s->hash = seed;
	s->mul = 1;
	s->add = 0;
}

/**
 * hash_rounds() - let some rounds pass
 * @s: the state
 * @rounds: how many
 */
void hash_rounds(struct hash_state *s, uint64_t rounds)
{
	struct step m = {
		.hh = HASH_FOLD,
		.xx = HASH_FILL_MUL,
		.x1 = HASH_FILL_ADD,
	};
	struct step all;

	while (rounds--) {
		s->mul = s->mul * HASH_STEP_MUL;
		s->add = s->add * HASH_STEP_MUL + HASH_STEP_ADD;
		m.hx = s->mul;
		m.h1 = s->add;
		all = power(m, s->words);
		s->hash = all.hh * s->hash + all.hx * s->seed + all.h1;
	}
}

/**
 * hash_line_matches() - does a report line say what it must?
 * @text: the line, "NAME SEQ HASH"
 * @name: the guest's name
 * @seq: the line's number
 * @hash: the hash
 *
 * By hand because it runs while the guest waits, and printf() is dear.
 *
 * Return: 1 or 0.
 */
int hash_line_matches(const char *text, const char *name, uint64_t seq,
		      uint64_t hash)
{
	char digits[20];
	int n = 0, i;

	while (*name)
		if (*text++ != *name++)
			return 0;
	if (*text++ != ' ')
		return 0;
	do {
		digits[n++] = '0' + seq % 10;
		seq /= 10;
	} while (seq);
	while (n)
		if (*text++ != digits[--n])
			return 0;
	if (*text++ != ' ')
		return 0;
	for (i = 60; i >= 0; i -= 4)
		if (*text++ != "0123456789abcdef"[hash >> i & 15])
			return 0;
	return !*text;
}

/**
 * hash_selftest() - compare with the loop the guest runs, on small memories
 *
 * Return: number of differences, or -1 without memory.
 */
int hash_selftest(void)
{
	static const uint64_t sizes[] = { 1, 2, 3, 7, 64, 513 };
	uint64_t *mem = calloc(513, sizeof(*mem));
	struct hash_state s;
	uint64_t i, k, x, h, seed;
	int round, bad = 0;

	if (!mem)
		return -1;
	for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		seed = 0x1234567 * (k + 1);
		for (i = 0, x = seed; i < sizes[k]; i++) {
			mem[i] = x;
			x = x * HASH_FILL_MUL + HASH_FILL_ADD;
		}
		hash_start(&s, seed, 8 * sizes[k]);
		h = seed;
		for (round = 0; round < 4; round++) {
			for (i = 0; i < sizes[k]; i++) {
				mem[i] = mem[i] * HASH_STEP_MUL + HASH_STEP_ADD;
				h = h * HASH_FOLD + mem[i];
			}
			hash_rounds(&s, 1);
			bad += s.hash != h;
		}
	}
	free(mem);
	bad += !hash_line_matches("a 10 00000000000000ff", "a", 10, 255);
	bad += hash_line_matches("a 10 00000000000000fe", "a", 10, 255);
	bad += hash_line_matches("a 11 00000000000000ff", "a", 10, 255);
	bad += hash_line_matches("a 10 00000000000000ff0", "a", 10, 255);
	return bad;
}
