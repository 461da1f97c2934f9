// SPDX-License-Identifier: GPL-2.0
/*
 * The scheduler under test, with every op watched: each function of the shim calls
 * the scheduler's own and looks at what it did: that it left interrupts off and
 * the count of preemption alone, kept no lock, gave a slice in bounds, named
 * somebody who is queued there, and somebody at all when somebody is queued.
 *
 * The scheduler does not see its table, so it cannot tell.
 *
 * Locking: what is written here is written by the one thread that drives the room.
 */
#include <linux/preempt.h>
#include "conform.h"

/* What has to be the same after an op as before. */
struct watch {
	int depth;
	u64 locks;
	struct vmm_pool *pool;
};

void conform_complain(struct conform *c, const char *fmt, ...)
{
	va_list args;

	if (c->complaint[0])
		return;
	va_start(args, fmt);
	vscnprintf(c->complaint, sizeof(c->complaint), fmt, args);
	va_end(args);
}

/* Which pCPUs' locks are held: there is but one thread. In large rooms it would cost too much to ask. */
static u64 locks_held(struct vmm_pool *pool)
{
	u64 held = 0;
	u32 i;

	if (pool->nr_pcpus > 8)
		return 0;
	for (i = 0; i < pool->nr_pcpus; i++)
		if (raw_spin_is_locked(&pool->pcpus[i].dom->lock))
			held |= BIT_ULL(i);
	return held;
}

/*
 * Give back what an op kept, or the next one to want it would wait for ever. What it has
 * of vmm_try_peer() the interface itself takes back.
 */
static void give_back(struct vmm_pool *pool, u64 kept)
{
	u32 i;

	for (i = 0; i < pool->nr_pcpus; i++)
		if (kept & BIT_ULL(i) && !pool->pcpus[i].dom->lent_to &&
		    raw_spin_is_locked(&pool->pcpus[i].dom->lock))
			vmm_domain_unlock(pool->pcpus[i].dom);
}

static struct watch before(struct vmm_sched *s)
{
	struct watch w = { preempt_count(), locks_held(s->pool), s->pool };

	return w;
}

static void after(const struct watch *w, const char *op)
{
	struct conform *c = &conform;
	u64 kept;

	if (!irqs_disabled()) {
		conform_complain(c, "%s() let interrupts on", op);
		local_irq_disable();
	}
	kept = locks_held(w->pool) & ~w->locks;
	if (kept) {
		conform_complain(c, "%s() kept the lock of a peer: vmm_put_peer() is missing", op);
		give_back(w->pool, kept);
	} else if (preempt_count() != w->depth) {
		conform_complain(c, "%s() changed the count of preemption from %#x to %#x", op,
				 w->depth, preempt_count());
		preempt_count_set(w->depth);
	}
}

/* --- [P] ---------------------------------------------------------------------- */

static int count(int ret, int *n)
{
	if (!ret)
		(*n)++;
	else if (ret > 0)
		conform_complain(&conform, "an op that sets up returned %d: neither 0 nor an errno",
				 ret);
	return ret;
}

static int shim_init(struct vmm_sched *s)
{
	return count(conform.ops->init ? conform.ops->init(s) : 0, &conform.inits);
}

static void shim_exit(struct vmm_sched *s)
{
	conform.inits--;
	if (conform.ops->exit)
		conform.ops->exit(s);
}

static int shim_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	return count(conform.ops->pcpu_init ? conform.ops->pcpu_init(s, p) : 0, &conform.pcpus);
}

static void shim_pcpu_exit(struct vmm_sched *s, struct vmm_pcpu *p)
{
	conform.pcpus--;
	if (conform.ops->pcpu_exit)
		conform.ops->pcpu_exit(s, p);
}

static int shim_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	return count(conform.ops->attach ? conform.ops->attach(s, e) : 0, &conform.entities);
}

static void shim_detach(struct vmm_sched *s, struct vmm_entity *e)
{
	conform.entities--;
	if (conform.ops->detach)
		conform.ops->detach(s, e);
}

/* --- [D] ---------------------------------------------------------------------- */

static void shim_enqueue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			 enum vmm_enqueue_why why, u64 now)
{
	struct watch w = before(s);

	conform.ops->enqueue(s, p, e, why, now);
	after(&w, "enqueue");
}

static void shim_dequeue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	struct watch w = before(s);

	conform.ops->dequeue(s, p, e, now);
	after(&w, "dequeue");
}

static void check_slice(struct conform *c, const char *op, u64 slice)
{
	if (slice == VMM_SLICE_INFINITE) {
		c->endless++;
		return;
	}
	/* More than 10 s is cut off; more than an hour is an account gone wrong. */
	if (slice > 3600ULL * NSEC_PER_SEC)
		conform_complain(c, "%s() gave a slice of %lld ns", op, (s64)slice);
	c->slice_max = max(c->slice_max, slice);
}

static void check_picked(struct conform *c, struct vmm_pcpu *p, u32 id, u64 slice)
{
	struct vmm_entity *e = xa_load(&p->pool->entities, id);

	c->picks++;
	if (!slice)
		conform_complain(c, "pick() gave a slice of 0");
	check_slice(c, "pick", slice);
	c->slice_min = min(c->slice_min, slice);
	if (!e)
		conform_complain(c, "pick() named %u, which is no entity", id);
	else if (vmm_state(e) != VMM_GATE_QUEUED || e->home != p)
		conform_complain(c, "pick() for pCPU %u named an entity that is not queued there",
				 p->id);
}

static u32 shim_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now, u64 *slice_ns)
{
	struct conform *c = &conform;
	struct watch w = before(s);
	u32 id = c->ops->pick(s, p, now, slice_ns);

	after(&w, "pick");
	if (id != VMM_ENTITY_NONE) {
		check_picked(c, p, id, *slice_ns);
	} else if (p->nr_queued) {
		c->declines++;
		if (!c->idles && !c->capped)
			conform_complain(c, "pick() named nobody although %u are queued on pCPU %u",
					 p->nr_queued, p->id);
	}
	return id;
}

static void shim_charge(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			u64 ran_ns, u64 now)
{
	struct watch w = before(s);

	conform.ops->charge(s, p, e, ran_ns, now);
	after(&w, "charge");
}

static void shim_put(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		     enum vmm_put_why why, u64 now)
{
	struct watch w = before(s);

	conform.ops->put(s, p, e, why, now);
	after(&w, "put");
}

static u64 shim_wakeup(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *curr,
		       struct vmm_entity *woken, u64 now)
{
	struct watch w = before(s);
	u64 rem = conform.ops->wakeup(s, p, curr, woken, now);

	after(&w, "wakeup");
	return rem;
}

static u64 shim_adopt(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		      u64 ran_ns, u64 now)
{
	struct watch w = before(s);
	u64 slice = conform.ops->adopt(s, p, e, ran_ns, now);

	after(&w, "adopt");
	check_slice(&conform, "adopt", slice);
	return slice;
}

static u64 shim_take(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		     enum vmm_enqueue_why why, u64 now)
{
	struct watch w = before(s);
	u64 slice = conform.ops->take(s, p, e, why, now);

	after(&w, "take");
	if (slice)
		check_slice(&conform, "take", slice);
	if (p->nr_queued)
		conform_complain(&conform, "take() brought somebody to pCPU %u", p->id);
	return slice;
}

static void shim_give_history(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			      struct vmm_history *h, u64 now)
{
	struct watch w = before(s);

	conform.ops->give_history(s, p, e, h, now);
	after(&w, "give_history");
	if (h->lag_ns > 10 * (s64)NSEC_PER_SEC || h->lag_ns < -10 * (s64)NSEC_PER_SEC)
		conform_complain(&conform, "give_history() gave a lag of %lld ns, more than 10 s",
				 h->lag_ns);
	if (h->share_ppm > 1100000)
		conform_complain(&conform, "give_history() gave a share of %u ppm of a pCPU",
				 h->share_ppm);
}

static void shim_take_history(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			      const struct vmm_history *h, u64 now)
{
	struct watch w = before(s);

	conform.ops->take_history(s, p, e, h, now);
	after(&w, "take_history");
}

static void shim_entity_params(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			       u64 now)
{
	struct watch w = before(s);

	conform.ops->entity_params(s, p, e, now);
	after(&w, "entity_params");
}

static void shim_pcpu_deadline(struct vmm_sched *s, struct vmm_pcpu *p, u64 now)
{
	struct watch w = before(s);

	conform.ops->pcpu_deadline(s, p, now);
	after(&w, "pcpu_deadline");
}

static void shim_pool_deadline(struct vmm_sched *s, u64 now)
{
	struct watch w = before(s);

	conform.ops->pool_deadline(s, now);
	after(&w, "pool_deadline");
}

/** conform_make_shim() - fill @c->shim from @c->ops; optional ops stay optional */
void conform_make_shim(struct conform *c)
{
	const struct vmm_sched_ops *ops = c->ops;
	struct vmm_sched_ops *shim = &c->shim;

	*shim = *ops;
	shim->owner = THIS_MODULE;
	shim->init = shim_init;
	shim->exit = shim_exit;
	shim->pcpu_init = shim_pcpu_init;
	shim->pcpu_exit = shim_pcpu_exit;
	shim->attach = shim_attach;
	shim->detach = shim_detach;
	shim->enqueue = shim_enqueue;
	shim->dequeue = shim_dequeue;
	shim->pick = shim_pick;
	shim->charge = shim_charge;
	shim->put = shim_put;
	shim->adopt = shim_adopt;
	shim->take = ops->take ? shim_take : NULL;
	shim->wakeup = ops->wakeup ? shim_wakeup : NULL;
	shim->give_history = ops->give_history ? shim_give_history : NULL;
	shim->take_history = ops->take_history ? shim_take_history : NULL;
	shim->entity_params = ops->entity_params ? shim_entity_params : NULL;
	shim->pcpu_deadline = ops->pcpu_deadline ? shim_pcpu_deadline : NULL;
	shim->pool_deadline = ops->pool_deadline ? shim_pool_deadline : NULL;
}
