// SPDX-License-Identifier: GPL-2.0
/*
 * sched_credit as the interface drives it: its real ops under the real
 * dispatch, gate and swap, in a virtual room. What its policy computes is the
 * subject of credit_policy_test.c; here it is what guests get, and what the
 * interface does with entities that are queued and not picked.
 *
 * Needs sched_credit.ko, sched_bvt.ko and sched_rr.ko loaded.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>

#include "rnd.h"
#include "virtual_set.h"

#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC
#define PERIOD (30 * MS)

static struct virt_room *credit_room(struct kunit *test, u32 nr_pcpus, u32 nr_vcpus)
{
	struct virt_room *r = virt_create(test, nr_pcpus, nr_vcpus);

	KUNIT_ASSERT_EQ_MSG(test, virt_swap(r, "credit"), 0, "is sched_credit loaded?");
	return r;
}

static void set(struct virt_room *r, u32 i, u32 weight, u32 cap)
{
	struct vmm_group *g = r->vcpu[i].group;

	mutex_lock(&r->pool->mutex);
	g->weight = weight;
	g->cap = cap;
	vmm_group_params_changed(g);
	mutex_unlock(&r->pool->mutex);
}

/* Shares of the next @span, in 1/1000 of one pCPU, each within @tol of @want. */
static void expect_shares(struct kunit *test, struct virt_room *r, u64 span,
			  const u32 *want, u32 n, u32 tol)
{
	u64 start[16], got;
	u32 i;

	for (i = 0; i < n; i++)
		start[i] = virt_ran(r, i);
	virt_run(r, r->now + span);
	for (i = 0; i < n; i++) {
		got = div64_u64((virt_ran(r, i) - start[i]) * 1000, span);
		KUNIT_EXPECT_LE(test, got, want[i] + tol);
		KUNIT_EXPECT_GE(test, got + tol, want[i]);
	}
}

/* --- shares and caps ------------------------------------------------------------- */

static void ops_credit_shares(struct kunit *test)
{
	static const u32 two[] = { 333, 667 }, turned[] = { 667, 333 }, same[] = { 500, 500 };
	struct virt_room *r = credit_room(test, 1, 2);

	set(r, 1, 512, 0);
	hogs(r, 0, 2);
	virt_run(r, r->now + 300 * MS);
	expect_shares(test, r, 20000 * MS, two, 2, 10);
	/* Changed while they run. */
	set(r, 0, 512, 0);
	set(r, 1, 256, 0);
	virt_run(r, r->now + 300 * MS);
	expect_shares(test, r, 20000 * MS, turned, 2, 10);
	set(r, 1, 512, 0);
	virt_run(r, r->now + 300 * MS);
	expect_shares(test, r, 20000 * MS, same, 2, 10);
	virt_check(test, r);
	virt_destroy(r);
}

/* A change every 5 ms, from bvt and back, for 10 s: shares stay within 1 % of a pCPU. */
static void swaps_keep_shares(struct kunit *test, u32 nr_pcpus, u64 tslice)
{
	static const u32 weights[] = { 100, 200, 400 };
	struct virt_room *r = credit_room(test, nr_pcpus, 3);
	u64 start[3], got;
	u32 i;

	for (i = 0; i < 3; i++)
		set(r, i, weights[i], 0);
	for (i = 0; i < 3; i++)
		pin(test, r, i, 0);
	/* It is back with the parameters that it had. */
	set_sched(test, r, "tslice", tslice);
	hogs(r, 0, 3);
	virt_run(r, r->now + 1000 * MS);
	for (i = 0; i < 3; i++)
		start[i] = virt_ran(r, i);
	for (i = 0; i < 2000; i++) {
		KUNIT_ASSERT_EQ(test, virt_swap(r, i & 1 ? "credit" : "bvt"), 0);
		virt_run(r, r->now + 5 * MS);
	}
	for (i = 0; i < 3; i++) {
		got = div64_u64((virt_ran(r, i) - start[i]) * 10000, 10000 * MS);
		kunit_info(test, "weight %u had %llu of 10000", weights[i], got);
		KUNIT_EXPECT_LE(test, abs((s64)got - (s64)(weights[i] * 10000 / 700)),
				(s64)(weights[i] * 100 / 700));
	}
	virt_check(test, r);
	virt_destroy(r);
}

static void ops_credit_swaps_keep_shares(struct kunit *test)
{
	swaps_keep_shares(test, 1, 30 * MS);
}

/* Where bvt's lags are longer than a period. */
static void ops_credit_short_turns_keep_shares(struct kunit *test)
{
	swaps_keep_shares(test, 1, 5 * MS);
}

/* Beside a pCPU that nobody may use: it is nothing to share. */
static void ops_credit_swaps_beside_idle(struct kunit *test)
{
	swaps_keep_shares(test, 2, 5 * MS);
}

static void ops_credit_cap(struct kunit *test)
{
	static const u32 capped[] = { 250, 750 }, both[] = { 250, 100 }, none[] = { 500, 500 };
	struct virt_room *r = credit_room(test, 1, 2);

	set(r, 0, 256, 25);
	hogs(r, 0, 2);
	virt_run(r, r->now + 300 * MS);
	expect_shares(test, r, 30000 * MS, capped, 2, 10);
	/* The pCPU is idle for most of the time now, with both of them queued. */
	set(r, 1, 256, 10);
	virt_run(r, r->now + 300 * MS);
	expect_shares(test, r, 60000 * MS, both, 2, 10);
	virt_check(test, r);
	/* Off again: at once, whoever is parked. */
	set(r, 0, 256, 0);
	set(r, 1, 256, 0);
	virt_run(r, r->now + 300 * MS);
	expect_shares(test, r, 20000 * MS, none, 2, 10);
	KUNIT_EXPECT_FALSE(test, r->pool->last_exit.valid);
	virt_destroy(r);
}

/* Parked, alone: its pCPU counts as idle, and runs whoever comes at once. */
static void ops_credit_parked_leaves_the_pcpu(struct kunit *test)
{
	struct virt_room *r = credit_room(test, 1, 2);
	struct vmm_entity *e = &r->vcpu[0].e;
	u32 i;

	set(r, 0, 256, 5);
	hogs(r, 0, 1);
	for (i = 0; i < 1000 && vmm_state(e) != VMM_GATE_QUEUED; i++)
		virt_run(r, r->now + MS);
	KUNIT_ASSERT_EQ(test, vmm_state(e), VMM_GATE_QUEUED);
	KUNIT_EXPECT_NULL(test, e->home->curr);
	KUNIT_EXPECT_TRUE(test, test_bit(0, r->pool->idle));
	virt_check(test, r);
	hogs(r, 1, 2);
	virt_settle(r);
	KUNIT_EXPECT_EQ(test, vmm_state(&r->vcpu[1].e), VMM_GATE_OWNER);
	KUNIT_EXPECT_EQ(test, vmm_state(e), VMM_GATE_QUEUED);
	/* And the cap's end lets it go without anybody asking. */
	r->vcpu[1].hog = false;
	vmm_gate_off(&r->vcpu[1].e);
	vmm_gate_exit(&r->vcpu[1].e, VMM_EXIT_LEAVE);
	virt_settle(r);
	KUNIT_EXPECT_EQ(test, vmm_state(e), VMM_GATE_QUEUED);
	set(r, 0, 256, 0);
	virt_settle(r);
	KUNIT_EXPECT_EQ(test, vmm_state(e), VMM_GATE_OWNER);
	virt_check(test, r);
	virt_destroy(r);
}

/* The owner of a loan, and one that halts, park as well. */
static void ops_credit_parks_a_lender(struct kunit *test)
{
	struct virt_room *r = credit_room(test, 1, 1);
	struct vmm_entity *e = &r->vcpu[0].e;
	u64 ran;

	set(r, 0, 256, 10);
	hogs(r, 0, 1);
	virt_settle(r);
	KUNIT_ASSERT_EQ(test, vmm_state(e), VMM_GATE_OWNER);
	vmm_gate_off(e);
	vmm_gate_exit(e, VMM_EXIT_LOAN);
	KUNIT_ASSERT_EQ(test, vmm_state(e), VMM_GATE_LOANED);
	r->vcpu[0].absent = true;
	virt_run(r, r->now + 100 * MS);
	KUNIT_EXPECT_NE(test, vmm_state(e), VMM_GATE_LOANED);
	r->vcpu[0].absent = false;
	ran = virt_ran(r, 0);
	virt_run(r, r->now + 20000 * MS);
	KUNIT_EXPECT_LE(test, virt_ran(r, 0) - ran, 2040 * MS);
	KUNIT_EXPECT_GE(test, virt_ran(r, 0) - ran, 1900 * MS);
	virt_destroy(r);
}

/* --- waking up ---------------------------------------------------------------------- */

/* vCPU 0 sleeps for @sleep_for at a time: the longest that it waited in @span. */
static u64 worst_wake(struct virt_room *r, u64 sleep_for, u64 span)
{
	struct vmm_entity *e = &r->vcpu[0].e;
	u64 end = r->now + span, worst = 0, waited;

	r->vcpu[0].run_for = 500 * US;
	r->vcpu[0].sleep_for = sleep_for;
	hogs(r, 1, r->nr_vcpus);
	virt_run(r, r->now + 500 * MS);
	while (r->now < end) {
		waited = e->stats.wait_ns;
		virt_run(r, r->now + sleep_for + 500 * US);
		worst = max(worst, e->stats.wait_ns - waited);
	}
	return worst;
}

static void ops_credit_boost(struct kunit *test)
{
	struct virt_room *r = credit_room(test, 1, 5);

	KUNIT_EXPECT_LE(test, worst_wake(r, 56 * MS, 5000 * MS), 1 * MS);
	KUNIT_EXPECT_GT(test, r->vcpu[0].e.stats.wakes, 80);
	/* With a long rate limit it waits for that, and for no more. */
	set_sched(test, r, "ratelimit", 8 * MS);
	KUNIT_EXPECT_LE(test, worst_wake(r, 56 * MS, 5000 * MS), 8 * MS + 50 * US);
	/* Whom it finds has run for some 2 ms of his second turn. */
	KUNIT_EXPECT_GT(test, worst_wake(r, 32 * MS, 5000 * MS), 4 * MS);
	KUNIT_EXPECT_LE(test, worst_wake(r, 32 * MS, 5000 * MS), 8 * MS + 50 * US);
	set_sched(test, r, "ratelimit", 0);
	KUNIT_EXPECT_EQ(test, worst_wake(r, 32 * MS, 5000 * MS), 0);
	virt_destroy(r);
}

/* --- several pCPUs -------------------------------------------------------------------- */

static void ops_credit_shares_on_two(struct kunit *test)
{
	static const u32 same[] = { 667, 667, 667 }, heavy[] = { 500, 500, 1000 };
	struct virt_room *r = credit_room(test, 2, 3);

	hogs(r, 0, 3);
	virt_run(r, r->now + 2000 * MS);
	expect_shares(test, r, 30000 * MS, same, 3, 14);
	set(r, 2, 512, 0);
	virt_run(r, r->now + 2000 * MS);
	expect_shares(test, r, 30000 * MS, heavy, 3, 10);
	virt_check(test, r);
	virt_destroy(r);
}

static void ops_credit_pinned_keep_their_weights(struct kunit *test)
{
	static const u32 want[] = { 143, 286, 571, 1000 };
	struct virt_room *r = credit_room(test, 2, 4);
	u32 i;

	for (i = 0; i < 4; i++) {
		pin(test, r, i, i == 3);
		set(r, i, 100 << i, 0);
	}
	hogs(r, 0, 4);
	virt_run(r, r->now + 3000 * MS);
	expect_shares(test, r, 30000 * MS, want, 4, 10);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_LE(test, r->vcpu[i].e.stats.migrations, 1);
	virt_destroy(r);
}

/* ... and caps, in a pool that has more to give than their pCPU. */
static void ops_credit_pinned_keep_their_caps(struct kunit *test)
{
	static const u32 want[] = { 267, 533, 200 };
	struct virt_room *r = credit_room(test, 2, 3);
	u32 i;

	for (i = 0; i < 3; i++)
		pin(test, r, i, 0);
	set(r, 0, 100, 0);
	set(r, 1, 200, 0);
	set(r, 2, 256, 20);
	hogs(r, 0, 3);
	virt_run(r, r->now + 3000 * MS);
	expect_shares(test, r, 30000 * MS, want, 3, 10);
	virt_destroy(r);
}

/* Who has to make way for one that woke goes to a pCPU that is idle. */
static void ops_credit_preempted_goes_where_it_is_idle(struct kunit *test)
{
	struct virt_room *r = credit_room(test, 2, 2);
	u64 ran;

	pin(test, r, 0, 0);
	r->vcpu[0].run_for = 15 * MS;
	r->vcpu[0].sleep_for = 40 * MS;
	virt_run(r, r->now + 500 * MS);
	vmm_gate_claim(&r->vcpu[1].e, NULL);
	hogs(r, 1, 2);
	ran = virt_ran(r, 1);
	virt_run(r, r->now + 2000 * MS);
	KUNIT_EXPECT_GE(test, virt_ran(r, 1) - ran, 1990 * MS);
	virt_destroy(r);
}

static void ops_credit_64_pcpus(struct kunit *test)
{
	struct virt_room *r = credit_room(test, 64, 260);
	struct rnd rnd = { 9 };
	u64 since, ran = 0, total = 0;
	u32 i;

	hogs(r, 0, 200);
	for (i = 200; i < 260; i++) {
		r->vcpu[i].run_for = rnd_range(&rnd, 100 * US, 4 * MS);
		r->vcpu[i].sleep_for = rnd_range(&rnd, 1 * MS, 30 * MS);
	}
	virt_run(r, r->now + 20 * MS);
	since = r->now;
	for (i = 0; i < 260; i++)
		ran += virt_ran(r, i);
	for (i = 0; i < 9; i++) {
		virt_run(r, r->now + 15 * MS);
		virt_check(test, r);
	}
	for (i = 0; i < 260; i++) {
		total += virt_ran(r, i);
		KUNIT_EXPECT_GT(test, virt_ran(r, i), 0);
	}
	KUNIT_EXPECT_EQ(test, total - ran, (r->now - since) * 64);
	virt_destroy(r);
}

/* Half of the pCPUs go and come back: everybody goes on, shares follow. */
static void ops_credit_hotplug(struct kunit *test)
{
	static const u32 one[] = { 333, 333, 333 }, two[] = { 667, 667, 667 };
	struct virt_room *r = credit_room(test, 2, 3);

	hogs(r, 0, 3);
	virt_run(r, r->now + 1000 * MS);
	virt_online(r, 1, false);
	virt_run(r, r->now + 1000 * MS);
	virt_check(test, r);
	expect_shares(test, r, 10000 * MS, one, 3, 10);
	virt_online(r, 1, true);
	virt_run(r, r->now + 2000 * MS);
	expect_shares(test, r, 30000 * MS, two, 3, 14);
	virt_check(test, r);
	virt_destroy(r);
}

/* --- swaps ------------------------------------------------------------------------------ */

/* Weight and cap stay; a parked one is not forgotten by who comes after. */
static void ops_credit_swaps(struct kunit *test)
{
	static const char * const names[] = {
		"rr", "credit", "bvt", "credit", "default", "credit"
	};
	static const u32 want[] = { 200, 267, 533 };
	struct virt_room *r = virt_create(test, 1, 3);
	u32 i, k;

	set(r, 0, 256, 20);
	set(r, 1, 256, 0);
	set(r, 2, 512, 0);
	hogs(r, 0, 3);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		KUNIT_ASSERT_EQ(test, virt_swap(r, names[i]), 0);
		virt_run(r, r->now + 1000 * MS);
		virt_check(test, r);
		if (!strcmp(names[i], "credit"))
			expect_shares(test, r, 20000 * MS, want, 3, 10);
	}
	/* Many, at any moment: nobody is lost. */
	for (i = 0; i < 60; i++) {
		u64 ran[3];

		for (k = 0; k < 3; k++)
			ran[k] = virt_ran(r, k);
		KUNIT_ASSERT_EQ(test, virt_swap(r, names[i % 4]), 0);
		virt_run(r, r->now + 7 * MS + i * 1100 * US);
		virt_check(test, r);
		if (i % 4 != 1 && i % 4 != 3)
			virt_run(r, r->now + 60 * MS);
		for (k = 0; k < 3 && i % 4 == 0; k++)
			KUNIT_EXPECT_GT(test, virt_ran(r, k), ran[k]);
	}
	KUNIT_EXPECT_EQ(test, r->vcpu[0].group->cap, 20);
	KUNIT_EXPECT_EQ(test, r->vcpu[2].group->weight, 512);
	KUNIT_EXPECT_FALSE(test, r->pool->last_exit.valid);
	virt_destroy(r);
}

/* --- what the interface says of itself ----------------------------------------------------- */

static u64 no_time(const struct vmm_pool *pool)
{
	return 0;
}

static void ops_topology(struct kunit *test)
{
	static const u32 llc[] = { 0, 0, 1, 1, 2 }, node[] = { 0, 0, 0, 0, 1 };
	struct virt_room room = { .host.now = no_time };
	struct vmm_pool *pool = vmm_pool_create(5, llc, &room.host);
	u32 i, k;

	KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
	KUNIT_ASSERT_EQ(test, vmm_pool_set_nodes(pool, node), 0);
	for (i = 0; i < 5; i++) {
		const unsigned long *l = vmm_pcpu_near(&pool->pcpus[i], VMM_NEAR_LLC);
		const unsigned long *n = vmm_pcpu_near(&pool->pcpus[i], VMM_NEAR_NODE);

		for (k = 0; k < 5; k++) {
			KUNIT_EXPECT_EQ(test, test_bit(k, l), llc[i] == llc[k]);
			KUNIT_EXPECT_EQ(test, test_bit(k, n), node[i] == node[k]);
		}
	}
	vmm_pool_destroy(pool);
}

static struct kunit_case credit_ops_cases[] = {
	KUNIT_CASE(ops_credit_shares),
	KUNIT_CASE(ops_credit_swaps_keep_shares),
	KUNIT_CASE(ops_credit_short_turns_keep_shares),
	KUNIT_CASE(ops_credit_swaps_beside_idle),
	KUNIT_CASE(ops_credit_cap),
	KUNIT_CASE(ops_credit_parked_leaves_the_pcpu),
	KUNIT_CASE(ops_credit_parks_a_lender),
	KUNIT_CASE(ops_credit_boost),
	KUNIT_CASE(ops_credit_shares_on_two),
	KUNIT_CASE(ops_credit_pinned_keep_their_weights),
	KUNIT_CASE(ops_credit_pinned_keep_their_caps),
	KUNIT_CASE(ops_credit_preempted_goes_where_it_is_idle),
	KUNIT_CASE(ops_credit_64_pcpus),
	KUNIT_CASE(ops_credit_hotplug),
	KUNIT_CASE(ops_credit_swaps),
	KUNIT_CASE(ops_topology),
	{}
};

static struct kunit_suite credit_ops_suite = {
	.name = "vmm_credit_ops",
	.test_cases = credit_ops_cases,
};

kunit_test_suite(credit_ops_suite);
