/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The arithmetic of a local APIC: priorities, addressing, arbitration, timer.
 *
 * Nothing here knows a vCPU: the functions work on a page of registers or on
 * numbers, and the unit tests include this file as it is.
 *
 * Locking: none. The bitmaps of vectors (IRR, TMR) are written from everywhere
 * by atomic operations; ISR and the other registers by the vCPU's thread only.
 */
#ifndef _VMM_CORE_LAPIC_LOGIC_H
#define _VMM_CORE_LAPIC_LOGIC_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <asm/apicdef.h>

#define LAPIC_X2_BROADCAST	0xffffffffu
#define LAPIC_X_BROADCAST	0xffu

/* --- registers ---------------------------------------------------------------- */

/** lapic_reg() - register at byte offset @off of the page @regs */
static inline u32 lapic_reg(const void *regs, u32 off)
{
	return READ_ONCE(*(const u32 *)(regs + off));
}

static inline void lapic_set_reg(void *regs, u32 off, u32 val)
{
	WRITE_ONCE(*(u32 *)(regs + off), val);
}

/* A bitmap of vectors (APIC_IRR, APIC_ISR, APIC_TMR): 8 words of 32 bits, 16 bytes apart. */
static inline unsigned long *lapic_vec_word(const void *regs, u32 base, u8 vector)
{
	return (unsigned long *)(regs + base + (vector >> 5) * 0x10);
}

static inline bool lapic_test_vec(const void *regs, u32 base, u8 vector)
{
	return test_bit(vector & 31, lapic_vec_word(regs, base, vector));
}

static inline void lapic_set_vec(void *regs, u32 base, u8 vector)
{
	set_bit(vector & 31, lapic_vec_word(regs, base, vector));
}

static inline void lapic_clear_vec(void *regs, u32 base, u8 vector)
{
	clear_bit(vector & 31, lapic_vec_word(regs, base, vector));
}

static inline bool lapic_test_and_set_vec(void *regs, u32 base, u8 vector)
{
	return test_and_set_bit(vector & 31, lapic_vec_word(regs, base, vector));
}

/** lapic_highest() - highest vector that is set in a bitmap, or -1 */
static inline int lapic_highest(const void *regs, u32 base)
{
	int i;

	for (i = 7; i >= 0; i--) {
		u32 word = lapic_reg(regs, base + i * 0x10);

		if (word)
			return i * 32 + fls(word) - 1;
	}
	return -1;
}

/* --- priorities --------------------------------------------------------------- */

/**
 * lapic_ppr() - processor priority
 * @tpr:  task priority
 * @isrv: highest vector in service, or -1
 */
static inline u8 lapic_ppr(u8 tpr, int isrv)
{
	u8 isr = isrv < 0 ? 0 : isrv & 0xf0;

	return (tpr & 0xf0) >= isr ? tpr : isr;
}

/** lapic_above() - does a vector (or -1) have a higher class than the processor? */
static inline bool lapic_above(int vector, u8 ppr)
{
	return vector >= 0 && (vector & 0xf0) > (ppr & 0xf0);
}

/**
 * struct lapic_arb - lowest-priority arbitration, first pass over the candidates
 * @ties: how many have the lowest priority so far
 * @best: that priority
 */
struct lapic_arb {
	u32 ties;
	u8 best;
};

static inline void lapic_arb_see(struct lapic_arb *arb, u8 prio)
{
	prio &= 0xf0;
	if (!arb->ties || prio < arb->best) {
		arb->best = prio;
		arb->ties = 1;
	} else if (prio == arb->best) {
		arb->ties++;
	}
}

/**
 * lapic_arb_index() - which of the @ties equals takes the interrupt
 *
 * The same vector goes to the same one as long as nothing changes: its
 * handler's data stay in that processor's cache.
 */
static inline u32 lapic_arb_index(const struct lapic_arb *arb, u8 vector)
{
	return vector % arb->ties;
}

/* --- addressing --------------------------------------------------------------- */

/**
 * struct lapic_addr - what a local APIC answers to
 * @id:     physical id: 8 bits in xAPIC mode
 * @x2id:   its number as an x2APIC, whatever the mode
 * @ldr:    logical destination register
 * @dfr:    destination format register (xAPIC)
 * @x2apic: mode
 */
struct lapic_addr {
	u32 id;
	u32 x2id;
	u32 ldr;
	u32 dfr;
	bool x2apic;
};

/** lapic_x2ldr() - logical id that an x2APIC has by its number */
static inline u32 lapic_x2ldr(u32 id)
{
	return (id >> 4) << 16 | 1u << (id & 15);
}

static inline bool lapic_match_logical(const struct lapic_addr *a, u32 dest)
{
	u32 ldr = a->ldr >> 24;

	if (a->x2apic)
		return (a->ldr >> 16) == (dest >> 16) && (a->ldr & dest & 0xffff);
	if (dest > 0xff)
		return false;
	if (a->dfr == APIC_DFR_FLAT)
		return ldr & dest;
	if (a->dfr == APIC_DFR_CLUSTER)
		return (ldr >> 4) == (dest >> 4) && (ldr & dest & 0xf);
	return false;
}

/**
 * lapic_match() - is a message for this APIC?
 * @a:       the APIC
 * @dest:    destination
 * @logical: of which kind
 * @wide:    0xff is an id like any other to an x2APIC
 *
 * An xAPIC whose number does not fit its 8-bit id also answers to the number.
 */
static inline bool lapic_match(const struct lapic_addr *a, u32 dest, bool logical, bool wide)
{
	if (a->x2apic ? dest == LAPIC_X2_BROADCAST || (dest == LAPIC_X_BROADCAST && !wide) :
			dest == LAPIC_X_BROADCAST)
		return true;
	if (logical)
		return lapic_match_logical(a, dest);
	return dest == a->id || (!a->x2apic && a->x2id > 0xff && dest == a->x2id);
}

/* --- timer -------------------------------------------------------------------- */

#define LAPIC_BUS_NS		1u	/* one tick of the bus clock: 1 GHz */
#define LAPIC_TIMER_MODES	(3u << 17)
#define LAPIC_MIN_PERIOD_NS	200000u	/* shorter periods would starve the host */

/** lapic_divisor() - ticks of the bus clock per count: 1, 2, 4 ... 128 */
static inline u32 lapic_divisor(u32 tdcr)
{
	u32 code = (tdcr & 3) | (tdcr & 8) >> 1;

	return 1u << ((code + 1) & 7);
}

/** lapic_count_ns() - time that @count counts take */
static inline u64 lapic_count_ns(u32 count, u32 tdcr)
{
	return (u64)count * LAPIC_BUS_NS * lapic_divisor(tdcr);
}

/**
 * lapic_current_count() - the counter
 * @expires: when it gets (or got) to zero, ns
 * @now:     ns
 * @period:  of the whole count, ns
 * @tdcr:    divide configuration
 */
static inline u32 lapic_current_count(s64 expires, s64 now, u64 period, u32 tdcr)
{
	s64 left = expires - now;
	u64 rest;

	if (!period || left <= 0)
		return 0;
	div64_u64_rem(left, period, &rest);
	/* exactly one period to go: it has just been started */
	if (!rest)
		rest = period;
	return min_t(u64, div64_u64(rest, LAPIC_BUS_NS * lapic_divisor(tdcr)), U32_MAX);
}

/**
 * lapic_deadline_ns() - time until the guest's TSC reaches @deadline
 * @deadline: IA32_TSC_DEADLINE
 * @tsc: the guest's TSC now
 * @khz: its rate
 *
 * Return: ns, 0: it is past, at most some decades.
 */
static inline u64 lapic_deadline_ns(u64 deadline, u64 tsc, u64 khz)
{
	u64 delta = deadline - tsc;

	if (deadline <= tsc)
		return 0;
	/* Neither the division nor a clock in ns may overflow. */
	delta = min_t(u64, delta, khz << 40);
	return mul_u64_u64_div_u64(delta, 1000000, khz);
}

#endif /* _VMM_CORE_LAPIC_LOGIC_H */
