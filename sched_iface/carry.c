// SPDX-License-Identifier: GPL-2.0
/*
 * Entities on their way from one scheduler to the next.
 *
 * A swap flips a pCPU under its lock. If it took over all that are queued there in the
 * same go, the lock would be held for as long as there are many. So the flip takes
 * the owner and the VMM_CARRY oldest ones; the others remain with the old
 * scheduler, on pcpu->left, and follow a few at a time, the lock being released in
 * between. Each pick of the new scheduler takes some along too, and so does the
 * watchdog, so that those who are left wait no longer than the others whatever becomes
 * of the process that makes the swap.
 *
 * At every instant one scheduler holds an entity: entity->with says which. The old
 * one, pcpu->from, is asked to give history and to dequeue, nothing else, and
 * not after the swap has returned, nor once it broke its contract. Whoever needs a
 * single one of those who are left (it leaves, it is to be preferred) brings that one over
 * first, by vmm_carry_one(), and then goes on as ever.
 *
 * The swap holds the pool's mutex until nobody is left. So what needs the mutex
 * (requests of the service side, moves between pools, hotplug, parameters, the end of a
 * vCPU, the next swap) never meets anybody who is left; a vCPU's own thread, a guest's
 * request, timers and the watchdog do.
 *
 * Locking: the domain lock of the pCPU. The old scheduler's queue has come under
 * it although its own reach may be another: only a queue that no other pCPU shares
 * is left to follow (VMM_DOMAIN_PCPU), or one that nobody looks at any more since its
 * scheduler broke its contract; any other one goes over whole.
 */
#include "call.h"

/**
 * vmm_history_take() - what is to be handed over about an entity
 * @a:     the scheduler that it leaves
 * @p:     its home; domain lock held
 * @e:     the entity, queued or running there
 * @trust: @a may be asked
 * @now:   ns
 */
void vmm_history_take(struct vmm_sched *a, struct vmm_pcpu *p, struct vmm_entity *e, bool trust,
		      u64 now)
{
	struct vmm_history *h = &e->handover;

	h->lag_ns = 0;
	h->share_ppm = e->share_ppm;
	if (trust && a->ops->give_history)
		a->ops->give_history(a, p, e, h, now);
	h->lag_ns = clamp_t(s64, h->lag_ns, -(s64)VMM_LAG_MAX_NS, (s64)VMM_LAG_MAX_NS);
	h->share_ppm = min(h->share_ppm, 1000000u);
}

/** vmm_history_give() - ... to the scheduler that it comes to, just before it is queued there */
void vmm_history_give(struct vmm_sched *b, struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	if (b->ops->take_history)
		b->ops->take_history(b, p, e, &e->handover, now);
}

/*
 * Those of @list, whom no scheduler holds, come under that of their pCPU, which is in charge
 * already. One that has broken its contract is told nothing: see vmm_trusted(). Their waits
 * begin anew: what they waited under the other one is not to be held against it.
 */
static void fill(struct vmm_pcpu *p, struct list_head *list, u64 now)
{
	struct vmm_sched *b = vmm_pcpu_sched(p);
	struct vmm_entity *e;

	list_for_each_entry(e, list, queued_node) {
		e->with = b;
		e->wait_from = now;
		e->due_from = now;
		e->passed = 0;
		e->picks_at = p->picks;
		if (!vmm_trusted(p))
			continue;
		vmm_history_give(b, p, e, now);
		vmm_call_enqueue(b, p, e, VMM_ENQ_SWAP, now);
	}
}

/**
 * vmm_carry_out() - a flip begins: those who go over leave the old scheduler
 * @a:   the scheduler
 * @p:   the pCPU; whoever is in p->queued goes, and who runs
 * @now: ns
 */
void vmm_carry_out(struct vmm_sched *a, struct vmm_pcpu *p, u64 now)
{
	bool trust = vmm_trusted(p);
	struct vmm_entity *e;

	/* All accounts first: a lag is relative to those that are still there. */
	list_for_each_entry(e, &p->queued, queued_node)
		vmm_history_take(a, p, e, trust, now);
	if (p->curr)
		vmm_history_take(a, p, p->curr, trust, now);
	if (!trust)
		return;
	list_for_each_entry(e, &p->queued, queued_node)
		vmm_call_dequeue(a, p, e, now);
	if (p->curr)
		vmm_call_put(a, p, p->curr, VMM_PUT_SWAP, now);
}

/**
 * vmm_carry_in() - ... and come under the new one
 * @b:   the scheduler, in charge of @p already
 * @p:   the pCPU
 * @now: ns
 * @res: counts who runs
 */
void vmm_carry_in(struct vmm_sched *b, struct vmm_pcpu *p, u64 now, struct vmm_swap_result *res)
{
	struct vmm_entity *curr = p->curr;
	u64 slice = VMM_SWAP_SLICE_NS;
	bool trust, offered;

	fill(p, &p->queued, now);
	/* On a pCPU that changed hands before, it may have broken its contract already. */
	trust = vmm_trusted(p);
	if (!curr)
		return;
	offered = vmm_state(curr) == VMM_GATE_OFFERED;
	if (trust) {
		vmm_history_give(b, p, curr, now);
		slice = b->ops->adopt(b, p, curr, offered ? 0 : curr->slice_ran, now);
		vmm_note(p, VMM_DECISION_ADOPT, curr->id, slice, now);
	}
	if (slice > VMM_SLICE_MAX_NS)
		slice = vmm_odd_time(p, b, "answered adopt() with less than no time", slice, now);
	/* So that B decides soon, however generous A was. */
	slice = clamp_t(u64, slice, VMM_SLICE_MIN_NS, VMM_SWAP_SLICE_NS);
	if (offered)
		curr->slice_ns = slice;
	else
		p->slice_end = now + slice;
	res->running++;
}

/* The first @n of @from. */
static void cut(struct list_head *to, struct list_head *from, unsigned int n)
{
	struct list_head *at = from;

	while (n-- && at->next != from)
		at = at->next;
	list_cut_position(to, from, at);
}

/**
 * vmm_carry_split() - before a pCPU is flipped: who goes over with it?
 * @a: the old scheduler
 * @p: the pCPU
 *
 * Those remain in p->queued; the others are in p->left afterwards.
 * Return: how many remain.
 */
unsigned int vmm_carry_split(struct vmm_sched *a, struct vmm_pcpu *p)
{
	LIST_HEAD(first);

	vmm_assert_locked(p);
	if (p->nr_queued <= VMM_CARRY || (a->ops->domain != VMM_DOMAIN_PCPU && vmm_trusted(p)))
		return p->nr_queued;
	cut(&first, &p->queued, VMM_CARRY);
	list_splice_init(&p->queued, &p->left);
	list_splice(&first, &p->queued);
	p->from = a;
	return VMM_CARRY;
}

/* Those of @some, out of p->left already, come over. */
static void bring(struct vmm_pcpu *p, struct list_head *some, u64 now)
{
	struct vmm_pcpu *locked = this_cpu_read(vmm_locked);
	bool asked = !list_empty(&p->resched_node);
	u64 deadline = p->sched_deadline;
	struct vmm_sched *a = p->from;
	struct vmm_entity *e;

	this_cpu_write(vmm_locked, p);
	p->old_op = true;
	/* All accounts first: a lag is relative to those that are still there. */
	list_for_each_entry(e, some, queued_node)
		vmm_history_take(a, p, e, !READ_ONCE(a->broken), now);
	list_for_each_entry(e, some, queued_node)
		if (!READ_ONCE(a->broken))
			a->ops->dequeue(a, p, e, now);
	p->old_op = false;
	this_cpu_write(vmm_locked, locked);
	/* The old one has no say in when this pCPU decides. */
	p->sched_deadline = deadline;
	if (!asked)
		vmm_resched_forget(p);
	p->declined = false;
	fill(p, some, now);
	list_splice_tail(some, &p->queued);
	if (list_empty(&p->left))
		WRITE_ONCE(p->from, NULL);
}

/**
 * vmm_carry() - a few of those who are left come over
 * @p:   the pCPU; p->from is set
 * @now: ns
 */
void vmm_carry(struct vmm_pcpu *p, u64 now)
{
	LIST_HEAD(some);

	vmm_assert_locked(p);
	cut(&some, &p->left, VMM_CARRY);
	bring(p, &some, now);
}

/** vmm_carry_one() - one of those who are left comes over at once */
void vmm_carry_one(struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	LIST_HEAD(some);

	vmm_assert_locked(p);
	list_move(&e->queued_node, &some);
	bring(p, &some, now);
}
