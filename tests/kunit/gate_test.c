// SPDX-License-Identifier: GPL-2.0
/*
 * The gate, step by step, with fake threads.
 */
#include "virtual.h"

#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC

static enum vmm_gate_state state(struct virt_room *r, u32 i)
{
	return vmm_state(&r->vcpu[i].e);
}

static void claim(struct virt_room *r, u32 i)
{
	vmm_gate_claim(&r->vcpu[i].e, NULL);
}

static bool own(struct virt_room *r, u32 i)
{
	bool ok = vmm_gate_own(&r->vcpu[i].e);

	if (ok)
		vmm_gate_on(&r->vcpu[i].e);
	return ok;
}

/* A free pCPU is offered at once; the owner holds it; a second one waits. */
static void gate_claim_offer_own(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);

	claim(r, 0);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OFFERED);
	KUNIT_EXPECT_TRUE(test, r->vcpu[0].woken);
	KUNIT_EXPECT_TRUE(test, own(r, 0));
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OWNER);
	claim(r, 1);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_QUEUED);
	KUNIT_EXPECT_FALSE(test, r->vcpu[1].woken);
	virt_check(test, r);

	vmm_gate_off(&r->vcpu[0].e);
	vmm_gate_exit(&r->vcpu[0].e, VMM_EXIT_LEAVE);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OFFERED);
	virt_check(test, r);
	virt_destroy(r);
}

/* An offer that nobody takes goes to the next one; the late thread gets nothing by it. */
static void gate_offer_expires(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);

	claim(r, 0);
	claim(r, 1);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OFFERED);
	KUNIT_ASSERT_LE(test, r->timer[0], r->now + VMM_OFFER_FAR_NS);
	r->now = r->timer[0];
	vmm_pcpu_expired(&r->pool->pcpus[0]);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_EXPECT_EQ(test, r->vcpu[0].e.stats.noshows, 1ULL);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OFFERED);
	KUNIT_EXPECT_FALSE(test, own(r, 0));
	KUNIT_EXPECT_TRUE(test, own(r, 1));
	claim(r, 0);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_QUEUED);
	virt_check(test, r);
	virt_destroy(r);
}

/* While nobody waits an offer does not expire. */
static void gate_offer_alone_stays(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 1);

	claim(r, 0);
	r->now += 10 * MS;
	vmm_pcpu_expired(&r->pool->pcpus[0]);
	KUNIT_EXPECT_TRUE(test, own(r, 0));
	virt_destroy(r);
}

/* A thread that leaves the claim with an error gives back what it was just handed. */
static void gate_signal_gives_back(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 3);

	claim(r, 0);
	claim(r, 1);
	claim(r, 2);
	vmm_gate_cancel(&r->vcpu[1].e);		/* queued: it just goes */
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OUT);
	vmm_gate_cancel(&r->vcpu[0].e);		/* offered: the next one gets it */
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_EXPECT_EQ(test, state(r, 2), VMM_GATE_OFFERED);
	virt_check(test, r);
	virt_destroy(r);
}

/* A short device access costs no switch; a long one ends the loan when somebody waits. */
static void gate_loan(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);
	struct vmm_entity *e = &r->vcpu[0].e;

	claim(r, 0);
	own(r, 0);
	vmm_gate_off(e);
	vmm_gate_exit(e, VMM_EXIT_LOAN);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_LOANED);
	r->now += 50 * MS;			/* nobody waits: no end */
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_LOANED);
	e->home->slice_end = r->now + 5 * MS;	/* else that is what ends the loan */
	claim(r, 1);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_QUEUED);
	/* back in time */
	KUNIT_EXPECT_EQ(test, atomic_cmpxchg(&e->state, VMM_GATE_LOANED, VMM_GATE_OFF),
			(int)VMM_GATE_LOANED);
	vmm_gate_on(e);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OWNER);
	/* and once more, too long */
	e->home->slice_end = r->now + 5 * MS;
	vmm_gate_off(e);
	vmm_gate_exit(e, VMM_EXIT_LOAN);
	KUNIT_ASSERT_LE(test, r->timer[0], r->now + VMM_LOAN_NS);
	r->now += VMM_LOAN_NS;
	vmm_pcpu_expired(&r->pool->pcpus[0]);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OFFERED);
	KUNIT_EXPECT_EQ(test, e->stats.loan_expired, 1ULL);
	virt_check(test, r);
	virt_destroy(r);
}

/* The slice ends for the one who runs as soon as somebody waits. */
static void gate_slice(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);

	r->vcpu[0].hog = true;
	r->vcpu[1].hog = true;
	virt_run(r, r->now + 1000 * MS);
	virt_check(test, r);
	KUNIT_EXPECT_LE(test, virt_ran(r, 0), virt_ran(r, 1) + 11 * MS);
	KUNIT_EXPECT_LE(test, virt_ran(r, 1), virt_ran(r, 0) + 11 * MS);
	KUNIT_EXPECT_GE(test, virt_ran(r, 0) + virt_ran(r, 1), 998ULL * MS);
	virt_destroy(r);
}

/* As vmm_gate_sched_out() leaves it, without the interrupt that a real pCPU would get. */
static void host_takes(struct virt_room *r, struct vmm_entity *e)
{
	vmm_gate_off(e);
	WRITE_ONCE(e->off_since, r->now);
}

/* A slice is time on the pCPU: what the host took of it comes on top, up to one slice. */
static void gate_slice_without_host_time(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);
	struct vmm_entity *e = &r->vcpu[0].e;
	struct vmm_pcpu *p = &r->pool->pcpus[0];
	u64 end, slice;
	int i;

	claim(r, 0);
	own(r, 0);
	claim(r, 1);
	end = p->slice_end;
	slice = e->slice_ns;
	KUNIT_ASSERT_EQ(test, end, r->now + slice);
	host_takes(r, e);
	r->now += VMM_LOST_NS / 2;
	vmm_gate_on(e);
	r->now = end;
	vmm_pcpu_expired(p);
	KUNIT_EXPECT_FALSE(test, p->kick);
	KUNIT_EXPECT_EQ(test, p->slice_end, end + VMM_LOST_NS / 2);
	r->now = p->slice_end;
	vmm_pcpu_expired(p);
	KUNIT_EXPECT_TRUE(test, p->kick);
	KUNIT_EXPECT_EQ(test, virt_ran(r, 0), slice);

	/* However much the host takes: the end comes. */
	for (i = 0; i < 4 * slice / VMM_LOST_NS; i++) {
		host_takes(r, e);
		r->now += VMM_LOST_NS - 1;
		vmm_gate_on(e);
		local_irq_disable();
		vmm_pcpu_lock(p);
		vmm_charge(p, r->now);
		vmm_pcpu_unlock(p);
		local_irq_enable();
	}
	KUNIT_EXPECT_EQ(test, p->slice_end, end + slice);
	virt_check(test, r);
	virt_destroy(r);
}

/* A wake-up between the last look for work and BLOCKED is not lost. */
static void gate_wake_before_block(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 1);
	struct vmm_entity *e = &r->vcpu[0].e;

	claim(r, 0);
	own(r, 0);
	vmm_gate_off(e);
	vmm_gate_wake(e);
	KUNIT_EXPECT_FALSE(test, vmm_gate_try_block(e));
	KUNIT_EXPECT_TRUE(test, vmm_gate_try_block(e));
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_BLOCKED);
	vmm_gate_wake(e);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OFFERED);
	KUNIT_EXPECT_TRUE(test, own(r, 0));
	KUNIT_EXPECT_EQ(test, e->stats.wakes, 1ULL);
	virt_check(test, r);
	virt_destroy(r);
}

/* A guest that halts while nobody waits keeps the pCPU until somebody comes: no time is charged. */
static void gate_halt_lazily(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);
	struct vmm_entity *e = &r->vcpu[0].e;
	u64 ran;

	claim(r, 0);
	own(r, 0);
	r->now += MS;
	vmm_gate_off(e);
	vmm_gate_exit(e, VMM_EXIT_HALT);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OFF);
	KUNIT_EXPECT_TRUE(test, test_bit(0, r->pool->idle));
	ran = virt_ran(r, 0);
	KUNIT_EXPECT_EQ(test, ran, 1ULL * MS);
	r->now += 20 * MS;
	KUNIT_EXPECT_EQ(test, virt_ran(r, 0), ran);
	claim(r, 1);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OFFERED);
	KUNIT_EXPECT_EQ(test, virt_ran(r, 0), ran);
	virt_check(test, r);
	virt_destroy(r);
}

/* The host takes the owner's CPU: asleep, it loses it at once; preempted, after a bound. */
static void gate_host_takes_cpu(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);
	struct vmm_entity *e = &r->vcpu[0].e;
	struct vmm_pcpu *p = &r->pool->pcpus[0];

	claim(r, 0);
	own(r, 0);
	local_irq_disable();
	vmm_gate_sched_out(e, true);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OFF);
	claim(r, 1);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_QUEUED);
	r->now += VMM_LOST_NS / 2;
	vmm_pcpu_expired(p);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OFF);	/* not yet */
	vmm_gate_on(e);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OWNER);
	KUNIT_EXPECT_EQ(test, virt_ran(r, 0), 0ULL);		/* that was steal */

	vmm_gate_off(e);
	WRITE_ONCE(e->off_since, r->now);
	r->now += VMM_LOST_NS;
	vmm_pcpu_expired(p);
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_EXPECT_EQ(test, e->stats.losses, 1ULL);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OFFERED);
	vmm_gate_on(e);						/* too late */
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	virt_check(test, r);
	virt_destroy(r);
}

/* pCPUs are used, affinity is kept, and a pCPU that goes offline loses nobody. */
static void gate_affinity_and_offline(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 4);
	unsigned long only1 = BIT(1), none = 0;
	u32 i;

	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[3].group, &only1), 0);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[3].group, &none), -EINVAL);
	mutex_unlock(&r->pool->mutex);
	for (i = 0; i < 4; i++)
		r->vcpu[i].hog = true;
	virt_run(r, r->now + 200 * MS);
	virt_check(test, r);
	KUNIT_EXPECT_EQ(test, r->vcpu[3].e.home->id, 1U);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_GE(test, virt_ran(r, i), 80ULL * MS);

	virt_online(r, 1, false);
	virt_run(r, r->now + 200 * MS);
	virt_check(test, r);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, r->vcpu[i].e.home->id, 0U);
	KUNIT_EXPECT_GE(test, virt_ran(r, 3), 100ULL * MS);	/* its affinity is broken, it is not */

	virt_online(r, 1, true);
	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[0].group, &only1), 0);
	mutex_unlock(&r->pool->mutex);
	virt_run(r, r->now + 200 * MS);
	KUNIT_EXPECT_EQ(test, r->vcpu[3].e.home->id, 1U);	/* it returned, and so did this one */
	KUNIT_EXPECT_EQ(test, r->vcpu[0].e.home->id, 1U);
	virt_check(test, r);
	virt_destroy(r);
}

/* Its only pCPU gone, a vCPU that never halts runs elsewhere, and goes back by itself. */
static void gate_affinity_returns(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 1);
	unsigned long only1 = BIT(1);

	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[0].group, &only1), 0);
	mutex_unlock(&r->pool->mutex);
	r->vcpu[0].hog = true;
	virt_run(r, r->now + 20 * MS);
	KUNIT_EXPECT_EQ(test, r->vcpu[0].e.home->id, 1U);
	virt_online(r, 1, false);
	virt_run(r, r->now + 20 * MS);
	KUNIT_EXPECT_EQ(test, r->vcpu[0].e.home->id, 0U);
	virt_online(r, 1, true);
	virt_run(r, r->now + 20 * MS);
	KUNIT_EXPECT_EQ(test, r->vcpu[0].e.home->id, 1U);
	KUNIT_EXPECT_GE(test, virt_ran(r, 0), 50ULL * MS);
	virt_check(test, r);
	virt_destroy(r);
}

/*
 * Who claims from the CPU where another one halted has it at once: nobody is offered anything,
 * woken or late. The one before is charged up to its halt, and its own claim waits then.
 */
static void gate_take_from_halted(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 3);
	struct vmm_pcpu *p = &r->pool->pcpus[0];
	struct vmm_entity *a = &r->vcpu[0].e, *b = &r->vcpu[1].e;
	u64 picks = p->picks, switches;

	KUNIT_ASSERT_TRUE(test, vmm_gate_take(a, p));
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OFF);
	KUNIT_EXPECT_PTR_EQ(test, p->curr, a);
	KUNIT_EXPECT_FALSE(test, test_bit(0, r->pool->idle));
	vmm_gate_on(a);
	virt_check(test, r);
	/* It runs: nobody takes it from there. */
	KUNIT_EXPECT_FALSE(test, vmm_gate_take(b, p));
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OUT);
	r->now += MS;
	vmm_gate_off(a);
	KUNIT_EXPECT_FALSE(test, vmm_gate_take(b, p));
	vmm_gate_exit(a, VMM_EXIT_HALT);
	r->now += 7 * MS;
	switches = p->switches;
	KUNIT_ASSERT_TRUE(test, vmm_gate_take(b, p));
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OFF);
	KUNIT_EXPECT_EQ(test, p->picks, picks + 2);
	KUNIT_EXPECT_EQ(test, p->switches, switches + 1);
	KUNIT_EXPECT_EQ(test, virt_ran(r, 0), 1ULL * MS);
	KUNIT_EXPECT_EQ(test, a->stats.off_ns, 7ULL * MS);
	KUNIT_EXPECT_FALSE(test, r->vcpu[1].woken);
	virt_check(test, r);

	/* It halts, and is back before anybody came: still its own. */
	vmm_gate_on(b);
	r->now += MS;
	vmm_gate_off(b);
	vmm_gate_exit(b, VMM_EXIT_HALT);
	r->now += MS;
	vmm_gate_on(b);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OWNER);
	KUNIT_EXPECT_EQ(test, virt_ran(r, 1), 1ULL * MS);
	r->now += MS;
	KUNIT_EXPECT_EQ(test, virt_ran(r, 1), 2ULL * MS);

	/* Woken, the first one takes the pCPU back; that is a wake-up which took no time. */
	vmm_gate_off(b);
	vmm_gate_exit(b, VMM_EXIT_HALT);
	r->now += MS;
	KUNIT_EXPECT_EQ(test, a->stats.wakes, 0ULL);
	KUNIT_ASSERT_TRUE(test, vmm_gate_take(a, p));
	KUNIT_EXPECT_EQ(test, a->stats.wakes, 1ULL);
	KUNIT_EXPECT_EQ(test, a->stats.wake_hist[0], 1U);
	virt_check(test, r);
	virt_destroy(r);
}

/* A pause, another home, an affinity, a scheduler without take(): all of that takes the long way. */
static void gate_take_only_when_plain(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 3);
	struct vmm_pcpu *p = &r->pool->pcpus[0];
	struct vmm_entity *a = &r->vcpu[0].e;
	unsigned long only1 = BIT(1);
	struct vmm_answer answer;

	KUNIT_ASSERT_PTR_EQ(test, a->home, p);
	KUNIT_EXPECT_FALSE(test, vmm_gate_take(a, &r->pool->pcpus[1]));
	mutex_lock(&r->pool->mutex);
	vmm_request_pause(a, VMM_PAUSED_VCPU, 0, &answer);
	mutex_unlock(&r->pool->mutex);
	KUNIT_EXPECT_FALSE(test, vmm_gate_take(a, p));
	mutex_lock(&r->pool->mutex);
	vmm_request_resume(a, VMM_PAUSED_VCPU, &answer);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[0].group, &only1), 0);
	mutex_unlock(&r->pool->mutex);
	KUNIT_EXPECT_FALSE(test, vmm_gate_take(a, p));
	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(r->vcpu[0].group, NULL), 0);
	mutex_unlock(&r->pool->mutex);

	/* bvt decides by virtual times: it has no short way. */
	KUNIT_ASSERT_EQ(test, virt_swap(r, "bvt"), 0);
	KUNIT_EXPECT_FALSE(test, vmm_gate_take(a, p));
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "rr"), 0);
	KUNIT_EXPECT_TRUE(test, vmm_gate_take(a, p));
	vmm_gate_on(a);
	KUNIT_EXPECT_EQ(test, a->slice_ns, 10ULL * MS);
	virt_check(test, r);
	virt_destroy(r);
}

/* Nobody is overtaken: an offer, and a place in the queue, are older. */
static void gate_take_overtakes_nobody(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 3);
	struct vmm_pcpu *p = &r->pool->pcpus[0];
	struct vmm_entity *a = &r->vcpu[0].e;

	KUNIT_ASSERT_TRUE(test, vmm_gate_take(a, p));
	vmm_gate_on(a);
	claim(r, 1);
	claim(r, 2);
	vmm_gate_off(a);
	vmm_gate_exit(a, VMM_EXIT_HALT);
	KUNIT_EXPECT_EQ(test, state(r, 1), VMM_GATE_OFFERED);
	KUNIT_EXPECT_FALSE(test, vmm_gate_take(a, p));
	KUNIT_EXPECT_TRUE(test, own(r, 1));
	vmm_gate_off(&r->vcpu[1].e);
	KUNIT_EXPECT_FALSE(test, vmm_gate_take(a, p));
	KUNIT_EXPECT_EQ(test, state(r, 0), VMM_GATE_OUT);
	virt_check(test, r);
	virt_destroy(r);
}

static struct kunit_case gate_cases[] = {
	KUNIT_CASE(gate_claim_offer_own),
	KUNIT_CASE(gate_offer_expires),
	KUNIT_CASE(gate_offer_alone_stays),
	KUNIT_CASE(gate_signal_gives_back),
	KUNIT_CASE(gate_loan),
	KUNIT_CASE(gate_slice),
	KUNIT_CASE(gate_slice_without_host_time),
	KUNIT_CASE(gate_wake_before_block),
	KUNIT_CASE(gate_halt_lazily),
	KUNIT_CASE(gate_host_takes_cpu),
	KUNIT_CASE(gate_affinity_and_offline),
	KUNIT_CASE(gate_affinity_returns),
	KUNIT_CASE(gate_take_from_halted),
	KUNIT_CASE(gate_take_only_when_plain),
	KUNIT_CASE(gate_take_overtakes_nobody),
	{ }
};

static struct kunit_suite gate_suite = {
	.name = "vmm_gate",
	.test_cases = gate_cases,
};

kunit_test_suite(gate_suite);
