// SPDX-License-Identifier: GPL-2.0
/*
 * Taking: a claim that need not wait.
 *
 * Guests that halt in user space, one per thread, hand a pCPU from one to the next for
 * each event. The thread that comes finds its home free, or held by one that halted,
 * nobody queued, and is on that CPU already: whoever is asked, it is next. So the steps of
 * gate.c (gate_claim, gate_expire for the one that halted, gate_offer, gate_own) are one
 * here, under one hold of the lock: the halted one is charged and put, its successor
 * owns. In between nobody could see it QUEUED or OFFERED, so it is neither, no timer is set
 * for those states, and nobody is woken.
 *
 * The scheduler is told all of it but by one op: take() is enqueue() and the pick()
 * that returns that entity. One without take(), or that answers 0, is asked the long way. So
 * is everybody in the middle of something else: a ceasing swap, a pause, a move. A request for
 * another decision that is still open (vmm_pcpu_resched()) is met by the timer that it set.
 *
 * Locking: see dispatch.c.
 */
#include <linux/bitmap.h>
#include "charge.h"
#include "trace.h"

/*
 * The lock is held. Would a claim of @e on @p go through all steps at once? What is
 * rare has the long way. Affinity: interrupts are off, which RCU waits for.
 */
static bool is_plain(const struct vmm_pcpu *p, const struct vmm_entity *e)
{
	const unsigned long *affinity;

	if (vmm_state(e) != VMM_GATE_OUT || p->nr_queued || !p->online ||
	    READ_ONCE(p->pool->ceased) || e->paused || e->anywhere || e->next_why == VMM_ENQ_SWAP)
		return false;
	affinity = rcu_dereference_sched(e->group->affinity);
	return test_bit(p->id, e->wish) && (!affinity || test_bit(p->id, affinity));
}

/* What @c used until it halted. Its state is taken: what it wrote before stays as it is. */
static void charge_halted(struct vmm_pcpu *p, struct vmm_sched *s, struct vmm_entity *c, u64 now)
{
	u64 away, ran;

	if (now <= c->charged)
		return;
	away = vmm_charge_away(c, c->off_total + (now - min(now, c->off_since)), now);
	ran = now - c->charged - away;
	c->charged = now;
	if (ran)
		vmm_charge_ran(p, s, true, c, ran, now);
}

/* @p has no owner, or had one that halted: its thread comes to the gate before it runs again. */
static bool vacate(struct vmm_pcpu *p, struct vmm_sched *s, u64 now)
{
	struct vmm_entity *c = p->curr;

	if (!c)
		return true;
	if (vmm_state(c) != VMM_GATE_OFF || !READ_ONCE(c->off_slept) ||
	    c->next_why != VMM_ENQ_WAKE ||
	    atomic_cmpxchg(&c->state, VMM_GATE_OFF, VMM_GATE_OUT) != VMM_GATE_OFF)
		return false;
	charge_halted(p, s, c, now);
	/* Each op may be the one in which it breaks its contract. */
	if (vmm_trusted(p))
		vmm_call_put(s, p, c, VMM_PUT_BLOCK, now);
	trace_vmm_sched_put(p->id, c->id, VMM_PUT_BLOCK, c->slice_ran);
	trace_vmm_entity_state(p->id, c->id, VMM_GATE_OUT, VMM_GATE_OUT);
	c->wait_from = 0;
	c->since = now;
	p->put_why = VMM_PUT_BLOCK;
	p->curr = NULL;
	return true;
}

static bool own(struct vmm_pcpu *p, struct vmm_sched *s, struct vmm_entity *e, u64 now)
{
	enum vmm_enqueue_why why = e->next_why;
	u64 slice = vmm_trusted(p) ? vmm_call_take(s, p, e, why, now) : 0;

	if (!slice) {
		vmm_pcpu_vacate(p);
		return false;
	}
	p->curr = e;
	p->picks++;
	p->picked_at = now;
	e->came_ns = 0;
	e->slice_ns = vmm_clamp_slice(p, s, slice, now);
	vmm_note(p, VMM_DECISION_PICK, e->id, slice, now);
	vmm_own_begin(p, e, now);
	e->since = now;
	atomic_set_release(&e->state, VMM_GATE_OFF);
	clear_bit(p->id, p->pool->idle);
	if (why == VMM_ENQ_WAKE && !e->wake_at) {
		/* From its wake-up until it owned no time went by. */
		e->stats.wakes++;
		e->stats.wake_hist[0]++;
	}
	trace_vmm_sched_request(p->id, e->id, why, why == VMM_ENQ_WAKE ?
				VMM_BY_WAKEUP : VMM_BY_THREAD, VMM_FB_DONE);
	trace_vmm_sched_pick(p->id, e->id, slice, 0, s->ops->name);
	trace_vmm_entity_state(p->id, e->id, VMM_GATE_OUT, VMM_GATE_OFF);
	trace_vmm_gate_own(p->id, e->id, e->slice_ns);
	/* Nobody waits, so nothing ends; unless take() broke its contract and stole somebody. */
	if (unlikely(p->nr_queued))
		vmm_update_timer(p, now);
	return true;
}

/**
 * vmm_gate_take() - claim a pCPU and own it, if that takes no waiting
 * @e: the entity, OUT; its thread calls, as it did the last time
 * @p: its home, and the thread is on that CPU
 *
 * Context: process, interrupts on.
 * Return: true: @e is OFF. false: it is as it was, and claims the long way.
 */
bool vmm_gate_take(struct vmm_entity *e, struct vmm_pcpu *p)
{
	struct vmm_sched *s;
	bool taken = false;
	u64 now;

	local_irq_disable();
	vmm_pcpu_lock(p);
	s = vmm_pcpu_sched(p);
	if (s->ops->take && p == READ_ONCE(e->home) && vmm_trusted(p) && is_plain(p, e)) {
		now = vmm_pool_now(p->pool);
		taken = vacate(p, s, now) && own(p, s, e, now);
	}
	vmm_pcpu_unlock(p);
	local_irq_enable();
	return taken;
}
EXPORT_SYMBOL_GPL(vmm_gate_take);
