// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic of the local APIC: against the numbers of the manual, and against
 * oracles that are too simple to be wrong.
 *
 * The functions under test are inline and know no vCPU: neither vmm_core.ko nor
 * VMX is needed.
 *
 * Locking: none.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rnd.h"
/* The code under test itself. */
#include "../../vmm_core/irq/lapic_logic.h"

/* --- registers and bitmaps ------------------------------------------------------ */

static void lapic_vectors_lie_where_the_manual_says(struct kunit *test)
{
	u8 *regs = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	unsigned int v;

	KUNIT_ASSERT_NOT_NULL(test, regs);
	KUNIT_EXPECT_EQ(test, lapic_highest(regs, APIC_IRR), -1);
	for (v = 0; v < 256; v++) {
		memset(regs, 0, PAGE_SIZE);
		KUNIT_ASSERT_FALSE(test, lapic_test_and_set_vec(regs, APIC_IRR, v));
		KUNIT_ASSERT_TRUE(test, lapic_test_and_set_vec(regs, APIC_IRR, v));
		/* bit v % 32 of the word v / 32, the words 16 bytes apart */
		KUNIT_ASSERT_EQ(test, lapic_reg(regs, 0x200 + v / 32 * 16), 1u << v % 32);
		KUNIT_ASSERT_EQ(test, lapic_highest(regs, APIC_IRR), (int)v);
		KUNIT_ASSERT_EQ(test, lapic_highest(regs, APIC_ISR), -1);
		KUNIT_ASSERT_TRUE(test, lapic_test_vec(regs, APIC_IRR, v));
		lapic_clear_vec(regs, APIC_IRR, v);
		KUNIT_ASSERT_NULL(test, memchr_inv(regs, 0, PAGE_SIZE));
	}
}

static void lapic_highest_is_the_highest(struct kunit *test)
{
	u8 *regs = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct rnd r = { 11 };
	int i, j, want;

	KUNIT_ASSERT_NOT_NULL(test, regs);
	for (i = 0; i < 200; i++) {
		memset(regs, 0, PAGE_SIZE);
		want = -1;
		for (j = rnd_u64(&r) % 9; j > 0; j--) {
			int v = rnd_u64(&r) % 256;

			lapic_set_vec(regs, APIC_ISR, v);
			want = max(want, v);
		}
		/* what lies between the words does not count */
		lapic_set_reg(regs, APIC_ISR + 0x74, ~0u);
		KUNIT_ASSERT_EQ(test, lapic_highest(regs, APIC_ISR), want);
	}
}

/* --- priorities ------------------------------------------------------------------ */

static void lapic_ppr_is_the_higher_class(struct kunit *test)
{
	int tpr, isrv;

	for (tpr = 0; tpr < 256; tpr++) {
		for (isrv = -1; isrv < 256; isrv++) {
			int cls = isrv < 0 ? 0 : isrv / 16;
			/* of equal classes the TPR's subclass shows */
			int want = tpr / 16 >= cls ? tpr : cls * 16;

			KUNIT_ASSERT_EQ(test, (int)lapic_ppr(tpr, isrv), want);
		}
	}
}

static void lapic_only_a_higher_class_gets_through(struct kunit *test)
{
	int v, ppr;

	for (v = 0; v < 256; v++)
		for (ppr = 0; ppr < 256; ppr++)
			KUNIT_ASSERT_EQ(test, lapic_above(v, ppr), v / 16 > ppr / 16);
	KUNIT_EXPECT_FALSE(test, lapic_above(-1, 0));
}

static void lapic_arbitration_finds_the_lowest(struct kunit *test)
{
	struct rnd r = { 3 };
	int i, j, n;
	u8 prio[16];

	for (i = 0; i < 500; i++) {
		struct lapic_arb arb = { };
		unsigned int ties = 0, best = 256, v, hits[16] = { };

		n = 1 + rnd_u64(&r) % 16;
		for (j = 0; j < n; j++) {
			prio[j] = rnd_u64(&r) & 0x3f;
			lapic_arb_see(&arb, prio[j]);
			best = min_t(unsigned int, best, prio[j] & 0xf0);
		}
		for (j = 0; j < n; j++)
			ties += (prio[j] & 0xf0) == best;
		KUNIT_ASSERT_EQ(test, (unsigned int)arb.best, best);
		KUNIT_ASSERT_EQ(test, arb.ties, ties);
		/* all of the equals get their share of the vectors, and nobody else */
		for (v = 0; v < 256; v++) {
			KUNIT_ASSERT_LT(test, lapic_arb_index(&arb, v), ties);
			hits[lapic_arb_index(&arb, v)]++;
		}
		for (v = 0; v < ties; v++)
			KUNIT_ASSERT_GE(test, hits[v], 256 / ties);
	}
}

/* --- addresses ------------------------------------------------------------------- */

#define XAPIC(_id, _ldr, _dfr)	\
	{ .id = (_id), .x2id = (_id), .ldr = (u32)(_ldr) << 24, .dfr = (_dfr) }
#define FLAT	0xffffffffu
#define CLUSTER	0x0fffffffu

static void lapic_physical_addresses(struct kunit *test)
{
	struct lapic_addr x = XAPIC(5, 0, FLAT);
	struct lapic_addr x2 = { .id = 300, .x2id = 300, .ldr = lapic_x2ldr(300), .x2apic = true };
	struct lapic_addr big = { .id = 300 & 0xff, .x2id = 300, .dfr = FLAT };

	KUNIT_EXPECT_TRUE(test, lapic_match(&x, 5, false, false));
	KUNIT_EXPECT_FALSE(test, lapic_match(&x, 4, false, false));
	KUNIT_EXPECT_TRUE(test, lapic_match(&x, 0xff, false, false));
	KUNIT_EXPECT_TRUE(test, lapic_match(&x, 0xff, false, true));
	KUNIT_EXPECT_FALSE(test, lapic_match(&x, 0x105, false, true));

	KUNIT_EXPECT_TRUE(test, lapic_match(&x2, 300, false, true));
	KUNIT_EXPECT_FALSE(test, lapic_match(&x2, 300 & 0xff, false, true));
	KUNIT_EXPECT_TRUE(test, lapic_match(&x2, 0xffffffff, false, true));
	/* 0xff is everybody to a message of the board's, and an id to an IPI */
	KUNIT_EXPECT_TRUE(test, lapic_match(&x2, 0xff, false, false));
	KUNIT_EXPECT_FALSE(test, lapic_match(&x2, 0xff, false, true));

	/* an xAPIC with a number beyond its id answers to both */
	KUNIT_EXPECT_TRUE(test, lapic_match(&big, 300, false, true));
	KUNIT_EXPECT_TRUE(test, lapic_match(&big, 44, false, true));
}

static void lapic_logical_addresses(struct kunit *test)
{
	struct lapic_addr flat = XAPIC(0, 0x04, FLAT), cluster = XAPIC(0, 0x32, CLUSTER);
	struct lapic_addr odd = XAPIC(0, 0xff, 0x1fffffffu);
	unsigned int d;

	for (d = 0; d < 0xff; d++) {
		KUNIT_ASSERT_EQ(test, lapic_match(&flat, d, true, true), !!(d & 4));
		KUNIT_ASSERT_EQ(test, lapic_match(&cluster, d, true, true),
				d / 16 == 3 && (d & 2));
		KUNIT_ASSERT_FALSE(test, lapic_match(&odd, d, true, true));
	}
	KUNIT_EXPECT_TRUE(test, lapic_match(&flat, 0xff, true, true));
	KUNIT_EXPECT_FALSE(test, lapic_match(&flat, 0x104, true, true));
}

static void lapic_x2apic_logical_addresses(struct kunit *test)
{
	u32 ids[] = { 0, 1, 15, 16, 17, 255, 256, 4095 }, i, j;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		struct lapic_addr a = {
			.id = ids[i], .x2id = ids[i], .ldr = lapic_x2ldr(ids[i]), .x2apic = true,
		};

		KUNIT_EXPECT_EQ(test, a.ldr >> 16, ids[i] / 16);
		KUNIT_EXPECT_EQ(test, a.ldr & 0xffff, 1u << ids[i] % 16);
		for (j = 0; j < ARRAY_SIZE(ids); j++)
			KUNIT_EXPECT_EQ(test, lapic_match(&a, lapic_x2ldr(ids[j]), true, true),
					i == j);
		KUNIT_EXPECT_TRUE(test, lapic_match(&a, ids[i] / 16 << 16 | 0xffff, true, true));
		KUNIT_EXPECT_FALSE(test, lapic_match(&a, ids[i] / 16 << 16, true, true));
	}
}

/* --- timer ----------------------------------------------------------------------- */

static void lapic_divisors_of_the_manual(struct kunit *test)
{
	static const struct {
		u32 tdcr, divisor;
	} rows[] = {
		{ 0x0, 2 }, { 0x1, 4 }, { 0x2, 8 }, { 0x3, 16 },
		{ 0x8, 32 }, { 0x9, 64 }, { 0xa, 128 }, { 0xb, 1 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		KUNIT_EXPECT_EQ(test, lapic_divisor(rows[i].tdcr), rows[i].divisor);
		KUNIT_EXPECT_EQ(test, lapic_count_ns(1000, rows[i].tdcr), 1000ull * rows[i].divisor);
	}
	KUNIT_EXPECT_EQ(test, lapic_count_ns(~0u, 0xa), 0xffffffffull * 128);
}

static void lapic_count_runs_down(struct kunit *test)
{
	u64 period = lapic_count_ns(1000, 0x3);	/* 16 ns a count */

	KUNIT_EXPECT_EQ(test, lapic_current_count(50000 + period, 50000, period, 0x3), 1000u);
	KUNIT_EXPECT_EQ(test, lapic_current_count(50000 + period, 50016, period, 0x3), 999u);
	KUNIT_EXPECT_EQ(test, lapic_current_count(50000 + period, 50017, period, 0x3), 998u);
	KUNIT_EXPECT_EQ(test, lapic_current_count(50000, 49985, period, 0x3), 0u);
	KUNIT_EXPECT_EQ(test, lapic_current_count(50000, 50000, period, 0x3), 0u);
	KUNIT_EXPECT_EQ(test, lapic_current_count(50000, 90000, period, 0x3), 0u);
	KUNIT_EXPECT_EQ(test, lapic_current_count(50000, 0, 0, 0x3), 0u);
	/* the largest there is */
	period = lapic_count_ns(~0u, 0xa);
	KUNIT_EXPECT_EQ(test, lapic_current_count(period, 0, period, 0xa), ~0u);
}

static void lapic_deadlines(struct kunit *test)
{
	const u64 khz = 2400000;	/* 2.4 GHz */

	KUNIT_EXPECT_EQ(test, lapic_deadline_ns(2400, 0, khz), 1000ull);
	KUNIT_EXPECT_EQ(test, lapic_deadline_ns(1000000 + 2400, 1000000, khz), 1000ull);
	KUNIT_EXPECT_EQ(test, lapic_deadline_ns(5, 5, khz), 0ull);
	KUNIT_EXPECT_EQ(test, lapic_deadline_ns(4, 5, khz), 0ull);
	KUNIT_EXPECT_EQ(test, lapic_deadline_ns(0, ~0ull, khz), 0ull);
	/* an hour, to the ns */
	KUNIT_EXPECT_EQ(test, lapic_deadline_ns(3600ull * khz * 1000, 0, khz), 3600000000000ull);
	/* for ever: some decades, whatever the rate, and no division that overflows */
	KUNIT_EXPECT_GT(test, lapic_deadline_ns(~0ull, 0, khz), 30ull * 365 * 86400 * 1000000000);
	KUNIT_EXPECT_LT(test, lapic_deadline_ns(~0ull, 0, khz), (u64)S64_MAX / 2);
	KUNIT_EXPECT_LT(test, lapic_deadline_ns(~0ull, 0, 100000), (u64)S64_MAX / 2);
	KUNIT_EXPECT_LT(test, lapic_deadline_ns(~0ull, 0, 10000000), (u64)S64_MAX / 2);
	KUNIT_EXPECT_GT(test, lapic_deadline_ns(~0ull, 0, 1), 30ull * 365 * 86400 * 1000000000);
}

static struct kunit_case lapic_cases[] = {
	KUNIT_CASE(lapic_vectors_lie_where_the_manual_says),
	KUNIT_CASE(lapic_highest_is_the_highest),
	KUNIT_CASE(lapic_ppr_is_the_higher_class),
	KUNIT_CASE(lapic_only_a_higher_class_gets_through),
	KUNIT_CASE(lapic_arbitration_finds_the_lowest),
	KUNIT_CASE(lapic_physical_addresses),
	KUNIT_CASE(lapic_logical_addresses),
	KUNIT_CASE(lapic_x2apic_logical_addresses),
	KUNIT_CASE(lapic_divisors_of_the_manual),
	KUNIT_CASE(lapic_count_runs_down),
	KUNIT_CASE(lapic_deadlines),
	{ }
};

static struct kunit_suite lapic_suite = {
	.name = "vmm_lapic",
	.test_cases = lapic_cases,
};

kunit_test_suite(lapic_suite);
