/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of sched_iface share and nobody else sees.
 *
 * Locks, in the order in which they are taken (see Documentation/locking.rst):
 *
 *   mode_mutex -> registry_mutex -> machine->mutex -> pool->mutex (a second one only under
 *   machine->mutex) -> machine->vm_mutex, change_mutex
 *   pool->mutex -> domain lock (coarser reach before finer, lower number before higher within
 *   one reach) -> hrtimer base, irq_work
 *
 * Legend of the tags: as in <vmm/gate.h>.
 */
#ifndef _SCHED_IFACE_INTERNAL_H
#define _SCHED_IFACE_INTERNAL_H

#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/vmm.h>
#include <linux/workqueue.h>
#include <vmm/gate.h>

#define VMM_OFFER_NS	(200 * NSEC_PER_USEC)	/* an offer holds so long while others wait */
#define VMM_OFFER_FAR_NS (2 * NSEC_PER_MSEC)	/* ... when the thread has to change its CPU first */
#define VMM_LOAN_NS	(100 * NSEC_PER_USEC)	/* and a loan, unless the operator says otherwise */
#define VMM_LOST_NS	(1 * NSEC_PER_MSEC)	/* and an owner preempted by the host */
#define VMM_SWAP_SLICE_NS (10 * NSEC_PER_MSEC)	/* after a swap owners come to the gate within this */
#define VMM_LAG_MAX_NS	(100 * NSEC_PER_MSEC)	/* of service lag is handed over at most: one period */
#define VMM_DEADLINE_NS	(50 * NSEC_PER_USEC)	/* a scheduler's deadlines come one in so long */
#define VMM_DEADLINE_BURST 8	/* ... beside so many that may come at once */
#define VMM_CARRY	16	/* entities go over in one go, at most, while a pCPU is locked */
#define VMM_SHARE_WINDOW_NS (100 * NSEC_PER_MSEC)	/* of the decaying share average */

/** struct vmm_domain - a set of pCPUs that share one lock, and may share one queue */
struct vmm_domain {
	raw_spinlock_t lock;
	u8 reach;			/* [I] enum vmm_sched_domain */
	u32 idx;			/* [I] */
	struct vmm_pcpu *lent_to;	/* under lock: who holds it by vmm_try_peer() */
	bool collecting;		/* under lock: vmm_resched_run() comes after the op */
	struct list_head resched;	/* under lock: pCPUs that are to decide again */
};

/**
 * struct vmm_sched - a scheduler at work in a pool
 * @ops:    its table
 * @id:     its number while it is loaded; VMM_SCHED_IDS: none
 * @pool:   where
 * @priv:   vmm_sched_priv()
 * @slot:   which element of the entities' priv[] and the groups' view[] is its own:
 *          unique in the machine, so that a VM can be attached in two pools
 * @half:   ... and of the pCPUs' priv[]
 * @broken: it broke the contract and is never called again
 * @param:  values of its parameters of scope SCHED
 * @activated_ns: when it became active
 * @pool_deadline: what it asked for with vmm_pool_set_deadline(), 0: none
 * @paced: how far such deadlines have used up what they may; see vmm_pace()
 * @pool_timer: for that
 * @why:    what it said last with vmm_sched_refuse(); kept for good
 * @nr_warnings: how often it called vmm_sched_warn()
 * @nr_garbage: times that it answered with what is no time
 */
struct vmm_sched {
	const struct vmm_sched_ops *ops;
	u32 id;
	struct vmm_pool *pool;
	void *priv;
	u8 slot;
	u8 half;
	bool broken;
	u64 param[VMM_SCHED_MAX_PARAMS];
	u64 activated_ns;
	u64 pool_deadline;		/* domain lock of the pool */
	u64 paced;			/* the same */
	struct hrtimer pool_timer;
	const char *why;		/* [M] */
	u32 nr_warnings;		/* [M] */
	atomic_t nr_garbage;
};

/**
 * struct vmm_host_ops - what a pool needs of the machine under it
 *
 * One table drives real CPUs (host.c), another the virtual pools of KUnit.
 */
struct vmm_host_ops {
	/** @now: ns; any context */
	u64 (*now)(const struct vmm_pool *pool);
	/** @wake: @e was offered its pCPU, or must look at its state. No lock held. */
	void (*wake)(struct vmm_entity *e, struct task_struct *task);
	/** @kick: make the owner of @p leave the guest. Domain lock held. */
	void (*kick)(struct vmm_pcpu *p);
	/** @arm: have vmm_pcpu_expired() called at @when; 0 disarms. Domain lock held. */
	void (*arm)(struct vmm_pcpu *p, u64 when);
	/** @arm_pool: the same for vmm_pool_expired(). Pool-wide domain lock held. */
	void (*arm_pool)(struct vmm_sched *s, u64 when);
	/** @relax: vmm_cease() waits for vCPUs to come out: let them. May sleep. */
	void (*relax)(struct vmm_pool *pool);
	/** @broken: have vmm_swap_broken() called from process context. Domain lock held. */
	void (*broken)(struct vmm_pool *pool);
	/** @begin_pool: optional; a pool comes into being: set the timers of its pCPUs up */
	void (*begin_pool)(struct vmm_pool *pool);
	/** @end_pool: optional; undo it: none of its timers runs any more when this returns */
	void (*end_pool)(struct vmm_pool *pool);
};

#define VMM_GARBAGE_MAX	16		/* answers that are no times, before a scheduler goes */
#define VMM_WATCHDOG_MIN_NS (100ULL * NSEC_PER_MSEC)
#define VMM_WATCHDOG_MAX_NS (30ULL * NSEC_PER_SEC)
#define VMM_WATCHDOG_NS	(1ULL * NSEC_PER_SEC)	/* unless the operator says otherwise */

/**
 * struct vmm_exit_record - why a scheduler was thrown out last
 * @valid:   there is one
 * @kind:    what for
 * @name:    who
 * @next:    who took over; empty: nobody yet
 * @reason:  what it did, to be read behind "it"
 * @vm:      VM of the entity in question; empty: there is none
 * @vcpu:    number of the entity there
 * @entity:  its id, or the id that was picked; 0: none
 * @pcpu:    where; VMM_NO_PCPU: nowhere
 * @at_ns:   when
 * @waited_ns: how long the entity had waited
 * @picks:   other picks meanwhile
 * @active_ns: how long the scheduler had been active
 * @took_ns: from @at_ns until @next was in charge of all pCPUs
 * @nr:      of @decision
 * @decision: the last ones on that pCPU, oldest first; at_ns: before @at_ns
 */
struct vmm_exit_record {
	bool valid;
	enum vmm_breach kind;
	char name[VMM_SCHED_NAME_LEN];
	char next[VMM_SCHED_NAME_LEN];
	char reason[80];
	char vm[VMM_NAME_LEN];
	u32 vcpu;
	u32 entity;
	u32 pcpu;
	u64 at_ns;
	u64 waited_ns;
	u64 picks;
	u64 active_ns;
	u64 took_ns;
	u32 nr;
	struct vmm_decision decision[VMM_DECISIONS];
};

/** struct vmm_swap_result - what one change of scheduler did */
struct vmm_swap_result {
	char from[VMM_SCHED_NAME_LEN];
	char to[VMM_SCHED_NAME_LEN];
	u64 pause_max_ns;		/* longest time one domain was locked */
	u64 pause_total_ns;		/* all of them */
	u64 pause_max_ticks;		/* the same in TSC ticks, 0 on virtual pools */
	u64 pause_total_ticks;
	u64 total_ns;			/* from begin to end, preparation included */
	u32 entities;			/* carried over */
	u32 queued;			/* of them queued */
	u32 running;			/* of them owners, which ran on */
	u32 at_once;			/* most queued ones that a flip took over under one lock */
	u32 forced_out;			/* guests made to leave; live mode makes none */
	bool ceased;			/* mode cease: everybody was out */
	u64 vcpu_pause_max_ns;		/* mode cease: how long a runnable vCPU was kept out, at most */
	u64 vcpu_pause_total_ns;	/* ... and all of them */
	u64 vcpu_pause_max_ticks;	/* the same in TSC ticks, 0 on virtual pools */
	u64 vcpu_pause_total_ticks;
};

#define VMM_HISTORY_DEPTH 8
#define VMM_SCHED_IDS	64	/* numbers of schedulers: how many can be loaded at once */

/** struct vmm_kept - parameters of scope SCHED of a loaded scheduler that was active before */
struct vmm_kept {
	bool valid;
	u64 param[VMM_SCHED_MAX_PARAMS];
};

#define VMM_PAST_DEPTH 16

/**
 * struct vmm_past - what is remembered of a scheduler that was active
 * @name:     its name: the module may be gone
 * @from_ns:  its last time began
 * @until_ns: ... and ended
 * @total_ns: all its times together
 * @times:    how many
 * @cause:    why the last one ended: request, unload, breach
 * @reason:   of a breach, what it did
 */
struct vmm_past {
	char name[VMM_SCHED_NAME_LEN];
	u64 from_ns;
	u64 until_ns;
	u64 total_ns;
	u32 times;
	char cause[16];
	char reason[80];
};

#define VMM_POOL_NAME_LEN 16		/* including the final NUL */

/**
 * struct vmm_machine - what the pools over the same pCPUs share
 * @mutex:      which pools there are, whose the pCPUs are, and every move between pools
 * @pool:       by id; written under @mutex. Once made they stay until the end, so that whoever
 *              has read entity->pool or entity->home without a lock finds memory there; one
 *              that was deleted is not @live, and used again for the next
 * @pools_made: so many beside pool 0, since the beginning; under @mutex
 * @member:     the pCPU of each CPU in the pool that it belongs to; written under @mutex
 * @vm_mutex:   @vms, @next_vm and the names of VMs; innermost
 * @vms:        in all pools, by id
 * @ids:        of entities
 * @next_id:    under the lock of @ids
 */
struct vmm_machine {
	struct mutex mutex;
	struct vmm_pool *pool[VMM_POOLS];
	u64 pools_made;
	struct vmm_pcpu **member;
	struct mutex vm_mutex;
	struct xarray vms;
	u32 next_vm;
	struct xarray ids;
	u32 next_id;
};

/** struct vmm_pool - pCPUs under one active scheduler */
struct vmm_pool {
	u32 id;				/* [I] in its machine; 0 is the one that VMs begin in */
	char name[VMM_POOL_NAME_LEN];	/* [M] and machine->mutex */
	bool live;			/* [M] and machine->mutex: it exists */
	u64 serial;			/* [M] and machine->mutex: unlike @id never used again; pool 0: 0 */
	struct vmm_machine *machine;	/* [I] */
	u32 nr_pcpus;			/* [I] */
	u32 nr_online;			/* [M] */
	const struct vmm_host_ops *host;	/* [I] */
	struct mutex mutex;
	struct vmm_pcpu *pcpus;		/* [I] array */
	struct vmm_domain *domains[VMM_DOMAIN_COUNT];	/* [I] arrays */
	u32 nr_domains[VMM_DOMAIN_COUNT];	/* [I] */
	unsigned long **near[VMM_NEAR_COUNT];	/* [I] arrays of bitmaps of pCPUs, by LLC and by node */
	u32 nr_near[VMM_NEAR_COUNT];	/* [I] */
	unsigned long *idle;		/* [A] bits of pCPUs that nobody owns or waits for */
	unsigned long *waiting;		/* [A] bits of pCPUs where somebody is queued */
	struct vmm_sched __rcu *active;	/* [M]; [R] */
	struct vmm_sched fallback;	/* instance of the default: needs no memory when it is needed */
	const struct vmm_sched_ops *history[VMM_HISTORY_DEPTH];	/* [M] registered ones active before, newest first */
	u32 nr_history;			/* [M] */
	struct vmm_kept kept[VMM_SCHED_IDS];	/* [M] by number */
	struct vmm_past past[VMM_PAST_DEPTH];	/* [M] last active first; a name once */
	u32 nr_past;			/* [M] */
	u64 nr_swaps;			/* [M] */
	bool ceased;			/* [M], read without: nobody is picked */
	u64 ceased_at;			/* [M] ns */
	struct xarray entities;		/* by id; [M] for changes, RCU */
	struct list_head groups;	/* [M] by id */
	struct vmm_swap_result last_swap;	/* [M] */
	struct vmm_exit_record last_exit;	/* under exit_lock */
	raw_spinlock_t exit_lock;	/* innermost */
	unsigned int fail_at;		/* [M] for tests: which step that can fail does fail; 0: none */
	u64 watched_at;			/* when the watchdog ran last; written by it, read without a lock */
	struct delayed_work watch;	/* real pools: the watchdog */
};

/** struct vmm_param_set - a parameter that goes with a change request */
struct vmm_param_set {
	const char *name;
	u64 val;
};

extern struct vmm_pool *vmm_pool0;

struct vmm_post;

/*
 * The lock of a domain. Which one it is changes at run time, under its own
 * holder, which sparse cannot follow: it is told nothing, lockdep watches.
 */
static inline void vmm_domain_lock(struct vmm_domain *d)
{
	raw_spin_lock(&d->lock);
	__release(&d->lock);
}

static inline bool vmm_domain_trylock(struct vmm_domain *d)
{
	if (!raw_spin_trylock(&d->lock))
		return false;
	__release(&d->lock);
	return true;
}

static inline void vmm_domain_unlock(struct vmm_domain *d)
{
	__acquire(&d->lock);
	raw_spin_unlock(&d->lock);
}

/* --- pool.c ------------------------------------------------------------------ */
struct vmm_pool *vmm_pool_create(u32 nr_pcpus, const u32 *llc_of,
				 const struct vmm_host_ops *host);
void vmm_pool_destroy(struct vmm_pool *pool);
int vmm_pool_set_nodes(struct vmm_pool *pool, const u32 *node_of);
struct vmm_pool *vmm_pool_beside(struct vmm_machine *m, u32 id);
struct vmm_domain *vmm_pcpu_domain(struct vmm_pcpu *p, enum vmm_sched_domain reach);
void vmm_pcpu_lock_again(struct vmm_pcpu *p);
struct vmm_pcpu *vmm_entity_lock(struct vmm_entity *e, unsigned long *flags);
void vmm_entity_unlock(struct vmm_pcpu *p, unsigned long flags);

static inline void vmm_assert_locked(const struct vmm_pcpu *p)
{
	lockdep_assert_held(&p->dom->lock);
}

DECLARE_PER_CPU(struct vmm_pcpu *, vmm_locked);

/**
 * vmm_pcpu_lock() - lock the dispatch domain of a pCPU
 * @p: the pCPU
 *
 * Context: interrupts off; no domain lock held.
 */
static inline void vmm_pcpu_lock(struct vmm_pcpu *p)
{
	struct vmm_domain *d = READ_ONCE(p->dom);

	lockdep_assert_irqs_disabled();
	vmm_domain_lock(d);
	if (unlikely(d != READ_ONCE(p->dom))) {
		vmm_domain_unlock(d);
		vmm_pcpu_lock_again(p);
	}
	this_cpu_write(vmm_locked, p);
}

/** vmm_pcpu_unlock() - undo vmm_pcpu_lock() */
static inline void vmm_pcpu_unlock(struct vmm_pcpu *p)
{
	vmm_domain_unlock(p->dom);
}

static inline struct vmm_sched *vmm_pcpu_sched(const struct vmm_pcpu *p)
{
	vmm_assert_locked(p);
	return rcu_dereference_protected(p->sched, true);
}

/*
 * Is the scheduler of @p told and asked? Not on any pCPU, once it broke its contract
 * on one: an entity that left a queue there without a word may come here next, and
 * would be linked into two of its queues.
 */
static inline bool vmm_trusted(const struct vmm_pcpu *p)
{
	return !p->bypass && !READ_ONCE(vmm_pcpu_sched(p)->broken);
}

static inline u64 vmm_pool_now(const struct vmm_pool *pool)
{
	return pool->host->now(pool);
}

extern const struct vmm_host_ops vmm_real_host;

/* Of this machine, not of a test: events are for the operator. */
static inline bool vmm_pool_is_real(const struct vmm_pool *pool)
{
	return pool->host == &vmm_real_host;
}

/* --- pools.c: several pools over one machine; process context ------------------ */

/* The pool of an entity or a group, locked: it cannot go to another one. */
struct vmm_pool *vmm_lock_pool_of(struct vmm_group *g);
int vmm_lock_pool_of_killable(struct vmm_group *g, struct vmm_pool **pool);
struct vmm_pool *vmm_pool_find(struct vmm_machine *m, const char *name, u32 id);
struct vmm_group *vmm_machine_find_vm(struct vmm_machine *m, const char *name, u32 id);
struct vmm_group *vmm_machine_next_vm(struct vmm_machine *m, unsigned long id);
int vmm_pool_add(struct vmm_machine *m, const char *name, const unsigned long *cpus,
		 const struct vmm_sched_ops *ops, struct vmm_pool **pool, const char **why);
int vmm_pool_del(struct vmm_pool *pool, const char **why);
int vmm_pool_set_name(struct vmm_pool *pool, const char *name, const char **why);
int vmm_pool_set_cpus(struct vmm_pool *pool, const unsigned long *cpus, const char **why);
int vmm_pool_take_vm(struct vmm_pool *to, struct vmm_group *g, struct vmm_swap_result *res,
		     const char **why);
void vmm_machine_set_online(struct vmm_machine *m, u32 cpu, bool online);
void vmm_machine_broken(struct vmm_machine *m);
void vmm_machine_unregister(struct vmm_machine *m, const struct vmm_sched_ops *ops);

/* --- move.c: a VM goes to another pool; machine mutex and both pools' held ------- */
int vmm_group_move(struct vmm_group *g, struct vmm_pool *to, struct vmm_swap_result *res,
		   const char **why);
void vmm_move_owner(struct vmm_pcpu *p, struct vmm_entity *e, u64 now, struct vmm_post *post);
void vmm_move_arrived(struct vmm_pcpu *p, struct vmm_entity *e, u64 now);

/* --- dispatch.c: with the lock of the domain held ----------------------------- */

/** struct vmm_post - what must wait until the domain lock is released */
struct vmm_post {
	const struct vmm_host_ops *host;
	struct vmm_entity *here;	/* its thread decides: awake, it looks at its state next */
	struct vmm_entity *entity[4];
	struct task_struct *task[4];
	unsigned int nr;
};

void vmm_post_wake(struct vmm_post *post, struct vmm_entity *e);
void vmm_post_run(struct vmm_post *post);

static inline enum vmm_gate_state vmm_state(const struct vmm_entity *e)
{
	return atomic_read(&e->state);
}

/*
 * How often a timer may fire because a scheduler asks for it: a leaky bucket, kept as the
 * time @paced up to which it is spoken for, so that a scheduler cannot hold a CPU by
 * deadlines that are over when they are set.
 */

/* No such timer before then. */
static inline u64 vmm_pace_from(u64 paced)
{
	return paced - min_t(u64, paced, VMM_DEADLINE_BURST * VMM_DEADLINE_NS);
}

/* One fired: @paced from now on, so that the next one is put off by one interval at most. */
static inline u64 vmm_pace(u64 paced, u64 now)
{
	return min(max(paced, now), now + VMM_DEADLINE_BURST * VMM_DEADLINE_NS) + VMM_DEADLINE_NS;
}

void vmm_set_state(struct vmm_entity *e, enum vmm_gate_state state, u64 now);
void vmm_enqueue(struct vmm_pcpu *p, struct vmm_entity *e,
		 enum vmm_enqueue_why why, u64 now);
void vmm_dequeue(struct vmm_pcpu *p, struct vmm_entity *e, u64 now);
void vmm_charge(struct vmm_pcpu *p, u64 now);
/* The owner or holder of the offer stops: charged, put, state OUT, nobody picked yet. */
void vmm_put_curr(struct vmm_pcpu *p, enum vmm_put_why why, u64 now);
bool vmm_take_back(struct vmm_pcpu *p, u64 now, bool requeue);
void vmm_pick(struct vmm_pcpu *p, u64 now, struct vmm_post *post);
void vmm_check_curr(struct vmm_pcpu *p, u64 now, struct vmm_post *post);
void vmm_enqueued(struct vmm_pcpu *p, struct vmm_entity *e, u64 now,
		  struct vmm_post *post);
void vmm_kick_curr(struct vmm_pcpu *p);
void vmm_own(struct vmm_pcpu *p, struct vmm_entity *e, u64 now);
void vmm_update_timer(struct vmm_pcpu *p, u64 now);
void vmm_pcpu_expired(struct vmm_pcpu *p);
void vmm_pool_expired(struct vmm_sched *s);
void vmm_preempt_curr(struct vmm_pcpu *p, u64 now);
u64 vmm_entity_off_total(const struct vmm_entity *e, u64 now);
bool vmm_pcpu_idle(const struct vmm_pcpu *p);

/* Nobody has asked the one who has @p for anything yet. */
static inline void vmm_pcpu_unask(struct vmm_pcpu *p)
{
	WRITE_ONCE(p->kick, false);
	p->resched = false;
	p->preempt = false;
	p->must_go = false;
	p->yield = false;
}

/* Nobody has @p any more. */
static inline void vmm_pcpu_vacate(struct vmm_pcpu *p)
{
	p->curr = NULL;
	WRITE_ONCE(p->thread, NULL);
	p->slice_end = VMM_SLICE_INFINITE;
	vmm_pcpu_unask(p);
}

/* @e, which is p->curr, has it from now on, but for the change of its state. */
static inline void vmm_own_begin(struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	WRITE_ONCE(p->thread, e->task);
	e->charged = now;
	e->wait_from = 0;
	e->slice_ran = 0;
	e->slice_away = 0;
	e->loan_until = 0;
	e->off_slept = false;
	e->off_since = 0;
	e->off_seen = e->off_total;
	e->next_why = VMM_ENQ_NEW;
	p->slice_end = e->slice_ns == VMM_SLICE_INFINITE ? VMM_SLICE_INFINITE : now + e->slice_ns;
	vmm_pcpu_unask(p);
	if (p->last_id != e->id) {
		p->last_id = e->id;
		p->switches++;
		e->stats.switches++;
	}
}

/* --- contain.c ------------------------------------------------------------------ */

/** struct vmm_op - an op marked [P] that is under way, on its caller's stack */
struct vmm_op {
	struct list_head node;
	struct vmm_sched *s;
	const char *name;
	struct task_struct *task;
	u64 since;
	bool deadlock;			/* it asked for what waits for it */
	bool warned;			/* it takes long: the operator was told */
};

void vmm_op_begin(struct vmm_op *op, struct vmm_sched *s, const char *name);
int vmm_op_end(struct vmm_op *op, int ret);
int vmm_op_init(struct vmm_sched *s);
void vmm_op_exit(struct vmm_sched *s);
int vmm_op_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p);
void vmm_op_pcpu_exit(struct vmm_sched *s, struct vmm_pcpu *p);
int vmm_op_attach(struct vmm_sched *s, struct vmm_entity *e);
void vmm_op_detach(struct vmm_sched *s, struct vmm_entity *e);
bool vmm_inside_op(const char *what);
void vmm_ops_slow(struct vmm_pool *pool, u64 now, u64 bound);

const char *vmm_breach_name(enum vmm_breach kind);
void vmm_throw_out(struct vmm_pcpu *p, enum vmm_breach kind, struct vmm_entity *e, u32 id,
		   const char *what, u64 now);
void vmm_bad_pick(struct vmm_pcpu *p, struct vmm_entity *e, u32 id, u64 now);
u64 vmm_odd_time(struct vmm_pcpu *p, struct vmm_sched *s, const char *what, u64 ns, u64 now);
void vmm_peer_kept(struct vmm_pcpu *p, u64 now);
struct vmm_exit_record *vmm_exit_copy(struct vmm_pool *pool);
void vmm_exit_done(struct vmm_pool *pool, u64 now);

/* A slice as a scheduler gave it. One comparison tells what is lawful, a wrapped 0 included. */
static inline u64 vmm_clamp_slice(struct vmm_pcpu *p, struct vmm_sched *s, u64 slice, u64 now)
{
	if (likely(slice - 1 < VMM_SLICE_MAX_NS))
		return max_t(u64, slice, VMM_SLICE_MIN_NS);
	return vmm_odd_time(p, s, "gave slices of no length, or less", slice, now);
}

/* A decision for the record. With the domain lock held; a few instructions. */
static inline void vmm_note(struct vmm_pcpu *p, enum vmm_decision_op op, u32 entity, u64 slice,
			    u64 now)
{
	struct vmm_decision *d = &p->ring[p->ring_at++ % VMM_DECISIONS];

	d->at_ns = now;
	d->slice_ns = slice;
	d->entity = entity;
	d->queued = p->nr_queued;
	d->op = op;
	d->why = p->put_why;
}

/* --- watchdog.c ------------------------------------------------------------------ */
u64 vmm_watchdog_get(void);
int vmm_watchdog_set(u64 bound_ns);
u64 vmm_watch_period(void);
u64 vmm_watchdog_bound(const struct vmm_sched *s);
void vmm_watch_pcpu(struct vmm_pcpu *p, u64 now, struct vmm_post *post);
void vmm_watch_pool(struct vmm_pool *pool);
bool vmm_watch_late(const struct vmm_pcpu *p, u64 now);
u64 vmm_watch_backstop(u64 now);
void vmm_watch_restart(struct vmm_pcpu *p, u64 now);
void vmm_watchdog_wake(struct vmm_pool *pool);
void vmm_watchdog_stop(struct vmm_pool *pool);
void vmm_watchdog_pool(struct vmm_pool *pool);
int vmm_watchdog_init(void);
void vmm_watchdog_exit(void);
bool vmm_watchdog_queue(struct work_struct *work);

/* --- service.c ----------------------------------------------------------------- */

/* The lock is held: whom an op asks to decide again is seen to by vmm_resched_run(). */
static inline void vmm_resched_begin(struct vmm_pcpu *p)
{
	p->dom->collecting = true;
}

void vmm_resched_run(struct vmm_pcpu *p, u64 now, struct vmm_post *post);
void vmm_resched_forget(struct vmm_pcpu *p);
const char *vmm_sched_why(struct vmm_sched *s, const char *otherwise);
void vmm_pool_pcpus_changed(struct vmm_pool *pool);
void vmm_entity_refused(struct vmm_sched *s, const struct vmm_group *g, u32 index);
void vmm_reasons_free(void);

/* --- gate.c: the steps of the thread's side, also driven by KUnit -------------- */
void vmm_gate_claim(struct vmm_entity *e, struct task_struct *task);
bool vmm_gate_own(struct vmm_entity *e);
bool vmm_gate_take(struct vmm_entity *e, struct vmm_pcpu *p);	/* take.c */
bool vmm_gate_resolve(struct vmm_entity *e);
void vmm_gate_cancel(struct vmm_entity *e);
bool vmm_gate_unloan(struct vmm_entity *e);
void vmm_gate_giveup(struct vmm_entity *e, enum vmm_put_why why);
bool vmm_gate_try_block(struct vmm_entity *e);
void vmm_gate_off_work(struct vmm_pcpu *p);
void vmm_set_task(struct vmm_entity *e, struct task_struct *task);

/* --- requeue.c: may-use sets change; pool mutex held ------------------------------- */
void vmm_gate_evacuate(struct vmm_pcpu *p);
void vmm_gate_return(struct vmm_pcpu *p);
void vmm_gate_requeue(struct vmm_entity *e);

/* --- place.c -------------------------------------------------------------------- */
struct vmm_pcpu *vmm_next_idle(struct vmm_pool *pool, const struct vmm_entity *e, u32 from);
struct vmm_pcpu *vmm_choose_home(struct vmm_entity *e, enum vmm_enqueue_why why);
bool vmm_better_elsewhere(struct vmm_entity *e, const struct vmm_pcpu *p);
bool vmm_idle_elsewhere(const struct vmm_entity *e, const struct vmm_pcpu *p);

/* --- request.c ------------------------------------------------------------------ */

/**
 * struct vmm_answer - what became of a request
 * @result:    enum vmm_feedback
 * @state:     of the vCPU, after it
 * @pcpu:      which one was decided about
 * @took_ns:   from the request to the decision
 * @next_vm:   who has that pCPU next: id of the VM, 0: nobody
 * @next_vcpu: its index
 * @next_name: name of the VM
 */
struct vmm_answer {
	u32 result;
	u32 state;
	u32 pcpu;
	u64 took_ns;
	u32 next_vm;
	u32 next_vcpu;
	char next_name[VMM_NAME_LEN];
};

void vmm_request_pause(struct vmm_entity *e, u8 why, u64 begin, struct vmm_answer *a);
void vmm_request_resume(struct vmm_entity *e, u8 why, struct vmm_answer *a);
void vmm_request_yield(struct vmm_entity *e, struct vmm_entity *to, struct vmm_answer *a);
void vmm_request_boost(struct vmm_entity *e, u64 ns, struct vmm_answer *a);
void vmm_request_trace(const struct vmm_entity *e, u32 ask, u32 by, const struct vmm_answer *a);
/* With the lock of the domain held: */
void vmm_hint_take(struct vmm_sched *s, struct vmm_pcpu *p, u64 now);
u64 vmm_hint_slice(struct vmm_pcpu *p, const struct vmm_entity *e, u64 slice);
void vmm_boost_enqueued(struct vmm_pcpu *p, struct vmm_entity *e, u64 now);
/* The thread's side: */
void vmm_gate_held(struct vmm_entity *e);

/* --- entity.c ------------------------------------------------------------------- */
struct vmm_group *vmm_group_create_in(struct vmm_pool *pool, const char *name);
int vmm_group_set_name(struct vmm_group *g, const char *name);
int vmm_group_set_affinity(struct vmm_group *g, const unsigned long *bits);
int vmm_group_set_param(struct vmm_group *g, const char *name, u64 val, const char **why);
int vmm_group_check_params(struct vmm_group *g, const struct vmm_param_set *set,
			   unsigned int n, const char **why);
int vmm_group_set_params(struct vmm_group *g, const struct vmm_param_set *set,
			 unsigned int n, const char **why);
void vmm_group_params_changed(struct vmm_group *g);
void vmm_group_load_params(struct vmm_group *g, const struct vmm_sched *s);
struct vmm_group *vmm_group_find(struct vmm_pool *pool, const char *name, u32 id);
bool vmm_entity_allowed_strict(const struct vmm_entity *e, const struct vmm_pcpu *p);
void vmm_entity_update_share(struct vmm_entity *e, u64 now);
unsigned int vmm_hist_bucket(u64 ns);
u64 vmm_hist_percentile(const u32 *hist, unsigned int percent);

/* --- registry.c, default.c, swap.c ----------------------------------------------- */
extern const struct vmm_sched_ops vmm_default_ops;
extern struct list_head vmm_sched_list;
extern struct mutex vmm_registry_mutex;

/** struct vmm_sched_reg - an entry of the registry */
struct vmm_sched_reg {
	struct list_head node;
	const struct vmm_sched_ops *ops;
	u32 id;
	bool going;
};

const struct vmm_sched_ops *vmm_sched_get(const char *name);	/* with a module reference */
void vmm_sched_put(const struct vmm_sched_ops *ops);
u32 vmm_sched_id(const struct vmm_sched_ops *ops);
const struct vmm_sched_param *vmm_find_param(const struct vmm_sched_ops *ops,
					     enum vmm_param_scope scope,
					     const char *name, unsigned int *idx);

/**
 * struct vmm_swap_how - how a change of scheduler is made
 * @cease:      bring all vCPUs out of their guests first; else live
 * @timeout_ns: how long to wait for that
 * @serial:     of the pool that is meant, which may have been deleted since, and another made in
 *              its place; 0: whichever is there
 * @ends_change: on success nothing is brought back any more of what was begun in this pool before
 *              (vmm_change_begin())
 */
struct vmm_swap_how {
	bool cease;
	bool ends_change;
	u64 timeout_ns;
	u64 serial;
};

int vmm_sched_activate_how(struct vmm_pool *pool, const struct vmm_sched_ops *ops,
			   const struct vmm_param_set *set, unsigned int nr_set,
			   const struct vmm_swap_how *how, struct vmm_swap_result *res,
			   const char **why);
int vmm_sched_activate(struct vmm_pool *pool, const struct vmm_sched_ops *ops,
		       const struct vmm_param_set *set, unsigned int nr_set,
		       struct vmm_swap_result *res, const char **why);
int vmm_sched_set_params(struct vmm_pool *pool, const struct vmm_param_set *set,
			 unsigned int nr_set, const char **why);
struct vmm_sched *vmm_sched_instance(struct vmm_pool *pool,
				     const struct vmm_sched_ops *ops);
void vmm_sched_instance_free(struct vmm_sched *s);
int vmm_sched_attach_pcpus(struct vmm_sched *s);
int vmm_sched_attach_group(struct vmm_sched *s, struct vmm_group *g);
void vmm_sched_detach_group(struct vmm_sched *s, struct vmm_group *g);
int vmm_sched_attach_entity(struct vmm_sched *s, struct vmm_entity *e);
void vmm_sched_detach_entity(struct vmm_sched *s, struct vmm_entity *e);
int vmm_swap_to(struct vmm_pool *pool, const struct vmm_sched_ops *ops, const char *cause,
		const char **why);
int vmm_fail_point(struct vmm_pool *pool);
void vmm_swap_broken(struct vmm_pool *pool);
void vmm_swap_settle(struct vmm_pool *pool);
void vmm_swap_unregister(struct vmm_pool *pool, const struct vmm_sched_ops *ops);

/* --- carry.c: with the lock of the domain held --------------------------------------- */
void vmm_history_take(struct vmm_sched *a, struct vmm_pcpu *p, struct vmm_entity *e, bool trust,
		      u64 now);
void vmm_history_give(struct vmm_sched *b, struct vmm_pcpu *p, struct vmm_entity *e, u64 now);
void vmm_carry_out(struct vmm_sched *a, struct vmm_pcpu *p, u64 now);
void vmm_carry_in(struct vmm_sched *b, struct vmm_pcpu *p, u64 now, struct vmm_swap_result *res);
unsigned int vmm_carry_split(struct vmm_sched *a, struct vmm_pcpu *p);
void vmm_carry(struct vmm_pcpu *p, u64 now);
void vmm_carry_one(struct vmm_pcpu *p, struct vmm_entity *e, u64 now);

/* Is @e, QUEUED on @p, still with the scheduler before, in the middle of a swap? */
static inline bool vmm_is_left(const struct vmm_pcpu *p, const struct vmm_entity *e)
{
	return unlikely(p->from) && e->with == p->from;
}

/* --- kept.c: pool mutex held ----------------------------------------------------------- */
void vmm_params_keep(const struct vmm_sched *s);
void vmm_params_restore(struct vmm_sched *s);
void vmm_params_forget(struct vmm_pool *pool, const struct vmm_sched_ops *ops);
const u64 *vmm_params_of(const struct vmm_pool *pool, const struct vmm_sched_ops *ops);

/* --- history.c: pool mutex held -------------------------------------------------------- */
void vmm_past_drop(struct vmm_pool *pool, const struct vmm_sched_ops *ops);
void vmm_past_push(struct vmm_pool *pool, const struct vmm_sched_ops *ops);
void vmm_past_note(struct vmm_pool *pool, const struct vmm_sched *a, const char *cause,
		   u64 now);
const struct vmm_past *vmm_past_find(const struct vmm_pool *pool, const char *name);
unsigned int vmm_past_rank(const struct vmm_pool *pool, const char *name);

/* --- cease.c: pool mutex held --------------------------------------------------------- */
int vmm_cease(struct vmm_pool *pool, u64 timeout_ns, struct vmm_swap_result *res);
void vmm_resume(struct vmm_pool *pool, struct vmm_swap_result *res);

/* --- dispatch_mode.c: process context, no lock held but where it says so ------------ */
int vmm_dispatch_init(void);
void vmm_dispatch_exit(void);
int vmm_dispatch_set(enum vmm_dispatch_mode new);
enum vmm_dispatch_mode vmm_dispatch_get(void);
void vmm_dispatch_serve(struct vmm_pool *pool);
void vmm_dispatch_follow(struct vmm_pool *pool);
void vmm_dispatch_forget(const struct vmm_sched *s);	/* pool mutex held */

/* --- host.c: the real machine ------------------------------------------------------ */
int vmm_host_init(void);
void vmm_host_exit(void);
int vmm_gate_move_here(struct vmm_entity *e);
void vmm_gate_unpin(struct vmm_entity *e);
void vmm_gate_read_wish(struct vmm_entity *e);

/* --- change.c: process context ----------------------------------------------------- */
int vmm_change_init(void);
void vmm_change_exit(void);
int vmm_change_begin(struct vmm_pool *pool, u64 serial, u32 portid, const char **why);
int vmm_change_abort(u32 portid, const char **why);
void vmm_change_done(const struct vmm_pool *pool);

/* --- netlink.c, event.c -------------------------------------------------------------- */
int vmm_netlink_init(void);
void vmm_netlink_exit(void);
void vmm_event_vm(const struct vmm_group *g, bool created);
void vmm_event_sched(const char *name, bool loaded);
void vmm_event_warning(const char *name, const char *what);
void vmm_event_moved(const struct vmm_group *g, const struct vmm_swap_result *res,
		     const char *warning);
void vmm_event_pool(const struct vmm_pool *pool, const char *cause);
struct vmm_exit_record;
void vmm_event_thrown_out(const struct vmm_pool *pool, const struct vmm_exit_record *rec);
void vmm_event_swap(const struct vmm_pool *pool, const struct vmm_swap_result *res,
		    const char *cause);

#endif /* _SCHED_IFACE_INTERNAL_H */
