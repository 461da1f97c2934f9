// SPDX-License-Identifier: GPL-2.0
/*
 * Containment: schedulers that break their contract are thrown out.
 *
 * Whoever finds a breach calls vmm_throw_out(): it writes the exit record, has
 * the pCPU served in FIFO order by the interface itself from this moment on, and
 * has process context put the scheduler before it in charge
 * (vmm_swap_broken()). What is looked at where:
 *
 *   a pick      dispatch.c: an id is believed only when it stands for an entity
 *               that is queued on that pCPU
 *   a time      vmm_odd_time(): slices that are no times
 *   a wait      watchdog.c
 *   a steal     service.c: only from a pCPU that is locked, and not for ever
 *   a return    vmm_op_end(): ops marked [P] return 0 or an errno
 *   a request   vmm_inside_op(): what waits for the end of an op is not to be
 *               had from inside it
 *
 * What cannot be contained is told in Documentation/containment.rst.
 *
 * Locking: vmm_throw_out() needs the lock of the pCPU's domain, and nothing it
 * does sleeps. ops_lock and a pool's exit_lock are innermost.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/sched.h>
#include <linux/slab.h>
#include "internal.h"
#include "trace.h"

/* The pCPU whose domain this CPU has locked last: inside an op it is that op's. */
DEFINE_PER_CPU(struct vmm_pcpu *, vmm_locked);
EXPORT_PER_CPU_SYMBOL_GPL(vmm_locked);

#define NAME_OF(kind, name) \
	[kind] = name

/** vmm_breach_name() - a word for the log and traces */
const char *vmm_breach_name(enum vmm_breach kind)
{
	static const char * const names[] = {
		VMM_BREACH_NAMES(NAME_OF)
	};

	BUILD_BUG_ON(ARRAY_SIZE(names) != __VMM_BREACH_MAX);
	return names[kind];
}

/* --- the record --------------------------------------------------------------------- */

static void record_decisions(struct vmm_exit_record *rec, const struct vmm_pcpu *p, u64 now)
{
	u32 i;

	for (i = 0; i < VMM_DECISIONS; i++) {
		const struct vmm_decision *d = &p->ring[(p->ring_at + i) % VMM_DECISIONS];
		struct vmm_decision *to = &rec->decision[rec->nr];

		/* Empty, or another scheduler's. */
		if (!d->at_ns || d->at_ns < p->watch_from)
			continue;
		*to = *d;
		to->at_ns = now - min(now, d->at_ns);
		rec->nr++;
	}
}

static void record_entity(struct vmm_exit_record *rec, const struct vmm_pcpu *p,
			  const struct vmm_entity *e, u64 now)
{
	/* A name that changes at this moment is read torn; its last byte is always 0. */
	strscpy(rec->vm, e->group->name, sizeof(rec->vm));
	rec->vcpu = e->index;
	if (p && e->wait_from && vmm_state(e) == VMM_GATE_QUEUED && e->home == p) {
		rec->waited_ns = now - min(now, max(e->due_from, p->watch_from));
		rec->picks = e->passed + (p->picks - e->picks_at);
	}
}

/* Once for each instance. @p: locked, or NULL: it was not about a pCPU. */
static bool mark_broken(struct vmm_sched *s, struct vmm_pcpu *p, enum vmm_breach kind,
			const struct vmm_entity *e, u32 id, const char *what, u64 now)
{
	struct vmm_pool *pool = s->pool;
	struct vmm_exit_record *rec = &pool->last_exit;
	unsigned long flags;

	if (WARN_ON_ONCE(s->ops == &vmm_default_ops) || xchg(&s->broken, true))
		return false;
	raw_spin_lock_irqsave(&pool->exit_lock, flags);
	memset(rec, 0, sizeof(*rec));
	rec->kind = kind;
	strscpy(rec->name, s->ops->name, sizeof(rec->name));
	strscpy(rec->reason, what, sizeof(rec->reason));
	rec->entity = e ? e->id : id;
	rec->pcpu = p ? p->id : VMM_NO_PCPU;
	rec->at_ns = now;
	rec->active_ns = s->activated_ns ? now - min(now, s->activated_ns) : 0;
	if (e)
		record_entity(rec, p, e, now);
	if (p)
		record_decisions(rec, p, now);
	rec->valid = true;
	raw_spin_unlock_irqrestore(&pool->exit_lock, flags);
	trace_vmm_sched_breach(rec->pcpu, rec->entity, kind, s->ops->name, what);
	pool->host->broken(pool);
	return true;
}

/**
 * vmm_throw_out() - a scheduler broke its contract
 * @p:    where
 * @kind: how
 * @e:    the entity in question, or NULL
 * @id:   its id, where @e is NULL
 * @what: the same in words, to be read behind "it"
 * @now:  ns
 *
 * From here on this pCPU is served in FIFO order by the interface itself, and so
 * is every other one as soon as it has to decide; no op for dispatch is called any
 * more (vmm_trusted()). Process context replaces the scheduler everywhere soon.
 *
 * Context: domain lock of @p held; also from inside an op.
 */
void vmm_throw_out(struct vmm_pcpu *p, enum vmm_breach kind, struct vmm_entity *e, u32 id,
		   const char *what, u64 now)
{
	vmm_assert_locked(p);
	if (unlikely(p->old_op)) {
		/* Not the one in charge here: the one before, which still had somebody (carry.c). */
		mark_broken(p->from, p, kind, e, id, what, now);
		return;
	}
	p->bypass = true;
	mark_broken(vmm_pcpu_sched(p), p, kind, e, id, what, now);
}

/** vmm_exit_copy() - the record of who was thrown out last; NULL: no memory. kfree() it. */
struct vmm_exit_record *vmm_exit_copy(struct vmm_pool *pool)
{
	struct vmm_exit_record *rec = kmalloc(sizeof(*rec), GFP_KERNEL);
	unsigned long flags;

	if (!rec)
		return NULL;
	raw_spin_lock_irqsave(&pool->exit_lock, flags);
	*rec = pool->last_exit;
	raw_spin_unlock_irqrestore(&pool->exit_lock, flags);
	return rec;
}
EXPORT_SYMBOL_GPL(vmm_exit_copy);

/** vmm_exit_done() - somebody else is in charge: note who, and how long it took. Pool mutex held. */
void vmm_exit_done(struct vmm_pool *pool, u64 now)
{
	const struct vmm_sched *s = rcu_dereference_protected(pool->active, true);
	struct vmm_exit_record *rec = &pool->last_exit;
	unsigned long flags;

	lockdep_assert_held(&pool->mutex);
	raw_spin_lock_irqsave(&pool->exit_lock, flags);
	if (rec->valid && !rec->next[0]) {
		strscpy(rec->next, s->ops->name, sizeof(rec->next));
		rec->took_ns = now - min(now, rec->at_ns);
	}
	raw_spin_unlock_irqrestore(&pool->exit_lock, flags);
}

/* --- picks and times ------------------------------------------------------------------- */

static bool was_an_id(struct vmm_pool *pool, u32 id)
{
	/* They are handed out in order; after 2^31 of them an unknown one counts as dead. */
	return id && id < READ_ONCE(pool->machine->next_id);
}

/**
 * vmm_bad_pick() - invariant 7 of the design: this pick cannot be believed
 * @p:   where
 * @e:   whom the id stands for, or NULL
 * @id:  what pick() answered
 * @now: ns
 */
void vmm_bad_pick(struct vmm_pcpu *p, struct vmm_entity *e, u32 id, u64 now)
{
	enum vmm_breach kind;
	const char *what;

	if (!e && was_an_id(p->pool, id)) {
		kind = VMM_BREACH_DEAD;
		what = "picked an entity that is gone";
	} else if (!e) {
		kind = VMM_BREACH_UNKNOWN;
		what = "picked an id that no entity has";
	} else if (vmm_state(e) >= VMM_GATE_OFFERED && vmm_state(e) <= VMM_GATE_LOANED) {
		kind = VMM_BREACH_RUNNING;
		what = "picked an entity that holds a pCPU already";
	} else if (vmm_state(e) != VMM_GATE_QUEUED) {
		kind = VMM_BREACH_BLOCKED;
		what = "picked an entity that does not want to run";
	} else if (!vmm_entity_allowed(e, p)) {
		kind = VMM_BREACH_DISALLOWED;
		what = "picked an entity that may not run on this pCPU";
	} else {
		kind = VMM_BREACH_FOREIGN;
		what = e->home == p ? "picked an entity that it has not been given yet" :
				      "picked an entity that is queued on another pCPU";
	}
	vmm_throw_out(p, kind, e, id, what, now);
}

/**
 * vmm_odd_time() - an op answered 0, or more than the longest slice
 * @p:    where
 * @s:    who
 * @what: to be read behind "it", should this be once too often; NULL: 0 is lawful here
 * @ns:   the answer
 * @now:  ns
 *
 * What can be read as a long time is one. Zero (where it makes no sense) and
 * what would be negative as a signed number are garbage: taken as the shortest
 * slice and counted; VMM_GARBAGE_MAX times, and the scheduler goes.
 *
 * Return: what to take it for.
 */
u64 vmm_odd_time(struct vmm_pcpu *p, struct vmm_sched *s, const char *what, u64 ns, u64 now)
{
	if (ns == VMM_SLICE_INFINITE)
		return ns;
	if ((s64)ns > 0)
		return min(ns, VMM_SLICE_MAX_NS);
	if (atomic_inc_return(&s->nr_garbage) >= VMM_GARBAGE_MAX && !p->bypass)
		vmm_throw_out(p, VMM_BREACH_SLICE, p->curr, 0, what, now);
	return VMM_SLICE_MIN_NS;
}

/** vmm_peer_kept() - an op is over that has not given a peer's lock back */
void vmm_peer_kept(struct vmm_pcpu *p, u64 now)
{
	struct vmm_domain *d = p->borrowed;

	p->borrowed = NULL;
	d->lent_to = NULL;
	vmm_domain_unlock(d);
	vmm_throw_out(p, VMM_BREACH_STEAL, NULL, 0, "kept the lock of another pCPU", now);
}

/* --- ops that may sleep ------------------------------------------------------------------ */

static LIST_HEAD(ops_under_way);
static DEFINE_RAW_SPINLOCK(ops_lock);

/**
 * vmm_op_begin() - an op marked [P] is about to be called
 * @op:   to be handed to vmm_op_end()
 * @s:    whose
 * @name: which
 */
void vmm_op_begin(struct vmm_op *op, struct vmm_sched *s, const char *name)
{
	unsigned long flags;

	*op = (struct vmm_op){ .s = s, .name = name, .task = current,
			       .since = vmm_pool_now(s->pool) };
	raw_spin_lock_irqsave(&ops_lock, flags);
	list_add(&op->node, &ops_under_way);
	raw_spin_unlock_irqrestore(&ops_lock, flags);
}

/* @s is in charge of its pool, or was until it broke the contract: not one that is being prepared. */
static bool in_charge(const struct vmm_sched *s)
{
	return rcu_access_pointer(s->pool->active) == s;
}

/**
 * vmm_op_end() - it has returned
 * @op:  from vmm_op_begin()
 * @ret: what it returned; 0 where it returns nothing
 *
 * An answer that is neither 0 nor an errno is taken as a refusal. A scheduler
 * that gives it while it is in charge is thrown out.
 *
 * Return: 0 or a negative errno.
 */
int vmm_op_end(struct vmm_op *op, int ret)
{
	struct vmm_sched *s = op->s;
	unsigned long flags;

	raw_spin_lock_irqsave(&ops_lock, flags);
	list_del(&op->node);
	raw_spin_unlock_irqrestore(&ops_lock, flags);
	if (op->deadlock) {
		if (!in_charge(s)) {
			vmm_sched_refuse(s, "the scheduler asked from inside an op for what waits for that op");
			return -EDEADLK;
		}
		return ret && IS_ERR_VALUE((long)ret) ? ret : 0;
	}
	if (!ret || IS_ERR_VALUE((long)ret))
		return ret;
	vmm_sched_refuse(s, "an op of the scheduler returned neither 0 nor an errno");
	if (in_charge(s))
		mark_broken(s, NULL, VMM_BREACH_ERRNO, NULL, 0,
			    "returned neither 0 nor an errno from an op", vmm_pool_now(s->pool));
	return -EPROTO;
}

/* The ops of a change of scheduler; those that it does not have do nothing. Pool mutex held. */

int vmm_op_init(struct vmm_sched *s)
{
	struct vmm_op op;

	if (!s->ops->init)
		return 0;
	vmm_op_begin(&op, s, "init");
	return vmm_op_end(&op, s->ops->init(s));
}

void vmm_op_exit(struct vmm_sched *s)
{
	struct vmm_op op;

	if (!s->ops->exit)
		return;
	vmm_op_begin(&op, s, "exit");
	s->ops->exit(s);
	vmm_op_end(&op, 0);
}

int vmm_op_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct vmm_op op;

	if (!s->ops->pcpu_init)
		return 0;
	vmm_op_begin(&op, s, "pcpu_init");
	return vmm_op_end(&op, s->ops->pcpu_init(s, p));
}

void vmm_op_pcpu_exit(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct vmm_op op;

	if (!s->ops->pcpu_exit)
		return;
	vmm_op_begin(&op, s, "pcpu_exit");
	s->ops->pcpu_exit(s, p);
	vmm_op_end(&op, 0);
}

void vmm_op_detach(struct vmm_sched *s, struct vmm_entity *e)
{
	struct vmm_op op;

	if (!s->ops->detach)
		return;
	vmm_op_begin(&op, s, "detach");
	s->ops->detach(s, e);
	vmm_op_end(&op, 0);
}

int vmm_op_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	struct vmm_op op;

	if (!s->ops->attach)
		return 0;
	vmm_op_begin(&op, s, "attach");
	return vmm_op_end(&op, s->ops->attach(s, e));
}

/*
 * The op [P] that this thread is in the midst of, told what it did. Of several
 * the innermost.
 */
static struct vmm_sched *in_sleeping_op(void)
{
	struct vmm_sched *s = NULL;
	unsigned long flags;
	struct vmm_op *op;

	raw_spin_lock_irqsave(&ops_lock, flags);
	list_for_each_entry(op, &ops_under_way, node) {
		if (op->task == current) {
			op->deadlock = true;
			s = op->s;
			break;
		}
	}
	raw_spin_unlock_irqrestore(&ops_lock, flags);
	return s;
}

/**
 * vmm_inside_op() - is a request made from inside an op, which it would wait for?
 * @what: the request, to be read behind "it"
 *
 * Then the scheduler whose op that is goes. Ops marked [D] run with interrupts
 * off, and nobody else may ask in that state.
 *
 * Return: true: refuse it, -EDEADLK.
 */
bool vmm_inside_op(const char *what)
{
	struct vmm_sched *s;
	struct vmm_pcpu *p;

	if (irqs_disabled()) {
		p = this_cpu_read(vmm_locked);
		if (p && !vmm_pcpu_sched(p)->broken)
			vmm_throw_out(p, VMM_BREACH_REENTRY, NULL, 0, what, vmm_pool_now(p->pool));
		return true;
	}
	s = in_sleeping_op();
	if (!s)
		return false;
	if (in_charge(s))
		mark_broken(s, NULL, VMM_BREACH_REENTRY, NULL, 0, what, vmm_pool_now(s->pool));
	return true;
}

/** vmm_ops_slow() - tell the operator of ops that do not come back. Not under ops_lock: once each. */
void vmm_ops_slow(struct vmm_pool *pool, u64 now, u64 bound)
{
	char name[VMM_SCHED_NAME_LEN] = "";
	const char *which = NULL;
	unsigned long flags;
	struct vmm_op *op;

	raw_spin_lock_irqsave(&ops_lock, flags);
	list_for_each_entry(op, &ops_under_way, node) {
		if (op->s->pool == pool && !op->warned && now > op->since + bound) {
			op->warned = true;
			which = op->name;	/* a constant of ours */
			strscpy(name, op->s->ops->name, sizeof(name));
			break;
		}
	}
	raw_spin_unlock_irqrestore(&ops_lock, flags);
	if (which)
		pr_warn("scheduler %s: its %s() has not returned for %llu ms; guests run on, changes wait for it\n",
			name, which, bound / NSEC_PER_MSEC);
}
