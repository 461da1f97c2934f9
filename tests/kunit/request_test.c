// SPDX-License-Identifier: GPL-2.0
/*
 * Requests: pause in every state of the gate, across swaps and cease; yield, boost,
 * and turns given from one vCPU to another.
 */
#include "virtual.h"

#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC

static struct vmm_entity *ent(struct virt_room *r, u32 i)
{
	return &r->vcpu[i].e;
}

static enum vmm_gate_state state(struct virt_room *r, u32 i)
{
	return vmm_state(ent(r, i));
}

static u32 pause(struct virt_room *r, u32 i)
{
	struct vmm_answer a;

	mutex_lock(&r->pool->mutex);
	vmm_request_pause(ent(r, i), VMM_PAUSED_VCPU, r->now, &a);
	mutex_unlock(&r->pool->mutex);
	return a.result;
}

static u32 resume(struct virt_room *r, u32 i)
{
	struct vmm_answer a;

	mutex_lock(&r->pool->mutex);
	vmm_request_resume(ent(r, i), VMM_PAUSED_VCPU, &a);
	mutex_unlock(&r->pool->mutex);
	return a.result;
}

static u32 yield_service(struct virt_room *r, u32 i, int to, struct vmm_answer *a)
{
	mutex_lock(&r->pool->mutex);
	vmm_request_yield(ent(r, i), to < 0 ? NULL : ent(r, to), a);
	mutex_unlock(&r->pool->mutex);
	return a->result;
}

static u32 boost(struct virt_room *r, u32 i, u64 ns, struct vmm_answer *a)
{
	mutex_lock(&r->pool->mutex);
	vmm_request_boost(ent(r, i), ns, a);
	mutex_unlock(&r->pool->mutex);
	return a->result;
}

static void own(struct kunit *test, struct virt_room *r, u32 i)
{
	vmm_gate_claim(ent(r, i), NULL);
	KUNIT_ASSERT_TRUE(test, vmm_gate_own(ent(r, i)));
	vmm_gate_on(ent(r, i));
	KUNIT_ASSERT_EQ(test, state(r, i), VMM_GATE_OWNER);
}

/* The pCPU goes to the other one, and the paused one gets nothing until it is resumed. */
static void paused_then_resumed(struct kunit *test, struct virt_room *r, u32 i, u32 other)
{
	u64 ran = virt_ran(r, i), wait = ent(r, i)->stats.wait_ns, from = r->now;

	r->vcpu[other].hog = true;
	r->vcpu[i].hog = true;
	virt_run(r, r->now + 50 * MS);
	virt_check(test, r);
	KUNIT_EXPECT_EQ(test, state(r, i), VMM_GATE_OUT);
	KUNIT_EXPECT_EQ(test, virt_ran(r, i), ran);
	KUNIT_EXPECT_GE(test, virt_ran(r, other), 40ULL * MS);
	/* nobody's waiting time */
	KUNIT_EXPECT_EQ(test, ent(r, i)->stats.wait_ns, wait);
	KUNIT_EXPECT_EQ(test, pause(r, i), (u32)VMM_FB_ALREADY);
	KUNIT_EXPECT_EQ(test, resume(r, i), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, resume(r, i), (u32)VMM_FB_ALREADY);
	KUNIT_EXPECT_GE(test, ent(r, i)->stats.paused_ns, r->now - from);
	virt_run(r, r->now + 50 * MS);
	KUNIT_EXPECT_GE(test, virt_ran(r, i), ran + 15 * MS);
	virt_check(test, r);
}

static void pause_out(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);

	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	paused_then_resumed(test, r, 0, 1);
	virt_destroy(r);
}

static void pause_queued(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);

	own(test, r, 1);
	vmm_gate_claim(ent(r, 0), NULL);
	KUNIT_ASSERT_EQ(test, state(r, 0), VMM_GATE_QUEUED);
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_EXPECT_FALSE(test, vmm_gate_waits(ent(r, 0)));
	KUNIT_EXPECT_TRUE(test, vmm_entity_paused(ent(r, 0)));
	/* its thread sleeps at the gate: the end of the pause wakes it, nothing before */
	r->vcpu[0].woken = false;
	virt_check(test, r);
	paused_then_resumed(test, r, 0, 1);
	KUNIT_EXPECT_TRUE(test, r->vcpu[0].woken);
	virt_destroy(r);
}

static void pause_offered(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);

	vmm_gate_claim(ent(r, 0), NULL);
	vmm_gate_claim(ent(r, 1), NULL);
	KUNIT_ASSERT_EQ(test, state(r, 0), VMM_GATE_OFFERED);
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OFFERED);
	KUNIT_EXPECT_FALSE(test, vmm_gate_own(ent(r, 0)));
	paused_then_resumed(test, r, 0, 1);
	virt_destroy(r);
}

/* The fake thread follows the kick while the request waits for it (virt_relax()). */
static void pause_owner(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);
	u64 kicks;

	own(test, r, 0);
	vmm_gate_claim(ent(r, 1), NULL);
	kicks = r->kicks;
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, r->kicks, kicks + 1);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	paused_then_resumed(test, r, 0, 1);
	virt_destroy(r);
}

/* Nobody else there: it has to go all the same. */
static void pause_owner_alone(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);

	own(test, r, 0);
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_EXPECT_NULL(test, r->pool->pcpus[0].curr);
	paused_then_resumed(test, r, 0, 1);
	virt_destroy(r);
}

/* A thread that does not come out is said to be in there, and stops when it does come. */
static void pause_owner_late(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);

	own(test, r, 0);
	r->vcpu[0].stuck = true;
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_NOT_OUT);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OWNER);
	r->vcpu[0].stuck = false;
	virt_settle(r);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	paused_then_resumed(test, r, 0, 1);
	virt_destroy(r);
}

static void pause_off(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);

	own(test, r, 0);
	vmm_gate_sched_out(ent(r, 0), true);	/* preempted by the host */
	KUNIT_ASSERT_EQ(test, state(r, 0), VMM_GATE_OFF);
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_EXPECT_EQ(test, ent(r, 0)->stats.losses, 0ULL);
	vmm_gate_sched_in(ent(r, 0));
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	paused_then_resumed(test, r, 0, 1);
	virt_destroy(r);
}

static void pause_loaned(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);

	own(test, r, 0);
	vmm_gate_off(ent(r, 0));
	vmm_gate_exit(ent(r, 0), VMM_EXIT_LOAN);
	KUNIT_ASSERT_EQ(test, state(r, 0), VMM_GATE_LOANED);
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	paused_then_resumed(test, r, 0, 1);
	virt_destroy(r);
}

/* Its event comes while it is paused: it runs after the end, and the latency is its own. */
static void pause_blocked(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);
	u64 wakes, over = 0;
	u32 i;

	own(test, r, 0);
	vmm_gate_off(ent(r, 0));
	KUNIT_ASSERT_TRUE(test, vmm_gate_try_block(ent(r, 0)));
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_BLOCKED);
	wakes = ent(r, 0)->stats.wakes;
	vmm_gate_wake(ent(r, 0));
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	paused_then_resumed(test, r, 0, 1);
	for (i = vmm_hist_bucket(40 * MS); i < VMM_HIST_BUCKETS; i++)
		over += ent(r, 0)->stats.wake_hist[i];
	KUNIT_EXPECT_EQ(test, over, 0ULL);
	KUNIT_EXPECT_LE(test, ent(r, 0)->stats.wakes, wakes + 1);
	virt_destroy(r);
}

/* By itself and with its VM: it runs when neither holds. A new vCPU comes up as its VM is. */
static void pause_vm_and_vcpu(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 1);
	struct vmm_entity *e = ent(r, 0);
	struct vmm_entity *late = kunit_kzalloc(test, sizeof(*late), GFP_KERNEL);
	struct vmm_answer a;

	KUNIT_ASSERT_NOT_NULL(test, late);
	mutex_lock(&r->pool->mutex);
	vmm_request_pause(e, VMM_PAUSED_VM, r->now, &a);
	KUNIT_EXPECT_EQ(test, a.result, (u32)VMM_FB_DONE);
	vmm_request_pause(e, VMM_PAUSED_VCPU, r->now, &a);
	KUNIT_EXPECT_EQ(test, a.result, (u32)VMM_FB_DONE);
	vmm_request_resume(e, VMM_PAUSED_VM, &a);
	KUNIT_EXPECT_EQ(test, a.result, (u32)VMM_FB_PAUSED);
	KUNIT_EXPECT_TRUE(test, vmm_entity_paused(e));
	vmm_request_resume(e, VMM_PAUSED_VCPU, &a);
	KUNIT_EXPECT_EQ(test, a.result, (u32)VMM_FB_DONE);
	KUNIT_EXPECT_FALSE(test, vmm_entity_paused(e));
	r->vcpu[0].group->paused = true;
	mutex_unlock(&r->pool->mutex);
	KUNIT_ASSERT_EQ(test, vmm_entity_init(late, r->vcpu[0].group, 1), 0);
	KUNIT_EXPECT_TRUE(test, vmm_entity_paused(late));
	vmm_gate_claim(late, NULL);
	KUNIT_EXPECT_EQ(test, vmm_state(late), VMM_GATE_OUT);
	vmm_entity_destroy(late);
	virt_destroy(r);
}

/* Swaps live and ceased, and other parameters, leave it paused, and out of every queue. */
static void pause_survives(struct kunit *test)
{
	static const char * const names[] = { "rr", "bvt", "credit", "edf", "default" };
	struct virt_room *r = virt_create(test, 2, 4);
	struct vmm_swap_how how = { .cease = true, .timeout_ns = MS };
	struct vmm_swap_result res;
	const struct vmm_sched_ops *def = vmm_sched_get("default");
	const char *why;
	u32 i, swaps = 0;
	u64 ran;

	KUNIT_ASSERT_NOT_NULL(test, def);
	r->throttles = true;
	for (i = 0; i < 4; i++)
		r->vcpu[i].hog = true;
	virt_run(r, r->now + 20 * MS);
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	ran = virt_ran(r, 0);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const struct vmm_sched_ops *ops = vmm_sched_get(names[i]);

		if (!ops)
			continue;
		KUNIT_EXPECT_EQ(test, vmm_sched_activate(r->pool, ops, NULL, 0, &res, &why), 0);
		virt_run(r, r->now + 20 * MS);
		KUNIT_EXPECT_EQ(test, vmm_sched_activate_how(r->pool, def, NULL, 0,
							     &how, &res, &why), 0);
		KUNIT_EXPECT_EQ(test, vmm_sched_activate_how(r->pool, ops, NULL, 0, &how, &res,
							     &why), 0);
		mutex_lock(&r->pool->mutex);
		r->vcpu[0].group->weight = 100 + i;
		vmm_group_params_changed(r->vcpu[0].group);
		mutex_unlock(&r->pool->mutex);
		virt_run(r, r->now + 20 * MS);
		virt_check(test, r);
		KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
		KUNIT_EXPECT_EQ(test, virt_ran(r, 0), ran);
		vmm_sched_put(ops);
		swaps++;
	}
	vmm_sched_put(def);
	KUNIT_EXPECT_GE(test, swaps, 1U);
	KUNIT_EXPECT_EQ(test, resume(r, 0), (u32)VMM_FB_DONE);
	virt_run(r, r->now + 50 * MS);
	KUNIT_EXPECT_GT(test, virt_ran(r, 0), ran + 10 * MS);
	virt_check(test, r);
	virt_destroy(r);
}

/* What makes no difference to a paused one: offline pCPUs, another affinity, a signal. */
static void pause_and_the_rest(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 3);
	unsigned long only1 = 2;
	u32 i;

	for (i = 0; i < 3; i++)
		r->vcpu[i].hog = true;
	virt_run(r, r->now + 20 * MS);
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	virt_online(r, 0, false);
	virt_run(r, r->now + 20 * MS);
	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[0].group, &only1), 0);
	mutex_unlock(&r->pool->mutex);
	vmm_gate_cancel(ent(r, 0));
	virt_run(r, r->now + 20 * MS);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	virt_online(r, 0, true);
	KUNIT_EXPECT_EQ(test, resume(r, 0), (u32)VMM_FB_DONE);
	virt_run(r, r->now + 50 * MS);
	KUNIT_EXPECT_EQ(test, ent(r, 0)->home->id, 1U);
	KUNIT_EXPECT_GT(test, virt_ran(r, 0), 10ULL * MS);
	virt_check(test, r);
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	virt_destroy(r);	/* paused: its VM ends all the same */
}

static void yield_answers(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 3);
	struct vmm_answer a;

	KUNIT_EXPECT_EQ(test, yield_service(r, 0, -1, &a), (u32)VMM_FB_NOT_RUNNABLE);
	own(test, r, 0);
	KUNIT_EXPECT_EQ(test, yield_service(r, 0, -1, &a), (u32)VMM_FB_NOBODY_WAITS);
	KUNIT_EXPECT_EQ(test, a.next_vm, r->vcpu[0].group->id);
	vmm_gate_claim(ent(r, 1), NULL);
	KUNIT_EXPECT_EQ(test, yield_service(r, 1, -1, &a), (u32)VMM_FB_NOT_OWNER);
	KUNIT_EXPECT_EQ(test, yield_service(r, 0, -1, &a), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, a.next_vm, r->vcpu[1].group->id);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_QUEUED);
	/* to one that is not the next in the queue */
	vmm_gate_claim(ent(r, 2), NULL);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OWNER);
	KUNIT_EXPECT_EQ(test, yield_service(r, 1, 2, &a), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, a.next_vm, r->vcpu[2].group->id);
	KUNIT_EXPECT_EQ(test, pause(r, 0), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, yield_service(r, 0, -1, &a), (u32)VMM_FB_PAUSED);
	KUNIT_EXPECT_EQ(test, yield_service(r, 2, 0, &a), (u32)VMM_FB_PAUSED);
	virt_check(test, r);
	virt_destroy(r);
}

/* An owner that does not come: said so, and it yields when it does. */
static void yield_late(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);
	struct vmm_answer a;

	own(test, r, 0);
	vmm_gate_claim(ent(r, 1), NULL);
	r->vcpu[0].stuck = true;
	KUNIT_EXPECT_EQ(test, yield_service(r, 0, -1, &a), (u32)VMM_FB_NOT_OUT);
	KUNIT_EXPECT_GE(test, a.took_ns, 100ULL * MS);
	KUNIT_EXPECT_LE(test, a.took_ns, 101ULL * MS);
	r->vcpu[0].stuck = false;
	virt_settle(r);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OWNER);
	virt_destroy(r);
}

static void boost_answers(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 3);
	struct vmm_answer a;

	KUNIT_EXPECT_EQ(test, boost(r, 2, 0, &a), (u32)VMM_FB_NOT_RUNNABLE);
	own(test, r, 0);
	KUNIT_EXPECT_EQ(test, boost(r, 0, 0, &a), (u32)VMM_FB_ALREADY);
	vmm_gate_claim(ent(r, 1), NULL);
	vmm_gate_claim(ent(r, 2), NULL);
	KUNIT_EXPECT_EQ(test, boost(r, 2, 0, &a), (u32)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, a.next_vm, r->vcpu[2].group->id);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_QUEUED);
	virt_check(test, r);
	virt_destroy(r);
}

/* A sleeper beside three hogs waits for their turns, unless it is boosted. */
static void boost_for_a_time(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 4);
	struct vmm_answer a;
	u64 before, after, wakes;
	u32 i;

	for (i = 0; i < 3; i++)
		r->vcpu[i].hog = true;
	r->vcpu[3].run_for = 200 * US;
	r->vcpu[3].sleep_for = 5 * MS;
	virt_run(r, r->now + 500 * MS);
	before = virt_ran(r, 3);
	KUNIT_EXPECT_EQ(test, boost(r, 3, 500 * MS, &a) & ~(u32)VMM_FB_DONE, 0U);
	KUNIT_EXPECT_LE(test, vmm_entity_boost(ent(r, 3)), 500ULL * MS);
	KUNIT_EXPECT_GE(test, vmm_entity_boost(ent(r, 3)), 499ULL * MS);
	wakes = ent(r, 3)->stats.wakes;
	virt_run(r, r->now + 490 * MS);
	after = virt_ran(r, 3) - before;
	KUNIT_EXPECT_GT(test, after, 3 * before);
	KUNIT_EXPECT_GE(test, ent(r, 3)->stats.wakes - wakes, 80ULL);
	virt_run(r, r->now + 20 * MS);		/* and then it is over */
	KUNIT_EXPECT_EQ(test, vmm_entity_boost(ent(r, 3)), 0ULL);
	before = virt_ran(r, 3);
	virt_run(r, r->now + 500 * MS);
	KUNIT_EXPECT_LT(test, 2 * (virt_ran(r, 3) - before), after);
	virt_check(test, r);
	virt_destroy(r);
}

/* Off the guest, as after an exit, then the turn goes to @to. */
static int give(struct virt_room *r, u32 from, u32 to)
{
	vmm_gate_off(ent(r, from));
	return vmm_gate_yield_to(ent(r, from), ent(r, to));
}

static void take_offer(struct kunit *test, struct virt_room *r, u32 i)
{
	KUNIT_ASSERT_TRUE(test, vmm_gate_own(ent(r, i)));
	vmm_gate_on(ent(r, i));
}

static void yield_to_on_one_pcpu(struct kunit *test)
{
	static const char * const names[] = { "default", "rr", "bvt", "credit" };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct virt_room *r = virt_create(test, 1, 4);
		u32 k;

		if (virt_swap(r, names[i])) {
			virt_destroy(r);
			continue;
		}
		own(test, r, 0);
		for (k = 1; k < 4; k++)
			vmm_gate_claim(ent(r, k), NULL);
		r->now += MS;
		ent(r, 0)->home->slice_end = r->now + 5 * MS;	/* whatever a wake-up made of it */
		KUNIT_EXPECT_EQ_MSG(test, give(r, 0, 3), (int)VMM_FB_DONE, "%s", names[i]);
		KUNIT_EXPECT_EQ(test, state(r, 3), VMM_GATE_OFFERED);
		KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_QUEUED);
		KUNIT_EXPECT_EQ(test, ent(r, 0)->stats.given_way_done, 1ULL);
		virt_check(test, r);
		/* one that does not wait: no, and with others waiting it is a yield */
		take_offer(test, r, 3);
		KUNIT_EXPECT_EQ(test, pause(r, 1), (u32)VMM_FB_DONE);
		KUNIT_EXPECT_EQ(test, give(r, 3, 1), (int)VMM_FB_PAUSED);
		KUNIT_EXPECT_EQ(test, state(r, 3), VMM_GATE_QUEUED);
		virt_check(test, r);
		virt_destroy(r);
	}
}

/* From another pCPU: it comes over, if it may. */
static void yield_to_among_pcpus(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 3);
	unsigned long only1 = 2;

	own(test, r, 0);
	own(test, r, 1);
	KUNIT_ASSERT_PTR_NE(test, ent(r, 0)->home, ent(r, 1)->home);
	/* 2 waits where 1 is */
	mutex_lock(&r->pool->mutex);
	only1 = BIT(ent(r, 1)->home->id);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[2].group, &only1), 0);
	vmm_gate_claim(ent(r, 2), NULL);
	KUNIT_ASSERT_EQ(test, state(r, 2), VMM_GATE_QUEUED);
	mutex_unlock(&r->pool->mutex);
	r->now += MS;
	KUNIT_EXPECT_EQ(test, give(r, 0, 2), (int)VMM_FB_NOT_THERE);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OFF);	/* nobody waits here: it goes on */
	vmm_gate_on(ent(r, 0));
	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[2].group, NULL), 0);
	mutex_unlock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, give(r, 0, 2), (int)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, state(r, 2), VMM_GATE_OFFERED);
	KUNIT_EXPECT_PTR_EQ(test, ent(r, 2)->home, ent(r, 0)->home);
	virt_check(test, r);
	virt_destroy(r);
}

/*
 * Two that pass a pCPU to each other for ever, and a third: it waits for no longer
 * than one turn, and gets its share.
 */
static void yield_to_takes_from_nobody(struct kunit *test)
{
	static const char * const names[] = { "default", "rr", "bvt", "credit" };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct virt_room *r = virt_create(test, 1, 3);
		u64 begin, out_since, longest = 0;
		u32 k;

		if (virt_swap(r, names[i])) {
			virt_destroy(r);
			continue;
		}
		r->vcpu[0].hog = true;
		r->vcpu[1].hog = true;
		r->vcpu[2].hog = true;
		virt_settle(r);
		begin = r->now;
		out_since = r->now;
		while (r->now < begin + 2000 * MS) {
			virt_run(r, r->now + 100 * US);
			if (state(r, 2) == VMM_GATE_OWNER) {
				longest = max(longest, r->now - out_since);
				out_since = r->now;
				continue;
			}
			for (k = 0; k < 2; k++) {
				if (state(r, k) == VMM_GATE_OWNER && !ent(r, k)->home->kick) {
					give(r, k, !k);
					if (state(r, k) == VMM_GATE_OFF)
						vmm_gate_on(ent(r, k));
					break;
				}
			}
		}
		KUNIT_EXPECT_GE_MSG(test, virt_ran(r, 2), 2000ULL * MS / 3 - 60 * MS, "%s",
				    names[i]);
		KUNIT_EXPECT_LE_MSG(test, longest, 95ULL * MS, "%s", names[i]);
		virt_check(test, r);
		virt_destroy(r);
	}
}

static void critical_needs_leave(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 1);
	struct vmm_entity *e = ent(r, 0);

	KUNIT_EXPECT_EQ(test, vmm_entity_say_critical(e, true), (int)VMM_FB_FORBIDDEN);
	KUNIT_EXPECT_FALSE(test, vmm_entity_time_critical(e));
	r->vcpu[0].group->guest_critical = true;
	KUNIT_EXPECT_EQ(test, vmm_entity_say_critical(e, true), (int)VMM_FB_DONE);
	KUNIT_EXPECT_EQ(test, vmm_entity_say_critical(e, true), (int)VMM_FB_ALREADY);
	KUNIT_EXPECT_TRUE(test, vmm_entity_time_critical(e));
	r->vcpu[0].group->guest_critical = false;	/* the operator's word is the last */
	KUNIT_EXPECT_FALSE(test, vmm_entity_time_critical(e));
	virt_destroy(r);
}

static struct kunit_case request_cases[] = {
	KUNIT_CASE(pause_out),
	KUNIT_CASE(pause_queued),
	KUNIT_CASE(pause_offered),
	KUNIT_CASE(pause_owner),
	KUNIT_CASE(pause_owner_alone),
	KUNIT_CASE(pause_owner_late),
	KUNIT_CASE(pause_off),
	KUNIT_CASE(pause_loaned),
	KUNIT_CASE(pause_blocked),
	KUNIT_CASE(pause_vm_and_vcpu),
	KUNIT_CASE(pause_survives),
	KUNIT_CASE(pause_and_the_rest),
	KUNIT_CASE(yield_answers),
	KUNIT_CASE(yield_late),
	KUNIT_CASE(boost_answers),
	KUNIT_CASE(boost_for_a_time),
	KUNIT_CASE(yield_to_on_one_pcpu),
	KUNIT_CASE(yield_to_among_pcpus),
	KUNIT_CASE(yield_to_takes_from_nobody),
	KUNIT_CASE(critical_needs_leave),
	{ }
};

static struct kunit_suite request_suite = {
	.name = "vmm_request",
	.test_cases = request_cases,
};
kunit_test_suite(request_suite);
