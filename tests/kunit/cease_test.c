// SPDX-License-Identifier: GPL-2.0
/*
 * Changes of scheduler that bring every vCPU out first, with fake vCPUs.
 */
#include "virtual.h"

#define MS NSEC_PER_MSEC

static int change(struct virt_room *room, const char *name, u64 timeout_ns,
		  struct vmm_swap_result *res)
{
	const struct vmm_swap_how how = { .cease = true, .timeout_ns = timeout_ns };
	const struct vmm_sched_ops *ops = vmm_sched_get(name);
	const char *why;
	int ret;

	if (!ops)
		return -ENOENT;
	ret = vmm_sched_activate_how(room->pool, ops, NULL, 0, &how, res, &why);
	vmm_sched_put(ops);
	return ret;
}

static struct virt_room *busy_room(struct kunit *test, u32 pcpus, u32 hogs, u32 sleepers)
{
	struct virt_room *room = virt_create(test, pcpus, hogs + sleepers);
	u32 i;

	for (i = 0; i < hogs + sleepers; i++) {
		struct virt_vcpu *v = &room->vcpu[i];

		v->hog = i < hogs;
		v->run_for = i < hogs ? 0 : 3 * MS;
		v->sleep_for = i < hogs ? 0 : 7 * MS;
	}
	virt_run(room, room->now + 50 * MS);
	return room;
}

static void everybody_comes_out_and_goes_on(struct kunit *test)
{
	static const char * const names[] = { "rr", "bvt", "default" };
	struct virt_room *room = busy_room(test, 2, 5, 3);
	struct vmm_swap_result res;
	u64 ran[8];
	u32 i, j;

	for (i = 0; i < 30; i++) {
		for (j = 0; j < 8; j++)
			ran[j] = room->vcpu[j].e.stats.run_ns;
		KUNIT_ASSERT_EQ(test, change(room, names[i % 3], 10 * MS, &res), 0);
		KUNIT_EXPECT_TRUE(test, res.ceased);
		KUNIT_EXPECT_EQ(test, res.running, 0);
		KUNIT_EXPECT_EQ(test, res.entities, 8);
		KUNIT_EXPECT_LE(test, res.forced_out, 2);
		KUNIT_EXPECT_LT(test, res.vcpu_pause_max_ns, MS);
		KUNIT_EXPECT_GE(test, res.vcpu_pause_total_ns, res.vcpu_pause_max_ns);
		virt_check(test, room);
		virt_run(room, room->now + 100 * MS);
		for (j = 0; j < 8; j++)
			KUNIT_EXPECT_GT(test, room->vcpu[j].e.stats.run_ns, ran[j]);
	}
	virt_destroy(room);
}

static void nobody_is_picked_while_ceased(struct kunit *test)
{
	struct virt_room *room = busy_room(test, 2, 3, 2);
	struct vmm_swap_result res = { };
	u64 picks;
	u32 i;

	room->vcpu[4].run_for = 0;	/* it blocks once more, then claims by itself no longer */
	mutex_lock(&room->pool->mutex);
	KUNIT_ASSERT_EQ(test, vmm_cease(room->pool, 10 * MS, &res), 0);
	picks = room->pool->pcpus[0].picks + room->pool->pcpus[1].picks;
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_NULL(test, room->pool->pcpus[i].curr);
	/* Wake-ups, claims and timers meanwhile. */
	virt_run(room, room->now + 50 * MS);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_NULL(test, room->pool->pcpus[i].curr);
	KUNIT_EXPECT_EQ(test, picks, room->pool->pcpus[0].picks + room->pool->pcpus[1].picks);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, vmm_state(&room->vcpu[i].e), VMM_GATE_QUEUED);
	vmm_resume(room->pool, &res);
	mutex_unlock(&room->pool->mutex);
	KUNIT_EXPECT_GE(test, res.vcpu_pause_max_ns, 50 * MS);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_NOT_NULL(test, room->pool->pcpus[i].curr);
	virt_run(room, room->now + 50 * MS);
	virt_check(test, room);
	virt_destroy(room);
}

static u64 all_ran(struct virt_room *room)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < room->nr_vcpus; i++)
		sum += room->vcpu[i].e.stats.run_ns;
	return sum;
}

/* One that does not come out: the old scheduler stays, and everybody goes on. */
static void who_stays_inside_ends_it(struct kunit *test)
{
	struct virt_room *room = busy_room(test, 2, 4, 0);
	struct vmm_entity *owner = room->pool->pcpus[1].curr;
	struct virt_vcpu *v = container_of(owner, struct virt_vcpu, e);
	struct vmm_swap_result res;
	struct vmm_sched *a;
	u64 ran;

	KUNIT_ASSERT_NOT_NULL(test, owner);
	KUNIT_ASSERT_EQ(test, virt_swap(room, "rr"), 0);
	a = rcu_dereference_protected(room->pool->active, true);
	v->stuck = true;
	KUNIT_EXPECT_EQ(test, change(room, "bvt", 5 * MS, &res), -ETIMEDOUT);
	KUNIT_EXPECT_PTR_EQ(test, rcu_dereference_protected(room->pool->active, true), a);
	KUNIT_EXPECT_FALSE(test, room->pool->ceased);
	v->stuck = false;
	ran = all_ran(room);
	virt_run(room, room->now + 100 * MS);
	KUNIT_EXPECT_GE(test, all_ran(room) - ran, 2 * 98 * MS);

	/* The same for one that owns nothing, but whose handler is not done. */
	room->vcpu[0].e.inside = true;
	KUNIT_EXPECT_EQ(test, change(room, "bvt", 5 * MS, &res), -ETIMEDOUT);
	KUNIT_EXPECT_PTR_EQ(test, rcu_dereference_protected(room->pool->active, true), a);
	room->vcpu[0].e.inside = false;
	KUNIT_EXPECT_EQ(test, change(room, "bvt", 5 * MS, &res), 0);
	virt_check(test, room);
	virt_destroy(room);
}

/* Halted with the pCPU kept, and lent: both are out, and lose nothing. */
static void halted_and_lent_pcpus_are_taken(struct kunit *test)
{
	struct virt_room *room = virt_create(test, 2, 2);
	struct vmm_swap_result res;
	u32 i;

	for (i = 0; i < 2; i++)
		room->vcpu[i].hog = true;
	virt_settle(room);
	for (i = 0; i < 2; i++) {
		struct vmm_entity *e = &room->vcpu[i].e;

		KUNIT_ASSERT_EQ(test, vmm_state(e), VMM_GATE_OWNER);
		room->vcpu[i].hog = false;
		vmm_gate_off(e);
		vmm_gate_exit(e, i ? VMM_EXIT_LOAN : VMM_EXIT_HALT);
	}
	KUNIT_EXPECT_EQ(test, vmm_state(&room->vcpu[0].e), VMM_GATE_OFF);
	KUNIT_EXPECT_EQ(test, vmm_state(&room->vcpu[1].e), VMM_GATE_LOANED);
	KUNIT_EXPECT_EQ(test, change(room, "rr", 5 * MS, &res), 0);
	KUNIT_EXPECT_EQ(test, res.forced_out, 0);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, vmm_state(&room->vcpu[i].e), VMM_GATE_OUT);
		room->vcpu[i].hog = true;
	}
	virt_settle(room);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, vmm_state(&room->vcpu[i].e), VMM_GATE_OWNER);
	virt_destroy(room);
}

static struct kunit_case cease_cases[] = {
	KUNIT_CASE(everybody_comes_out_and_goes_on),
	KUNIT_CASE(nobody_is_picked_while_ceased),
	KUNIT_CASE(who_stays_inside_ends_it),
	KUNIT_CASE(halted_and_lent_pcpus_are_taken),
	{ }
};

static struct kunit_suite cease_suite = {
	.name = "vmm_cease",
	.test_cases = cease_cases,
};

kunit_test_suite(cease_suite);
