/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The 8254's arithmetic: what a counter shows and what its output is, given the
 * clocks since it was loaded. No state of its own, no locks: pit.c uses it, and
 * its tests do.
 *
 * Limits: a gate that goes down does not hold a count; see pit.c.
 */
#ifndef _VMM_CORE_PIT_LOGIC_H
#define _VMM_CORE_PIT_LOGIC_H

#include <linux/math64.h>
#include <linux/time64.h>
#include <linux/types.h>

#define PIT_HZ		1193182

/* Whole clocks in @ns; and the first nanosecond at which @clocks are over. */
static inline u64 pit_clocks(u64 ns)
{
	return mul_u64_u32_div(ns, PIT_HZ, NSEC_PER_SEC);
}

static inline u64 pit_ns(u64 clocks)
{
	return mul_u64_u32_div(clocks, NSEC_PER_SEC, PIT_HZ) + 1;
}

/* Of a count as the guest writes it: 16 bits, 0 is the largest. */
static inline u32 pit_from_guest(u16 val, bool bcd)
{
	if (!bcd)
		return val ?: 0x10000;
	val = (val >> 12) * 1000 + (val >> 8 & 15) * 100 + (val >> 4 & 15) * 10 + (val & 15);
	return val ?: 10000;
}

static inline u16 pit_to_guest(u32 val, bool bcd)
{
	if (!bcd)
		return val;
	val %= 10000;
	return val / 1000 << 12 | val / 100 % 10 << 8 | val / 10 % 10 << 4 | val % 10;
}

/* What the counter shows @d clocks after it was loaded with @count (not 0). */
static inline u16 pit_count(u8 mode, bool bcd, u32 count, u64 d)
{
	u64 limit = bcd ? 10000 : 0x10000;
	u64 left;

	switch (mode) {
	case 0:
	case 1:
	case 4:
	case 5:
		/* goes on below 0 */
		left = (count + limit - d % limit) % limit;
		break;
	case 3:
		/* by two, twice a period */
		left = count - 2 * d % count;
		break;
	default:
		left = count - d % count;
	}
	return pit_to_guest(left, bcd);
}

/* Its output then. */
static inline bool pit_out(u8 mode, u32 count, u64 d)
{
	switch (mode) {
	case 0:
	case 1:
		return d >= count;
	case 2:
		return d % count != count - 1;
	case 3:
		return d % count < (count + 1) / 2;
	case 4:
	case 5:
		return d != count;
	default:	/* not programmed yet */
		return true;
	}
}

#endif /* _VMM_CORE_PIT_LOGIC_H */
