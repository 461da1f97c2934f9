/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual time as an exact fraction.
 *
 * An entity of weight w that used its pCPU for t ns ages by t/w. A binary
 * fixed point cannot hold most of these quotients, and what it drops each time
 * adds up to an error of the shares. Here the point in virtual time is a mixed
 * number, v + f/w with 0 <= f < w, whose denominator is the weight of its
 * owner: adding t/w and comparing two points are exact, so that after any
 * number of additions v * w + f is, to the nanosecond, the service received.
 *
 * Rounding happens only where a point moves to another denominator (wake-up,
 * migration, change of weight): always by less than 1/w, which is less than
 * 1 ns of real time, and always in the direction that gives nothing away.
 *
 * Overflow: v grows by at most 1 per ns (weight 1, all alone), so from 0 it
 * needs 2^63 ns, 292 years of uninterrupted run time. Points that are set
 * instead of charged stay within BVT_AHEAD_MAX ns of one that was charged (see
 * bvt_policy.c). Hence no code here, and none of its users, handles a wrap.
 *
 * Locking: none; the caller owns what it passes.
 */
#ifndef _BVT_VTIME_H
#define _BVT_VTIME_H

#include <linux/types.h>
#include <linux/limits.h>

#define BVT_WEIGHT_MAX	65535u

/* A distance (ns of service) that is further than anything that matters. */
#define BVT_FAR		(S64_MAX >> 3)

/**
 * struct bvt_vt - a point in virtual time, or a length of it
 * @v: whole units; one unit is 1 ns of service at weight 1
 * @f: fraction in units of 1/@w, smaller than @w
 * @w: denominator, the weight of whom this belongs to, 1 .. BVT_WEIGHT_MAX
 */
struct bvt_vt {
	s64 v;
	u32 f;
	u32 w;
};

/** bvt_vt_cmp() - order two points; <0, 0, >0 like memcmp(), exact */
static inline int bvt_vt_cmp(const struct bvt_vt *a, const struct bvt_vt *b)
{
	u64 l, r;

	if (a->v != b->v)
		return a->v < b->v ? -1 : 1;

	/* Both products are below 2^32. */
	l = (u64)a->f * b->w;
	r = (u64)b->f * a->w;
	return l < r ? -1 : l > r;
}

/** bvt_vt_add() - age by @ns / @t->w, exact; @ns is below 2^62 */
static inline void bvt_vt_add(struct bvt_vt *t, u64 ns)
{
	ns += t->f;
	t->v += ns / t->w;
	t->f = ns % t->w;
}

/** bvt_vt_sub() - the reverse of bvt_vt_add(), exact; @ns is below 2^62 */
static inline void bvt_vt_sub(struct bvt_vt *t, u64 ns)
{
	u32 f = ns % t->w;

	t->v -= ns / t->w;
	if (t->f < f) {
		t->v--;
		t->f += t->w;
	}
	t->f -= f;
}

/** bvt_vt_move() - age by @ns / @t->w, or grow younger when @ns is negative */
static inline void bvt_vt_move(struct bvt_vt *t, s64 ns)
{
	if (ns >= 0)
		bvt_vt_add(t, ns);
	else
		bvt_vt_sub(t, -ns);
}

/** bvt_vt_at() - the first point that denominator @w can express, not before @t */
static inline struct bvt_vt bvt_vt_at(const struct bvt_vt *t, u32 w)
{
	struct bvt_vt r = { .v = t->v, .w = w };

	r.f = ((u64)t->f * w + t->w - 1) / t->w;
	if (r.f == w) {
		r.v++;
		r.f = 0;
	}
	return r;
}

/**
 * bvt_vt_service() - how much service separates two points
 * @from: the point of an entity of weight @from->w
 * @to:   where it would be
 *
 * Return: the smallest number of ns (negative when @to lies behind) after
 * which @from has come to @to or beyond; kept within +-BVT_FAR.
 */
static inline s64 bvt_vt_service(const struct bvt_vt *from,
				 const struct bvt_vt *to)
{
	s64 d = to->v - from->v;
	s64 frac = ((u64)to->f * from->w + to->w - 1) / to->w;

	/* Else |d * w| < 2^60, and what is added is below 2^17. */
	if (d > (BVT_FAR >> 16))
		return BVT_FAR;
	if (d < -(BVT_FAR >> 16))
		return -BVT_FAR;
	return d * from->w + frac - from->f;
}

#endif /* _BVT_VTIME_H */
