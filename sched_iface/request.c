// SPDX-License-Identifier: GPL-2.0
/*
 * Requests for a decision: from the service side (the operator), from a guest.
 * Each is answered: done or not, why, and who has the pCPU next.
 *
 * Pause: a paused entity is in no queue and owns nothing. One that waits is
 * taken out of its queue, an owner is told to come and stops at the gate; its
 * thread sleeps there as it would for a turn (a signal takes it out), with no
 * claim. In state it is OUT, or BLOCKED until its event comes. So a pause is
 * nobody's waiting time: it counts neither as stolen nor as wake-up latency, and
 * no scheduler knows of it.
 *
 * Whom to pick next: a hint on the pCPU (vmm_pcpu.hint), which the scheduler is
 * told right before its pick() by prefer(), if it has that op. It decides as
 * ever, and the answer says what it did. Between vCPUs of one VM the hint is
 * worth no more than what was left of the giver's turn: two that pass a pCPU to
 * each other for ever keep it for one turn.
 *
 * Locking: requests of the service side hold the pool's mutex, so that entities
 * and groups stay; each step takes the domain lock of the entity's home. They
 * wait with the mutex held, for 100 ms at most, until an owner has come out.
 */
#include <linux/sched/signal.h>
#include "call.h"
#include "trace.h"

#define VMM_OUT_TIMEOUT_NS	(100 * NSEC_PER_MSEC)

/* --- who is next ------------------------------------------------------------------- */

/** vmm_hint_take() - right before a pick: tell the scheduler whom somebody asked for */
void vmm_hint_take(struct vmm_sched *s, struct vmm_pcpu *p, u64 now)
{
	const struct vmm_sched_ops *ops = p->bypass ? &vmm_default_ops : s->ops;
	struct vmm_entity *e = xa_load(&p->pool->entities, p->hint);

	if (!e || vmm_state(e) != VMM_GATE_QUEUED || e->home != p) {
		p->hint = 0;
		return;
	}
	if (vmm_is_left(p, e))
		vmm_carry_one(p, e, now);
	if (ops->prefer)
		ops->prefer(s, p, e, now);
}

/** vmm_hint_slice() - right after it: whom the hint was for gets no more than it says */
u64 vmm_hint_slice(struct vmm_pcpu *p, const struct vmm_entity *e, u64 slice)
{
	if (e && e->id == p->hint)
		slice = min(slice, p->hint_ns);
	p->hint = 0;
	return slice;
}

static void set_hint(struct vmm_pcpu *p, const struct vmm_entity *e, u64 ns)
{
	p->hint = e->id;
	p->hint_ns = ns;
}

/* Have @t wait at @p, from wherever it waits now. */
static enum vmm_feedback bring(struct vmm_pcpu *p, struct vmm_entity *t)
{
	struct vmm_pcpu *from = READ_ONCE(t->home), *peer;
	enum vmm_feedback r = VMM_FB_NOT_RUNNABLE;
	int ret;

	if (vmm_entity_paused(t))
		return VMM_FB_PAUSED;
	if (vmm_state(t) != VMM_GATE_QUEUED)
		return vmm_state(t) == VMM_GATE_OWNER ? VMM_FB_ALREADY : VMM_FB_NOT_RUNNABLE;
	if (from == p)
		return VMM_FB_DONE;
	if (from->pool != p->pool)
		return VMM_FB_NOT_THERE;
	peer = vmm_try_peer(p, from->id);
	if (!peer)
		return VMM_FB_BUSY;
	if (t->home == peer && vmm_state(t) == VMM_GATE_QUEUED && vmm_is_left(peer, t))
		vmm_carry_one(peer, t, vmm_pool_now(peer->pool));
	ret = vmm_steal(p, peer, t);
	vmm_put_peer(p, peer);
	if (!ret)
		r = VMM_FB_DONE;
	else if (ret == -EPERM)
		r = VMM_FB_NOT_THERE;
	return r;
}

/* What is left of the turn of whoever has @p, ns. */
static u64 left_of_turn(struct vmm_pcpu *p, u64 now)
{
	if (p->slice_end == VMM_SLICE_INFINITE)
		return VMM_SLICE_INFINITE;
	return p->slice_end > now ? p->slice_end - now : 0;
}

int vmm_gate_yield_to(struct vmm_entity *e, struct vmm_entity *t)
{
	enum vmm_feedback brought = VMM_FB_NOT_CHOSEN, r;
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
	u64 now = vmm_pool_now(e->pool), left;

	r = e->paused ? VMM_FB_PAUSED : VMM_FB_NOT_OWNER;
	if (e->paused || p->curr != e || vmm_state(e) != VMM_GATE_OFF || !vmm_entity_allowed(e, p))
		goto out;
	vmm_charge(p, now);
	left = left_of_turn(p, now);
	if (t) {
		e->stats.given_way++;
		brought = bring(p, t);
		if (brought == VMM_FB_DONE && left >= VMM_SLICE_MIN_NS)
			set_hint(p, t, left);
	}
	r = t && brought != VMM_FB_DONE ? brought : VMM_FB_NOBODY_WAITS;
	if (!p->nr_queued)
		goto out;
	vmm_put_curr(p, VMM_PUT_YIELD, now);
	vmm_enqueue(p, e, VMM_ENQ_YIELD, now);
	vmm_pick(p, now, &post);
	if (t && brought == VMM_FB_DONE)
		r = p->curr == t ? VMM_FB_DONE : VMM_FB_NOT_CHOSEN;
	else if (!t)
		r = p->curr == e ? VMM_FB_NOT_CHOSEN : VMM_FB_DONE;
	if (t && r == VMM_FB_DONE)
		e->stats.given_way_done++;
out:
	trace_vmm_sched_request(p->id, e->id, VMM_WHY_ASK + VMM_ASK_YIELD, VMM_BY_GUEST, r);
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
	return r;
}
EXPORT_SYMBOL_GPL(vmm_gate_yield_to);

/* --- pause, the thread's side ---------------------------------------------------------- */

/**
 * vmm_gate_held() - sleep at the gate for as long as the entity is paused
 * @e: entity of the calling thread
 *
 * Returns at once when it was not held back, and with any signal.
 */
void vmm_gate_held(struct vmm_entity *e)
{
	if (likely(!READ_ONCE(e->held)))
		return;
	set_current_state(TASK_INTERRUPTIBLE);
	if (READ_ONCE(e->held) && !signal_pending(current))
		schedule();
	__set_current_state(TASK_RUNNING);
	/* To user space with it: a resume need not wake it there. */
	if (signal_pending(current))
		WRITE_ONCE(e->held, false);
}

/* --- answers --------------------------------------------------------------------------- */

static void answer_next(struct vmm_pcpu *p, struct vmm_answer *a)
{
	const struct vmm_entity *c = p->curr;

	a->pcpu = p->id;
	a->next_vm = c ? c->group->id : 0;
	a->next_vcpu = c ? c->index : 0;
	if (c)
		strscpy(a->next_name, c->group->name, sizeof(a->next_name));
}

/** vmm_request_trace() - a request that took no decision of its own */
void vmm_request_trace(const struct vmm_entity *e, u32 ask, u32 by, const struct vmm_answer *a)
{
	trace_vmm_sched_request(a->pcpu, e->id, VMM_WHY_ASK + ask, by, a->result);
}

/* Let those come out whom we wait for. False: for too long already. */
static bool wait_more(struct vmm_pool *pool, u64 begin)
{
	if (fatal_signal_pending(current) || vmm_pool_now(pool) - begin > VMM_OUT_TIMEOUT_NS)
		return false;
	pool->host->relax(pool);
	return true;
}

/* --- pause, the service side ------------------------------------------------------------- */

/*
 * Take a paused entity out of wherever it stands. False: it is in its guest, has
 * been told to come, and its own thread does the rest (vmm_gate_resolve()).
 */
static bool take_out(struct vmm_pcpu *p, struct vmm_entity *e, u64 now, struct vmm_post *post)
{
	enum vmm_gate_state st = vmm_state(e);

	switch (st) {
	case VMM_GATE_QUEUED:
		vmm_dequeue(p, e, now);
		break;
	case VMM_GATE_OFFERED:
		vmm_put_curr(p, VMM_PUT_LEAVE, now);
		vmm_pick(p, now, post);
		break;
	case VMM_GATE_LOANED:
	case VMM_GATE_OFF:
		vmm_charge(p, now);
		if (atomic_cmpxchg(&e->state, st, VMM_GATE_OUT) == st) {
			bool halted = e->next_why == VMM_ENQ_WAKE;

			vmm_put_curr(p, halted ? VMM_PUT_BLOCK : VMM_PUT_LEAVE, now);
			vmm_pick(p, now, post);
			return true;
		}
		fallthrough;	/* it is back at its guest */
	case VMM_GATE_OWNER:
		p->must_go = true;
		vmm_kick_curr(p);
		return false;
	default:
		return true;
	}
	/* Its thread sleeps at the gate, for a turn: now for the end of the pause. */
	e->next_why = VMM_ENQ_NEW;
	e->wake_at = 0;
	/*
	 * Or it is in user space. On its way from there it says so, then looks at the
	 * state (sleep_at_gate()): either it sees that it is OUT, or we see it come.
	 */
	smp_mb();
	WRITE_ONCE(e->held, !READ_ONCE(e->away));
	return true;
}

/**
 * vmm_request_pause() - keep an entity out of its guest and of the queues
 * @e:   the entity
 * @why: VMM_PAUSED_VCPU or VMM_PAUSED_VM
 * @begin: when that was asked for, ns of the pool's clock; it waits until 100 ms after it
 * @a:   the answer: DONE, ALREADY, NOT_OUT
 *
 * It stays paused whatever happens: with NOT_OUT its thread stops as soon as it can.
 * Context: process; pool mutex held; may sleep.
 */
void vmm_request_pause(struct vmm_entity *e, u8 why, u64 begin, struct vmm_answer *a)
{
	u64 now;
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_pcpu *p;
	bool out;

	lockdep_assert_held(&e->pool->mutex);
	memset(a, 0, sizeof(*a));
	do {
		p = vmm_entity_lock(e, &flags);
		now = vmm_pool_now(e->pool);
		if (!a->took_ns && (e->paused & why))
			a->result = VMM_FB_ALREADY;
		if (!e->paused)
			e->paused_at = now;
		e->paused |= why;
		out = take_out(p, e, now, &post);
		answer_next(p, a);
		a->state = vmm_state(e);
		a->took_ns = max(vmm_pool_now(e->pool) - begin, 1ULL);
		vmm_entity_unlock(p, flags);
		vmm_post_run(&post);
	} while (!out && wait_more(e->pool, begin));
	if (!out)
		a->result = VMM_FB_NOT_OUT;
	vmm_request_trace(e, VMM_ASK_PAUSE, VMM_BY_SERVICE, a);
}
EXPORT_SYMBOL_GPL(vmm_request_pause);

/**
 * vmm_request_resume() - undo vmm_request_pause()
 * @e:   the entity
 * @why: which of its pauses
 * @a:   the answer: DONE; ALREADY: it was not paused so; PAUSED: it still is, the other way
 *
 * Context: process; pool mutex held.
 */
void vmm_request_resume(struct vmm_entity *e, u8 why, struct vmm_answer *a)
{
	u64 begin = vmm_pool_now(e->pool), now;
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_pcpu *p;

	lockdep_assert_held(&e->pool->mutex);
	memset(a, 0, sizeof(*a));
	p = vmm_entity_lock(e, &flags);
	now = vmm_pool_now(e->pool);
	if (!(e->paused & why))
		a->result = VMM_FB_ALREADY;
	else if (e->paused & ~why)
		a->result = VMM_FB_PAUSED;
	if (e->paused && !(e->paused & ~why)) {
		e->stats.paused_ns += now - e->paused_at;
		e->paused = 0;
		if (e->held) {
			WRITE_ONCE(e->held, false);
			vmm_post_wake(&post, e);
		}
	}
	e->paused &= ~why;
	answer_next(p, a);
	a->state = vmm_state(e);
	a->took_ns = vmm_pool_now(e->pool) - begin;
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
	vmm_request_trace(e, VMM_ASK_RESUME, VMM_BY_SERVICE, a);
}
EXPORT_SYMBOL_GPL(vmm_request_resume);

/* --- the owner changes now ------------------------------------------------------------------ */

/* Whoever has @p is to make room; what can be done right away is. */
static void make_room(struct vmm_pcpu *p, u64 now, struct vmm_post *post)
{
	struct vmm_entity *e = p->curr;

	if (vmm_state(e) == VMM_GATE_OFFERED) {
		vmm_put_curr(p, VMM_PUT_PREEMPT, now);
		vmm_enqueue(p, e, VMM_ENQ_YIELD, now);
		vmm_pick(p, now, post);
		return;
	}
	p->slice_end = now;
	p->yield = true;
	if (vmm_state(e) == VMM_GATE_OWNER)
		vmm_kick_curr(p);
	else
		p->resched = true;
	vmm_check_curr(p, now, post);
}

/* Can @e give its pCPU away? */
static enum vmm_feedback may_yield(struct vmm_pcpu *p, const struct vmm_entity *e)
{
	if (e->paused)
		return VMM_FB_PAUSED;
	switch (vmm_state(e)) {
	case VMM_GATE_OUT:
	case VMM_GATE_BLOCKED:
		return VMM_FB_NOT_RUNNABLE;
	case VMM_GATE_QUEUED:
		return VMM_FB_NOT_OWNER;
	case VMM_GATE_OFF:
		return READ_ONCE(e->off_slept) ? VMM_FB_NOT_RUNNABLE : VMM_FB_DONE;
	default:
		return VMM_FB_DONE;
	}
}

/*
 * Until somebody has @p by a newer decision than @seq, or nobody has it, or its owner
 * has come and may stay. The last look is the answer.
 */
static void await_decision(struct vmm_pcpu *p, u32 seq, u64 begin, struct vmm_answer *a)
{
	unsigned long flags;
	bool decided;

	do {
		local_irq_save(flags);
		vmm_pcpu_lock(p);
		decided = !p->curr || p->seq != seq || !(p->resched || p->kick);
		answer_next(p, a);
		a->took_ns = vmm_pool_now(p->pool) - begin;
		vmm_pcpu_unlock(p);
		local_irq_restore(flags);
	} while (!decided && wait_more(p->pool, begin));
	if (!decided)
		a->result = VMM_FB_NOT_OUT;
}

static bool is_next(const struct vmm_answer *a, const struct vmm_entity *e)
{
	return a->next_vm == e->group->id && a->next_vcpu == e->index;
}

/**
 * vmm_request_yield() - have the owner of a pCPU give it away
 * @e:  the entity that should own none any more
 * @to: who should have it, or NULL: as the scheduler likes
 * @a:  the answer
 *
 * Context: process; pool mutex held; waits up to 100 ms.
 */
void vmm_request_yield(struct vmm_entity *e, struct vmm_entity *to, struct vmm_answer *a)
{
	u64 begin = vmm_pool_now(e->pool), now;
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_pcpu *p;
	u32 seq;

	lockdep_assert_held(&e->pool->mutex);
	memset(a, 0, sizeof(*a));
	p = vmm_entity_lock(e, &flags);
	now = vmm_pool_now(e->pool);
	a->result = may_yield(p, e);
	if (!a->result && to)
		a->result = bring(p, to);
	if (!a->result && !p->nr_queued)
		a->result = VMM_FB_NOBODY_WAITS;
	answer_next(p, a);
	seq = p->seq;
	if (!a->result) {
		if (to)
			set_hint(p, to, VMM_SLICE_INFINITE);
		vmm_charge(p, now);
		make_room(p, now, &post);
	}
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
	if (!a->result)
		await_decision(p, seq, begin, a);
	if (!a->result && (to ? !is_next(a, to) : is_next(a, e)))
		a->result = VMM_FB_NOT_CHOSEN;
	a->state = vmm_state(e);
	vmm_request_trace(e, VMM_ASK_YIELD, VMM_BY_SERVICE, a);
}
EXPORT_SYMBOL_GPL(vmm_request_yield);

/* --- boost ------------------------------------------------------------------------------------ */

/* @e is queued on @p: it is to be next, and soon. */
static void push(struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	set_hint(p, e, VMM_SLICE_INFINITE);
	if (!p->curr || p->bypass)
		return;
	vmm_charge(p, now);
	vmm_preempt_curr(p, now);
}

/** vmm_boost_enqueued() - a boosted entity has become runnable. Domain lock held. */
void vmm_boost_enqueued(struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	if (now >= e->boost_until) {
		WRITE_ONCE(e->boost_until, 0);
		return;
	}
	if (p->curr == e || vmm_state(e) != VMM_GATE_QUEUED || e->home != p)
		return;
	push(p, e, now);
}

u64 vmm_entity_boost(const struct vmm_entity *e)
{
	u64 until = READ_ONCE(e->boost_until), now = vmm_pool_now(e->pool);

	return until > now ? until - now : 0;
}
EXPORT_SYMBOL_GPL(vmm_entity_boost);

/**
 * vmm_request_boost() - put an entity next in line
 * @e:  the entity
 * @ns: and for so long again, whenever it becomes runnable; 0: once
 * @a:  the answer
 *
 * The scheduler has the last word: see prefer() in <vmm/sched.h>.
 * Context: process; pool mutex held; waits up to 100 ms.
 */
void vmm_request_boost(struct vmm_entity *e, u64 ns, struct vmm_answer *a)
{
	u64 begin = vmm_pool_now(e->pool), now;
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_pcpu *p;
	bool queued;
	u32 seq;

	lockdep_assert_held(&e->pool->mutex);
	memset(a, 0, sizeof(*a));
	p = vmm_entity_lock(e, &flags);
	now = vmm_pool_now(e->pool);
	queued = vmm_state(e) == VMM_GATE_QUEUED;
	seq = p->seq;
	if (e->paused)
		a->result = VMM_FB_PAUSED;
	else if (ns)
		WRITE_ONCE(e->boost_until, now + ns);
	else if (p->curr == e)
		a->result = VMM_FB_ALREADY;
	else if (!queued)
		a->result = VMM_FB_NOT_RUNNABLE;
	if (queued && !a->result) {
		push(p, e, now);
		vmm_check_curr(p, now, &post);
	}
	answer_next(p, a);
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
	if (queued && !a->result) {
		await_decision(p, seq, begin, a);
		if (!a->result && !is_next(a, e))
			a->result = VMM_FB_NOT_CHOSEN;
	}
	a->state = vmm_state(e);
	vmm_request_trace(e, VMM_ASK_BOOST, VMM_BY_SERVICE, a);
}
EXPORT_SYMBOL_GPL(vmm_request_boost);

/* --- what a guest may ask besides ---------------------------------------------------------------- */

int vmm_entity_say_critical(struct vmm_entity *e, bool on)
{
	struct vmm_answer a = { .result = VMM_FB_DONE };
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_sched *s;
	struct vmm_pcpu *p;
	u64 now;

	p = vmm_entity_lock(e, &flags);
	a.pcpu = p->id;
	if (!READ_ONCE(e->group->guest_critical)) {
		a.result = VMM_FB_FORBIDDEN;
	} else if (e->critical == on) {
		a.result = VMM_FB_ALREADY;
	} else {
		WRITE_ONCE(e->critical, on);
		now = vmm_pool_now(e->pool);
		s = vmm_pcpu_sched(p);
		if (p->curr == e)
			vmm_charge(p, now);
		vmm_resched_begin(p);
		if (vmm_state(e) == VMM_GATE_QUEUED && vmm_is_left(p, e))
			vmm_carry_one(p, e, now);
		if (vmm_trusted(p) && s->ops->entity_params)
			s->ops->entity_params(s, p, e, now);
		vmm_check_curr(p, now, &post);
		vmm_resched_run(p, now, &post);
	}
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
	vmm_request_trace(e, VMM_ASK_CRITICAL, VMM_BY_GUEST, &a);
	return a.result;
}
EXPORT_SYMBOL_GPL(vmm_entity_say_critical);

void vmm_gate_trace_wait(struct vmm_entity *e, int result)
{
	trace_vmm_sched_request(READ_ONCE(e->home)->id, e->id, VMM_WHY_ASK + VMM_ASK_WAIT,
				VMM_BY_GUEST, result);
}
EXPORT_SYMBOL_GPL(vmm_gate_trace_wait);

u32 vmm_entity_scheduler(const struct vmm_entity *e, char name[VMM_SCHED_NAME_LEN])
{
	const struct vmm_sched *s;
	u32 id;

	/* A swap frees what was active before only after a grace period. */
	rcu_read_lock();
	s = rcu_dereference(e->pool->active);
	strscpy_pad(name, s->ops->name, VMM_SCHED_NAME_LEN);
	id = s->id;
	rcu_read_unlock();
	return id;
}
EXPORT_SYMBOL_GPL(vmm_entity_scheduler);
