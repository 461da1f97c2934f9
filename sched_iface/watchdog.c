// SPDX-License-Identifier: GPL-2.0
/*
 * The watchdog: nobody waits for ever.
 *
 * A scheduler that forgets an entity, or never gets round to it, answers every
 * question correctly. What gives it away is time. Twice in a bound, or more often, the watchdog
 * looks at each pCPU where somebody waits, and the scheduler goes when one that is
 * not held back has waited for longer than the bound and
 *
 *   stalled   the pCPU is free, and nobody was picked there for as long;
 *   lost      the pCPU is free, though others were picked; or, with others at
 *             work, the scheduler says that there is nobody when all others are
 *             taken away from it;
 *   starved   the pCPU made at least four times as many other picks meanwhile
 *             as turn and turn about would take: 4 x the sum of the weights of
 *             those runnable there / its own;
 *   slice     who has the pCPU was given it without end.
 *
 * Where weights differ a light one waits for longer by the rules: its bound is
 * longer by as much as its weight is below the average.
 *
 * Held back (held()) is lawful for a time that the table declares, and only if a
 * deadline will change it where the pCPU is free. The time that somebody is held does
 * not count as waiting; but it is limited as a whole. A pCPU that nobody has is
 * asked once more before it is judged, so that a wake-up which the scheduler
 * overlooked costs time and not its place.
 *
 * Who is offline, ceased, a no-show, or gone from the queue does not wait. A change
 * of scheduler starts all waits anew.
 *
 * Watched itself: the watchdog is delayed work, which can be kept from running.
 * Each pCPU where somebody waits has its timer set (vmm_watch_backstop()), and
 * that looks after its own pCPU when the watchdog is late.
 *
 * Cost: nothing in the hot path but four words of accounts; a look is O(queued).
 * Without vCPUs it sleeps.
 *
 * Locking: the domain lock of one pCPU at a time.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/math64.h>
#include <linux/moduleparam.h>
#include "call.h"
#include "trace.h"

static u64 bound_ns = VMM_WATCHDOG_NS;	/* read without a lock */
static struct workqueue_struct *watch_wq;

static int set_bound_ms(const char *val, const struct kernel_param *kp)
{
	unsigned int ms;
	int ret = kstrtouint(val, 0, &ms);

	return ret ?: vmm_watchdog_set((u64)ms * NSEC_PER_MSEC);
}

static int get_bound_ms(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%llu\n", vmm_watchdog_get() / NSEC_PER_MSEC);
}

static const struct kernel_param_ops bound_ms_ops = {
	.set = set_bound_ms,
	.get = get_bound_ms,
};
module_param_cb(watchdog_ms, &bound_ms_ops, NULL, 0644);
MODULE_PARM_DESC(watchdog_ms, "how long a vCPU that may run can wait before its scheduler is thrown out, 100 to 30000 ms (1000)");

/** vmm_watchdog_get() - the operator's bound, ns */
u64 vmm_watchdog_get(void)
{
	return READ_ONCE(bound_ns);
}
EXPORT_SYMBOL_GPL(vmm_watchdog_get);

/**
 * vmm_watchdog_set() - change the bound
 * @ns: VMM_WATCHDOG_MIN_NS .. VMM_WATCHDOG_MAX_NS
 *
 * Return: 0 or -ERANGE.
 */
int vmm_watchdog_set(u64 ns)
{
	if (ns < VMM_WATCHDOG_MIN_NS || ns > VMM_WATCHDOG_MAX_NS)
		return -ERANGE;
	WRITE_ONCE(bound_ns, ns);
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_watchdog_set);

/** vmm_watch_period() - how often the watchdog looks, ns: a new bound is noticed soon */
u64 vmm_watch_period(void)
{
	return min(vmm_watchdog_get() / 2, 500ULL * NSEC_PER_MSEC);
}
EXPORT_SYMBOL_GPL(vmm_watch_period);

/** vmm_watchdog_bound() - how long an entity can wait under @s, ns */
u64 vmm_watchdog_bound(const struct vmm_sched *s)
{
	return max(vmm_watchdog_get(), s->ops->patience_ns);
}
EXPORT_SYMBOL_GPL(vmm_watchdog_bound);

/* --- one pCPU -------------------------------------------------------------------------- */

/** struct look - what one look at a pCPU has found so far */
struct look {
	struct vmm_pcpu *p;
	struct vmm_sched *s;
	u64 now;
	u64 bound;
	u64 weights;		/* of all that are runnable there */
	u32 runnable;
};

static u64 waited(const struct look *l, const struct vmm_entity *e)
{
	return l->now - min(l->now, max(e->due_from, l->p->watch_from));
}

static void restart(const struct look *l, struct vmm_entity *e)
{
	e->due_from = l->now;
	e->passed = 0;
	e->picks_at = l->p->picks;
}

/* By the rules, for a while, and with an end in sight? Its wait begins anew then. */
static bool lawfully_held(const struct look *l, struct vmm_entity *e)
{
	struct vmm_pcpu *p = l->p;
	u64 all = l->now - min(l->now, max(e->wait_from, p->watch_from));

	if (!l->s->ops->held || !l->s->ops->held(l->s, p, e, l->now))
		return false;
	if (all > l->s->ops->hold_max_ns + l->bound) {
		e->due_from = e->wait_from;	/* for the record */
		vmm_throw_out(p, VMM_BREACH_STARVED, e, 0,
			      "held an entity back for longer than its rules allow", l->now);
		return true;
	}
	if (!p->curr && !p->sched_deadline && !l->s->pool_deadline) {
		if (waited(l, e) <= l->bound)
			return true;
		vmm_throw_out(p, VMM_BREACH_STALLED, e, 0,
			      "holds everybody back and has set no deadline", l->now);
		return true;
	}
	restart(l, e);
	return true;
}

/*
 * It goes in any case, so it can be asked: with all others taken away, is @e
 * still there? The interface's own list is what counts from here on.
 */
static bool forgotten(const struct look *l, struct vmm_entity *e)
{
	struct vmm_pcpu *p = l->p;
	u64 slice = 0;
	struct vmm_entity *o;
	u32 id;

	if (p->curr) {
		vmm_charge(p, l->now);
		vmm_call_put(l->s, p, p->curr, VMM_PUT_SWAP, l->now);
	}
	list_for_each_entry(o, &p->queued, queued_node)
		if (o != e)
			vmm_call_dequeue(l->s, p, o, l->now);
	id = vmm_call_pick(l->s, p, l->now, &slice);
	if (p->borrowed)
		vmm_peer_kept(p, l->now);
	return id == VMM_ENTITY_NONE;
}

static void judge(const struct look *l, struct vmm_entity *e)
{
	struct vmm_pcpu *p = l->p;
	u64 picks = e->passed + (p->picks - e->picks_at);
	u64 weight = max(vmm_entity_weight(e), 1u);
	u64 bound = l->bound;

	if (!p->curr && l->now - min(l->now, max(p->picked_at, p->watch_from)) > bound) {
		vmm_throw_out(p, VMM_BREACH_STALLED, e, 0,
			      "picks nobody although somebody waits", l->now);
		return;
	}
	if (!p->curr) {
		vmm_throw_out(p, VMM_BREACH_LOST, e, 0,
			      "has lost an entity: it picks others, and nobody when that one is alone",
			      l->now);
		return;
	}
	if (p->slice_end == VMM_SLICE_INFINITE && vmm_state(p->curr) != VMM_GATE_OFFERED &&
	    l->now - min(l->now, p->curr->since) > bound) {
		vmm_throw_out(p, VMM_BREACH_SLICE, e, 0,
			      "gave a slice without end while an entity waits", l->now);
		return;
	}
	if (l->weights > l->runnable * weight)
		bound = mul_u64_u64_div_u64(bound, l->weights, l->runnable * weight);
	if (waited(l, e) <= bound || picks * weight < 4 * l->weights)
		return;
	if (forgotten(l, e))
		vmm_throw_out(p, VMM_BREACH_LOST, e, 0,
			      "has lost an entity: it picks others, and nobody when that one is alone",
			      l->now);
	else
		vmm_throw_out(p, VMM_BREACH_STARVED, e, 0,
			      "starves an entity: it picks others all the time", l->now);
}

static void look_at_queue(struct look *l)
{
	struct vmm_pcpu *p = l->p;
	struct vmm_entity *e;

	l->runnable = p->nr_queued + !!p->curr;
	if (p->curr)
		l->weights = vmm_entity_weight(p->curr);
	list_for_each_entry(e, &p->queued, queued_node)
		l->weights += vmm_entity_weight(e);
	list_for_each_entry(e, &p->left, queued_node)
		l->weights += vmm_entity_weight(e);
	list_for_each_entry(e, &p->queued, queued_node) {
		if (waited(l, e) <= l->bound / 2)
			continue;
		if (!lawfully_held(l, e) && waited(l, e) > l->bound)
			judge(l, e);
		if (p->bypass)
			return;
	}
}

/**
 * vmm_watch_pcpu() - has anybody waited for too long on a pCPU?
 * @p:    the pCPU
 * @now:  ns
 * @post: receives wake-ups
 *
 * Context: domain lock held.
 */
void vmm_watch_pcpu(struct vmm_pcpu *p, u64 now, struct vmm_post *post)
{
	struct vmm_sched *s = vmm_pcpu_sched(p);
	struct look l = { .p = p, .s = s, .now = now, .bound = vmm_watchdog_bound(s) };

	p->watched_at = now;
	/* In a swap: whoever is left is in nobody's care but ours. */
	if (unlikely(p->from))
		vmm_carry(p, now);
	if (!p->online || READ_ONCE(p->pool->ceased) || !p->nr_queued ||
	    s->ops == &vmm_default_ops)
		return;
	/* Asked once more: perhaps it overlooked that things have changed. */
	if (!p->curr && !p->bypass)
		vmm_pick(p, now, post);
	vmm_resched_begin(p);
	if (!p->bypass && !READ_ONCE(s->broken))
		look_at_queue(&l);
	if (READ_ONCE(s->broken)) {
		/* From here on it is first come first served, and soon. */
		p->bypass = true;
		p->slice_end = min(p->slice_end, now + VMM_SWAP_SLICE_NS);
		vmm_check_curr(p, now, post);
	}
	vmm_resched_run(p, now, post);
}
EXPORT_SYMBOL_GPL(vmm_watch_pcpu);

/** vmm_watch_restart() - waits so far do not count on @p. Domain lock held. */
void vmm_watch_restart(struct vmm_pcpu *p, u64 now)
{
	vmm_assert_locked(p);
	p->watch_from = now;
}
EXPORT_SYMBOL_GPL(vmm_watch_restart);

/** vmm_watch_backstop() - when a pCPU where somebody waits must be looked at, at the latest */
u64 vmm_watch_backstop(u64 now)
{
	return now + 2 * vmm_watchdog_get();
}

/**
 * vmm_watch_late() - has the watchdog not run for too long? Then a pCPU looks after itself.
 * @p:   the pCPU
 * @now: ns
 *
 * As often as the watchdog would. Context: domain lock of @p held.
 */
bool vmm_watch_late(const struct vmm_pcpu *p, u64 now)
{
	u64 bound = vmm_watchdog_get();

	return now > READ_ONCE(p->pool->watched_at) + 2 * bound &&
	       now > p->watched_at + vmm_watch_period();
}

/* --- a pool ------------------------------------------------------------------------------- */

/**
 * vmm_watch_pool() - look at all pCPUs of a pool
 * @pool: the pool
 *
 * Context: process; no lock held.
 */
void vmm_watch_pool(struct vmm_pool *pool)
{
	u64 now = vmm_pool_now(pool);
	u32 i;

	WRITE_ONCE(pool->watched_at, now);
	for (i = 0; i < pool->nr_pcpus; i++) {
		struct vmm_pcpu *p = &pool->pcpus[i];
		struct vmm_post post = { };

		if (!READ_ONCE(p->nr_queued))
			continue;
		local_irq_disable();
		vmm_pcpu_lock(p);
		vmm_watch_pcpu(p, vmm_pool_now(pool), &post);
		vmm_pcpu_unlock(p);
		local_irq_enable();
		vmm_post_run(&post);
	}
	vmm_ops_slow(pool, now, vmm_watchdog_get());
}
EXPORT_SYMBOL_GPL(vmm_watch_pool);

static void watch_work(struct work_struct *work)
{
	struct vmm_pool *pool = container_of(to_delayed_work(work), struct vmm_pool, watch);

	vmm_watch_pool(pool);
	if (!xa_empty(&pool->entities))
		queue_delayed_work(watch_wq, &pool->watch, nsecs_to_jiffies(vmm_watch_period()));
}

/** vmm_watchdog_wake() - there is somebody to watch over. Any pool; does nothing on virtual ones. */
void vmm_watchdog_wake(struct vmm_pool *pool)
{
	if (pool->host != &vmm_real_host || delayed_work_pending(&pool->watch))
		return;
	WRITE_ONCE(pool->watched_at, vmm_pool_now(pool));
	queue_delayed_work(watch_wq, &pool->watch, nsecs_to_jiffies(vmm_watch_period()));
}

/** vmm_watchdog_stop() - before a real pool goes; no entity exists any more */
void vmm_watchdog_stop(struct vmm_pool *pool)
{
	cancel_delayed_work_sync(&pool->watch);
}

/** vmm_watchdog_queue() - have what replaces a scheduler run soon, whatever else the host does */
bool vmm_watchdog_queue(struct work_struct *work)
{
	return queue_work(watch_wq, work);
}

/** vmm_watchdog_pool() - set up for vmm_watchdog_wake() */
void vmm_watchdog_pool(struct vmm_pool *pool)
{
	INIT_DELAYED_WORK(&pool->watch, watch_work);
}

int vmm_watchdog_init(void)
{
	watch_wq = alloc_workqueue("vmm_watchdog", WQ_HIGHPRI | WQ_UNBOUND, 0);
	return watch_wq ? 0 : -ENOMEM;
}

void vmm_watchdog_exit(void)
{
	destroy_workqueue(watch_wq);
}
