// SPDX-License-Identifier: GPL-2.0
/*
 * sched_edf: global earliest deadline first with a budget for each vCPU.
 *
 * Purpose: guarantees. A vCPU has a period and a budget and gets its budget in
 * every period, whatever the others do; with extratime also what is left over.
 *
 * Design: the rules are in edf_policy.c, admission in admission.c. One queue
 * serves the whole pool, which is why the dispatch domain is the pool. This file
 * finds the place where an entity runs: its own pCPU if that is free, another
 * free one, else the pCPU on which the worst claim runs, if that is worse; and
 * sees that a turn ends with the budget even when nobody else waits (a deadline
 * of the pCPU) and that periods begin in time (the deadline of the pool).
 *
 * A thread that waits can leave its CPU only when the host lets it run there,
 * beside the guest that has the CPU; one that runs is gone at once. So who has a
 * better claim than the one on its own pCPU stays there, and that one goes to
 * where the first would have gone: the same entities run in the end.
 *
 * Admission: the budget/period of all attached entities, extratime or not,
 * may not exceed what utilisation_cap leaves of the online pCPUs. A vCPU, a
 * parameter or a change to this scheduler that does not fit is refused. pCPUs
 * that go offline may leave less than is reserved: that is told, and nothing
 * more is admitted.
 *
 * Weight and quantum mean nothing here. Time-critical breaks ties: of those
 * with the same deadline. Who yields stays first if its claim is the best.
 *
 * Locking: the interface calls queue operations with the lock of the pool's
 * dispatch domain held: it protects the queue, the list of free pCPUs and all
 * that belongs to pCPUs and entities. Admission (load, greatest, all) is under
 * the pool's mutex, which the interface holds in attach(), detach(), the
 * checks and entity_params().
 *
 * Limits: one lock for the pool. EDF_SCAN claims are looked at for one that may
 * run on a pCPU, and as many pCPUs for one that an entity may have; behind so
 * many that are pinned elsewhere an entity waits for a pCPU of its own queue.
 * Admission does not look at affinities: what is pinned can be too much for its
 * pCPUs. The end of a budget is up to 10 us late, and an owner whom the host
 * keeps from its CPU is looked at every EDF_STALL; both is taken from the next
 * budget. An owner that is halted for as long as its budget would last, or past
 * its deadline, gives its pCPU back. A thread that has to change its CPU while a
 * better claim's guest runs there comes when the host lets it, or is a no-show:
 * with several pCPUs that is time nobody gets.
 */

#include <linux/list.h>
#include <linux/module.h>
#include <linux/time64.h>

#include "edf.h"

#define EDF_SCAN	128
#define EDF_BATCH	64	/* new periods in one go */
#define EDF_STALL	NSEC_PER_MSEC

static const struct vmm_sched_param edf_params[] = {
	{
		.name = "period",
		.help = "period of the vCPUs of a VM that has none of its own",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_SCHED,
		.min = EDF_NS_MIN,
		.max = EDF_NS_MAX,
		.def = 10 * NSEC_PER_MSEC,
	}, {
		.name = "budget",
		.help = "budget of the vCPUs of a VM that has none of its own",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_SCHED,
		.min = EDF_NS_MIN,
		.max = EDF_NS_MAX,
		.def = 4 * NSEC_PER_MSEC,
	}, {
		.name = "utilisation_cap",
		.help = "how much of the pool's pCPUs may be reserved, per cent",
		.unit = VMM_UNIT_PERCENT,
		.scope = VMM_SCOPE_SCHED,
		.min = 1,
		.max = 1000,
		.def = 100,
	}, {
		.name = "gfb",
		.help = "admit only what is never late on several pCPUs either",
		.unit = VMM_UNIT_BOOL,
		.scope = VMM_SCOPE_SCHED,
		.min = 0,
		.max = 1,
		.def = 0,
	}, {
		.name = "strict_wake",
		.help = "who sleeps cannot make others miss a deadline, and may itself wait longer",
		.unit = VMM_UNIT_BOOL,
		.scope = VMM_SCOPE_SCHED,
		.min = 0,
		.max = 1,
		.def = 0,
	}, {
		.name = "period",
		.help = "each vCPU gets its budget once in so long; 50us to 10s, 0: the scheduler's",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_GROUP,
		.min = 0,
		.max = EDF_NS_MAX,
		.def = 0,
	}, {
		.name = "budget",
		.help = "processor time of each vCPU in its period; 50us to the period, 0: the scheduler's",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_GROUP,
		.min = 0,
		.max = EDF_NS_MAX,
		.def = 0,
	}, {
		.name = "extratime",
		.help = "goes on without budget when nobody with budget wants the pCPU",
		.unit = VMM_UNIT_BOOL,
		.scope = VMM_SCOPE_GROUP,
		.min = 0,
		.max = 1,
		.def = 0,
	},
};

static int edf_op_init(struct vmm_sched *s)
{
	struct edf_sched *es = vmm_sched_priv(s);

	edf_queue_init(&es->q);
	es->q.strict = vmm_sched_param(s, EDF_P_STRICT);
	INIT_LIST_HEAD(&es->free);
	INIT_LIST_HEAD(&es->all);
	return edf_check_tune(s, vmm_sched_param(s, EDF_P_PERIOD),
			      vmm_sched_param(s, EDF_P_BUDGET));
}

static int edf_op_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct edf_pcpu *ep = edf_pcpu_of(s, p);

	edf_cpu_init(&ep->c);
	ep->p = p;
	INIT_LIST_HEAD(&ep->free);
	return 0;
}

static int edf_op_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	struct edf_vcpu *v = edf_vcpu_of(s, e);
	struct edf_tune t;

	edf_get_tune(s, e, &t);
	edf_ent_init(&v->x, &t);
	v->e = e;
	return edf_admit(s, v);
}

static void edf_op_detach(struct vmm_sched *s, struct vmm_entity *e)
{
	edf_release(s, edf_vcpu_of(s, e));
}

/* --- time ----------------------------------------------------------------- */

/* The pool's deadline: not later than the end of anybody's period. */
static void edf_arm(struct vmm_sched *s)
{
	struct edf_sched *es = vmm_sched_priv(s);
	u64 due = edf_next_due(&es->q);

	if (due == U64_MAX || (es->armed && es->armed <= due))
		return;
	es->armed = due;
	vmm_pool_set_deadline(s, due);
}

/* The pCPU's deadline: the end of the budget of who runs. */
static void edf_watch(struct edf_pcpu *ep, u64 now)
{
	ep->seen = ep->c.curr->left;
	vmm_pcpu_set_deadline(ep->p, now + max_t(s64, ep->seen, 1));
}

/* Parameters that changed for all count from the next period on. */
static void edf_refresh(struct vmm_sched *s, struct edf_ent *x, u64 now)
{
	if (!x->started || now >= x->deadline)
		edf_get_tune(s, edf_entity(x), &x->tune);
}

/* --- places ----------------------------------------------------------------- */

static void edf_set_free(struct vmm_sched *s, struct edf_pcpu *ep)
{
	struct edf_sched *es = vmm_sched_priv(s);

	if (list_empty(&ep->free))
		list_add(&ep->free, &es->free);
}

/*
 * May whoever waits for @ep have it? While pick() is on its way to whom it has
 * chosen the interface does not know yet.
 */
static bool edf_is_free(struct edf_pcpu *ep)
{
	return !ep->c.curr || (vmm_pcpu_current(ep->p) && vmm_pcpu_free(ep->p));
}

/* Is @x next on its own pCPU, which nobody has? Then it is best left to that. */
static bool edf_stays(struct edf_ent *x, struct edf_pcpu *ep)
{
	struct edf_pcpu *home = edf_at(x->cpu);

	if (home == ep || home->c.curr || edf_first_on(&home->c) != x ||
	    !vmm_entity_allowed(edf_entity(x), home->p))
		return false;
	vmm_pcpu_resched(home->p);
	return true;
}

/* The best claim of those that may run on @ep; one that is there wins a tie. */
static struct edf_ent *edf_best(struct vmm_sched *s, struct edf_pcpu *ep)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_ent *own = edf_first_on(&ep->c);
	struct edf_ent *x = edf_first(&es->q);
	int left = EDF_SCAN;

	for (; x && left--; x = edf_next(x)) {
		if (own && edf_cmp(own, x) <= 0)
			break;
		if (vmm_entity_allowed(edf_entity(x), ep->p) && !edf_stays(x, ep))
			return x;
	}
	return own;
}

/* Where there is room for @x, ready on @ep; NULL: nowhere. */
static struct edf_pcpu *edf_room_for(struct vmm_sched *s, struct edf_pcpu *ep,
				  struct edf_ent *x)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct vmm_entity *e = edf_entity(x);
	struct edf_pcpu *other;
	struct vmm_pcpu *idle;
	struct edf_cpu *c;
	int left = EDF_SCAN;

	if (edf_is_free(ep))
		return ep;
	idle = vmm_idle_pcpu(ep->p, e);
	if (idle)
		return edf_pcpu_of(s, idle);
	/* Nobody runs there, but somebody without budget waits. */
	list_for_each_entry(other, &es->free, free) {
		if (!left--)
			break;
		if (vmm_entity_allowed(e, other->p))
			return other;
	}
	left = EDF_SCAN;
	for (c = edf_worst(&es->q); c && left--; c = edf_less_bad(c)) {
		if (edf_cmp(x, c->curr) >= 0)
			break;
		if (vmm_entity_allowed(e, edf_at(c)->p))
			return edf_at(c);
	}
	return NULL;
}

/* Where @x, ready on @ep, is to run at once; NULL: it has to wait. */
static struct edf_pcpu *edf_place(struct vmm_sched *s, struct edf_pcpu *ep,
				  struct edf_ent *x)
{
	struct edf_pcpu *to = edf_room_for(s, ep, x);
	struct edf_ent *curr = ep->c.curr;

	/* See the head of this file: @curr makes room, and goes there instead. */
	if (to && to != ep && curr && edf_cmp(x, curr) < 0 &&
	    vmm_entity_allowed(edf_entity(curr), to->p))
		return ep;
	return to;
}

/* See that @x, ready on @ep, runs if it should. True: @ep itself must decide again. */
static bool edf_settle_in(struct vmm_sched *s, struct edf_pcpu *ep, struct edf_ent *x)
{
	struct edf_pcpu *to = edf_place(s, ep, x);

	if (!to || to == ep)
		return to;
	/* In the middle of a swap @to may have gone over: then it waits here. */
	if (!vmm_steal(to->p, ep->p, edf_entity(x)))
		vmm_pcpu_resched(to->p);
	return false;
}

/* --- operations --------------------------------------------------------------- */

static void edf_op_enqueue(struct vmm_sched *s, struct vmm_pcpu *p,
			   struct vmm_entity *e, enum vmm_enqueue_why why, u64 now)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_pcpu *ep = edf_pcpu_of(s, p);
	struct edf_ent *x = &edf_vcpu_of(s, e)->x;
	bool woke = why == VMM_ENQ_NEW || why == VMM_ENQ_WAKE;

	edf_refresh(s, x, now);
	edf_enqueue(&es->q, &ep->c, x, woke ? EDF_ENTER_WAKE : EDF_ENTER_KEEP, now);
	edf_arm(s);
	ep->unsure = x;
}

static void edf_op_dequeue(struct vmm_sched *s, struct vmm_pcpu *p,
			   struct vmm_entity *e, u64 now)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_pcpu *ep = edf_pcpu_of(s, p);
	struct edf_ent *x = &edf_vcpu_of(s, e)->x;

	edf_dequeue(&es->q, x);
	if (ep->unsure == x)
		ep->unsure = NULL;
}

static u32 edf_op_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now,
		       u64 *slice_ns)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_pcpu *ep = edf_pcpu_of(s, p);
	struct edf_ent *x = edf_best(s, ep), *unsure;

	if (x && x->cpu != &ep->c && vmm_steal(p, edf_at(x->cpu)->p, edf_entity(x)))
		x = edf_first_on(&ep->c);
	unsure = ep->unsure;
	ep->unsure = NULL;
	if (!x) {
		edf_set_free(s, ep);
		vmm_pcpu_set_deadline(p, 0);
		return VMM_ENTITY_NONE;
	}
	edf_run(&es->q, &ep->c, x);
	list_del_init(&ep->free);
	edf_watch(ep, now);
	*slice_ns = x->left;
	/* Who was put off for it may be better than somebody elsewhere. */
	if (unsure && unsure != x && unsure->where == EDF_READY)
		edf_settle_in(s, ep, unsure);
	return vmm_entity_id(edf_entity(x));
}

static void edf_op_charge(struct vmm_sched *s, struct vmm_pcpu *p,
			  struct vmm_entity *e, u64 ran_ns, u64 now)
{
	struct edf_sched *es = vmm_sched_priv(s);

	edf_charge(&es->q, &edf_vcpu_of(s, e)->x, ran_ns);
}

static void edf_op_put(struct vmm_sched *s, struct vmm_pcpu *p,
		       struct vmm_entity *e, enum vmm_put_why why, u64 now)
{
	struct edf_sched *es = vmm_sched_priv(s);

	edf_put(&es->q, &edf_vcpu_of(s, e)->x);
	edf_set_free(s, edf_pcpu_of(s, p));
}

static u64 edf_op_wakeup(struct vmm_sched *s, struct vmm_pcpu *p,
			 struct vmm_entity *curr, struct vmm_entity *woken, u64 now)
{
	struct edf_pcpu *ep = edf_pcpu_of(s, p);
	struct edf_ent *x = &edf_vcpu_of(s, woken)->x;

	ep->unsure = NULL;
	if (x->where == EDF_READY && edf_settle_in(s, ep, x))
		return 0;
	return VMM_SLICE_INFINITE;
}

static u64 edf_op_adopt(struct vmm_sched *s, struct vmm_pcpu *p,
			struct vmm_entity *e, u64 ran_ns, u64 now)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_pcpu *ep = edf_pcpu_of(s, p);
	struct edf_ent *x = &edf_vcpu_of(s, e)->x;

	edf_adopt(&es->q, &ep->c, x, now);
	list_del_init(&ep->free);
	edf_arm(s);
	edf_watch(ep, now);
	return max_t(s64, x->left, 0);
}

/* Is there anybody who should run on @ep instead of who does? */
static bool edf_is_beaten(struct vmm_sched *s, struct edf_pcpu *ep)
{
	struct edf_ent *x = edf_best(s, ep);

	return ep->c.curr->left <= 0 || (x && edf_cmp(x, ep->c.curr) < 0);
}

static void edf_op_pcpu_deadline(struct vmm_sched *s, struct vmm_pcpu *p, u64 now)
{
	struct edf_pcpu *ep = edf_pcpu_of(s, p);
	struct edf_ent *x = ep->c.curr;

	if (!x)
		return;
	if (vmm_pcpu_free(p) || edf_is_beaten(s, ep))
		vmm_pcpu_resched(p);
	else if (x->left == ep->seen)
		/* The host keeps it off: nothing is used up. */
		vmm_pcpu_set_deadline(p, now + max_t(s64, x->left, EDF_STALL));
	else
		edf_watch(ep, now);
}

/* The period of @x is over. */
static void edf_next_period(struct vmm_sched *s, struct edf_ent *x, u64 now)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_pcpu *ep = edf_at(x->cpu);
	struct edf_tune t;

	if (x->where == EDF_RUNNING)
		vmm_pcpu_charge(ep->p);
	edf_get_tune(s, edf_entity(x), &t);
	edf_replenish(&es->q, x, &t, now);
	if (x->where == EDF_RUNNING) {
		edf_watch(ep, now);
		if (vmm_pcpu_free(ep->p) || edf_is_beaten(s, ep))
			vmm_pcpu_resched(ep->p);
	} else if (x->where == EDF_READY && edf_settle_in(s, ep, x)) {
		vmm_pcpu_resched(ep->p);
	}
}

static void edf_op_pool_deadline(struct vmm_sched *s, u64 now)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_ent *x;
	int left = EDF_BATCH;

	es->armed = 0;
	while (left-- && (x = edf_due(&es->q, now)))
		edf_next_period(s, x, now);
	/* Those that are left over are due at once, after others had the lock. */
	edf_arm(s);
}

static void edf_op_give_history(struct vmm_sched *s, struct vmm_pcpu *p,
				struct vmm_entity *e, struct vmm_history *h, u64 now)
{
	h->lag_ns = edf_lag(&edf_vcpu_of(s, e)->x, now);
}

static void edf_op_take_history(struct vmm_sched *s, struct vmm_pcpu *p,
				struct vmm_entity *e, const struct vmm_history *h,
				u64 now)
{
	struct edf_ent *x = &edf_vcpu_of(s, e)->x;

	edf_refresh(s, x, now);
	edf_take_lag(x, h->lag_ns, now);
}

static void edf_op_entity_params(struct vmm_sched *s, struct vmm_pcpu *p,
				 struct vmm_entity *e, u64 now)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_vcpu *v = edf_vcpu_of(s, e);
	struct edf_ent *x = &v->x;
	struct edf_tune t;

	edf_get_tune(s, e, &t);
	edf_reserve(s, v, edf_util(&t));
	edf_retune(&es->q, x, &t, now);
	edf_arm(s);
	if (x->where == EDF_RUNNING) {
		edf_watch(edf_at(x->cpu), now);
		if (edf_is_beaten(s, edf_at(x->cpu)))
			vmm_pcpu_resched(edf_at(x->cpu)->p);
	} else if (x->where == EDF_READY && edf_settle_in(s, edf_at(x->cpu), x)) {
		vmm_pcpu_resched(p);
	}
}

/* It has used up its budget: until its period is over. */
static bool edf_op_held(struct vmm_sched *s, struct vmm_pcpu *p,
			struct vmm_entity *e, u64 now)
{
	return edf_vcpu_of(s, e)->x.where == EDF_DEPLETED;
}

static const struct vmm_sched_ops edf_ops = {
	.name		= "edf",
	.owner		= THIS_MODULE,
	.version	= VMM_SCHED_IFACE_VERSION,
	.size		= sizeof(struct vmm_sched_ops),
	.domain		= VMM_DOMAIN_POOL,
	.sched_size	= sizeof(struct edf_sched),
	.pcpu_size	= sizeof(struct edf_pcpu),
	.entity_size	= sizeof(struct edf_vcpu),
	/* Its budget may come at the end of one period, and at the beginning of the last. */
	.patience_ns	= 2 * EDF_NS_MAX,
	.hold_max_ns	= 2 * EDF_NS_MAX,
	.params		= edf_params,
	.nr_params	= ARRAY_SIZE(edf_params),

	.init		= edf_op_init,
	.pcpu_init	= edf_op_pcpu_init,
	.attach		= edf_op_attach,
	.detach		= edf_op_detach,
	.enqueue	= edf_op_enqueue,
	.dequeue	= edf_op_dequeue,
	.pick		= edf_op_pick,
	.charge		= edf_op_charge,
	.put		= edf_op_put,
	.wakeup		= edf_op_wakeup,
	.adopt		= edf_op_adopt,
	.give_history	= edf_op_give_history,
	.take_history	= edf_op_take_history,
	.entity_params	= edf_op_entity_params,
	.sched_params	= edf_op_sched_params,
	.pcpu_deadline	= edf_op_pcpu_deadline,
	.pool_deadline	= edf_op_pool_deadline,
	.check_group	= edf_op_check_group,
	.check_sched	= edf_op_check_sched,
	.pcpus_changed	= edf_op_pcpus_changed,
	.held		= edf_op_held,
};

static int __init edf_init(void)
{
	return vmm_sched_register(&edf_ops);
}
module_init(edf_init);

static void __exit edf_exit(void)
{
	vmm_sched_unregister(&edf_ops);
}
module_exit(edf_exit);

/* Conformance: reservations small enough for any crowd, and the rest for whoever wants it. */
VMM_SCHED_CLAIM(weights, "ignored");
VMM_SCHED_CLAIM(set, "budget=50000,utilisation_cap=1000");
VMM_SCHED_CLAIM(set_vm, "extratime=1");
MODULE_DESCRIPTION("Earliest deadline first scheduler with budgets for vCPUs");
MODULE_ALIAS("vmm_sched-edf");
MODULE_LICENSE("GPL");
