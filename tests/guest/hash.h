/* SPDX-License-Identifier: GPL-2.0 */
/* What a guest's running hash must be, without doing the guest's work. */
#ifndef VMM_TEST_HASH_H
#define VMM_TEST_HASH_H

#include <stdint.h>

/**
 * struct hash_state - where a guest's hash stands after some rounds
 * @seed: what its memory was filled from
 * @words: words of memory
 * @hash: the running value
 * @mul: a word of memory is now @mul * (what it was at first) + @add
 * @add: see @mul
 */
struct hash_state {
	uint64_t seed;
	uint64_t words;
	uint64_t hash;
	uint64_t mul;
	uint64_t add;
};

void hash_start(struct hash_state *s, uint64_t seed, uint64_t bytes);
void hash_rounds(struct hash_state *s, uint64_t rounds);
int hash_line_matches(const char *text, const char *name, uint64_t seq,
		      uint64_t hash);
int hash_selftest(void);

#endif
