/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers for tests: the same ones in each run, from a seed that a failing
 * assertion can name. (A Weyl sequence, mixed; quality hardly matters.)
 */
#ifndef _VMM_KUNIT_RND_H
#define _VMM_KUNIT_RND_H

#include <linux/types.h>

/** struct rnd - a generator; set @x to the seed */
struct rnd {
	u64 x;
};

/** rnd_u64() - the next number */
static inline u64 rnd_u64(struct rnd *r)
{
	u64 z = r->x += 0x9e3779b97f4a7c15ULL;

	z ^= z >> 31;
	z *= 0xd6e8feb86659fd93ULL;
	z ^= z >> 29;
	z *= 0xd6e8feb86659fd93ULL;
	return z ^ (z >> 32);
}

/** rnd_range() - a number from @lo to @hi, both included */
static inline u64 rnd_range(struct rnd *r, u64 lo, u64 hi)
{
	return lo + rnd_u64(r) % (hi - lo + 1);
}

/** rnd_weight() - 1 .. 65535, each order of magnitude as likely as the next */
static inline u32 rnd_weight(struct rnd *r)
{
	u32 bits = rnd_range(r, 0, 15);
	u32 w = rnd_range(r, 1u << bits, (2u << bits) - 1);

	return w > 65535 ? 65535 : w;
}

#endif /* _VMM_KUNIT_RND_H */
