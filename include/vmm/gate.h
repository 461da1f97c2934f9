/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate, as the owner of vCPUs (vmm_core, or a test) sees it.
 *
 * A vCPU may run guest code only while its entity owns a pCPU. Its thread
 * calls vmm_gate_enter() to become owner, checks vmm_gate_may_run() with
 * interrupts off right before each VM entry, and calls vmm_gate_exit() on its
 * way to user space:
 *
 *	do {
 *		r = vmm_gate_enter(e);		(may sleep; -EINTR on a signal)
 *		if (r)
 *			break;
 *		register the preempt notifier; vmm_gate_on(e)
 *		while (vmm_gate_may_run(e))	(interrupts off)
 *			enter the guest, handle the exit
 *		vmm_gate_off(e); unregister the preempt notifier
 *	} while (only the gate stopped us);
 *	vmm_gate_exit(e, how);
 *
 * Legend of the tags: [I] immutable after creation, [D] lock of the dispatch
 * domain of the entity's home pCPU, [O] written by the owner's thread only,
 * [M] the pool's mutex, [A] atomic, [R] RCU.
 */
#ifndef _VMM_GATE_H
#define _VMM_GATE_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/vmm.h>
#include <linux/xarray.h>
#include <vmm/sched.h>

#define VMM_NAME_LEN		32	/* of a VM, including the final NUL */
#define VMM_POOLS		16	/* of one machine, pool 0 included */
#define VMM_SLOTS		(2 * VMM_POOLS)	/* instances at once: in each pool the active one and the next */

#define VMM_WEIGHT_MIN		1
#define VMM_WEIGHT_MAX		65535
#define VMM_WEIGHT_DEFAULT	256
#define VMM_CAP_PER_PCPU	100	/* per cent; the most is so much times the pCPUs */
#define VMM_QUANTUM_MIN_NS	(100 * NSEC_PER_USEC)
#define VMM_QUANTUM_MAX_NS	(1 * NSEC_PER_SEC)
#define VMM_SLICE_MIN_NS	(50 * NSEC_PER_USEC)
#define VMM_SLICE_MAX_NS	(10ULL * NSEC_PER_SEC)

/**
 * enum vmm_gate_state - where an entity stands
 * @VMM_GATE_OUT:     not with any scheduler: its thread is in user space, or not there
 * @VMM_GATE_QUEUED:  runnable, held by the scheduler of its home pCPU
 * @VMM_GATE_OFFERED: picked; its thread must take the pCPU before the offer expires
 * @VMM_GATE_OFF:     owns its home pCPU, but its thread is not (known to be) on it:
 *                    not yet at the guest, or taken off by the host, or halted
 * @VMM_GATE_OWNER:   owns its home pCPU and its thread is on it
 * @VMM_GATE_LOANED:  owns it, while its thread is in user space for a moment
 * @VMM_GATE_BLOCKED: waits for an event, inside the gate
 *
 * All changes are made under the domain lock, except those among OFF, OWNER
 * and LOANED: the entity's own thread makes them with a compare-and-exchange,
 * and whoever takes the pCPU away, under the lock, takes OFF or LOANED (never
 * OWNER) to OUT in the same way. So OWNER is stable for its thread.
 */
enum vmm_gate_state {
	VMM_GATE_OUT,
	VMM_GATE_QUEUED,
	VMM_GATE_OFFERED,
	VMM_GATE_OFF,
	VMM_GATE_OWNER,
	VMM_GATE_LOANED,
	VMM_GATE_BLOCKED,
};

/**
 * enum vmm_gate_how - how a thread leaves the gate for user space
 * @VMM_EXIT_LOAN:  it will be back soon (a device access): keep the pCPU as a loan
 * @VMM_EXIT_HALT:  the guest halted; the next vmm_gate_enter() counts as a wake-up
 * @VMM_EXIT_LEAVE: it stops running this vCPU (signal, error, end)
 */
enum vmm_gate_how {
	VMM_EXIT_LOAN,
	VMM_EXIT_HALT,
	VMM_EXIT_LEAVE,
};

struct vmm_pool;
struct vmm_group;

/* Latency histogram: 4 buckets for each power of two ns, from 2^7 ns up. */
#define VMM_HIST_BUCKETS	128

/**
 * struct vmm_entity_stats - written under the domain lock, or by the owner's thread
 * @run_ns:      time as owner (loans included, time off the CPU not)
 * @wait_ns:     time queued or offered
 * @off_ns:      time as owner while the host ran something else there
 * @switches:    times it became owner after another entity
 * @offers:      times it was offered a pCPU
 * @noshows:     offers that expired
 * @losses:      ownerships taken away because the host kept the thread off
 * @loans:       user exits that kept the pCPU
 * @loan_expired: loans that ran out
 * @forced_out:  times it was made to leave the guest by a swap
 * @migrations:  changes of the home pCPU
 * @blocks:      halts
 * @wakes:       wake-ups counted in @wake_hist
 * @wake_hist:   from wake-up to owner
 * @paused_ns:   time paused, but for the pause under way
 * @given_way:   times it would give the rest of its turn to another of its VM
 * @given_way_done: ... and that one was next
 */
struct vmm_entity_stats {
	u64 run_ns;
	u64 wait_ns;
	u64 off_ns;
	u64 switches;
	u64 offers;
	u64 noshows;
	u64 losses;
	u64 loans;
	u64 loan_expired;
	u64 forced_out;
	u64 migrations;
	u64 blocks;
	u64 wakes;
	u32 wake_hist[VMM_HIST_BUCKETS];
	u64 paused_ns;
	u64 given_way;
	u64 given_way_done;
};

/**
 * struct vmm_entity - a vCPU as a scheduler sees it
 *
 * Embedded in the vCPU. Everything below is private to sched_iface; others use
 * the functions.
 */
struct vmm_entity {
	atomic_t state;			/* [A] enum vmm_gate_state; see there */
	u32 id;				/* [I] never 0, unique in its machine */
	struct vmm_pcpu *home;		/* [D] where it is queued or runs; never NULL once initialised */
	u32 index;			/* [I] number of the vCPU in its VM */
	u32 token;			/* [D] of the last offer */
	bool inside;			/* [O] past the gate: in the guest, or in the handler of an exit */
	bool off_slept;			/* [O] OFF: its thread sleeps or the guest halted: take it at once */
	bool wake_pending;		/* [D] a wake-up came before it blocked */
	u8 anywhere;			/* [D] no allowed pCPU is online: 1 ignores the VM's affinity, 2 all */
	u8 next_why;			/* [D] enum vmm_enqueue_why of the next claim */
	struct vmm_group *group;	/* [I] */
	struct vmm_pool *pool;		/* [D] home->pool */
	struct vmm_pool *to;		/* [D] it is about to go there; NULL: it is not */
	struct list_head group_node;	/* [M] */
	struct list_head queued_node;	/* [D] in pcpu->queued, or ->left */
	struct vmm_sched *with;		/* [D] while QUEUED: who holds it */
	u64 since;			/* [D] of the last change of state */
	u64 wait_from;			/* [D] it has waited to own a pCPU since then; 0: it does not */
	u64 due_from;			/* [D] ... and was not held back since then */
	u64 passed;			/* [D] picks of others since due_from, up to picks_at */
	u64 picks_at;			/* [D] QUEUED: home->picks when it was counted last */
	u64 charged;			/* [D] run time is charged up to here */
	u64 came_ns;			/* [D] from the offer to its turn, to be charged with that */
	u64 slice_ns;			/* [D] what the scheduler gave it */
	u64 slice_ran;			/* [D] charged in this slice so far */
	u64 slice_away;			/* [D] added to its end for time that the host took */
	u64 off_since;			/* [O] 0: the time off the CPU is not told apart */
	u64 off_total;			/* [O] ns as owner with the thread off the CPU */
	u64 off_seen;			/* [D] part of off_total that charging left out already */
	u64 wake_at;			/* [D] when it was woken; 0: not measuring */
	u64 loan_until;			/* [D] absolute end of the loan; 0: nobody waits so far */
	u64 share_at;			/* [D] start of the present window of the share average */
	u64 share_run;			/* [D] run_ns at share_at */
	u32 share_ppm;			/* [D] decaying average of its share of one pCPU */
	struct vmm_history handover;	/* [D] on its way from one scheduler to the next */
	u32 weight;			/* [M] override, read without; 0: the group's */
	u64 quantum_ns;			/* [M] override, read without; 0: the group's */
	struct task_struct *task;	/* [D] thread that claims or owns; holds a reference */
	unsigned long *wish;		/* [O], [D]: pCPUs that user space allows its thread */
	struct task_struct *pinned;	/* [O] thread whose affinity the gate narrowed; reference */
	int pinned_cpu;			/* [O] ... to this CPU; -1: it did not */
	bool away;			/* [O], read under [D]: QUEUED, thread in user space for a signal */
	u8 paused;			/* [D], read without: VMM_PAUSED_*; never QUEUED, never picked */
	bool held;			/* [D], [O]: its thread sleeps at the gate because of that */
	bool critical;			/* [D], read without: its guest says that it is time-critical */
	u64 paused_at;			/* [D] ns */
	u64 boost_until;		/* [D] ns: next in line whenever it becomes runnable; 0: no boost */
	void *priv[VMM_SLOTS];		/* [M] state under the instance in this slot */
	struct vmm_entity_stats stats;	/* [D], but loans [O] */
	u64 move_at;			/* [D] when its move to another pool began */
	u64 move_ns;			/* [D] how long that kept it from every queue */
};

/**
 * struct vmm_group_view - a VM as one instance of a scheduler sees it
 * @param: its parameters of scope GROUP; [M], read without
 * @priv:  vmm_group_priv()
 */
struct vmm_group_view {
	u64 param[VMM_SCHED_MAX_PARAMS];
	u64 priv[];
};

/* Why an entity is paused. */
#define VMM_PAUSED_VCPU		1u	/* by itself */
#define VMM_PAUSED_VM		2u	/* with all of its VM */

/**
 * struct vmm_group - the entities of one VM and what is set on them
 */
struct vmm_group {
	u32 id;				/* [I] shown to the operator; not reused */
	char name[VMM_NAME_LEN];	/* [M] unique */
	pid_t pid;			/* [I] of the creator */
	kuid_t uid;			/* [I] */
	struct vmm_pool *pool;		/* [M] of the old and the new pool */
	struct list_head node;		/* [M] in pool->groups, by id */
	struct list_head entities;	/* [M] */
	unsigned int nr_entities;	/* [M] */
	u32 weight;			/* [M], read without */
	u32 cap;			/* [M], read without; per cent of one pCPU, 0: none */
	struct vmm_group_view *view[VMM_SLOTS];	/* [M] for the instance in this slot; NULL: it needs none */
	bool time_critical;		/* [M], read without */
	bool paused;			/* [M] as a whole, vCPUs to come included */
	bool guest_critical;		/* [M], read without: its guest may say that a vCPU is time-critical */
	u64 quantum_ns;			/* [M], read without; 0: the scheduler's default */
	unsigned long __rcu *affinity;	/* [M], [R]; pool->nr_pcpus bits; NULL: anywhere */
	struct list_head remembered;	/* [M] parameters by scheduler, kept across swaps */
	u64 created_ns;			/* [I] */
};

/**
 * struct vmm_pcpu - a physical CPU that entities can own
 *
 * Each pool has one for every CPU of its machine; it is offline for good in all
 * but the pool that the CPU belongs to. Its memory stays as long as the machine.
 */
struct vmm_pcpu {
	u32 id;				/* [I] */
	bool online;			/* [D] */
	bool kick;			/* the owner must come to the gate; set under [D] */
	bool resched;			/* [D] curr was told to give up */
	bool preempt;			/* [D] ... for a more urgent entity */
	bool declined;			/* [D] somebody is queued, and pick() took nobody */
	bool bypass;			/* [D] the scheduler broke its contract: FIFO until replaced */
	struct vmm_domain *dom;		/* [D] of both, when it changes; check it again once locked */
	struct vmm_pool *pool;		/* [I] */
	const unsigned long *near[VMM_NEAR_COUNT];	/* [I] of pool->near */
	struct vmm_sched __rcu *sched;	/* [D] who decides here; [R] for readers */
	u32 sched_id;			/* [D] its number, for dispatch by identifier */
	struct vmm_entity *curr;	/* [D] OFFERED, OFF, OWNER or LOANED here */
	struct task_struct *thread;	/* [D], read without: of curr, unless OFFERED; to compare with only */
	struct list_head queued;	/* [D] all that are QUEUED here, oldest first */
	struct list_head left;		/* [D] in a swap: QUEUED too, still with the scheduler before */
	struct vmm_sched *from;		/* [D] ... which is this one; NULL: nobody is left */
	bool old_op;			/* [D] an op of that one is being called */
	unsigned int nr_queued;		/* [D] of both lists, read without */
	u32 seq;			/* [D] source of tokens */
	u64 slice_end;			/* [D] of curr; VMM_SLICE_INFINITE: none */
	u64 offer_end;			/* [D] of curr, while OFFERED */
	u64 deadline;			/* [D] what the timer is set to, 0: off */
	u64 sched_deadline;		/* [D] asked for by the scheduler, 0: none */
	u64 paced;			/* [D] how often it may: see vmm_pace() */
	u32 dom_idx[VMM_DOMAIN_COUNT];	/* [I] which domain of each reach */
	void *priv[2];			/* [M] for the instance in slot 2n / 2n + 1 */
	u32 looked;			/* how far place.c has looked from here; races are harmless */
	u32 last_id;			/* [D] last owner, for counting switches */
	u64 switches;			/* [D] */
	u64 busy_ns;			/* [D] */
	u64 picks;			/* [D] */
	bool must_go;			/* [D] curr is to be put even when nobody is queued */
	bool yield;			/* [D] curr was asked to yield */
	u32 hint;			/* [D] id of who should be picked next; 0: whoever the scheduler likes */
	u64 hint_ns;			/* [D] ... for so long at most */
	u8 put_why;			/* [D] enum vmm_put_why of the last one that had it */
	u8 ring_at;			/* [D] next entry of ring */
	u64 picked_at;			/* [D] when somebody was picked last */
	u64 watch_from;			/* [D] waits before do not count: another scheduler, or nobody ran */
	u64 watched_at;			/* [D] when the watchdog looked last */
	struct vmm_domain *borrowed;	/* [D] locked by vmm_try_peer() on behalf of this one */
	struct list_head resched_node;	/* [D] in dom->resched: to decide again */
	struct hrtimer timer;
	struct irq_work work;		/* follows up what sched_out marked */
	struct vmm_decision ring[VMM_DECISIONS];	/* [D] the last decisions */
};

/* --- groups and entities ------------------------------------------------ */

/**
 * vmm_group_create() - a VM comes into being
 * @name: its name, or NULL: COMM-PID of the caller, made unique
 *
 * Context: process, may sleep.
 * Return: the group or ERR_PTR(): -ENOMEM, -EEXIST, -EINVAL (name),
 * -EDQUOT (the user has too many VMs).
 */
struct vmm_group *vmm_group_create(const char *name);
/** vmm_group_put() - the VM is gone; its entities are destroyed already. May sleep. */
void vmm_group_put(struct vmm_group *g);

/**
 * vmm_entity_init() - a vCPU comes into being
 * @e:     zeroed memory
 * @group: its VM
 * @index: its number there
 *
 * Waits (killably) for a swap in progress.
 * Context: process, may sleep.
 * Return: 0, -ENOMEM, -EINTR, -EDQUOT, or what the active scheduler's attach() says.
 */
int vmm_entity_init(struct vmm_entity *e, struct vmm_group *group, u32 index);
/** vmm_entity_destroy() - it is gone, wherever it was. May sleep. No thread uses it any more. */
void vmm_entity_destroy(struct vmm_entity *e);

/* --- the thread's side --------------------------------------------------- */

/**
 * vmm_gate_enter() - become, or remain, the owner of a pCPU
 * @e: the entity of the vCPU that the calling thread wants to run
 *
 * Ends the loan, if there is one; if the owner was told to give up, charges and
 * gives up first. Sleeps until @e is owner. Any other vCPU's loan held by this
 * thread ends. The thread's affinity is set to the pCPU when it changes.
 *
 * Context: process, preemptible, no locks; preempt notifier not registered.
 * Return: 0 (owner), -EINTR (a signal is pending; an owner has lent its pCPU,
 * so has the holder of an offer, a place in the queue is kept; all is given
 * back when the signal is fatal).
 */
int vmm_gate_enter(struct vmm_entity *e);

/**
 * vmm_gate_may_run() - the last check before VM entry
 * @e: entity of the calling thread
 *
 * Context: interrupts off until the guest runs. A kick after this check sends
 * an IPI, which is pending then and ends the guest's run at once.
 * Return: true while @e owns this CPU and nobody wants it to give up.
 */
static inline bool vmm_gate_may_run(const struct vmm_entity *e)
{
	const struct vmm_pcpu *p = READ_ONCE(e->home);

	return atomic_read(&e->state) == VMM_GATE_OWNER &&
	       p->id == raw_smp_processor_id() && !READ_ONCE(p->kick);
}

/** vmm_gate_contended() - does anybody wait for the pCPU that @e owns? Any context; a guess. */
static inline bool vmm_gate_contended(const struct vmm_entity *e)
{
	return READ_ONCE(READ_ONCE(e->home)->nr_queued);
}

/**
 * vmm_gate_yield() - let whoever waits for the pCPU go first
 * @e: entity of the calling thread, OFF: after vmm_gate_off()
 *
 * Does nothing when nobody waits. The next vmm_gate_enter() waits for its turn.
 * Context: process; preempt notifier not registered.
 */
void vmm_gate_yield(struct vmm_entity *e);

/**
 * vmm_gate_yield_to() - give the rest of this turn to another vCPU of the same VM
 * @e: entity of the calling thread, OFF: after vmm_gate_off()
 * @t: an entity of the same VM, or NULL: to whom the scheduler likes
 *
 * @t is brought to this pCPU if it waits at another one. It gets no more time
 * than was left of @e's turn, so that two that pass a pCPU to each other
 * take nothing from anybody. The next vmm_gate_enter() of @e waits for its turn.
 * Context: process; preempt notifier not registered.
 * Return: enum vmm_feedback. When @t cannot be next, @e yields only if others wait.
 */
int vmm_gate_yield_to(struct vmm_entity *e, struct vmm_entity *t);

/** vmm_gate_waits() - is @e queued, that is, could it be given a pCPU? A guess. */
static inline bool vmm_gate_waits(const struct vmm_entity *e)
{
	return atomic_read(&e->state) == VMM_GATE_QUEUED;
}

/** vmm_entity_paused() - is @e paused? Then it waits for nothing. Any context; a moment's truth. */
static inline bool vmm_entity_paused(const struct vmm_entity *e)
{
	return READ_ONCE(e->paused);
}

/** vmm_gate_trace_wait() - note that a guest had nothing to do, and how that ended. Process. */
void vmm_gate_trace_wait(struct vmm_entity *e, int result);

/** vmm_entity_may_say_critical() - does the operator allow vmm_entity_say_critical()? */
static inline bool vmm_entity_may_say_critical(const struct vmm_entity *e)
{
	return READ_ONCE(e->group->guest_critical);
}

/**
 * vmm_entity_say_critical() - a guest says whether its vCPU is time-critical
 * @e:  entity of the calling thread
 * @on: it is
 *
 * Context: process. Return: VMM_FB_DONE, VMM_FB_ALREADY, VMM_FB_FORBIDDEN.
 */
int vmm_entity_say_critical(struct vmm_entity *e, bool on);

/**
 * vmm_entity_scheduler() - who decides about @e
 * @e:    the entity
 * @name: takes the name of the scheduler that is active now, padded with zeros
 *
 * Context: any. Return: its number.
 */
u32 vmm_entity_scheduler(const struct vmm_entity *e, char name[VMM_SCHED_NAME_LEN]);
/** vmm_entity_boost() - ns that are left of its boost, or 0. Any context; a moment's truth. */
u64 vmm_entity_boost(const struct vmm_entity *e);

/**
 * vmm_gate_exit() - the thread goes back to user space
 * @e:   its entity, OWNER or OUT (it may have lost its pCPU meanwhile)
 * @how: for how long
 *
 * Context: process; preempt notifier not registered any more.
 */
void vmm_gate_exit(struct vmm_entity *e, enum vmm_gate_how how);

/**
 * vmm_gate_set_flush() - how a change of scheduler that ceases all vCPUs waits for their devices
 * @flush: waits for device work that vCPUs have set off; may sleep. NULL: none
 *
 * @flush is called under pool 0's mutex: work that it waits for may not need that mutex, nor the
 * lock of CPU hotplug.
 * Context: process; takes pool 0's mutex.
 */
void vmm_gate_set_flush(void (*flush)(void));

/**
 * vmm_gate_block() - halt inside the gate until vmm_gate_wake()
 * @e: entity of the calling thread, OWNER
 *
 * A wake-up that came before makes it return at once.
 * Context: process, preemptible; preempt notifier not registered.
 * Return: 0 (woken, and owner again), -EINTR (OUT).
 */
int vmm_gate_block(struct vmm_entity *e);
/** vmm_gate_wake() - there is work for @e. Any context but NMI and under the rq lock. */
void vmm_gate_wake(struct vmm_entity *e);
/** vmm_gate_flush() - end a loan or claim of @e from another thread (release, flush, reset) */
void vmm_gate_flush(struct vmm_entity *e);

/**
 * vmm_gate_on() - the thread is at the guest: registered with the preempt notifier
 * @e: entity of the calling thread, after vmm_gate_enter()
 *
 * Context: preemption off. From sched_in too.
 */
void vmm_gate_on(struct vmm_entity *e);
/** vmm_gate_off() - undo vmm_gate_on() before the notifier goes. Preemption off. */
static inline void vmm_gate_off(struct vmm_entity *e)
{
	atomic_cmpxchg(&e->state, VMM_GATE_OWNER, VMM_GATE_OFF);
}

/**
 * vmm_gate_sched_out() - from the preempt notifier: the host takes the CPU
 * @e: entity of the current thread
 * @runnable: the thread was preempted; false: it sleeps
 *
 * Context: interrupts off, under the rq lock: takes no lock, wakes nobody.
 */
void vmm_gate_sched_out(struct vmm_entity *e, bool runnable);
/** vmm_gate_sched_in() - from the preempt notifier: the thread has a CPU again */
static inline void vmm_gate_sched_in(struct vmm_entity *e)
{
	vmm_gate_on(e);
}

#endif /* _VMM_GATE_H */
