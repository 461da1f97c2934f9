// SPDX-License-Identifier: GPL-2.0
/*
 * sched_rr and sched_bvt as the interface drives them: their real ops under the
 * real dispatch, gate and swap, in a virtual room. What their policies compute
 * is the subject of rr_test.c and bvt_*_test.c; here it is what guests get.
 *
 * Needs sched_rr.ko and sched_bvt.ko loaded; modprobe sees to that.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>

#include "rnd.h"
#include "virtual_set.h"

#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC
#define C_NS (5 * MS)		/* default of sched_bvt's ctx_allow */
#define SLOP VMM_SLICE_MIN_NS	/* by which a slice may be longer than asked for */

static struct virt_room *room_under(struct kunit *test, const char *sched,
				    u32 nr_pcpus, u32 nr_vcpus)
{
	struct virt_room *r = virt_create(test, nr_pcpus, nr_vcpus);

	KUNIT_ASSERT_EQ_MSG(test, virt_swap(r, sched), 0,
			    "is sched_%s loaded?", sched);
	return r;
}

static void changed(struct virt_room *r, u32 i)
{
	mutex_lock(&r->pool->mutex);
	vmm_group_params_changed(r->vcpu[i].group);
	mutex_unlock(&r->pool->mutex);
}

static void set_weight(struct virt_room *r, u32 i, u32 weight)
{
	r->vcpu[i].group->weight = weight;
	changed(r, i);
}

static void set_group(struct kunit *test, struct virt_room *r, u32 i,
		      const char *name, u64 val)
{
	const char *why;

	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_param(r->vcpu[i].group, name, val, &why), 0);
	mutex_unlock(&r->pool->mutex);
	changed(r, i);
}

/* --- shares -------------------------------------------------------------------- */

/* Each S_i - phi_i T since @start is within the bound of BVT. */
static void expect_bvt_shares(struct kunit *test, struct virt_room *r, const u64 *start,
			      u32 n)
{
	s64 total = 0, load = 0, got, err;
	u32 i;

	for (i = 0; i < n; i++) {
		total += virt_ran(r, i) - start[i];
		load += r->vcpu[i].group->weight;
	}
	for (i = 0; i < n; i++) {
		u32 w = r->vcpu[i].group->weight;

		got = virt_ran(r, i) - start[i];
		err = got * load - total * w;
		KUNIT_EXPECT_LE(test, err, (s64)(C_NS + SLOP) * load);
		KUNIT_EXPECT_GE(test, err, -(s64)(C_NS + SLOP) * n * w);
	}
}

static void ops_bvt_shares_by_weight(struct kunit *test)
{
	static const u32 weight[] = { 1, 2, 4, 100, 1000, 256 };
	u64 zero[ARRAY_SIZE(weight)] = { };
	struct virt_room *r = room_under(test, "bvt", 1, ARRAY_SIZE(weight));
	u32 i;

	for (i = 0; i < ARRAY_SIZE(weight); i++)
		set_weight(r, i, weight[i]);
	hogs(r, 0, ARRAY_SIZE(weight));
	for (i = 1; i <= 60; i++) {
		virt_run(r, r->now + 1000 * MS);
		expect_bvt_shares(test, r, zero, ARRAY_SIZE(weight));
	}
	virt_check(test, r);
	virt_destroy(r);
}

/* What a thread needs from an offer to the guest counts, or short turns would pay off. */
static void ops_bvt_charges_the_way(struct kunit *test)
{
	struct virt_room *r = room_under(test, "bvt", 1, 3);
	s64 bound, had[3], total = 0, err;
	u32 i;

	r->come_ns = VMM_OFFER_NS / 2;
	bound = C_NS + SLOP + r->come_ns;
	for (i = 0; i < 3; i++)
		set_weight(r, i, 100 << i);
	hogs(r, 0, 3);
	virt_run(r, r->now + 40000 * MS);
	for (i = 0; i < 3; i++) {
		had[i] = virt_ran(r, i) + r->vcpu[i].e.stats.offers * r->come_ns;
		total += had[i];
	}
	for (i = 0; i < 3; i++) {
		err = 7 * had[i] - (total << i);
		KUNIT_EXPECT_LE(test, err, 7 * bound);
		KUNIT_EXPECT_GE(test, err, -3 * bound << i);
	}
	virt_check(test, r);
	virt_destroy(r);
}

static void ops_bvt_weight_changes_at_once(struct kunit *test)
{
	struct virt_room *r = room_under(test, "bvt", 1, 3);
	u64 start[3];
	u32 i;

	hogs(r, 0, 3);
	virt_run(r, r->now + 3000 * MS);
	set_weight(r, 1, 512);
	set_weight(r, 2, 1024);
	for (i = 0; i < 3; i++)
		start[i] = virt_ran(r, i);
	virt_run(r, r->now + 7000 * MS);
	/* The error at the start is at most what the bound allows: count it twice. */
	for (i = 0; i < 3; i++) {
		s64 err = virt_ran(r, i) - start[i] - (1000 * MS << i);

		KUNIT_EXPECT_LE(test, abs(err), 2 * 3 * (s64)(C_NS + SLOP));
	}
	virt_destroy(r);
}

static void ops_rr_shares_by_quantum(struct kunit *test)
{
	struct virt_room *r = room_under(test, "rr", 1, 3);
	u32 i;

	/* The third has no quantum of its own: the default, 10 ms. */
	r->vcpu[0].group->quantum_ns = 5 * MS;
	r->vcpu[1].group->quantum_ns = 20 * MS;
	hogs(r, 0, 3);
	virt_run(r, r->now + 3500 * MS);
	for (i = 0; i < 3; i++) {
		s64 q = r->vcpu[i].group->quantum_ns ?: 10 * MS;

		KUNIT_EXPECT_LE(test, abs((s64)virt_ran(r, i) - 100 * q), q);
	}
	/* Another default: 40 ms; again 100 rounds. */
	set_sched(test, r, "quantum", 40 * MS);
	virt_run(r, r->now + 6500 * MS);
	KUNIT_EXPECT_LE(test, abs((s64)virt_ran(r, 2) - 5000 * (s64)MS), 40 * (s64)MS);
	virt_check(test, r);
	virt_destroy(r);
}

/* --- waking up -------------------------------------------------------------------- */

/*
 * vCPU 0 runs for 1 ms and sleeps for 56, so that the virtual time of the others
 * has passed it when it wakes; they run always, in turns of 5 ms, so it comes in
 * the middle of one. The longest time it had to wait:
 */
static u64 worst_wake(struct virt_room *r, u64 span)
{
	struct vmm_entity *e = &r->vcpu[0].e;
	u64 end = r->now + span, worst = 0, waited, wait_ns;

	r->vcpu[0].run_for = 1 * MS;
	r->vcpu[0].sleep_for = 56 * MS;
	hogs(r, 1, r->nr_vcpus);
	virt_run(r, r->now + 100 * MS);
	while (r->now < end) {
		wait_ns = e->stats.wait_ns;
		/* One period at a time, or a little less: it wakes once in it. */
		virt_run(r, r->now + 57 * MS);
		waited = e->stats.wait_ns - wait_ns;
		worst = max(worst, waited);
	}
	return worst;
}

static void ops_bvt_wake_latency(struct kunit *test)
{
	struct virt_room *r = room_under(test, "bvt", 1, 5);

	/* Its claim is as good as anybody's: one dispatch. */
	KUNIT_EXPECT_EQ(test, worst_wake(r, 4000 * MS), 0);
	KUNIT_EXPECT_GT(test, r->vcpu[0].e.stats.wakes, 60);

	/* By the letter of the paper: the allowance of who runs, and no more. */
	set_sched(test, r, "wake_at_once", 0);
	virt_run(r, r->now + 100 * MS);
	KUNIT_EXPECT_GT(test, worst_wake(r, 4000 * MS), C_NS / 2);
	KUNIT_EXPECT_LE(test, worst_wake(r, 4000 * MS), 2 * C_NS + 2 * SLOP);

	/* A warp of more than C goes over the allowance. */
	set_group(test, r, 0, "warp", 20 * MS);
	virt_run(r, r->now + 100 * MS);
	KUNIT_EXPECT_EQ(test, worst_wake(r, 4000 * MS), 0);
	virt_check(test, r);
	virt_destroy(r);
}

static void ops_bvt_warp_limit_in_the_room(struct kunit *test)
{
	struct virt_room *r = room_under(test, "bvt", 1, 2);
	u64 before;

	set_group(test, r, 0, "warp", 400 * MS);
	set_group(test, r, 0, "warp_limit", 50 * MS);
	set_group(test, r, 0, "unwarp", 1000 * MS);
	hogs(r, 0, 2);
	/* Without the limit it would keep the pCPU for 400 ms. */
	virt_run(r, r->now + 200 * MS);
	KUNIT_EXPECT_LE(test, virt_ran(r, 0), 50 * MS + 100 * MS + C_NS + SLOP);
	before = virt_ran(r, 1);
	KUNIT_EXPECT_GE(test, before, 90 * MS);
	/* In the long run it has half, and what it may borrow. */
	virt_run(r, r->now + 20000 * MS);
	KUNIT_EXPECT_LE(test, virt_ran(r, 0), 10100 * MS + 400 * MS);
	KUNIT_EXPECT_GE(test, virt_ran(r, 0), 10000 * MS);
	virt_destroy(r);
}

/* Somebody comes while the first one has been offered the pCPU but is not there yet. */
static void ops_second_comes_during_the_offer(struct kunit *test)
{
	static const char * const names[] = { "rr", "bvt" };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct virt_room *r = room_under(test, names[i], 1, 2);

		vmm_gate_claim(&r->vcpu[0].e, NULL);
		vmm_gate_claim(&r->vcpu[1].e, NULL);
		hogs(r, 0, 2);
		virt_run(r, r->now + 40 * MS);
		KUNIT_EXPECT_GE(test, virt_ran(r, 0), 5 * MS);
		KUNIT_EXPECT_GE(test, virt_ran(r, 1), 5 * MS);
		virt_destroy(r);
	}
}

/*
 * The pCPU has been offered for a slice of seconds when somebody wakes whose
 * claim is better: the slice must not stay what it was.
 */
static void ops_bvt_wake_during_the_offer(struct kunit *test)
{
	struct virt_room *r = room_under(test, "bvt", 1, 3);
	u32 i;

	set_weight(r, 0, 65535);
	set_weight(r, 1, 1);
	hogs(r, 0, 2);
	for (i = 0; i < 1000 && !r->vcpu[1].e.home->nr_queued; i++)
		virt_run(r, r->now + 100 * US);
	for (i = 0; i < 1000 && vmm_state(&r->vcpu[1].e) != VMM_GATE_OWNER; i++)
		virt_run(r, r->now + 100 * US);
	r->vcpu[0].absent = true;
	for (i = 0; i < 1000 && vmm_state(&r->vcpu[0].e) != VMM_GATE_OFFERED; i++)
		virt_run(r, r->now + 100 * US);
	KUNIT_ASSERT_EQ(test, vmm_state(&r->vcpu[0].e), VMM_GATE_OFFERED);
	KUNIT_ASSERT_EQ(test, r->vcpu[0].e.slice_ns, VMM_SLICE_MAX_NS);

	vmm_gate_claim(&r->vcpu[2].e, NULL);
	r->vcpu[0].absent = false;
	virt_run(r, r->now + C_NS + SLOP);
	KUNIT_EXPECT_GT(test, virt_ran(r, 2), 0);
	virt_check(test, r);
	virt_destroy(r);
}

/* Who was alone for long is not paid back for it, and the other not made to wait. */
static void ops_alone_then_not(struct kunit *test)
{
	static const char * const names[] = { "rr", "bvt" };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct virt_room *r = room_under(test, names[i], 1, 2);
		u64 a;

		hogs(r, 0, 1);
		virt_run(r, r->now + 5000 * MS);
		hogs(r, 1, 2);
		a = virt_ran(r, 0);
		KUNIT_EXPECT_EQ(test, a, 5000 * MS);
		virt_run(r, r->now + 1000 * MS);
		KUNIT_EXPECT_LE(test, abs((s64)(virt_ran(r, 0) - a) - 500 * (s64)MS),
				10 * (s64)MS);
		virt_destroy(r);
	}
}

/* --- several pCPUs ------------------------------------------------------------------ */

static void expect_all_busy(struct kunit *test, struct virt_room *r, u64 since, u64 ran)
{
	u64 total = 0;
	u32 i;

	for (i = 0; i < r->nr_vcpus; i++)
		total += virt_ran(r, i);
	KUNIT_EXPECT_EQ(test, total - ran, (r->now - since) * r->nr_pcpus);
}

static u64 all_ran(struct virt_room *r)
{
	u64 total = 0;
	u32 i;

	for (i = 0; i < r->nr_vcpus; i++)
		total += virt_ran(r, i);
	return total;
}

/* Two of them block for good: the pCPU that ran them takes others, but none that is pinned. */
static void steals(struct kunit *test, const char *sched)
{
	struct virt_room *r = room_under(test, sched, 2, 6);
	u64 since, ran;
	u32 i;

	/* 0..2 and 3 on pCPU 0 for now, 4 and 5 on pCPU 1; 0 and 1 stay pinned. */
	for (i = 0; i < 6; i++)
		pin(test, r, i, i >= 4);
	hogs(r, 0, 6);
	virt_run(r, r->now + 200 * MS);
	KUNIT_EXPECT_EQ(test, all_ran(r), 400 * MS);
	for (i = 2; i < 4; i++) {
		mutex_lock(&r->pool->mutex);
		KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[i].group, NULL), 0);
		mutex_unlock(&r->pool->mutex);
	}
	/* 4 and 5 block when they are owners next. */
	for (i = 4; i < 6; i++) {
		r->vcpu[i].hog = false;
		r->vcpu[i].run_for = 1;
		r->vcpu[i].sleep_for = 3600ULL * NSEC_PER_SEC;
	}
	virt_run(r, r->now + 100 * MS);
	since = r->now;
	ran = all_ran(r);
	for (i = 0; i < 50; i++) {
		virt_run(r, r->now + 37 * MS);
		virt_check(test, r);
	}
	expect_all_busy(test, r, since, ran);
	KUNIT_EXPECT_EQ(test, r->vcpu[0].e.stats.migrations, 0);
	KUNIT_EXPECT_EQ(test, r->vcpu[1].e.stats.migrations, 0);
	KUNIT_EXPECT_GT(test, r->vcpu[2].e.stats.migrations +
			      r->vcpu[3].e.stats.migrations, 0);
	virt_destroy(r);
}

static void ops_rr_steals(struct kunit *test)
{
	steals(test, "rr");
}

static void ops_bvt_steals(struct kunit *test)
{
	steals(test, "bvt");
}

/* Sleepers, hogs and 64 pCPUs: nobody is lost, nobody waits beside an idle pCPU. */
static void crowd(struct kunit *test, const char *sched)
{
	struct virt_room *r = room_under(test, sched, 64, 260);
	struct rnd rnd = { 9 };
	u64 since, ran;
	u32 i;

	hogs(r, 0, 200);
	for (i = 200; i < 260; i++) {
		r->vcpu[i].run_for = rnd_range(&rnd, 100 * US, 4 * MS);
		r->vcpu[i].sleep_for = rnd_range(&rnd, 1 * MS, 30 * MS);
	}
	virt_run(r, r->now + 20 * MS);
	since = r->now;
	ran = all_ran(r);
	for (i = 0; i < 5; i++) {
		virt_run(r, r->now + 15 * MS);
		virt_check(test, r);
	}
	expect_all_busy(test, r, since, ran);
	for (i = 0; i < 260; i++)
		KUNIT_EXPECT_GT(test, virt_ran(r, i), 0);
	virt_destroy(r);
}

static void ops_rr_64_pcpus(struct kunit *test)
{
	crowd(test, "rr");
}

static void ops_bvt_64_pcpus(struct kunit *test)
{
	crowd(test, "bvt");
}

/* --- swaps ----------------------------------------------------------------------------- */

/* From one to the other and back, all the while: nobody lost, nobody favoured. */
static void ops_swaps_under_load(struct kunit *test)
{
	static const char * const names[] = { "rr", "bvt", "default" };
	struct virt_room *r = virt_create(test, 2, 12);
	struct rnd rnd = { 3 };
	u64 since = r->now;
	u32 i, k;

	/* 8 hogs, 4 on each pCPU; 4 that come and go. */
	for (i = 0; i < 12; i++)
		pin(test, r, i, i % 2);
	hogs(r, 0, 8);
	for (i = 8; i < 12; i++) {
		r->vcpu[i].run_for = 300 * US;
		r->vcpu[i].sleep_for = 10 * MS;
	}
	for (k = 0; k < 150; k++) {
		KUNIT_ASSERT_EQ(test, virt_swap(r, names[rnd_range(&rnd, 0, 2)]), 0);
		virt_check(test, r);
		virt_run(r, r->now + rnd_range(&rnd, 100 * US, 120 * MS));
		virt_check(test, r);
	}
	for (i = 0; i < 8; i++) {
		u64 mean = 0, got = virt_ran(r, i);

		for (k = i % 2; k < 8; k += 2)
			mean += virt_ran(r, k) / 4;
		/* rr and the default keep no accounts; over 150 swaps it evens out. */
		KUNIT_EXPECT_LE(test, abs((s64)(got - mean)) * 100, (s64)mean * 10);
		KUNIT_EXPECT_GT(test, mean, (r->now - since) / 5);
	}
	for (i = 8; i < 12; i++)
		KUNIT_EXPECT_GT(test, r->vcpu[i].e.stats.wakes, 200);
	virt_destroy(r);
}

static struct kunit_case ops_cases[] = {
	KUNIT_CASE(ops_bvt_shares_by_weight),
	KUNIT_CASE(ops_bvt_charges_the_way),
	KUNIT_CASE(ops_bvt_weight_changes_at_once),
	KUNIT_CASE(ops_rr_shares_by_quantum),
	KUNIT_CASE(ops_bvt_wake_latency),
	KUNIT_CASE(ops_bvt_warp_limit_in_the_room),
	KUNIT_CASE(ops_second_comes_during_the_offer),
	KUNIT_CASE(ops_bvt_wake_during_the_offer),
	KUNIT_CASE(ops_alone_then_not),
	KUNIT_CASE(ops_rr_steals),
	KUNIT_CASE(ops_bvt_steals),
	KUNIT_CASE(ops_rr_64_pcpus),
	KUNIT_CASE(ops_bvt_64_pcpus),
	KUNIT_CASE(ops_swaps_under_load),
	{}
};

static struct kunit_suite ops_suite = {
	.name = "vmm_sched_ops",
	.test_cases = ops_cases,
};

kunit_test_suite(ops_suite);
