// SPDX-License-Identifier: GPL-2.0
/*
 * What vCPUs get: shares as it says, a wake-up in the time that it says, a pCPU
 * where they may run and where there is one.
 */
#include <linux/bitmap.h>
#include "conform.h"

#define SPAN	(20 * NSEC_PER_SEC)

/* In a table: per mille of one pCPU, what vCPU @i should have and had. */
static void expect_share(struct kunit *test, u32 i, u64 got, u64 want, u32 per_cent)
{
	u64 off = got > want ? got - want : want - got;

	KUNIT_EXPECT_LE_MSG(test, off * 100, want * per_cent,
			    "vCPU %u had %llu of 1000, %llu would be right (to %u %%)", i,
			    div64_u64(got * 1000, SPAN), div64_u64(want * 1000, SPAN), per_cent);
}

/* Four of the same weight, who always run. */
static void equal_weights_share_equally(struct kunit *test)
{
	struct virt_room *r = conform_room(test, 1, 4, 1);
	u64 start[4], sum = 0;
	u32 i;

	conform_hogs(r, 0, 4);
	virt_run(r, r->now + NSEC_PER_SEC);
	for (i = 0; i < 4; i++)
		start[i] = virt_ran(r, i);
	virt_run(r, r->now + SPAN);
	for (i = 0; i < 4; i++) {
		start[i] = virt_ran(r, i) - start[i];
		sum += start[i];
	}
	for (i = 0; i < 4; i++)
		expect_share(test, i, start[i], div_u64(sum, 4), conform.share_error);
	if (!conform.idles)
		KUNIT_EXPECT_GE(test, sum, div_u64(SPAN * 99, 100));
	kunit_info(test, "%llu %llu %llu %llu of 1000", div64_u64(start[0] * 1000, SPAN),
		   div64_u64(start[1] * 1000, SPAN), div64_u64(start[2] * 1000, SPAN),
		   div64_u64(start[3] * 1000, SPAN));
	conform_good(test);
}

/* Weights 1:2:4, then changed while they run: proportional, or of no effect, as it says. */
static void weights_do_what_it_says(struct kunit *test)
{
	static const u32 weight[2][3] = { { 256, 512, 1024 }, { 800, 400, 200 } };
	struct virt_room *r = conform_room(test, 1, 3, 1);
	u64 got[3], sum;
	u32 k, i, w;

	conform_hogs(r, 0, 3);
	for (k = 0; k < 2; k++) {
		for (i = 0, w = 0; i < 3; i++) {
			conform_set_vm(r, i, weight[k][i], 0);
			w += weight[k][i];
		}
		virt_run(r, r->now + 2 * NSEC_PER_SEC);
		for (i = 0; i < 3; i++)
			got[i] = virt_ran(r, i);
		virt_run(r, r->now + SPAN);
		for (i = 0, sum = 0; i < 3; i++) {
			got[i] = virt_ran(r, i) - got[i];
			sum += got[i];
		}
		for (i = 0; i < 3; i++)
			expect_share(test, i, got[i],
				     conform.weights ? div_u64(sum * weight[k][i], w) :
						       div_u64(sum, 3), conform.share_error);
		kunit_info(test, "weights %u:%u:%u (%s): %llu %llu %llu of 1000", weight[k][0],
			   weight[k][1], weight[k][2], conform.weights ? "proportional" : "ignored",
			   div64_u64(got[0] * 1000, SPAN), div64_u64(got[1] * 1000, SPAN),
			   div64_u64(got[2] * 1000, SPAN));
	}
	conform_good(test);
}

static u64 wake_percentile(struct virt_room *r, u32 from, u32 to, u32 percent, u32 *wakes)
{
	u64 worst = 0;

	for (*wakes = 0; from < to; from++) {
		struct vmm_entity *e = &r->vcpu[from].e;

		*wakes += e->stats.wakes;
		worst = max(worst, vmm_hist_percentile(e->stats.wake_hist, percent));
	}
	return worst;
}

/* Beside those who always run. Short enough for any slice: 20 us in 10 ms. The histogram's buckets are a quarter wide. */
static void who_wakes_up_runs_in_time(struct kunit *test)
{
	static const u32 room[][3] = { { 1, 3, 5 }, { 4, 12, 20 } };	/* pCPUs, hogs, all */
	u32 k, wakes;

	for (k = 0; k < ARRAY_SIZE(room); k++) {
		struct virt_room *r = conform_room(test, room[k][0], room[k][2], 1);
		u64 most;

		conform_hogs(r, 0, room[k][1]);
		conform_sleepers(r, room[k][1], room[k][2], 20 * US, 9980 * US);
		virt_run(r, r->now + 4 * NSEC_PER_SEC);
		most = wake_percentile(r, room[k][1], room[k][2], 100, &wakes);
		KUNIT_EXPECT_GT(test, wakes, 10);
		KUNIT_EXPECT_LE_MSG(test, most, conform.wake_ns + conform.wake_ns / 4,
				    "a vCPU that woke up ran after %llu ms, not %llu",
				    div_u64(most, MS), div_u64(conform.wake_ns, MS));
		kunit_info(test, "%u pCPUs, %u hogs, %u sleepers: p50 %llu us, p99 %llu us, at most %llu us (%u wake-ups)",
			   room[k][0], room[k][1], room[k][2] - room[k][1],
			   div_u64(wake_percentile(r, room[k][1], room[k][2], 50, &wakes), US),
			   div_u64(wake_percentile(r, room[k][1], room[k][2], 99, &wakes), US),
			   div_u64(most, US), wakes);
		conform_good(test);
		conform_leave(test);
	}
}

/* There is a pCPU that nobody wants: who wakes up does not wait at all. */
static void who_wakes_up_beside_a_free_pcpu_runs_at_once(struct kunit *test)
{
	struct virt_room *r;
	u32 wakes;
	u64 most;

	if (conform.idles)
		kunit_skip(test, "it says that it may leave a pCPU free");
	r = conform_room(test, 2, 2, 1);
	conform_hogs(r, 0, 1);
	conform_sleepers(r, 1, 2, 200 * US, 3 * MS);
	virt_run(r, r->now + NSEC_PER_SEC);
	most = wake_percentile(r, 1, 2, 100, &wakes);
	KUNIT_EXPECT_GT(test, wakes, 100);
	KUNIT_EXPECT_LE(test, most, 100 * US);
	KUNIT_EXPECT_EQ(test, conform_ran(r) - virt_ran(r, 1), r->now - NSEC_PER_SEC);
	conform_good(test);
}

/* Two pCPUs; those of one block for good: it has to take others, but none that is pinned. */
static void a_free_pcpu_finds_work(struct kunit *test)
{
	struct virt_room *r;
	u64 begin, ran, want;
	u32 i;

	if (conform.idles)
		kunit_skip(test, "it says that it may leave a pCPU free");
	r = conform_room(test, 2, 6, 1);
	for (i = 0; i < 6; i++)
		conform_pin(test, r, i, i >= 4);
	conform_hogs(r, 0, 6);
	virt_run(r, r->now + 300 * MS);
	for (i = 2; i < 4; i++) {
		mutex_lock(&r->pool->mutex);
		KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[i].group, NULL), 0);
		mutex_unlock(&r->pool->mutex);
	}
	for (i = 4; i < 6; i++)
		r->vcpu[i].hog = false;
	conform_sleepers(r, 4, 6, 1, 3600ULL * NSEC_PER_SEC);
	virt_run(r, r->now + 500 * MS);
	begin = r->now;
	ran = conform_ran(r);
	virt_run(r, r->now + NSEC_PER_SEC);
	ran = conform_ran(r) - ran;
	want = 2 * (r->now - begin);
	KUNIT_EXPECT_GE_MSG(test, ran, div_u64(want * 95, 100),
			    "two pCPUs did the work of %llu %% of one while three vCPUs could use them",
			    div64_u64(ran * 200, want));
	KUNIT_EXPECT_EQ(test, r->vcpu[0].e.stats.migrations, 0);
	KUNIT_EXPECT_EQ(test, r->vcpu[1].e.stats.migrations, 0);
	conform_good(test);
}

/* Affinities change all the time. */
static void nobody_runs_where_it_may_not(struct kunit *test)
{
	struct virt_room *r = conform_room(test, 4, 12, 2);
	struct rnd rnd = { 5 };
	u32 i, k;

	for (k = 0; k < 150; k++) {
		DECLARE_BITMAP(bits, 64) = { };

		bits[0] = rnd_range(&rnd, 1, 15);
		i = rnd_range(&rnd, 0, 11);
		mutex_lock(&r->pool->mutex);
		KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[i].group,
							     k % 8 ? bits : NULL), 0);
		mutex_unlock(&r->pool->mutex);
		conform_traffic(test, &rnd, 20);
	}
	for (i = 0; i < 12; i += 2)
		conform_pin(test, r, i, i / 2 % 4);
	conform_all_get_on(test);
	for (i = 0; i < 12; i++)
		KUNIT_EXPECT_EQ(test, r->vcpu[i].e.home->id, i / 2 % 4);
}

struct kunit_case conform_share_cases[] = {
	KUNIT_CASE(equal_weights_share_equally),
	KUNIT_CASE(weights_do_what_it_says),
	KUNIT_CASE(who_wakes_up_runs_in_time),
	KUNIT_CASE(who_wakes_up_beside_a_free_pcpu_runs_at_once),
	KUNIT_CASE(a_free_pcpu_finds_work),
	KUNIT_CASE(nobody_runs_where_it_may_not),
	{}
};
