// SPDX-License-Identifier: GPL-2.0
/*
 * The gate: how the thread of a vCPU comes to own a pCPU, and gives it up.
 *
 * Design: include/vmm/gate.h says what the owner of a vCPU sees, DESIGN "The
 * gate" why. The steps carry the names of the Promela model in tests/model:
 * gate_claim, gate_offer (vmm_pick), gate_own, gate_loan, gate_giveup,
 * gate_wake. Each step is a function that KUnit drives with fake threads;
 * vmm_gate_enter() strings them together for a real thread.
 *
 * The way of a device access costs no lock: OWNER -> OFF (vmm_gate_off), OFF ->
 * LOANED (vmm_gate_exit), and back. Only when somebody waits for the pCPU does
 * the lender take the lock, to set the end of the loan. A claim that need not wait
 * is in take.c.
 *
 * Locking: the domain lock of the entity's home pCPU; see dispatch.c. The
 * compare-and-exchanges that make OFF or LOANED, and the look at nr_queued
 * after them, pair with the barrier in vmm_enqueued(): either the thread sees
 * that somebody waits, or the one who queues sees OFF or LOANED.
 */
#include <linux/bitmap.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include "internal.h"
#include "trace.h"

/* --- steps ------------------------------------------------------------------------- */

/** vmm_set_task() - whose thread claims. Domain lock held. */
void vmm_set_task(struct vmm_entity *e, struct task_struct *task)
{
	struct task_struct *old = e->task;

	if (old == task)
		return;
	e->task = task ? get_task_struct(task) : NULL;
	if (old)
		put_task_struct(old);
}

static void move_home(struct vmm_entity *e, struct vmm_pcpu *to)
{
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);

	/*
	 * Nobody but lock holders of the old home looks at an entity that is OUT.
	 * It may have gone to another pool since @to was chosen.
	 */
	if (vmm_state(e) == VMM_GATE_OUT && p != to && to->pool == e->pool) {
		WRITE_ONCE(e->home, to);
		e->stats.migrations++;
	}
	vmm_entity_unlock(p, flags);
}

/* OFFERED or OFF, and the calling thread's: is it where the pCPU is? */
static __always_inline bool is_there(const struct vmm_entity *e, const struct vmm_pcpu *p)
{
	return e->pinned == current && e->pinned_cpu == (int)p->id &&
	       current->nr_cpus_allowed == 1 && cpumask_test_cpu(p->id, current->cpus_ptr);
}

/*
 * @here: the thread of @e calls, at the gate. Whoever is picked by its own claim and is on
 * that CPU already does not go through the offer: gate_claim and gate_own in one.
 */
static void claim(struct vmm_entity *e, struct task_struct *task, bool here)
{
	struct vmm_post post = { .here = here ? e : NULL };
	enum vmm_enqueue_why why;
	unsigned int tries = 0;
	struct vmm_pcpu *p;
	unsigned long flags;
	u64 now;

	for (;;) {
		p = vmm_choose_home(e, e->next_why);
		if (p != READ_ONCE(e->home))
			move_home(e, p);
		p = vmm_entity_lock(e, &flags);
		/*
		 * It may have gone offline since it was chosen, and have been
		 * evacuated: nobody would look at its queue. With none online
		 * there is no better choice.
		 */
		if (p->online || ++tries == 4)
			break;
		vmm_entity_unlock(p, flags);
	}
	if (vmm_state(e) == VMM_GATE_OUT && e->paused) {
		/* No claim until it is resumed, and what it waited before is over. */
		vmm_set_task(e, task);
		e->wake_at = 0;
		WRITE_ONCE(e->held, true);
	} else if (vmm_state(e) == VMM_GATE_OUT) {
		now = vmm_pool_now(e->pool);
		vmm_set_task(e, task);
		why = e->next_why;
		if (why == VMM_ENQ_WAKE && !e->wake_at)
			e->wake_at = now;
		if (unlikely(why == VMM_ENQ_SWAP))
			vmm_move_arrived(p, e, now);
		vmm_enqueue(p, e, why, now);
		trace_vmm_sched_request(p->id, e->id, why, why == VMM_ENQ_WAKE ?
					VMM_BY_WAKEUP : VMM_BY_THREAD, VMM_FB_DONE);
		vmm_enqueued(p, e, now, &post);
		if (here && p->curr == e && vmm_state(e) == VMM_GATE_OFFERED && is_there(e, p))
			vmm_own(p, e, now);
	}
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
}

/**
 * vmm_gate_claim() - queue an entity that is OUT, and decide
 * @e:    the entity
 * @task: its thread; NULL on virtual pools
 *
 * gate_claim of the model.
 */
void vmm_gate_claim(struct vmm_entity *e, struct task_struct *task)
{
	claim(e, task, false);
}
EXPORT_SYMBOL_GPL(vmm_gate_claim);

/**
 * vmm_gate_own() - take the pCPU that was offered
 * @e: the entity; its thread calls, on that pCPU
 *
 * gate_own of the model.
 * Return: false when the offer has expired or was withdrawn.
 */
bool vmm_gate_own(struct vmm_entity *e)
{
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
	bool ok = vmm_state(e) == VMM_GATE_OFFERED && p->curr == e &&
		  e->token == p->seq;

	if (ok)
		vmm_own(p, e, vmm_pool_now(e->pool));
	vmm_entity_unlock(p, flags);
	return ok;
}
EXPORT_SYMBOL_GPL(vmm_gate_own);

/* Whoever has the pCPU stops and waits again; the caller picks. */
static void requeue_curr(struct vmm_pcpu *p, enum vmm_put_why put, enum vmm_enqueue_why why,
			 enum vmm_requester by, u64 now)
{
	struct vmm_entity *e = p->curr;

	vmm_put_curr(p, put, now);
	vmm_enqueue(p, e, why, now);
	trace_vmm_sched_request(p->id, e->id, why, by, VMM_FB_DONE);
}

/**
 * vmm_gate_resolve() - the owner was told to come: does it have to go?
 * @e: the entity, OFF; its thread calls
 *
 * Return: true when it remains owner; false when it is QUEUED, OFFERED or OUT now.
 */
bool vmm_gate_resolve(struct vmm_entity *e)
{
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
	u64 now = vmm_pool_now(e->pool);
	bool allowed, preempt, stay = false;

	if (p->curr != e || vmm_state(e) != VMM_GATE_OFF)
		goto out;
	if (unlikely(e->to)) {
		vmm_move_owner(p, e, now, &post);
		goto out;
	}
	allowed = vmm_entity_allowed(e, p);
	if (now >= p->slice_end)
		vmm_charge(p, now);
	if (allowed && !p->must_go && !e->paused && !READ_ONCE(e->pool->ceased) &&
	    !(p->nr_queued && (p->resched || now >= p->slice_end))) {
		WRITE_ONCE(p->kick, false);
		p->resched = false;
		p->preempt = false;
		p->yield = false;
		vmm_update_timer(p, now);
		stay = true;
		goto out;
	}
	preempt = p->preempt;
	if (e->paused) {
		e->next_why = VMM_ENQ_NEW;
		vmm_put_curr(p, VMM_PUT_LEAVE, now);
		vmm_pick(p, now, &post);
		goto out;
	}
	if (p->yield && allowed) {
		requeue_curr(p, VMM_PUT_YIELD, VMM_ENQ_YIELD, VMM_BY_SERVICE, now);
		vmm_pick(p, now, &post);
		goto out;
	}
	/* Who has to make way goes where nobody is; whom the scheduler holds back does not. */
	if (!allowed || (!p->must_go && (preempt ? vmm_idle_elsewhere(e, p) :
						   vmm_better_elsewhere(e, p)))) {
		e->next_why = VMM_ENQ_MIGRATE;
		vmm_put_curr(p, VMM_PUT_MIGRATE, now);
	} else {
		/* gate_giveup of the model: charged, queued again, and the next one picked. */
		if (preempt)
			requeue_curr(p, VMM_PUT_PREEMPT, VMM_ENQ_PREEMPT, VMM_BY_WAKEUP, now);
		else
			requeue_curr(p, VMM_PUT_SLICE, VMM_ENQ_SLICE, VMM_BY_TIMER, now);
	}
	vmm_pick(p, now, &post);
out:
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
	return stay;
}
EXPORT_SYMBOL_GPL(vmm_gate_resolve);

/**
 * vmm_gate_cancel() - an entity leaves, wherever it stands
 * @e: the entity; not OWNER, unless on its way to sched_out
 *
 * A token that it was just handed goes to the next one: decided under the lock.
 */
void vmm_gate_cancel(struct vmm_entity *e)
{
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
	u64 now = vmm_pool_now(e->pool);

	switch (vmm_state(e)) {
	case VMM_GATE_QUEUED:
		vmm_dequeue(p, e, now);
		break;
	case VMM_GATE_OFFERED:
		e->next_why = VMM_ENQ_PREEMPT;	/* it was its turn */
		vmm_put_curr(p, VMM_PUT_LEAVE, now);
		vmm_pick(p, now, &post);
		break;
	case VMM_GATE_LOANED:
	case VMM_GATE_OFF:
		if (vmm_take_back(p, now, false))
			vmm_pick(p, now, &post);
		break;
	case VMM_GATE_BLOCKED:
		vmm_set_state(e, VMM_GATE_OUT, now);
		break;
	default:
		break;
	}
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
}
EXPORT_SYMBOL_GPL(vmm_gate_cancel);

void vmm_gate_flush(struct vmm_entity *e)
{
	vmm_gate_cancel(e);
}
EXPORT_SYMBOL_GPL(vmm_gate_flush);

/**
 * vmm_gate_giveup() - the owner's thread gives the pCPU away
 * @e:   the entity, OFF (or OUT: it lost the pCPU already)
 * @why: passed to the scheduler
 */
void vmm_gate_giveup(struct vmm_entity *e, enum vmm_put_why why)
{
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
	u64 now = vmm_pool_now(e->pool);

	if (p->curr == e && vmm_state(e) == VMM_GATE_OFF) {
		vmm_put_curr(p, why, now);
		vmm_pick(p, now, &post);
	}
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
}
EXPORT_SYMBOL_GPL(vmm_gate_giveup);

void vmm_gate_yield(struct vmm_entity *e)
{
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
	u64 now = vmm_pool_now(e->pool);

	if (p->curr != e || vmm_state(e) != VMM_GATE_OFF || !p->nr_queued || e->paused)
		goto out;
	if (!vmm_entity_allowed(e, p) || vmm_better_elsewhere(e, p)) {
		e->next_why = VMM_ENQ_MIGRATE;
		vmm_put_curr(p, VMM_PUT_MIGRATE, now);
	} else {
		requeue_curr(p, VMM_PUT_YIELD, VMM_ENQ_YIELD, VMM_BY_GUEST, now);
	}
	vmm_pick(p, now, &post);
out:
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
}
EXPORT_SYMBOL_GPL(vmm_gate_yield);

/* Somebody waits for the pCPU of an owner that is not at the guest. */
static void check_pcpu(struct vmm_pcpu *p)
{
	struct vmm_post post = { };
	unsigned long flags;

	local_irq_save(flags);
	vmm_pcpu_lock(p);
	vmm_check_curr(p, vmm_pool_now(p->pool), &post);
	vmm_pcpu_unlock(p);
	local_irq_restore(flags);
	vmm_post_run(&post);
}

/** vmm_gate_off_work() - follow up what sched_out marked. Hard interrupt (irq_work). */
void vmm_gate_off_work(struct vmm_pcpu *p)
{
	check_pcpu(p);
}
EXPORT_SYMBOL_GPL(vmm_gate_off_work);

/**
 * vmm_gate_try_block() - halt inside the gate
 * @e: the entity, OFF; its thread calls
 *
 * Return: false when a wake-up came before, or a late one has it queued: it goes on.
 */
bool vmm_gate_try_block(struct vmm_entity *e)
{
	struct vmm_post post = { };
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
	u64 now = vmm_pool_now(e->pool);
	bool owner = p->curr == e && vmm_state(e) == VMM_GATE_OFF;
	bool blocked = false;

	if (e->wake_pending) {
		e->wake_pending = false;
	} else if (owner || vmm_state(e) == VMM_GATE_OUT) {
		/* OUT: it lost the pCPU on the way; then it only waits. */
		if (owner) {
			vmm_put_curr(p, VMM_PUT_BLOCK, now);
			vmm_pick(p, now, &post);
		}
		e->stats.blocks++;
		vmm_set_state(e, VMM_GATE_BLOCKED, now);
		blocked = true;
	}
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
	return blocked;
}
EXPORT_SYMBOL_GPL(vmm_gate_try_block);

void vmm_gate_wake(struct vmm_entity *e)
{
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
	struct vmm_post post = { };
	u64 now;

	if (vmm_state(e) == VMM_GATE_BLOCKED) {
		now = vmm_pool_now(e->pool);
		e->wake_at = now;
		e->next_why = VMM_ENQ_WAKE;
		if (vmm_entity_allowed(e, p) && !vmm_idle_elsewhere(e, p) && !e->paused) {
			vmm_enqueue(p, e, VMM_ENQ_WAKE, now);
			trace_vmm_sched_request(p->id, e->id, VMM_ENQ_WAKE, VMM_BY_WAKEUP,
						VMM_FB_DONE);
			vmm_enqueued(p, e, now, &post);
		} else {
			/* Its home is gone, or busy: its own thread claims elsewhere. */
			vmm_set_state(e, VMM_GATE_OUT, now);
			vmm_post_wake(&post, e);
		}
	} else {
		e->wake_pending = true;
	}
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
}
EXPORT_SYMBOL_GPL(vmm_gate_wake);

/* --- the thread between gate and guest ------------------------------------------------ */

/* Its thread was off the CPU, or it was woken: when was that over? */
static noinline void on_again(struct vmm_entity *e)
{
	struct vmm_pcpu *p = e->home;
	bool slept = e->off_slept;
	u64 now;

	if (atomic_read(&e->state) != VMM_GATE_OFF)
		return;
	now = vmm_pool_now(e->pool);
	if (e->off_since) {
		WRITE_ONCE(e->off_total, e->off_total + (now - e->off_since));
		trace_vmm_gate_back(p->id, e->id);
		WRITE_ONCE(e->off_since, 0);
	}
	if (e->wake_at) {
		e->stats.wakes++;
		e->stats.wake_hist[vmm_hist_bucket(now - e->wake_at)]++;
		e->wake_at = 0;
	}
	if (atomic_cmpxchg(&e->state, VMM_GATE_OFF, VMM_GATE_OWNER) == VMM_GATE_OFF && slept) {
		WRITE_ONCE(e->off_slept, false);
		clear_bit(p->id, p->pool->idle);
	}
}

void vmm_gate_on(struct vmm_entity *e)
{
	/* Whoever is marked as asleep has been off since some time. */
	if (e->off_since | e->wake_at)
		on_again(e);
	else
		atomic_cmpxchg(&e->state, VMM_GATE_OFF, VMM_GATE_OWNER);
}
EXPORT_SYMBOL_GPL(vmm_gate_on);

void vmm_gate_sched_out(struct vmm_entity *e, bool runnable)
{
	struct vmm_pcpu *p = e->home;

	if (atomic_read(&e->state) != VMM_GATE_OWNER)
		return;
	WRITE_ONCE(e->off_slept, !runnable);
	WRITE_ONCE(e->off_since, vmm_pool_now(e->pool));
	trace_vmm_gate_away(p->id, e->id, !runnable);
	atomic_cmpxchg(&e->state, VMM_GATE_OWNER, VMM_GATE_OFF);
	if (READ_ONCE(p->nr_queued))
		irq_work_queue(&p->work);
	else if (!runnable)
		set_bit(p->id, p->pool->idle);
}
EXPORT_SYMBOL_GPL(vmm_gate_sched_out);

/*
 * The guest halted and nobody waits: the pCPU stays with the entity, marked as
 * asleep, so that whoever comes takes it at once. No lock, one look at the clock.
 */
static __always_inline void exit_halted(struct vmm_entity *e, struct vmm_pcpu *p)
{
	WRITE_ONCE(e->off_since, vmm_pool_now(p->pool));
	WRITE_ONCE(e->off_slept, true);
	trace_vmm_gate_away(p->id, e->id, true);
	set_bit(p->id, p->pool->idle);
	smp_mb__after_atomic();	/* pairs with vmm_enqueued() */
	if (READ_ONCE(p->nr_queued))
		vmm_gate_giveup(e, VMM_PUT_BLOCK);
}

/* The pCPU was taken on the way here; it may wait for another already. */
static noinline void exit_without(struct vmm_entity *e, enum vmm_gate_how how)
{
	if (vmm_state(e) != VMM_GATE_OUT)
		vmm_gate_cancel(e);
	if (how == VMM_EXIT_HALT)
		e->next_why = VMM_ENQ_WAKE;
}

void vmm_gate_exit(struct vmm_entity *e, enum vmm_gate_how how)
{
	struct vmm_pcpu *p = e->home;

	smp_store_release(&e->inside, false);	/* what the handlers did is done */
	if (unlikely(vmm_state(e) != VMM_GATE_OFF)) {
		exit_without(e, how);
		return;
	}
	switch (how) {
	case VMM_EXIT_LOAN:
		e->stats.loans++;
		e->loan_until = 0;
		/* gate_loan of the model */
		if (atomic_cmpxchg(&e->state, VMM_GATE_OFF, VMM_GATE_LOANED) != VMM_GATE_OFF)
			return;
		/* A kick with nobody queued: it has to go all the same, perhaps. */
		if (READ_ONCE(p->nr_queued) || READ_ONCE(p->kick))
			check_pcpu(p);
		break;
	case VMM_EXIT_HALT:
		e->stats.blocks++;
		e->next_why = VMM_ENQ_WAKE;
		if (likely(!READ_ONCE(p->nr_queued) && !READ_ONCE(p->kick)))
			exit_halted(e, p);
		else
			vmm_gate_giveup(e, VMM_PUT_BLOCK);
		break;
	case VMM_EXIT_LEAVE:
		vmm_gate_giveup(e, VMM_PUT_LEAVE);
		break;
	}
}
EXPORT_SYMBOL_GPL(vmm_gate_exit);

/* --- the thread at the gate ------------------------------------------------------------ */

/* Another vCPU's loan that this thread holds, in whatever pool, ends when it runs this one. */
static void end_other_loan(struct vmm_entity *e)
{
	struct vmm_machine *m = READ_ONCE(e->pool)->machine;
	struct vmm_pcpu *p = READ_ONCE(m->member[raw_smp_processor_id()]);
	struct vmm_post post = { };
	struct vmm_entity *c;
	unsigned long flags;
	u64 now;

	/* What this thread owns it took itself: no lock to see that it is nothing. */
	if (READ_ONCE(p->thread) != current)
		return;
	local_irq_save(flags);
	vmm_pcpu_lock(p);
	now = vmm_pool_now(p->pool);
	c = p->curr;
	if (c && c != e && c->task == current && vmm_state(c) != VMM_GATE_OFFERED &&
	    vmm_take_back(p, now, false))
		vmm_pick(p, now, &post);
	vmm_pcpu_unlock(p);
	local_irq_restore(flags);
	vmm_post_run(&post);
}

static void sleep_at_gate(struct vmm_entity *e)
{
	enum vmm_gate_state st;

	set_current_state(TASK_INTERRUPTIBLE);
	st = vmm_state(e);
	if ((st == VMM_GATE_QUEUED || st == VMM_GATE_BLOCKED) && !signal_pending(current))
		schedule();
	__set_current_state(TASK_RUNNING);
}

/*
 * User space may have moved the thread while it waited for the offer. Its wish
 * is read before the gate writes a mask over it; not after a CPU went offline,
 * when the mask is nobody's wish (see vmm_gate_read_wish()).
 */
static bool wished_away(struct vmm_entity *e)
{
	if (e->pinned == current && e->pinned_cpu < 0)
		return false;
	vmm_gate_read_wish(e);
	return !vmm_entity_allowed(e, READ_ONCE(e->home));
}

/*
 * A signal: user space will serve it and mostly be back at once (QEMU kicks its
 * vCPUs with every timer of the guest). An owner lends, and so does the holder
 * of an offer, or its turn would be lost; a place in the queue is kept: should
 * its turn come before it is back, the offer stands for as long as a loan would.
 */
static int leave_by_signal(struct vmm_entity *e)
{
	bool fatal = fatal_signal_pending(current);

	switch (vmm_state(e)) {
	case VMM_GATE_OFFERED:
		if (fatal || wished_away(e) || !vmm_gate_own(e)) {
			vmm_gate_cancel(e);
			break;
		}
		fallthrough;
	case VMM_GATE_OFF:
		vmm_gate_exit(e, fatal ? VMM_EXIT_LEAVE : VMM_EXIT_LOAN);
		break;
	case VMM_GATE_QUEUED:
		if (fatal)
			vmm_gate_cancel(e);
		else
			WRITE_ONCE(e->away, true);
		break;
	default:
		vmm_gate_cancel(e);
		break;
	}
	return -EINTR;
}

/* OFF, and this thread's: may it go to the guest from here? */
static bool ready(struct vmm_entity *e)
{
	struct vmm_pcpu *p = e->home;

	return is_there(e, p) && !READ_ONCE(p->kick);
}

/*
 * Is the calling thread's entity owner, or can it be without a wait? In all other cases
 * nothing is changed, but that a loan is over.
 */
static __always_inline bool enter_at_once(struct vmm_entity *e)
{
	struct vmm_pcpu *p = READ_ONCE(e->home);
	enum vmm_gate_state st;

	if (READ_ONCE(e->task) != current || e->away || signal_pending(current) || !is_there(e, p))
		return false;
	st = vmm_state(e);
	/* A loan of another vCPU that this thread holds is one of @p: so take() finds none. */
	if (st == VMM_GATE_OUT)
		return vmm_gate_take(e, p);
	if (st == VMM_GATE_LOANED &&
	    atomic_cmpxchg(&e->state, VMM_GATE_LOANED, VMM_GATE_OFF) == VMM_GATE_LOANED)
		st = VMM_GATE_OFF;
	if (st != VMM_GATE_OFF || READ_ONCE(p->kick))
		return false;
	if (e->next_why == VMM_ENQ_WAKE) {
		/* It halted, and nobody took the pCPU: it need not wait. */
		e->stats.wakes++;
		e->stats.wake_hist[0]++;
	}
	e->next_why = VMM_ENQ_NEW;
	return true;
}

static noinline int enter(struct vmm_entity *e)
{
	bool mine = READ_ONCE(e->task) == current;

	might_sleep();
	if (unlikely(e->away))
		WRITE_ONCE(e->away, false);
	if (likely(mine)) {
		if (vmm_state(e) == VMM_GATE_LOANED)
			atomic_cmpxchg(&e->state, VMM_GATE_LOANED, VMM_GATE_OFF);
		if (vmm_state(e) == VMM_GATE_OFF && e->next_why == VMM_ENQ_WAKE)
			e->wake_at = vmm_pool_now(e->pool);
		if (vmm_state(e) == VMM_GATE_OFF && ready(e) && !signal_pending(current)) {
			e->next_why = VMM_ENQ_NEW;
			return 0;
		}
	} else {
		/* Another thread's loan of this vCPU ends. */
		vmm_gate_cancel(e);
		vmm_gate_unpin(e);
	}

	for (;;) {
		if (signal_pending(current))
			return leave_by_signal(e);
		switch (vmm_state(e)) {
		case VMM_GATE_OUT:
			end_other_loan(e);
			vmm_gate_read_wish(e);
			claim(e, current, true);
			vmm_gate_held(e);
			if (vmm_state(e) == VMM_GATE_OFF && ready(e))
				return 0;
			break;
		case VMM_GATE_QUEUED:
			/* vmm_gate_requeue() queued it for the thread before this one. */
			if (unlikely(READ_ONCE(e->task) != current)) {
				vmm_gate_cancel(e);
				break;
			}
			fallthrough;
		case VMM_GATE_BLOCKED:
			sleep_at_gate(e);
			break;
		case VMM_GATE_OFFERED:
			/* Not there any more, or the pCPU is going away: claim anew. */
			if (wished_away(e) || vmm_gate_move_here(e))
				vmm_gate_cancel(e);
			else if (vmm_gate_own(e) && ready(e))
				return 0;
			break;
		case VMM_GATE_OFF:
			vmm_gate_read_wish(e);
			if (vmm_gate_resolve(e)) {
				if (vmm_gate_move_here(e))
					vmm_gate_cancel(e);
				else if (ready(e))
					return 0;
			}
			break;
		case VMM_GATE_LOANED:
			atomic_cmpxchg(&e->state, VMM_GATE_LOANED, VMM_GATE_OFF);
			break;
		case VMM_GATE_OWNER:
			/* vmm_gate_off() was forgotten, or two threads run one vCPU. */
			WARN_ON_ONCE(1);
			vmm_gate_off(e);
			break;
		}
	}
}

int vmm_gate_enter(struct vmm_entity *e)
{
	int r;

	for (;;) {
		WRITE_ONCE(e->inside, false);
		if (!enter_at_once(e)) {
			r = enter(e);
			if (unlikely(r))
				return r;
		}
		/* Pairs with vmm_cease(): inside, then the mark. */
		smp_store_mb(e->inside, true);
		if (likely(!READ_ONCE(READ_ONCE(e->pool)->ceased)))
			return 0;
	}
}
EXPORT_SYMBOL_GPL(vmm_gate_enter);

int vmm_gate_block(struct vmm_entity *e)
{
	might_sleep();
	vmm_gate_try_block(e);
	return vmm_gate_enter(e);
}
EXPORT_SYMBOL_GPL(vmm_gate_block);
