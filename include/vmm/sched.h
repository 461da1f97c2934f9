/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The scheduler interface: the whole of what a vCPU scheduler module includes.
 *
 * A scheduler decides which *entity* (a vCPU) may own which *pCPU* next, and
 * for how long. It is a const table of operations (struct vmm_sched_ops) and
 * the instances that the interface makes of it (struct vmm_sched), one for
 * each pool that runs it.
 *
 * What a scheduler may rely on:
 *  - Time comes in as @now, nanoseconds of one monotonic clock that starts at
 *    an arbitrary point and never goes back for one pCPU.
 *  - An op marked [D] is called with interrupts off and the lock of the
 *    pCPU's dispatch domain held: it may not sleep, take locks, allocate with
 *    GFP_KERNEL, arm timers or wake anybody. Everything that belongs to the
 *    pCPUs of that domain is its own for the length of the call.
 *  - An op marked [P] is called in process context under the pool's mutex and
 *    may sleep. It is the only place where an op may fail.
 *  - At any instant exactly one scheduler holds an entity. Between attach()
 *    and the first enqueue() or adopt() the state prepared in the new
 *    scheduler is inert.
 *
 * The life of an entity as a scheduler sees it:
 *
 *   attach -> [ enqueue -> ( pick -> charge* -> put | dequeue ) ]* -> detach
 *
 * pick() takes the entity out of the scheduler's queue; put() says that it
 * runs no longer. An entity that remains runnable is enqueued again right
 * after its put().
 *
 * A module reference is held only while a request is under way, so that rmmod
 * of the active scheduler works: vmm_sched_unregister() puts the scheduler
 * before it back in charge first.
 */
#ifndef _VMM_SCHED_H
#define _VMM_SCHED_H

#include <linux/types.h>
#include <linux/module.h>
#include <linux/cpumask.h>
#include <linux/time64.h>

/* Raised with every incompatible change; a module built for another one is refused. */
#define VMM_SCHED_IFACE_VERSION	2

#define VMM_SCHED_NAME_LEN	16	/* including the final NUL */
#define VMM_SCHED_MAX_PARAMS	8	/* per scope */

/* "No entity", the answer of pick() when nothing is queued. Never a valid id. */
#define VMM_ENTITY_NONE		0u

/* A slice with no end: the entity keeps its pCPU until something happens. */
#define VMM_SLICE_INFINITE	U64_MAX

/* The most that a table may declare as @patience_ns and @hold_max_ns. */
#define VMM_PATIENCE_MAX_NS	(30ULL * NSEC_PER_SEC)
#define VMM_HOLD_MAX_NS		(3600ULL * NSEC_PER_SEC)

struct vmm_entity;
struct vmm_pcpu;
struct vmm_sched;

/**
 * enum vmm_sched_domain - how far one lock, and one pick, reaches
 * @VMM_DOMAIN_PCPU: each pCPU has its own lock and its own queue
 * @VMM_DOMAIN_LLC:  the pCPUs that share a last-level cache share a lock
 * @VMM_DOMAIN_POOL: one lock for all pCPUs of the pool
 */
enum vmm_sched_domain {
	VMM_DOMAIN_PCPU,
	VMM_DOMAIN_LLC,
	VMM_DOMAIN_POOL,
	VMM_DOMAIN_COUNT,
};

/**
 * enum vmm_enqueue_why - why an entity becomes queued
 * @VMM_ENQ_NEW:     it passes the gate for the first time, or after a while outside
 * @VMM_ENQ_WAKE:    it was blocked (or halted in user space) and has work again
 * @VMM_ENQ_SLICE:   its slice is over
 * @VMM_ENQ_PREEMPT: a more urgent entity, or the host, took its pCPU
 * @VMM_ENQ_YIELD:   it gave its pCPU away although it could go on
 * @VMM_ENQ_MIGRATE: it comes from another pCPU (stolen, affinity, hotplug)
 * @VMM_ENQ_SWAP:    it comes from the scheduler that was active before, or from another pool
 */
enum vmm_enqueue_why {
	VMM_ENQ_NEW,
	VMM_ENQ_WAKE,
	VMM_ENQ_SLICE,
	VMM_ENQ_PREEMPT,
	VMM_ENQ_YIELD,
	VMM_ENQ_MIGRATE,
	VMM_ENQ_SWAP,
};

/**
 * enum vmm_put_why - why an entity stops running
 * @VMM_PUT_SLICE:   slice over; it is enqueued next
 * @VMM_PUT_PREEMPT: preempted; it is enqueued next
 * @VMM_PUT_YIELD:   it yields; it is enqueued next
 * @VMM_PUT_BLOCK:   it waits for an event
 * @VMM_PUT_LEAVE:   its thread went to user space for good, or ended
 * @VMM_PUT_NOSHOW:  its thread did not take the pCPU it was offered
 * @VMM_PUT_LOST:    the host kept its thread off the pCPU for too long
 * @VMM_PUT_MIGRATE: it must go to another pCPU
 * @VMM_PUT_SWAP:    another scheduler takes over (it goes on running there)
 */
enum vmm_put_why {
	VMM_PUT_SLICE,
	VMM_PUT_PREEMPT,
	VMM_PUT_YIELD,
	VMM_PUT_BLOCK,
	VMM_PUT_LEAVE,
	VMM_PUT_NOSHOW,
	VMM_PUT_LOST,
	VMM_PUT_MIGRATE,
	VMM_PUT_SWAP,
};

/**
 * enum vmm_param_unit - what the number of a parameter means
 * @VMM_UNIT_NONE: a plain number
 * @VMM_UNIT_NS:   nanoseconds (shown and read with ns, us, ms, s)
 * @VMM_UNIT_PERCENT: per cent of one pCPU
 * @VMM_UNIT_BOOL: 0 or 1
 */
enum vmm_param_unit {
	VMM_UNIT_NONE,
	VMM_UNIT_NS,
	VMM_UNIT_PERCENT,
	VMM_UNIT_BOOL,
};

/**
 * enum vmm_param_scope - what a parameter is set on
 * @VMM_SCOPE_SCHED: on the scheduler as a whole (``vmmctl sched set NAME --set K=V``)
 * @VMM_SCOPE_GROUP: on a VM (``vmmctl vm set VM K V``)
 */
enum vmm_param_scope {
	VMM_SCOPE_SCHED,
	VMM_SCOPE_GROUP,
};

/**
 * struct vmm_sched_param - one tunable of a scheduler, checked by the interface
 * @name:  as the operator writes it; lower case, digits and ``_``
 * @help:  one line
 * @unit:  how @min, @max and @def are to be read
 * @scope: whose parameter it is
 * @min:   smallest accepted value
 * @max:   largest accepted value
 * @def:   value until somebody sets another
 *
 * Its index among the parameters of its scope is the index that
 * vmm_sched_param() and vmm_entity_param() take.
 */
struct vmm_sched_param {
	const char *name;
	const char *help;
	enum vmm_param_unit unit;
	enum vmm_param_scope scope;
	u64 min;
	u64 max;
	u64 def;
};

/**
 * struct vmm_history - what a scheduler hands to its successor about an entity
 * @lag_ns:   service that the entity is owed (> 0) or got too much of (< 0),
 *            ns of one pCPU, at its current weight; the interface clips it
 * @share_ppm: decaying average of its share of one pCPU, parts per million
 */
struct vmm_history {
	s64 lag_ns;
	u32 share_ppm;
};

/**
 * struct vmm_sched_ops - a scheduling discipline
 *
 * The table is const and lives as long as its module. Ops without the mark
 * "optional" are mandatory: registration refuses a table that lacks one, by
 * name.
 */
struct vmm_sched_ops {
	/** @name: unique, at most 15 characters of [a-z0-9_] */
	const char *name;
	/** @owner: THIS_MODULE */
	struct module *owner;
	/** @version: VMM_SCHED_IFACE_VERSION */
	u32 version;
	/** @size: sizeof(struct vmm_sched_ops) as the module was built */
	u32 size;
	/** @domain: reach of the lock that the [D] ops are called under */
	enum vmm_sched_domain domain;
	/** @sched_size: bytes of vmm_sched_priv(), zeroed, at most 64 KiB */
	size_t sched_size;
	/** @pcpu_size: bytes of vmm_pcpu_priv(), zeroed, at most 64 KiB */
	size_t pcpu_size;
	/** @entity_size: bytes of vmm_entity_priv(), zeroed, at most 4 KiB */
	size_t entity_size;
	/** @group_size: bytes of vmm_group_priv(), zeroed, at most 4 KiB */
	size_t group_size;
	/**
	 * @patience_ns: how long an entity that may run can have to wait under
	 * this scheduler's rules, 0 .. 30 s. Where it is more than the
	 * operator's bound (``vmmctl sched watchdog``) the watchdog waits so
	 * long.
	 */
	u64 patience_ns;
	/**
	 * @hold_max_ns: with @held: the longest that an entity can be held
	 * back under this scheduler's rules, up to VMM_HOLD_MAX_NS. Beyond
	 * it the entity is starved.
	 */
	u64 hold_max_ns;
	/** @params: tunables, or NULL */
	const struct vmm_sched_param *params;
	/** @nr_params: how many */
	unsigned int nr_params;

	/**
	 * @init: [P] optional. Set the instance up: parameters have their
	 * values, no pCPU and no entity is attached. Returns 0 or a negative errno.
	 */
	int (*init)(struct vmm_sched *s);
	/** @exit: [P] optional. Undo init(); nothing is attached any more. */
	void (*exit)(struct vmm_sched *s);

	/** @pcpu_init: [P] optional. A pCPU joins, with nothing queued. */
	int (*pcpu_init)(struct vmm_sched *s, struct vmm_pcpu *p);
	/** @pcpu_exit: [P] optional. Undo pcpu_init(). */
	void (*pcpu_exit)(struct vmm_sched *s, struct vmm_pcpu *p);

	/**
	 * @attach: [P] optional. An entity will be scheduled here. Set up
	 * vmm_entity_priv(); the entity is not on any queue of this scheduler
	 * and may at this moment run under another one.
	 */
	int (*attach)(struct vmm_sched *s, struct vmm_entity *e);
	/**
	 * @detach: [P] optional. Undo attach(); the entity is not queued here,
	 * and does not run.
	 *
	 * Of an instance that was thrown out nothing is told any more but
	 * detach() of all its entities, pcpu_exit() and exit(). Those who are
	 * in its queues stay there: a detach() may follow its links, for all
	 * memory of the instance and all its entities are there until exit()
	 * has returned; or not care, for nobody looks at the queues again.
	 */
	void (*detach)(struct vmm_sched *s, struct vmm_entity *e);

	/**
	 * @enqueue: [D] @e is runnable and waits for @p. It stays queued until
	 * pick() returns it or dequeue() takes it.
	 */
	void (*enqueue)(struct vmm_sched *s, struct vmm_pcpu *p,
			struct vmm_entity *e, enum vmm_enqueue_why why, u64 now);
	/** @dequeue: [D] @e is queued on @p and must be forgotten there. */
	void (*dequeue)(struct vmm_sched *s, struct vmm_pcpu *p,
			struct vmm_entity *e, u64 now);
	/**
	 * @pick: [D] Nobody runs on @p: choose who is next, take it off the
	 * queue and return its id, with the longest time it may run in
	 * @slice_ns (clamped by the interface to 50 us .. 10 s, or
	 * VMM_SLICE_INFINITE; 0 and what is negative as s64 count as garbage).
	 * VMM_ENTITY_NONE when nothing is queued here, or nobody who is may run
	 * yet (see @held): it is asked again when somebody is queued on @p, at
	 * a deadline of @p, and after vmm_pcpu_resched().
	 * The end of a slice counts only while somebody is queued on @p; an
	 * end that has to come in any case takes a deadline of @p and
	 * vmm_pcpu_resched().
	 * The id is checked: it must be an entity that is queued and allowed
	 * on @p; anything else throws the scheduler out.
	 */
	u32 (*pick)(struct vmm_sched *s, struct vmm_pcpu *p, u64 now,
		    u64 *slice_ns);
	/**
	 * @charge: [D] @e, which runs on @p, has used @ran_ns since pick(),
	 * adopt() or the last charge(). While others wait that includes the
	 * way of its thread from pick() to the guest, up to 200 us.
	 */
	void (*charge)(struct vmm_sched *s, struct vmm_pcpu *p,
		       struct vmm_entity *e, u64 ran_ns, u64 now);
	/** @put: [D] @e runs on @p no longer. It was charged just before. */
	void (*put)(struct vmm_sched *s, struct vmm_pcpu *p,
		    struct vmm_entity *e, enum vmm_put_why why, u64 now);
	/**
	 * @wakeup: [D] optional. @woken was just enqueued on @p while @curr
	 * runs there (charged up to @now). Returns how long @curr may go on,
	 * in ns from @now: 0 preempts it at once, VMM_SLICE_INFINITE leaves its
	 * slice as it is (what happens without this op). It may move @woken to
	 * another pCPU of its domain by vmm_steal() and have that one decide
	 * again by vmm_pcpu_resched().
	 */
	u64 (*wakeup)(struct vmm_sched *s, struct vmm_pcpu *p,
		      struct vmm_entity *curr, struct vmm_entity *woken, u64 now);
	/**
	 * @adopt: [D] @e runs on @p and comes under this scheduler without
	 * having been picked; it has run for @ran_ns in its present slice.
	 * Returns the remaining slice, as pick() does. @h as in @take_history.
	 */
	u64 (*adopt)(struct vmm_sched *s, struct vmm_pcpu *p,
		     struct vmm_entity *e, u64 ran_ns, u64 now);
	/**
	 * @give_history: [D] optional. Fill @h for @e, which is queued or runs
	 * on @p; called just before it goes to another scheduler. The interface
	 * has put in the share it measured; lag is 0.
	 */
	void (*give_history)(struct vmm_sched *s, struct vmm_pcpu *p,
			     struct vmm_entity *e, struct vmm_history *h, u64 now);
	/**
	 * @take_history: [D] optional. Start @e from @h; called just before
	 * its first enqueue() or adopt() here on @p.
	 */
	void (*take_history)(struct vmm_sched *s, struct vmm_pcpu *p,
			     struct vmm_entity *e, const struct vmm_history *h,
			     u64 now);
	/**
	 * @entity_params: [D] optional. Weight, quantum or another parameter
	 * of @e changed; it is queued or runs on @p, or is neither.
	 */
	void (*entity_params)(struct vmm_sched *s, struct vmm_pcpu *p,
			      struct vmm_entity *e, u64 now);
	/** @sched_params: [P] optional. A parameter of the instance changed. */
	void (*sched_params)(struct vmm_sched *s);
	/**
	 * @pcpu_deadline: [D] optional. The deadline that this scheduler set
	 * for @p with vmm_pcpu_set_deadline() has come.
	 */
	void (*pcpu_deadline)(struct vmm_sched *s, struct vmm_pcpu *p, u64 now);
	/**
	 * @pool_deadline: [D] optional, needs VMM_DOMAIN_POOL. The deadline set
	 * with vmm_pool_set_deadline() has come. Nobody was charged for it:
	 * see vmm_pcpu_charge().
	 */
	void (*pool_deadline)(struct vmm_sched *s, u64 now);
	/**
	 * @check_group: [P] optional. Somebody wants to change parameters of a
	 * VM that has @nr entities here. @cur and @want are arrays of all its
	 * parameters of scope GROUP, as they are and as they would be, each in
	 * its range. Return 0, or a negative errno (after vmm_sched_refuse()):
	 * then nothing changes.
	 */
	int (*check_group)(struct vmm_sched *s, unsigned int nr, const u64 *cur,
			   const u64 *want);
	/**
	 * @check_sched: [P] optional. The same for the instance's own
	 * parameters; vmm_sched_param() still gives those in force.
	 */
	int (*check_sched)(struct vmm_sched *s, const u64 *want);
	/**
	 * @pcpus_changed: [P] optional. A pCPU of the pool went offline or came
	 * back; vmm_sched_online() has the new number.
	 */
	void (*pcpus_changed)(struct vmm_sched *s);
	/**
	 * @prefer: [D] optional. Somebody asked that @e, queued on @p, be next
	 * there: another vCPU of its VM gives it the rest of its turn, or the
	 * operator boosts it. Called right before pick() of @p, which is to
	 * return @e if the discipline's promises to others allow it; else
	 * nothing changes. Without this op it is as if they never did.
	 */
	void (*prefer)(struct vmm_sched *s, struct vmm_pcpu *p,
		       struct vmm_entity *e, u64 now);
	/**
	 * @held: [D] optional. The watchdog asks: @e has been queued on @p for
	 * a while; is it one that may not run now by the rules (no budget, over
	 * its cap)? Its wait counts from the moment that it is no longer. A
	 * scheduler that holds all who are queued on a free pCPU must have set
	 * a deadline that will change that. Without this op nobody is held.
	 */
	bool (*held)(struct vmm_sched *s, struct vmm_pcpu *p,
		     struct vmm_entity *e, u64 now);
	/**
	 * @take: [D] optional. As enqueue() and, at once, a pick() that returns
	 * @e: nobody runs on @p and nobody is queued there, and the thread of @e is
	 * on its CPU. Returns the slice, as pick() does; or 0, and then enqueue() and
	 * pick() are called as if it were not there. It moves nobody, nor does it
	 * ask for another decision. It saves time where guests halt in user space.
	 */
	u64 (*take)(struct vmm_sched *s, struct vmm_pcpu *p,
		    struct vmm_entity *e, enum vmm_enqueue_why why, u64 now);
	/**
	 * @levels: it evens out its pCPUs itself. Without that the gate moves
	 * an entity at the end of its slice to where fewer are.
	 */
	bool levels;
};

/**
 * VMM_SCHED_CLAIM() - what a module says of its scheduler, for the conformance suite
 * @what:  an identifier; see Documentation/writing-a-scheduler.rst for those that count
 * @value: a string
 *
 * Goes into the module's file, where modinfo finds it as vmm_sched_@what; the
 * interface does not look at it.
 */
#define VMM_SCHED_CLAIM(what, value)	MODULE_INFO(vmm_sched_##what, value)

/**
 * vmm_sched_register() - make a scheduler known
 * @ops: its table; must stay valid until vmm_sched_unregister()
 *
 * Context: process, may sleep; not from inside an op.
 * Return: 0; -EINVAL (name, sizes, parameter table or a mandatory op missing;
 * the log names it); -ENOEXEC (built for another version of the interface);
 * -EEXIST (the name is taken); -EDEADLK (called from inside an op).
 */
int vmm_sched_register(const struct vmm_sched_ops *ops);

/**
 * vmm_sched_unregister() - forget a scheduler
 * @ops: what was registered
 *
 * Where it is active, the scheduler before it takes over first, in the end the
 * built-in default. When this returns no op of it is running or will be called.
 *
 * Context: process, may sleep; a module's exit function. From inside an op it
 * does nothing but have the scheduler thrown out.
 */
void vmm_sched_unregister(const struct vmm_sched_ops *ops);

/**
 * module_vmm_sched() - the whole of a module's init and exit
 * @ops: its only scheduler's table, by name
 */
#define module_vmm_sched(ops)				\
static int __init ops##_register(void)			\
{							\
	return vmm_sched_register(&(ops));		\
}							\
module_init(ops##_register);				\
static void __exit ops##_unregister(void)		\
{							\
	vmm_sched_unregister(&(ops));			\
}							\
module_exit(ops##_unregister)

/* --- the objects, as far as a scheduler may see them ------------------- */

/** vmm_sched_priv() - the instance's own memory, @sched_size bytes */
void *vmm_sched_priv(const struct vmm_sched *s);
/** vmm_pcpu_priv() - @p's memory under @s, @pcpu_size bytes */
void *vmm_pcpu_priv(const struct vmm_sched *s, const struct vmm_pcpu *p);
/** vmm_entity_priv() - @e's memory under @s, @entity_size bytes */
void *vmm_entity_priv(const struct vmm_sched *s, const struct vmm_entity *e);
/**
 * vmm_group_priv() - memory that the entities of @e's VM share under @s
 *
 * @group_size bytes. It is there from before the first attach() of one of them
 * until after the last detach(). Entities of one VM may be in different
 * dispatch domains: what is written there has to be atomic.
 */
void *vmm_group_priv(const struct vmm_sched *s, const struct vmm_entity *e);

/** vmm_sched_param() - value of the @idx-th parameter of scope SCHED */
u64 vmm_sched_param(const struct vmm_sched *s, unsigned int idx);
/** vmm_entity_param() - value of the @idx-th parameter of scope GROUP, for @e */
u64 vmm_entity_param(const struct vmm_sched *s, const struct vmm_entity *e,
		     unsigned int idx);

/** vmm_entity_id() - the number that pick() returns; never 0 */
u32 vmm_entity_id(const struct vmm_entity *e);
/** vmm_entity_weight() - 1 .. 65535, default 256 */
u32 vmm_entity_weight(const struct vmm_entity *e);
/** vmm_entity_quantum() - ns, or 0: the scheduler's own default */
u64 vmm_entity_quantum(const struct vmm_entity *e);
/** vmm_entity_cap() - limit of its VM, per cent of one pCPU; 0: none */
u32 vmm_entity_cap(const struct vmm_entity *e);
/** vmm_entity_group() - number of its VM; never 0, not used again */
u32 vmm_entity_group(const struct vmm_entity *e);
/** vmm_entity_siblings() - how many entities its VM has, itself included; a moment's truth */
unsigned int vmm_entity_siblings(const struct vmm_entity *e);
/** vmm_entity_time_critical() - set by the operator or by the guest */
bool vmm_entity_time_critical(const struct vmm_entity *e);
/** vmm_entity_allowed() - may @e run on @p (affinity, pool, online)? */
bool vmm_entity_allowed(const struct vmm_entity *e, const struct vmm_pcpu *p);

/** vmm_pcpu_id() - 0 .. number of pCPUs - 1; the host's CPU number on real ones */
u32 vmm_pcpu_id(const struct vmm_pcpu *p);
/**
 * enum vmm_near - how near two pCPUs are
 * @VMM_NEAR_LLC:  they share a last-level cache
 * @VMM_NEAR_NODE: they are in one NUMA node
 */
enum vmm_near {
	VMM_NEAR_LLC,
	VMM_NEAR_NODE,
	VMM_NEAR_COUNT,
};

/** vmm_pcpu_near() - bitmap by number of the pCPUs that are so near, @p included; never changes */
const unsigned long *vmm_pcpu_near(const struct vmm_pcpu *p, enum vmm_near near);
/** vmm_pcpu_current() - who owns @p (or has the offer of it); NULL if nobody. [D] */
struct vmm_entity *vmm_pcpu_current(const struct vmm_pcpu *p);
/** vmm_pcpu_queued() - how many entities are queued on @p. [D] */
unsigned int vmm_pcpu_queued(const struct vmm_pcpu *p);
/**
 * vmm_pcpu_set_deadline() - have @pcpu_deadline called at @when (ns); 0 disarms. [D]
 *
 * Up to 10 us late. Nine can come in a row, after that one in 50 us: what is set for earlier
 * is put off until then. vmm_pool_set_deadline() has the same limit.
 */
void vmm_pcpu_set_deadline(struct vmm_pcpu *p, u64 when);
/** vmm_pool_set_deadline() - have @pool_deadline called at @when (ns); 0 disarms. [D] */
void vmm_pool_set_deadline(struct vmm_sched *s, u64 when);

/**
 * vmm_try_peer() - lock another pCPU's domain, for stealing
 * @p:    the pCPU that the op in progress was called for
 * @peer: number of the pCPU to look at
 *
 * Only from pick() and pcpu_deadline(). Between two calls of vmm_try_peer() and vmm_put_peer() the
 * queue of the peer may be read and an entity moved with vmm_steal(), either way.
 *
 * Return: the peer, or NULL when it does not exist, is offline, is busy, or is
 * served by another scheduler (in the middle of a swap).
 */
struct vmm_pcpu *vmm_try_peer(struct vmm_pcpu *p, u32 peer);
/** vmm_put_peer() - end what vmm_try_peer() began */
void vmm_put_peer(struct vmm_pcpu *p, struct vmm_pcpu *peer);
/**
 * vmm_steal() - move @e, queued on @peer, to @p
 *
 * dequeue() is called for @peer and enqueue(VMM_ENQ_MIGRATE) for @p.
 *
 * Where @peer belongs to the domain of @p its lock is held already: then it
 * takes no vmm_try_peer(), and wakeup() and the deadline ops may call it too.
 *
 * Return: 0, or -EPERM when @e may not run on @p, -EBUSY when it is not queued,
 * or @p and @peer are not served by the same scheduler (in the middle of a swap).
 */
int vmm_steal(struct vmm_pcpu *p, struct vmm_pcpu *peer, struct vmm_entity *e);

/**
 * vmm_pcpu_resched() - have a pCPU decide again [D]
 * @p: any pCPU of the domain that the op in progress was called for
 *
 * When the op is over, at once or within some 10 us, whoever holds @p is
 * charged, put (VMM_PUT_PREEMPT) and queued again, even when nobody else is
 * queued there, and pick() is called. An owner that is halted loses @p
 * (VMM_PUT_BLOCK). On a pCPU that nobody holds, pick() alone is called.
 */
void vmm_pcpu_resched(struct vmm_pcpu *p);
/**
 * vmm_pcpu_charge() - bring the account of who runs on a pCPU up to now [D]
 * @p: any pCPU of the domain
 *
 * charge() is called from inside, if there is something to charge. Not from
 * charge() itself.
 */
void vmm_pcpu_charge(struct vmm_pcpu *p);
/**
 * vmm_pcpu_free() - may whoever is queued on @p next have it at once? [D]
 *
 * True when nobody holds it, or its owner is halted. A scheduler is not told
 * when an owner halts and goes on while nobody is queued on its pCPU.
 */
bool vmm_pcpu_free(const struct vmm_pcpu *p);
/**
 * vmm_idle_pcpu() - where an entity could run at once [D]
 * @p: the pCPU that it is queued on
 * @e: the entity
 *
 * Return: a free pCPU of @p's domain with nobody queued where @e is allowed, @p
 * first; or NULL.
 */
struct vmm_pcpu *vmm_idle_pcpu(struct vmm_pcpu *p, struct vmm_entity *e);
/** vmm_sched_online() - how many pCPUs of the pool are online. [P] */
unsigned int vmm_sched_online(const struct vmm_sched *s);
/**
 * vmm_sched_refuse() - say why the [P] op in progress is about to fail
 * @s:   the instance
 * @why: one line for the operator; a constant, for each is kept for good
 */
void vmm_sched_refuse(struct vmm_sched *s, const char *why);
/**
 * vmm_sched_warn() - tell the operator of something, by event and log. [P]
 * @s:    the instance
 * @what: one line
 */
void vmm_sched_warn(struct vmm_sched *s, const char *what);

#endif /* _VMM_SCHED_H */
