// SPDX-License-Identifier: GPL-2.0
/*
 * Dispatch: who owns a pCPU next, and everything that asks for that decision.
 *
 * Purpose: the one place that calls a scheduler's ops. It keeps, beside the
 * scheduler's own queues, a list of all entities that are queued on a pCPU, so
 * that a pick can be checked and a scheduler that breaks its contract can be
 * replaced on the spot by that list (FIFO).
 *
 * Locking: every function here is called with interrupts off and the lock of
 * the pCPU's dispatch domain held, unless it says otherwise. Wake-ups are
 * collected in a struct vmm_post and done by vmm_post_run() after the lock is
 * released. Changes of an owner's state race with its own thread, which takes
 * no lock between OFF, OWNER and LOANED; see enum vmm_gate_state.
 *
 * Timers: one per pCPU. It is set to the earliest deadline that matters and
 * left alone when that deadline moves away; a timer that fires early finds
 * nothing to do and is set again.
 */
#include <linux/bitmap.h>
#include <linux/moduleparam.h>
#include <linux/sched/task.h>
#include "charge.h"
#include "trace.h"

static unsigned int loan_us = VMM_LOAN_NS / NSEC_PER_USEC;
module_param(loan_us, uint, 0644);
MODULE_PARM_DESC(loan_us, "how long a vCPU in user space keeps its pCPU while others wait, us (100)");

static unsigned int offer_us = VMM_OFFER_NS / NSEC_PER_USEC;
module_param(offer_us, uint, 0644);
MODULE_PARM_DESC(offer_us, "how long a vCPU may take to come when it is its turn while others wait, us (200)");

static u64 loan_length(void)
{
	return (u64)READ_ONCE(loan_us) * NSEC_PER_USEC;
}

/* --- what waits for the end of the lock ------------------------------------------ */

/** vmm_post_wake() - have the thread of @e look at its state once the lock is released */
void vmm_post_wake(struct vmm_post *post, struct vmm_entity *e)
{
	unsigned int i = post->nr;

	if (e == post->here)
		return;
	if (WARN_ON_ONCE(i >= ARRAY_SIZE(post->task)))
		return;
	post->host = e->pool->host;
	post->entity[i] = e;
	post->task[i] = e->task ? get_task_struct(e->task) : NULL;
	post->nr++;
}

/** vmm_post_run() - do what was put off. No lock held. */
void vmm_post_run(struct vmm_post *post)
{
	unsigned int i;

	for (i = 0; i < post->nr; i++) {
		/* On real pools only the task may be used: the entity may be gone. */
		post->host->wake(post->entity[i], post->task[i]);
		if (post->task[i])
			put_task_struct(post->task[i]);
	}
	post->nr = 0;
}

/* --- state and time ---------------------------------------------------------------- */

/** vmm_set_state() - a change of state under the lock, with its accounting */
void vmm_set_state(struct vmm_entity *e, enum vmm_gate_state state, u64 now)
{
	enum vmm_gate_state old = vmm_state(e);

	if (old == VMM_GATE_QUEUED || old == VMM_GATE_OFFERED)
		e->stats.wait_ns += now - e->since;
	trace_vmm_entity_state(e->home->id, e->id, old, state);
	e->since = now;
	atomic_set_release(&e->state, state);
}

/**
 * vmm_entity_off_total() - time that an owner's thread was off its CPU so far
 * @e:   the entity
 * @now: ns
 *
 * Read without a lock while its thread may change it: the sum is cumulative,
 * so that a value torn by a switch is put right by the next one.
 */
u64 vmm_entity_off_total(const struct vmm_entity *e, u64 now)
{
	u64 total = READ_ONCE(e->off_total);
	u64 since = READ_ONCE(e->off_since);

	if (vmm_state(e) == VMM_GATE_OFF && since && now > since)
		total += now - since;
	return total;
}

/*
 * A slice is time on the pCPU: what the host took of it for others is added to
 * its end. At most one slice more, so that a busy host cannot stretch it for ever.
 */
static void extend_slice(struct vmm_pcpu *p, struct vmm_entity *e, u64 away)
{
	if (p->slice_end == VMM_SLICE_INFINITE || p->preempt)
		return;
	away = min(away, e->slice_ns - min(e->slice_ns, e->slice_away));
	e->slice_away += away;
	p->slice_end += away;
}

/**
 * vmm_charge() - account what the owner of a pCPU has used since the last time
 * @p:   the pCPU
 * @now: ns
 */
void vmm_charge(struct vmm_pcpu *p, u64 now)
{
	struct vmm_entity *e = p->curr;
	u64 away, ran;

	if (!e || vmm_state(e) == VMM_GATE_OFFERED || now <= e->charged)
		return;
	away = vmm_charge_away(e, vmm_entity_off_total(e, now), now);
	ran = now - e->charged - away;
	e->charged = now;
	extend_slice(p, e, away);
	if (ran)
		vmm_charge_ran(p, vmm_pcpu_sched(p), vmm_trusted(p), e, ran, now);
}
EXPORT_SYMBOL_GPL(vmm_charge);

/** vmm_pcpu_idle() - nobody needs @p: free, or its owner is halted with nobody waiting */
bool vmm_pcpu_idle(const struct vmm_pcpu *p)
{
	const struct vmm_entity *e = p->curr;

	/* Those whom pick() does not want now wait for something else than the pCPU. */
	return (!p->nr_queued || p->declined) &&
	       (!e || (vmm_state(e) == VMM_GATE_OFF && READ_ONCE(e->off_slept)));
}

static void update_idle(struct vmm_pcpu *p)
{
	if (p->online && vmm_pcpu_idle(p))
		set_bit(p->id, p->pool->idle);
	else if (test_bit(p->id, p->pool->idle))
		clear_bit(p->id, p->pool->idle);
}

/* --- queue -------------------------------------------------------------------------- */

/**
 * vmm_enqueue() - an entity becomes QUEUED on its home pCPU
 * @p:   its home
 * @e:   the entity, OUT or BLOCKED
 * @why: passed to the scheduler
 * @now: ns
 */
void vmm_enqueue(struct vmm_pcpu *p, struct vmm_entity *e,
		 enum vmm_enqueue_why why, u64 now)
{
	struct vmm_sched *s = vmm_pcpu_sched(p);

	WARN_ON_ONCE(e->home != p || e->paused);
	vmm_set_state(e, VMM_GATE_QUEUED, now);
	e->with = s;
	list_add_tail(&e->queued_node, &p->queued);
	if (!p->nr_queued)
		set_bit(p->id, p->pool->waiting);
	WRITE_ONCE(p->nr_queued, p->nr_queued + 1);
	p->declined = false;
	if (!e->wait_from) {
		e->wait_from = now;
		e->due_from = now;
		e->passed = 0;
	}
	e->picks_at = p->picks;
	update_idle(p);
	if (vmm_trusted(p))
		vmm_call_enqueue(s, p, e, why, now);
}

static void unlink_queued(struct vmm_pcpu *p, struct vmm_entity *e)
{
	list_del_init(&e->queued_node);
	WRITE_ONCE(p->nr_queued, p->nr_queued - 1);
	if (!p->nr_queued)
		clear_bit(p->id, p->pool->waiting);
	e->passed += p->picks - e->picks_at;
}

/** vmm_dequeue() - a QUEUED entity leaves: OUT */
void vmm_dequeue(struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	struct vmm_sched *s = vmm_pcpu_sched(p);

	if (vmm_is_left(p, e))
		vmm_carry_one(p, e, now);
	unlink_queued(p, e);
	if (vmm_trusted(p))
		vmm_call_dequeue(s, p, e, now);
	e->wait_from = 0;
	vmm_set_state(e, VMM_GATE_OUT, now);
	update_idle(p);
}

/* --- owner -------------------------------------------------------------------------- */

/**
 * vmm_put_curr() - whoever holds a pCPU stops: charged, put, OUT
 * @p:   the pCPU; p->curr is set
 * @why: passed to the scheduler
 * @now: ns
 *
 * The caller made sure that its thread is not at the guest: it is the thread
 * itself, or the state was taken by vmm_take_back(), or is OFFERED.
 */
void vmm_put_curr(struct vmm_pcpu *p, enum vmm_put_why why, u64 now)
{
	struct vmm_sched *s = vmm_pcpu_sched(p);
	struct vmm_entity *e = p->curr;

	vmm_charge(p, now);
	if (vmm_trusted(p))
		vmm_call_put(s, p, e, why, now);
	trace_vmm_sched_put(p->id, e->id, why, e->slice_ran);
	/* Who is turned away from an offer has not had its turn: it still waits. */
	if (why != VMM_PUT_PREEMPT)
		e->wait_from = 0;
	p->put_why = why;
	vmm_pcpu_vacate(p);
	vmm_set_state(e, VMM_GATE_OUT, now);
	update_idle(p);
}

/**
 * vmm_take_back() - take a pCPU from an owner whose thread is away
 * @p:       the pCPU; p->curr is set
 * @now:     ns
 * @requeue: an owner that the host preempted and whose turn is over is queued
 *           again at once, as it would have done itself; else it becomes OUT
 *
 * gate_expire of the model: a loan ran out, or the host keeps the thread off.
 *
 * Return: true when it was taken (p->curr is NULL); false when the thread is
 * at the guest, or came back in this moment.
 */
bool vmm_take_back(struct vmm_pcpu *p, u64 now, bool requeue)
{
	struct vmm_entity *e = p->curr;
	enum vmm_gate_state st = vmm_state(e);
	enum vmm_put_why why = VMM_PUT_LOST;
	bool over;

	if (st != VMM_GATE_LOANED && st != VMM_GATE_OFF)
		return false;
	/* Charged while the time off still counts: it ends with the state. */
	vmm_charge(p, now);
	if (atomic_cmpxchg(&e->state, st, VMM_GATE_OUT) != st)
		return false;
	over = p->resched || now >= p->slice_end;
	if (st == VMM_GATE_LOANED) {
		e->stats.loan_expired++;
		why = VMM_PUT_LEAVE;
	} else if (e->next_why == VMM_ENQ_WAKE) {
		why = VMM_PUT_BLOCK;
	} else if (requeue && over && !READ_ONCE(e->off_slept) && !e->paused &&
		   vmm_entity_allowed(e, p)) {
		why = p->preempt ? VMM_PUT_PREEMPT : VMM_PUT_SLICE;
		vmm_put_curr(p, why, now);
		vmm_enqueue(p, e, why == VMM_PUT_PREEMPT ? VMM_ENQ_PREEMPT : VMM_ENQ_SLICE, now);
		return true;
	} else {
		if (!READ_ONCE(e->off_slept))
			e->stats.losses++;
		e->next_why = VMM_ENQ_PREEMPT;
	}
	vmm_put_curr(p, why, now);
	return true;
}

/**
 * vmm_own() - the holder of the offer takes the pCPU
 * @p:   the pCPU
 * @e:   p->curr, OFFERED; its thread calls
 * @now: ns
 *
 * Leaves it OFF: vmm_gate_on() makes it OWNER once its thread is at the guest.
 */
void vmm_own(struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	/* The way to it is part of a turn: whose turns are short has more ways to go. */
	e->came_ns = p->nr_queued ? min_t(u64, now - e->since, VMM_OFFER_NS) : 0;
	vmm_own_begin(p, e, now);
	vmm_set_state(e, VMM_GATE_OFF, now);
	trace_vmm_gate_own(p->id, e->id, e->slice_ns);
	vmm_update_timer(p, now);
}

/* --- decisions ------------------------------------------------------------------------ */

/* invariant 7 of the design: an id is believed only when it stands for an entity queued here */
static struct vmm_entity *check_pick(struct vmm_pcpu *p, u32 id, u64 now)
{
	struct vmm_entity *e = xa_load(&p->pool->entities, id);

	if (likely(e && vmm_state(e) == VMM_GATE_QUEUED && e->home == p) && !vmm_is_left(p, e))
		return e;
	vmm_bad_pick(p, e, id, now);
	return NULL;
}

/*
 * A thread that has to change its CPU needs longer. One that serves a signal in
 * user space gets as long as if it had lent the pCPU: it is as good as there.
 */
static u64 offer_length(const struct vmm_pcpu *p, const struct vmm_entity *e)
{
	u64 near = (u64)READ_ONCE(offer_us) * NSEC_PER_USEC;
	u64 length = e->pinned_cpu == (int)p->id ? near : max(near, VMM_OFFER_FAR_NS);

	return READ_ONCE(e->away) ? max(length, loan_length()) : length;
}

/**
 * vmm_pick() - decide who is next on a pCPU that nobody holds
 * @p:    the pCPU; p->curr is NULL
 * @now:  ns
 * @post: receives the wake-up of who was picked
 *
 * gate_offer of the model.
 */
void vmm_pick(struct vmm_pcpu *p, u64 now, struct vmm_post *post)
{
	struct vmm_sched *s = vmm_pcpu_sched(p);
	struct vmm_entity *e = NULL;
	u64 slice = VMM_SLICE_INFINITE;
	bool outermost = !p->dom->collecting;
	u32 id = VMM_ENTITY_NONE;

	lockdep_assert_irqs_disabled();
	if (!p->online || READ_ONCE(p->pool->ceased)) {
		update_idle(p);
		return;
	}
	vmm_resched_begin(p);
	if (READ_ONCE(s->broken))
		p->bypass = true;
	if (unlikely(p->from))
		vmm_carry(p, now);
	if (unlikely(p->hint))
		vmm_hint_take(s, p, now);
	if (!p->bypass) {
		id = vmm_call_pick(s, p, now, &slice);
		vmm_note(p, VMM_DECISION_PICK, id, slice, now);
		if (id != VMM_ENTITY_NONE)
			e = check_pick(p, id, now);
		if (unlikely(p->borrowed))
			vmm_peer_kept(p, now);
	}
	if (p->bypass)
		id = vmm_default_ops.pick(s, p, now, &slice);
	if (p->bypass && id != VMM_ENTITY_NONE)
		e = list_first_entry(&p->queued, struct vmm_entity, queued_node);
	trace_vmm_sched_pick(p->id, e ? e->id : 0, slice, p->nr_queued,
			     p->bypass ? "(fifo)" : s->ops->name);
	p->declined = !e && p->nr_queued;
	if (unlikely(p->hint))
		slice = vmm_hint_slice(p, e, slice);
	if (!e) {
		update_idle(p);
		if (p->declined)
			vmm_update_timer(p, now);
		goto out;
	}
	unlink_queued(p, e);
	vmm_set_state(e, VMM_GATE_OFFERED, now);
	p->curr = e;
	p->picks++;
	p->picked_at = now;
	e->token = ++p->seq;
	e->slice_ns = vmm_clamp_slice(p, s, slice, now);
	e->stats.offers++;
	p->offer_end = now + offer_length(p, e);
	update_idle(p);
	vmm_post_wake(post, e);
	vmm_update_timer(p, now);
out:
	/* Whoever had to make room here may be let in elsewhere before it goes to sleep. */
	if (outermost)
		vmm_resched_run(p, now, post);
}

/** vmm_kick_curr() - the owner has to come to the gate: it finds out by vmm_gate_may_run() */
void vmm_kick_curr(struct vmm_pcpu *p)
{
	if (p->kick)
		return;
	p->resched = true;
	WRITE_ONCE(p->kick, true);
	p->pool->host->kick(p);
}

/*
 * When the host keeps the owner's thread off, it loses the pCPU after a bound;
 * at once when it sleeps. A voluntary OFF (off_since 0: on its way to or from
 * user space) counts from the end of the slice.
 */
static u64 off_deadline(const struct vmm_pcpu *p, const struct vmm_entity *e)
{
	u64 since = READ_ONCE(e->off_since);

	if (READ_ONCE(e->off_slept))
		return 1;
	return since ? since + VMM_LOST_NS : p->slice_end;
}

/**
 * vmm_check_curr() - somebody waits: must the holder of the pCPU go?
 * @p:    the pCPU
 * @now:  ns
 * @post: receives wake-ups
 */
void vmm_check_curr(struct vmm_pcpu *p, u64 now, struct vmm_post *post)
{
	struct vmm_entity *e = p->curr;
	struct vmm_sched *s = vmm_pcpu_sched(p);
	bool gone = false;

	if (!e) {
		if (p->nr_queued)
			vmm_pick(p, now, post);
		return;
	}
	if (!p->nr_queued && !p->must_go)
		return;
	if (now >= p->slice_end)
		vmm_charge(p, now);	/* the end may be later than it looks */
	switch (vmm_state(e)) {
	case VMM_GATE_OFFERED:
		if (now < p->offer_end)
			break;
		/* It did not come: it is queued again when its thread runs next. */
		e->stats.noshows++;
		e->next_why = VMM_ENQ_PREEMPT;
		e->token = ++p->seq;
		trace_vmm_gate_noshow(p->id, e->id);
		if (vmm_trusted(p))
			vmm_call_put(s, p, e, VMM_PUT_NOSHOW, now);
		p->put_why = VMM_PUT_NOSHOW;
		e->wait_from = 0;
		p->curr = NULL;
		vmm_set_state(e, VMM_GATE_OUT, now);
		gone = true;
		break;
	case VMM_GATE_LOANED:
		if (!e->loan_until)
			e->loan_until = now + loan_length();
		if (now >= min(e->loan_until, p->slice_end) || p->resched)
			gone = vmm_take_back(p, now, true);
		break;
	case VMM_GATE_OFF:
		if (now >= off_deadline(p, e) || p->resched)
			gone = vmm_take_back(p, now, true);
		break;
	default:
		break;
	}
	if (!gone && vmm_state(e) == VMM_GATE_OWNER && now >= p->slice_end)
		vmm_kick_curr(p);
	if (gone)
		vmm_pick(p, now, post);
	else
		vmm_update_timer(p, now);
}

/* Somebody woke whose claim limits, or is better than, that of the holder of the offer. */
static void wake_beside_offer(struct vmm_pcpu *p, u64 rem, u64 now)
{
	struct vmm_entity *e = p->curr;

	if (rem) {
		e->slice_ns = min(e->slice_ns, rem);
		return;
	}
	/* Its thread finds itself queued again; vmm_check_curr() picks. */
	vmm_put_curr(p, VMM_PUT_PREEMPT, now);
	vmm_enqueue(p, e, VMM_ENQ_PREEMPT, now);
}

/**
 * vmm_preempt_curr() - the holder of a pCPU is to go at once
 * @p:   the pCPU; p->curr is set and charged
 * @now: ns
 *
 * vmm_check_curr() does what can be done right away.
 */
void vmm_preempt_curr(struct vmm_pcpu *p, u64 now)
{
	enum vmm_gate_state st = vmm_state(p->curr);

	if (st == VMM_GATE_OFFERED) {
		wake_beside_offer(p, 0, now);
		return;
	}
	p->slice_end = now;
	p->preempt = true;
	if (st == VMM_GATE_OWNER)
		vmm_kick_curr(p);
	else
		p->resched = true;
}

/**
 * vmm_enqueued() - an entity has just been queued: ask whether it goes first
 * @p:    its home
 * @e:    the entity
 * @now:  ns
 * @post: receives wake-ups
 */
void vmm_enqueued(struct vmm_pcpu *p, struct vmm_entity *e, u64 now,
		  struct vmm_post *post)
{
	struct vmm_sched *s = vmm_pcpu_sched(p);
	struct vmm_entity *curr = p->curr;
	u64 rem;

	/* Pairs with the compare-and-exchange in vmm_gate_exit() and vmm_gate_sched_out(). */
	smp_mb();
	vmm_resched_begin(p);
	if (curr && vmm_trusted(p) && s->ops->wakeup) {
		vmm_charge(p, now);
		rem = vmm_call_wakeup(s, p, curr, e, now);
		if (unlikely(rem > VMM_SLICE_MAX_NS && rem != VMM_SLICE_INFINITE))
			rem = vmm_odd_time(p, s, "answered wakeup() with less than no time", rem, now);
		if (rem != VMM_SLICE_INFINITE)
			vmm_note(p, VMM_DECISION_WAKEUP, curr->id, rem, now);
		if (!rem)
			vmm_preempt_curr(p, now);
		else if (vmm_state(curr) == VMM_GATE_OFFERED)
			wake_beside_offer(p, rem, now);
		else if (rem != VMM_SLICE_INFINITE)
			p->slice_end = now + rem;
	}
	if (unlikely(e->boost_until))
		vmm_boost_enqueued(p, e, now);
	vmm_check_curr(p, now, post);
	vmm_resched_run(p, now, post);
}

/* --- timer -------------------------------------------------------------------------- */

static u64 next_deadline(struct vmm_pcpu *p, u64 now)
{
	u64 when = VMM_SLICE_INFINITE, from = vmm_pace_from(p->paced);
	struct vmm_entity *e = p->curr;

	if (p->sched_deadline)
		when = max(p->sched_deadline, from);
	if (!list_empty(&p->resched_node))
		return max(now, from);
	if (unlikely(!e && p->from))
		return now;	/* whom pick() would take may be among those who are left */
	if (!e || (!p->nr_queued && !p->must_go))
		return when;
	switch (vmm_state(e)) {
	case VMM_GATE_OFFERED:
		return min(when, p->offer_end);
	case VMM_GATE_LOANED:
		return min3(when, p->slice_end, e->loan_until ?: VMM_SLICE_INFINITE);
	case VMM_GATE_OFF:
		return min(when, off_deadline(p, e));
	case VMM_GATE_OWNER:
		/*
		 * Kicked already: it comes on its own account. But the host may take
		 * its CPU between the guest and the gate, where nobody tells us.
		 */
		return min(when, p->kick ? now + VMM_LOST_NS : p->slice_end);
	default:
		return when;
	}
}

/** vmm_update_timer() - make sure that the timer fires no later than it must */
void vmm_update_timer(struct vmm_pcpu *p, u64 now)
{
	u64 when = next_deadline(p, now);

	if (when == VMM_SLICE_INFINITE) {
		if (!p->nr_queued)
			return;
		when = vmm_watch_backstop(now);
	}
	if (p->deadline && p->deadline <= when)
		return;
	/* Never in the past: whoever is not ready now is looked at again in a moment. */
	when = max(when, now + NSEC_PER_USEC * 10);
	if (p->deadline && p->deadline <= when)
		return;
	p->deadline = when;
	p->pool->host->arm(p, when);
}

/**
 * vmm_pcpu_expired() - the timer of a pCPU fired
 * @p: the pCPU
 *
 * Context: hard interrupt, on any CPU; no lock held.
 */
void vmm_pcpu_expired(struct vmm_pcpu *p)
{
	struct vmm_post post = { };
	struct vmm_sched *s;
	unsigned long flags;
	bool due;
	u64 now;

	local_irq_save(flags);
	vmm_pcpu_lock(p);
	now = vmm_pool_now(p->pool);
	p->deadline = 0;
	s = vmm_pcpu_sched(p);
	vmm_resched_begin(p);
	due = p->sched_deadline && now >= max(p->sched_deadline, vmm_pace_from(p->paced));
	if (due || !list_empty(&p->resched_node))
		p->paced = vmm_pace(p->paced, now);
	if (due) {
		p->sched_deadline = 0;
		if (vmm_trusted(p) && s->ops->pcpu_deadline) {
			vmm_charge(p, now);
			s->ops->pcpu_deadline(s, p, now);
			if (unlikely(p->borrowed))
				vmm_peer_kept(p, now);
		}
	}
	vmm_check_curr(p, now, &post);
	vmm_resched_run(p, now, &post);
	if (unlikely(vmm_watch_late(p, now)) && !post.nr)
		vmm_watch_pcpu(p, now, &post);
	vmm_update_timer(p, now);
	vmm_pcpu_unlock(p);
	local_irq_restore(flags);
	vmm_post_run(&post);
}
EXPORT_SYMBOL_GPL(vmm_pcpu_expired);

/** vmm_pool_expired() - the pool-wide timer of a scheduler fired. Hard interrupt. */
void vmm_pool_expired(struct vmm_sched *s)
{
	struct vmm_pcpu *p = &s->pool->pcpus[0];
	struct vmm_post post = { };
	unsigned long flags;
	u64 now;

	local_irq_save(flags);
	vmm_pcpu_lock(p);
	/* Only while it is in charge: not prepared, not replaced, not broken. */
	if (vmm_pcpu_sched(p) == s && vmm_trusted(p) && s->pool_deadline) {
		now = vmm_pool_now(s->pool);
		s->pool_deadline = 0;
		s->paced = vmm_pace(s->paced, now);
		vmm_resched_begin(p);
		if (s->ops->pool_deadline)
			s->ops->pool_deadline(s, now);
		vmm_resched_run(p, now, &post);
	}
	vmm_pcpu_unlock(p);
	local_irq_restore(flags);
	vmm_post_run(&post);
}
EXPORT_SYMBOL_GPL(vmm_pool_expired);
