// SPDX-License-Identifier: GPL-2.0
/*
 * sched_edf as the interface drives it: its real ops under the real dispatch,
 * gate and swap, in a virtual room: budgets and deadlines as guests get them,
 * places, admission, pCPUs that come and go, changes of scheduler.
 *
 * Needs sched_edf.ko (and sched_rr.ko, sched_bvt.ko) loaded; modprobe sees to it.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "rnd.h"
#include "virtual_set.h"

#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC
#define LATE (10 * US)		/* a timer is set to so much from now, at least */

/* Under edf, with @budget in @period for each. */
static struct virt_room *edf_room(struct kunit *test, u32 nr_pcpus, u32 nr_vcpus,
				  u64 period, u64 budget)
{
	const struct vmm_param_set set[] = { { "period", period }, { "budget", budget } };
	struct virt_room *r = virt_create(test, nr_pcpus, nr_vcpus);
	const struct vmm_sched_ops *ops = vmm_sched_get("edf");
	struct vmm_swap_result res;
	const char *why = NULL;

	KUNIT_ASSERT_NOT_NULL_MSG(test, ops, "is sched_edf loaded?");
	KUNIT_ASSERT_EQ_MSG(test, vmm_sched_activate(r->pool, ops, set, 2, &res, &why), 0,
			    "%s", why ?: "");
	vmm_sched_put(ops);
	r->throttles = true;
	return r;
}

static int try_group(struct virt_room *r, u32 i, const struct vmm_param_set *set, u32 n)
{
	const char *why = NULL;
	int ret;

	mutex_lock(&r->pool->mutex);
	ret = vmm_group_set_params(r->vcpu[i].group, set, n, &why);
	if (!ret)
		vmm_group_params_changed(r->vcpu[i].group);
	mutex_unlock(&r->pool->mutex);
	return ret && !why ? -EBADMSG : ret;
}

static int try_one(struct virt_room *r, u32 i, const char *name, u64 val)
{
	const struct vmm_param_set set = { name, val };

	return try_group(r, i, &set, 1);
}

static int try_times(struct virt_room *r, u32 i, u64 period, u64 budget)
{
	const struct vmm_param_set set[] = { { "budget", budget }, { "period", period } };

	return try_group(r, i, set, 2);
}

static int try_sched(struct virt_room *r, const char *name, u64 val)
{
	const struct vmm_param_set set = { name, val };
	const char *why = NULL;
	int ret = vmm_sched_set_params(r->pool, &set, 1, &why);

	return ret && !why ? -EBADMSG : ret;
}

static bool owns(struct virt_room *r, u32 i)
{
	return vmm_state(&r->vcpu[i].e) == VMM_GATE_OWNER;
}

static const char *active(struct virt_room *r)
{
	return rcu_access_pointer(r->pool->active)->ops->name;
}

static void good(struct kunit *test, struct virt_room *r)
{
	virt_check(test, r);
	KUNIT_EXPECT_FALSE_MSG(test, r->pool->last_exit.valid, "thrown out: it %s",
			       r->pool->last_exit.reason);
	KUNIT_EXPECT_STREQ(test, active(r), "edf");
	virt_destroy(r);
}

/* --- budgets --------------------------------------------------------------------- */

/* Nobody else is there: the turn ends with the budget all the same. */
static void edf_budget_is_a_limit(struct kunit *test)
{
	static const u64 budget[] = { 50 * US, 1 * MS, 4 * MS, 10 * MS };
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(budget); i++) {
		struct virt_room *r = edf_room(test, 1, 1, 10 * MS, budget[i]);
		u64 start = r->now;

		hogs(r, 0, 1);
		for (k = 1; k <= 100; k++) {
			virt_run(r, start + k * 10 * MS - 1);
			KUNIT_ASSERT_GE(test, virt_ran(r, 0) + 1, k * budget[i]);
			/* Late by one timer at most, and that is paid back. */
			KUNIT_ASSERT_LE(test, virt_ran(r, 0), k * budget[i] + LATE);
		}
		good(test, r);
	}
}

/* One pCPU, reserved to the last bit: each has its budget in each period. */
static void edf_budgets_hold_under_full_load(struct kunit *test)
{
	static const u64 times[][2] = {
		{ 10 * MS, 2 * MS }, { 20 * MS, 8 * MS }, { 5 * MS, 1 * MS }, { 50 * MS, 10 * MS },
	};
	enum { N = ARRAY_SIZE(times) };
	struct virt_room *r = edf_room(test, 1, N, 100 * MS, 1 * MS);
	u64 start, k;
	u32 i;

	for (i = 0; i < N; i++)
		KUNIT_ASSERT_EQ(test, try_times(r, i, times[i][0], times[i][1]), 0);
	start = r->now;
	hogs(r, 0, N);
	for (k = 1; k <= 400; k++) {
		virt_run(r, start + k * 5 * MS);
		for (i = 0; i < N; i++) {
			u64 whole = k * 5 * MS / times[i][0] * times[i][1];

			if (k * 5 * MS % times[i][0])
				continue;
			/* Each end of a turn may be late by LATE: one of each of the others. */
			KUNIT_ASSERT_GE(test, virt_ran(r, i) + N * LATE, whole);
			KUNIT_ASSERT_LE(test, virt_ran(r, i), whole + N * LATE);
		}
	}
	good(test, r);
}

static void edf_extratime_takes_what_is_left(struct kunit *test)
{
	struct virt_room *r = edf_room(test, 1, 3, 10 * MS, 2 * MS);
	u64 start;

	KUNIT_EXPECT_EQ(test, try_one(r, 1, "extratime", 1), 0);
	hogs(r, 0, 2);
	start = r->now;
	virt_run(r, r->now + 1000 * MS);
	KUNIT_EXPECT_LE(test, abs((s64)(virt_ran(r, 0) - 200 * MS)), 3 * (s64)MS);
	/* Nothing is left unused. */
	KUNIT_EXPECT_GE(test, virt_ran(r, 0) + virt_ran(r, 1) + LATE, r->now - start);
	/* Two with extratime share evenly; the reserved one keeps its part. */
	KUNIT_EXPECT_EQ(test, try_one(r, 2, "extratime", 1), 0);
	hogs(r, 2, 3);
	{
		u64 a = virt_ran(r, 0), b = virt_ran(r, 1), c = virt_ran(r, 2);

		virt_run(r, r->now + 1000 * MS);
		a = virt_ran(r, 0) - a;
		b = virt_ran(r, 1) - b;
		c = virt_ran(r, 2) - c;
		KUNIT_EXPECT_LE(test, abs((s64)(a - 200 * MS)), 3 * (s64)MS);
		KUNIT_EXPECT_LE(test, abs((s64)(b - c)), 8 * (s64)MS);
		KUNIT_EXPECT_GE(test, a + b + c + 3 * LATE, 1000 * MS);
	}
	good(test, r);
}

/* Mostly asleep, beside hogs that have all the rest: wakes at once while it has budget. */
static void edf_sleeper_wakes_at_once(struct kunit *test)
{
	struct virt_room *r = edf_room(test, 1, 3, 100 * MS, 20 * MS);
	struct virt_vcpu *v = &r->vcpu[0];

	KUNIT_ASSERT_EQ(test, try_times(r, 0, 5 * MS, 1 * MS), 0);
	KUNIT_ASSERT_EQ(test, try_sched(r, "budget", 40 * MS), 0);
	hogs(r, 1, 3);
	v->run_for = 400 * US;
	v->sleep_for = 7 * MS;
	virt_run(r, r->now + 2000 * MS);
	KUNIT_EXPECT_GT(test, v->e.stats.wakes, 250);
	/* Its period was over each time: new budget, nearest deadline, no wait. */
	KUNIT_EXPECT_LE(test, v->e.stats.wait_ns, LATE * v->e.stats.wakes);
	KUNIT_EXPECT_GE(test, virt_ran(r, 1), 700 * MS);
	good(test, r);
}

static void edf_new_parameters_hold_at_once(struct kunit *test)
{
	struct virt_room *r = edf_room(test, 1, 1, 10000 * MS, 5000 * MS);
	u64 a;

	hogs(r, 0, 1);
	virt_run(r, r->now + 100 * MS);
	KUNIT_EXPECT_EQ(test, virt_ran(r, 0), 100 * MS);
	KUNIT_EXPECT_EQ(test, try_times(r, 0, 10 * MS, 1 * MS), 0);
	a = virt_ran(r, 0);
	virt_run(r, r->now + 1000 * MS);
	KUNIT_EXPECT_LE(test, abs((s64)(virt_ran(r, 0) - a - 100 * MS)), 1 * (s64)MS + LATE);
	/* Out of budget, then more of it: with the next period. */
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 9 * MS), 0);
	a = virt_ran(r, 0);
	virt_run(r, r->now + 1000 * MS);
	KUNIT_EXPECT_LE(test, abs((s64)(virt_ran(r, 0) - a - 900 * MS)), 9 * (s64)MS);
	/* The scheduler's own: who has a value of its own keeps that. */
	KUNIT_EXPECT_EQ(test, try_sched(r, "budget", 2000 * MS), 0);
	a = virt_ran(r, 0);
	virt_run(r, r->now + 1000 * MS);
	KUNIT_EXPECT_LE(test, abs((s64)(virt_ran(r, 0) - a - 900 * MS)), 9 * (s64)MS);
	KUNIT_EXPECT_EQ(test, try_times(r, 0, 0, 0), 0);
	virt_run(r, r->now + 20000 * MS);
	a = virt_ran(r, 0);
	virt_run(r, r->now + 20000 * MS);
	KUNIT_EXPECT_LE(test, abs((s64)(virt_ran(r, 0) - a - 4000 * MS)), 20 * (s64)LATE);
	good(test, r);
}

/* --- places ------------------------------------------------------------------------ */

static void edf_latest_deadline_makes_room(struct kunit *test)
{
	struct virt_room *r = edf_room(test, 3, 6, 100 * MS, 40 * MS);
	u32 i;

	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, try_times(r, i, (i == 1 ? 200 : 100 + i) * MS, 20 * MS), 0);
	KUNIT_ASSERT_EQ(test, try_times(r, 3, 10 * MS, 1 * MS), 0);
	/* Idle pCPUs first: nobody moves nobody. */
	for (i = 0; i < 3; i++) {
		hogs(r, i, i + 1);
		virt_settle(r);
		KUNIT_EXPECT_EQ(test, r->vcpu[i].e.stats.switches, 1);
		KUNIT_EXPECT_TRUE(test, owns(r, i));
	}
	/* Then where the latest deadline runs, wherever it would be queued itself. */
	hogs(r, 3, 4);
	virt_settle(r);
	KUNIT_EXPECT_TRUE(test, owns(r, 3));
	KUNIT_EXPECT_FALSE(test, owns(r, 1));
	KUNIT_EXPECT_TRUE(test, owns(r, 0));
	KUNIT_EXPECT_TRUE(test, owns(r, 2));
	/* 1 ms later it is done, and that one goes on. */
	virt_run(r, r->now + 1 * MS + 3 * LATE);
	KUNIT_EXPECT_FALSE(test, owns(r, 3));
	KUNIT_EXPECT_TRUE(test, owns(r, 1));
	good(test, r);
}

/* Affinity comes first; who has to make room for a pinned one goes on elsewhere. */
static void edf_affinity(struct kunit *test)
{
	struct virt_room *r = edf_room(test, 2, 4, 100 * MS, 40 * MS);

	KUNIT_ASSERT_EQ(test, try_times(r, 0, 50 * MS, 20 * MS), 0);
	KUNIT_ASSERT_EQ(test, try_times(r, 1, 80 * MS, 30 * MS), 0);
	pin(test, r, 0, 0);
	hogs(r, 0, 2);
	virt_settle(r);
	KUNIT_EXPECT_EQ(test, r->vcpu[0].e.home->id, 0);
	KUNIT_EXPECT_EQ(test, r->vcpu[1].e.home->id, 1);
	/* Nearer than 1's, later than 0's, but only for pCPU 0: waits. */
	KUNIT_ASSERT_EQ(test, try_times(r, 2, 60 * MS, 20 * MS), 0);
	pin(test, r, 2, 0);
	hogs(r, 2, 3);
	virt_settle(r);
	KUNIT_EXPECT_TRUE(test, owns(r, 0) && owns(r, 1));
	virt_run(r, r->now + 20 * MS + 2 * LATE);
	KUNIT_EXPECT_TRUE(test, owns(r, 2) && owns(r, 1));
	KUNIT_EXPECT_EQ(test, r->vcpu[2].e.home->id, 0);
	/* Nearest of all, pinned to 1: 1 has to leave, and 2's turn is not touched. */
	KUNIT_ASSERT_EQ(test, try_times(r, 3, 10 * MS, 2 * MS), 0);
	pin(test, r, 3, 1);
	hogs(r, 3, 4);
	virt_settle(r);
	KUNIT_EXPECT_TRUE(test, owns(r, 3) && owns(r, 2));
	virt_run(r, r->now + 2 * MS + 2 * LATE);
	KUNIT_EXPECT_TRUE(test, owns(r, 1));
	good(test, r);
}

/* Who made room for a pinned one takes the pCPU of a later deadline at once. */
static void edf_displaced_goes_on_elsewhere(struct kunit *test)
{
	struct virt_room *r = edf_room(test, 2, 3, 100 * MS, 40 * MS);

	KUNIT_ASSERT_EQ(test, try_times(r, 0, 50 * MS, 20 * MS), 0);
	hogs(r, 0, 1);
	virt_settle(r);
	hogs(r, 1, 2);		/* 100 ms, the other pCPU */
	virt_settle(r);
	KUNIT_ASSERT_TRUE(test, owns(r, 0) && owns(r, 1));
	KUNIT_ASSERT_EQ(test, try_times(r, 2, 10 * MS, 2 * MS), 0);
	pin(test, r, 2, r->vcpu[0].e.home->id);
	hogs(r, 2, 3);
	virt_run(r, r->now + 3 * LATE);
	KUNIT_EXPECT_TRUE(test, owns(r, 2));
	KUNIT_EXPECT_TRUE(test, owns(r, 0));
	KUNIT_EXPECT_FALSE(test, owns(r, 1));
	good(test, r);
}

/* A pCPU where only depleted ones wait is free for others, and wakes up for them. */
static void edf_free_beside_depleted(struct kunit *test)
{
	struct virt_room *r = edf_room(test, 2, 4, 100 * MS, 10 * MS);
	u32 i;

	for (i = 0; i < 4; i++)
		pin(test, r, i, i / 2);
	hogs(r, 0, 4);
	virt_run(r, r->now + 50 * MS);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, vmm_state(&r->vcpu[i].e), VMM_GATE_QUEUED);
		KUNIT_EXPECT_LE(test, virt_ran(r, i), 10 * MS + LATE);
	}
	/* The next period: both pCPUs at once. */
	virt_run(r, r->now + 51 * MS);
	KUNIT_EXPECT_EQ(test, owns(r, 0) + owns(r, 1), 1);
	KUNIT_EXPECT_EQ(test, owns(r, 2) + owns(r, 3), 1);
	good(test, r);
}

/* 24 on 8 pCPUs within the GFB bound: every period of each. */
static void edf_many_pcpus_are_in_time(struct kunit *test)
{
	enum { M = 8, N = 24 };
	struct virt_room *r = edf_room(test, M, N, 20 * MS, 1 * MS);
	struct rnd rnd = { 9 };
	u64 start = r->now, period[N], budget[N], k;
	u32 i;

	KUNIT_EXPECT_EQ(test, try_sched(r, "gfb", 1), 0);
	for (i = 0; i < N; i++) {
		period[i] = rnd_range(&rnd, 1, 4) * 5 * MS;
		budget[i] = period[i] * rnd_range(&rnd, 10, 22) / 100;
		KUNIT_ASSERT_EQ(test, try_times(r, i, period[i], budget[i]), 0);
	}
	hogs(r, 0, N);
	for (k = 5; k <= 500; k += 5) {
		virt_run(r, start + k * MS);
		for (i = 0; i < N; i++) {
			if (k * MS % period[i])
				continue;
			KUNIT_ASSERT_GE(test, virt_ran(r, i) + 8 * LATE,
					k * MS / period[i] * budget[i]);
		}
	}
	good(test, r);
}

/* 500 on 8 pCPUs, some asleep at times: nobody above its share, nobody starved. */
static void edf_crowd(struct kunit *test)
{
	enum { M = 8, N = 500 };
	struct virt_room *r = edf_room(test, M, N, 100 * MS, 1 * MS);
	u32 i;

	for (i = 0; i < N; i++) {
		if (i % 3) {
			r->vcpu[i].hog = true;
		} else {
			r->vcpu[i].run_for = 300 * US;
			r->vcpu[i].sleep_for = 20 * MS + i * US;
		}
	}
	virt_run(r, r->now + 250 * MS);
	for (i = 0; i < N; i++) {
		KUNIT_ASSERT_LE(test, virt_ran(r, i), 3 * (1 * MS + LATE));
		KUNIT_ASSERT_GE(test, virt_ran(r, i), i % 3 ? 2 * (1 * MS - LATE) : 1 * MS);
	}
	good(test, r);
}

/* --- admission ------------------------------------------------------------------------ */

static void edf_what_does_not_fit_is_refused(struct kunit *test)
{
	struct virt_room *r = edf_room(test, 2, 4, 10 * MS, 5 * MS);
	const u64 *param = r->vcpu[0].group->view[rcu_access_pointer(r->pool->active)->slot]->param;
	struct vmm_entity *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e);
	/* 2.0 of 2.0 are reserved. */
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 5 * MS + 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "period", 9 * MS), -ENOSPC);
	KUNIT_EXPECT_EQ(test, try_sched(r, "budget", 6 * MS), -ENOSPC);
	KUNIT_EXPECT_EQ(test, try_sched(r, "period", 8 * MS), -ENOSPC);
	KUNIT_EXPECT_EQ(test, try_sched(r, "utilisation_cap", 99), -ENOSPC);
	KUNIT_EXPECT_EQ(test, try_sched(r, "gfb", 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, vmm_entity_init(e, r->vcpu[0].group, 1), -ENOSPC);
	/* What makes no sense. */
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 11 * MS), -EINVAL);
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "period", 4 * MS), -EINVAL);
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 49 * US), -EINVAL);
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "period", 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, try_sched(r, "budget", 20 * MS), -EINVAL);
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 10001 * MS), -ERANGE);
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "weight_of_it", 1), -ENOENT);
	/* Nothing of it stuck. */
	KUNIT_EXPECT_EQ(test, param[0], 0);
	KUNIT_EXPECT_EQ(test, param[1], 0);
	KUNIT_EXPECT_EQ(test, r->vcpu[0].group->nr_entities, 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&r->vcpu[0].group->remembered));
	/* A whole that fits, although no half of it does. */
	KUNIT_EXPECT_EQ(test, try_times(r, 0, 40 * MS, 20 * MS), 0);
	/* Room that one gives, another one takes; then again there is none. */
	KUNIT_EXPECT_EQ(test, try_times(r, 0, 40 * MS, 10 * MS), 0);
	KUNIT_EXPECT_EQ(test, try_one(r, 1, "budget", 7500 * US), 0);
	KUNIT_EXPECT_EQ(test, try_one(r, 2, "budget", 5001 * US), -ENOSPC);
	KUNIT_EXPECT_EQ(test, try_one(r, 1, "budget", 4 * MS), 0);
	KUNIT_EXPECT_EQ(test, vmm_entity_init(e, r->vcpu[0].group, 1), 0);
	/* Two vCPUs at 1/4 now, 0.1 free: the VM counts twice. */
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 13 * MS), -ENOSPC);
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 12 * MS), 0);
	vmm_entity_destroy(e);
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 22 * MS), 0);
	/* The scheduler's own values count for those without; over 100 % if told so. */
	KUNIT_EXPECT_EQ(test, try_sched(r, "utilisation_cap", 150), 0);
	KUNIT_EXPECT_EQ(test, try_sched(r, "budget", 9 * MS), 0);
	KUNIT_EXPECT_EQ(test, try_sched(r, "utilisation_cap", 100), -ENOSPC);
	KUNIT_EXPECT_EQ(test, try_sched(r, "period", 3 * MS), -EINVAL);
	good(test, r);
}

static void edf_swap_that_does_not_fit_is_refused(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 6);
	const struct vmm_param_set less = { "budget", 3 * MS };
	const struct vmm_param_set shorter[] = { { "budget", 1 * MS }, { "period", 3 * MS } };
	const struct vmm_sched_ops *edf = vmm_sched_get("edf");
	struct vmm_swap_result res;
	const char *why = NULL;
	u64 before;

	KUNIT_ASSERT_NOT_NULL(test, edf);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "rr"), 0);
	hogs(r, 0, 6);
	virt_run(r, r->now + 50 * MS);
	/* 6 x 40 % on two. */
	KUNIT_EXPECT_EQ(test, vmm_sched_activate(r->pool, edf, NULL, 0, &res, &why), -ENOSPC);
	KUNIT_ASSERT_NOT_NULL(test, why);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(why, "would not fit"), "said: %s", why);
	KUNIT_EXPECT_STREQ(test, active(r), "rr");
	before = virt_ran(r, 3);
	virt_run(r, r->now + 100 * MS);
	KUNIT_EXPECT_GT(test, virt_ran(r, 3), before);
	KUNIT_EXPECT_EQ(test, vmm_sched_activate(r->pool, edf, &less, 1, &res, &why), 0);
	r->throttles = true;
	virt_run(r, r->now + 100 * MS);
	virt_check(test, r);
	/* A VM's own budget that does not go with the scheduler's period when it comes back. */
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 4 * MS), 0);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "rr"), 0);
	KUNIT_EXPECT_EQ(test, vmm_sched_activate(r->pool, edf, shorter, 2, &res, &why), -EINVAL);
	KUNIT_EXPECT_STREQ(test, active(r), "rr");
	KUNIT_EXPECT_EQ(test, vmm_sched_activate(r->pool, edf, &less, 1, &res, &why), 0);
	vmm_sched_put(edf);
	good(test, r);
}

/* A pCPU goes: too much is reserved. All go on, nothing more is taken, and it is told once. */
static void edf_pcpu_goes_and_comes(struct kunit *test)
{
	struct virt_room *r = edf_room(test, 2, 4, 10 * MS, 4 * MS);
	struct vmm_sched *s = rcu_access_pointer(r->pool->active);
	u64 before[4], total = 0;
	u32 i;

	hogs(r, 0, 4);
	pin(test, r, 0, 1);
	virt_run(r, r->now + 100 * MS);
	KUNIT_EXPECT_EQ(test, s->nr_warnings, 0);
	virt_online(r, 1, false);
	KUNIT_EXPECT_EQ(test, s->nr_warnings, 1);
	for (i = 0; i < 4; i++)
		before[i] = virt_ran(r, i);
	virt_run(r, r->now + 1000 * MS);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_GT(test, virt_ran(r, i), before[i] + 100 * MS);
		total += virt_ran(r, i) - before[i];
	}
	KUNIT_EXPECT_GE(test, total, 999 * MS);
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 4 * MS + 1), -ENOSPC);
	/* Less is welcome, even if it is not enough. */
	KUNIT_EXPECT_EQ(test, try_one(r, 0, "budget", 3 * MS), 0);
	KUNIT_EXPECT_EQ(test, try_sched(r, "budget", 3900 * US), 0);
	KUNIT_EXPECT_EQ(test, try_sched(r, "budget", 4 * MS), -ENOSPC);
	virt_check(test, r);
	virt_online(r, 1, true);
	virt_run(r, r->now + 20 * MS);
	for (i = 0; i < 4; i++)
		before[i] = virt_ran(r, i);
	virt_run(r, r->now + 1000 * MS);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_GE(test, virt_ran(r, i) - before[i], (i ? 389 : 299) * MS);
	KUNIT_EXPECT_EQ(test, try_sched(r, "budget", 4 * MS), 0);
	KUNIT_EXPECT_EQ(test, s->nr_warnings, 1);
	good(test, r);
}

/* --- changes of scheduler ----------------------------------------------------------------- */

/* To and fro while some wait for budget: nobody is lost, and nobody gains by it. */
static void edf_swaps(struct kunit *test)
{
	static const char * const names[] = { "rr", "edf", "bvt", "edf", "default", "edf" };
	struct virt_room *r = edf_room(test, 2, 5, 10 * MS, 4 * MS);
	struct rnd rnd = { 4 };
	u32 i, k;

	hogs(r, 0, 4);
	r->vcpu[4].run_for = 700 * US;
	r->vcpu[4].sleep_for = 3 * MS;
	for (k = 0; k < 200; k++) {
		virt_run(r, r->now + rnd_range(&rnd, 0, 9 * MS));
		KUNIT_ASSERT_EQ(test, virt_swap(r, names[k % ARRAY_SIZE(names)]), 0);
		r->throttles = k % 2;
		virt_settle(r);
		virt_check(test, r);
	}
	for (i = 0; i < 4; i++) {
		/* Equal under each of them, to a fifth. */
		KUNIT_EXPECT_GT(test, virt_ran(r, i), virt_ran(r, 0) * 4 / 5);
		KUNIT_EXPECT_LT(test, virt_ran(r, i), virt_ran(r, 0) * 6 / 5);
	}
	KUNIT_EXPECT_GT(test, r->vcpu[4].e.stats.wakes, 40);
	good(test, r);
}

/* Depleted ones run at once under the next scheduler, and parameters come back. */
static void edf_gives_back(struct kunit *test)
{
	struct virt_room *r = edf_room(test, 1, 2, 1000 * MS, 10 * MS);
	u64 a;

	KUNIT_EXPECT_EQ(test, try_times(r, 0, 500 * MS, 20 * MS), 0);
	hogs(r, 0, 2);
	virt_run(r, r->now + 100 * MS);
	KUNIT_EXPECT_FALSE(test, owns(r, 0) || owns(r, 1));
	KUNIT_ASSERT_EQ(test, virt_swap(r, "rr"), 0);
	r->throttles = false;
	virt_settle(r);
	virt_check(test, r);
	KUNIT_EXPECT_EQ(test, owns(r, 0) + owns(r, 1), 1);
	virt_run(r, r->now + 100 * MS);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "edf"), 0);
	r->throttles = true;
	/* The VM's own values were kept, the scheduler's are its defaults again: 4 of 10 ms. */
	virt_run(r, r->now + 500 * MS);
	a = virt_ran(r, 0);
	virt_run(r, r->now + 5000 * MS);
	KUNIT_EXPECT_LE(test, abs((s64)(virt_ran(r, 0) - a - 200 * MS)), 20 * (s64)MS);
	good(test, r);
}

static struct kunit_case edf_ops_cases[] = {
	KUNIT_CASE(edf_budget_is_a_limit),
	KUNIT_CASE(edf_budgets_hold_under_full_load),
	KUNIT_CASE(edf_extratime_takes_what_is_left),
	KUNIT_CASE(edf_sleeper_wakes_at_once),
	KUNIT_CASE(edf_new_parameters_hold_at_once),
	KUNIT_CASE(edf_latest_deadline_makes_room),
	KUNIT_CASE(edf_affinity),
	KUNIT_CASE(edf_displaced_goes_on_elsewhere),
	KUNIT_CASE(edf_free_beside_depleted),
	KUNIT_CASE(edf_many_pcpus_are_in_time),
	KUNIT_CASE(edf_crowd),
	KUNIT_CASE(edf_what_does_not_fit_is_refused),
	KUNIT_CASE(edf_swap_that_does_not_fit_is_refused),
	KUNIT_CASE(edf_pcpu_goes_and_comes),
	KUNIT_CASE(edf_swaps),
	KUNIT_CASE(edf_gives_back),
	{}
};

static struct kunit_suite edf_ops_suite = {
	.name = "vmm_edf_ops",
	.test_cases = edf_ops_cases,
};

kunit_test_suite(edf_ops_suite);
