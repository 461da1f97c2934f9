// SPDX-License-Identifier: GPL-2.0
/*
 * sched_credit: shares by weight and limits by cap, after the rules of Xen's
 * credit scheduler.
 *
 * Purpose: what users of Xen know: weight, cap, a boost for those that wake up,
 * and pCPUs that take work from each other so that shares hold for the pool as
 * a whole.
 *
 * Design: the rules are in credit_policy.c, one struct credit_queue per pCPU,
 * one struct credit_ent per entity. This file ties them to the interface: it
 * translates reasons, keeps the tick (three per accounting period) going while
 * a pCPU has anybody, does accounting rounds in batches, and takes work from
 * other pCPUs.
 *
 * Dispatch domain: the pCPU. Xen does the accounting of all VMs under one lock
 * in one go, which with 20,000 vCPUs would hold everybody up for milliseconds.
 * Here each pCPU pays its own entities, CREDIT_BATCH at a time, and they share
 * four sums; see credit_policy.c for why that gives the same shares.
 *
 * Locking: the interface calls queue operations with the lock of the pCPU held,
 * and locks the peer for stealing. The bitmaps of who has somebody waiting are
 * written with atomic bit operations by the holder of that pCPU's lock and read
 * without; a stale bit costs one look, or one chance missed that the next pick
 * makes good.
 *
 * When it takes: a pCPU with nobody takes anybody, as Xen's does. One whose next
 * is OVER takes who is UNDER, and after each round one with room takes from one
 * that is crowded, but only if that brings them nearer (credit_fits()); Xen's
 * would exchange the heavy ones among each other for ever.
 *
 * Limits: a thief looks at CREDIT_PEERS pCPUs per step of nearness and at
 * CREDIT_SCAN entities of each. pCPU numbers end at CREDIT_PCPUS. A cap is
 * looked at once in a period, so a vCPU may run for a period and then be parked
 * for several.
 */
#include <linux/bitmap.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/time64.h>

#include <vmm/sched.h>

#include "credit_policy.h"

#define CREDIT_PCPUS	8192u
#define CREDIT_PEERS	16
#define CREDIT_SCAN	32
#define CREDIT_BATCH	64
#define CREDIT_GAP_NS	(50 * NSEC_PER_USEC)	/* between two batches */
#define CREDIT_TICKS	3			/* in a period */
#define RATELIMIT_MIN	(100 * NSEC_PER_USEC)

enum {
	CREDIT_P_TSLICE,
	CREDIT_P_RATELIMIT,
	CREDIT_P_MIGR_DELAY,
};

/**
 * struct credit_sched - one instance
 * @pool:     what the queues share
 * @nr_pcpus: one more than the greatest pCPU number; written under the pool's mutex
 * @waiting:  pCPUs where somebody waits that may run
 * @urgent:   ... and is not OVER
 * @crowded:  pCPUs whose entities want more than there is
 */
struct credit_sched {
	struct credit_pool pool;
	unsigned int nr_pcpus;
	DECLARE_BITMAP(waiting, CREDIT_PCPUS);
	DECLARE_BITMAP(urgent, CREDIT_PCPUS);
	DECLARE_BITMAP(crowded, CREDIT_PCPUS);
};

/**
 * struct credit_pcpu - a pCPU
 * @q:       its queue
 * @tick_at: when the next tick is due, ns; 0: none, nobody is here
 * @ticks:   since the last accounting round began
 */
struct credit_pcpu {
	struct credit_queue q;
	u64 tick_at;
	unsigned int ticks;
};

/**
 * struct credit_vcpu - what an entity has here
 * @c: its state under the rules
 * @e: the way back
 */
struct credit_vcpu {
	struct credit_ent c;
	struct vmm_entity *e;
};

static const struct vmm_sched_param credit_params[] = {
	{
		.name = "tslice",
		.help = "longest turn, and length of an accounting period",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_SCHED,
		.min = NSEC_PER_MSEC,
		.max = NSEC_PER_SEC,
		.def = 30 * NSEC_PER_MSEC,
	}, {
		.name = "ratelimit",
		.help = "how long a turn lasts at least, 100us or more; 0: no limit",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_SCHED,
		.min = 0,
		.max = 500 * NSEC_PER_MSEC,
		.def = NSEC_PER_MSEC,
	}, {
		.name = "migr_delay",
		.help = "one that ran so recently stays where its cache is",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_SCHED,
		.min = 0,
		.max = 100 * NSEC_PER_MSEC,
		.def = 0,
	},
};

static struct credit_pcpu *credit_pcpu_of(struct vmm_sched *s, struct vmm_pcpu *p)
{
	return vmm_pcpu_priv(s, p);
}

static struct credit_queue *credit_queue_of(struct vmm_sched *s, struct vmm_pcpu *p)
{
	return &credit_pcpu_of(s, p)->q;
}

static struct credit_ent *credit_ent_of(struct vmm_sched *s, struct vmm_entity *e)
{
	struct credit_vcpu *v = vmm_entity_priv(s, e);

	return &v->c;
}

static struct vmm_entity *credit_entity(struct credit_ent *c)
{
	return container_of(c, struct credit_vcpu, c)->e;
}

static u64 credit_tslice(struct vmm_sched *s)
{
	return vmm_sched_param(s, CREDIT_P_TSLICE);
}

static u64 credit_ratelimit(struct vmm_sched *s)
{
	u64 limit = vmm_sched_param(s, CREDIT_P_RATELIMIT);

	return limit ? clamp_t(u64, limit, RATELIMIT_MIN, credit_tslice(s)) : 0;
}

/* A short slice is one tick. */
static unsigned int credit_ticks(struct vmm_sched *s)
{
	return credit_tslice(s) < CREDIT_TICKS * NSEC_PER_MSEC ? 1 : CREDIT_TICKS;
}

static u64 credit_slice(struct vmm_sched *s, struct vmm_entity *e)
{
	return vmm_entity_quantum(e) ?: credit_tslice(s);
}

static void credit_get_tune(struct vmm_entity *e, struct credit_tune *t)
{
	t->weight = clamp(vmm_entity_weight(e), 1u, 65535u);
	t->cap = vmm_entity_cap(e);
}

/* --- the tick ---------------------------------------------------------------------- */

/* Somebody is here: see to it that the tick goes on. */
static void credit_wind_up(struct vmm_sched *s, struct vmm_pcpu *p, u64 now)
{
	struct credit_pcpu *cp = credit_pcpu_of(s, p);

	if (cp->tick_at)
		return;
	cp->ticks = 0;
	cp->tick_at = now + div_u64(credit_tslice(s), credit_ticks(s));
	vmm_pcpu_set_deadline(p, cp->tick_at);
}

static void credit_set_bit(unsigned long *bits, u32 id, bool on)
{
	if (on == test_bit(id, bits))
		return;
	if (on)
		set_bit(id, bits);
	else
		clear_bit(id, bits);
}

/* Publish whether anybody waits on @p, and how urgently. */
static void credit_show_waiting(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct credit_sched *cs = vmm_sched_priv(s);
	struct credit_queue *q = credit_queue_of(s, p);
	enum credit_pri best = credit_best(q);
	u32 id = vmm_pcpu_id(p);

	credit_set_bit(cs->waiting, id, best <= CREDIT_OVER);
	credit_set_bit(cs->urgent, id, best < CREDIT_OVER);
	credit_set_bit(cs->crowded, id, credit_crowded(q));
}

/* --- taking work from others ---------------------------------------------------------- */

/**
 * struct credit_search - what a pCPU looks for
 * @bits:    where there may be some of it
 * @worst:   lowest priority wanted
 * @balance: only who is better off here, from where more is wanted than there is
 * @now:     ns
 */
struct credit_search {
	const unsigned long *bits;
	enum credit_pri worst;
	bool balance;
	u64 now;
};

static bool credit_wants(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_pcpu *peer,
			 struct credit_ent *c, const struct credit_search *w)
{
	u64 hot = vmm_sched_param(s, CREDIT_P_MIGR_DELAY);

	if (hot && c->left_at && w->now < c->left_at + hot)
		return false;
	if (w->balance && !credit_fits(credit_queue_of(s, p), credit_queue_of(s, peer), c))
		return false;
	return vmm_entity_allowed(credit_entity(c), p);
}

static bool credit_steal_from(struct vmm_sched *s, struct vmm_pcpu *p, u32 id,
			      const struct credit_search *w)
{
	struct vmm_pcpu *peer = vmm_try_peer(p, id);
	struct credit_queue *q;
	struct credit_ent *c = NULL;
	int left = CREDIT_SCAN;
	bool found = false;

	if (!peer)
		return false;
	q = credit_queue_of(s, peer);
	/* One alone is about to run there. */
	if (vmm_pcpu_queued(peer) + !!vmm_pcpu_current(peer) < 2 ||
	    (w->balance && !credit_crowded(q)))
		left = 0;
	while (left-- > 0 && (c = credit_scan(q, c, w->worst))) {
		if (credit_wants(s, p, peer, c, w) &&
		    !vmm_steal(p, peer, credit_entity(c))) {
			found = true;
			break;
		}
	}
	vmm_put_peer(p, peer);
	return found;
}

static unsigned int credit_next(const unsigned long *bits, const unsigned long *near,
				unsigned int end, unsigned int from)
{
	return near ? find_next_and_bit(bits, near, end, from) :
		      find_next_bit(bits, end, from);
}

/*
 * Try the pCPUs of @near that are not in @done, beginning behind @p so that
 * thieves spread out.
 */
static bool credit_steal_near(struct vmm_sched *s, struct vmm_pcpu *p,
			      const unsigned long *near, const unsigned long *done,
			      const struct credit_search *w)
{
	struct credit_sched *cs = vmm_sched_priv(s);
	unsigned int self = vmm_pcpu_id(p), nr = READ_ONCE(cs->nr_pcpus);
	unsigned int from = self + 1, end = nr, left = CREDIT_PEERS, lap, id;

	for (lap = 0; lap < 2; lap++, from = 0, end = min(self, nr)) {
		for (id = credit_next(w->bits, near, end, from); id < end;
		     id = credit_next(w->bits, near, end, id + 1)) {
			if (done && test_bit(id, done))
				continue;
			if (!left--)
				return false;
			if (credit_steal_from(s, p, id, w))
				return true;
		}
	}
	return false;
}

/* The nearest first: same cache, same node, the rest. */
static bool credit_steal(struct vmm_sched *s, struct vmm_pcpu *p,
			 const struct credit_search *w)
{
	const unsigned long *llc = vmm_pcpu_near(p, VMM_NEAR_LLC);
	const unsigned long *node = vmm_pcpu_near(p, VMM_NEAR_NODE);

	return credit_steal_near(s, p, llc, NULL, w) ||
	       credit_steal_near(s, p, node, llc, w) ||
	       credit_steal_near(s, p, NULL, node, w);
}

/* --- ops -------------------------------------------------------------------------------- */

static void credit_op_pcpus_changed(struct vmm_sched *s)
{
	struct credit_sched *cs = vmm_sched_priv(s);

	WRITE_ONCE(cs->pool.nr_pcpus, vmm_sched_online(s));
}

static int credit_op_init(struct vmm_sched *s)
{
	credit_op_pcpus_changed(s);
	return 0;
}

static int credit_op_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct credit_sched *cs = vmm_sched_priv(s);
	u32 id = vmm_pcpu_id(p);

	if (id >= CREDIT_PCPUS)
		return -ERANGE;
	if (id >= cs->nr_pcpus)
		WRITE_ONCE(cs->nr_pcpus, id + 1);
	credit_queue_init(credit_queue_of(s, p), credit_tslice(s));
	return 0;
}

static int credit_op_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	struct credit_vcpu *v = vmm_entity_priv(s, e);
	struct credit_tune t;

	credit_get_tune(e, &t);
	credit_ent_init(&v->c, vmm_group_priv(s, e), &t);
	v->e = e;
	return 0;
}

static enum credit_enter credit_enter_of(enum vmm_enqueue_why why)
{
	switch (why) {
	case VMM_ENQ_SLICE:
	case VMM_ENQ_PREEMPT:
	case VMM_ENQ_SWAP:
		return CREDIT_ENTER_TURN;
	case VMM_ENQ_YIELD:
		return CREDIT_ENTER_YIELD;
	case VMM_ENQ_MIGRATE:
		return CREDIT_ENTER_MOVE;
	case VMM_ENQ_NEW:
	case VMM_ENQ_WAKE:
		break;
	}
	return CREDIT_ENTER_WAKE;
}

static void credit_op_enqueue(struct vmm_sched *s, struct vmm_pcpu *p,
			      struct vmm_entity *e, enum vmm_enqueue_why why, u64 now)
{
	credit_enqueue(credit_queue_of(s, p), credit_ent_of(s, e), credit_enter_of(why), now);
	credit_show_waiting(s, p);
	credit_wind_up(s, p, now);
}

static void credit_op_dequeue(struct vmm_sched *s, struct vmm_pcpu *p,
			      struct vmm_entity *e, u64 now)
{
	credit_dequeue(credit_queue_of(s, p), credit_ent_of(s, e));
	credit_show_waiting(s, p);
}

static u32 credit_op_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now, u64 *slice_ns)
{
	struct credit_sched *cs = vmm_sched_priv(s);
	struct credit_queue *q = credit_queue_of(s, p);
	struct credit_search w = { .bits = cs->waiting, .worst = CREDIT_OVER, .now = now };
	struct credit_ent *c;

	if (credit_best(q) == CREDIT_OVER) {
		w.bits = cs->urgent;
		w.worst = CREDIT_UNDER;
		w.balance = true;
	}
	if (credit_best(q) >= CREDIT_OVER)
		credit_steal(s, p, &w);
	c = credit_pick(q);
	credit_show_waiting(s, p);
	if (!c)
		return VMM_ENTITY_NONE;
	*slice_ns = credit_turn(q, c, credit_slice(s, credit_entity(c)), credit_ratelimit(s));
	return vmm_entity_id(credit_entity(c));
}

static void credit_op_charge(struct vmm_sched *s, struct vmm_pcpu *p,
			     struct vmm_entity *e, u64 ran_ns, u64 now)
{
	credit_charge(credit_queue_of(s, p), credit_ent_of(s, e), ran_ns, now);
}

static void credit_op_put(struct vmm_sched *s, struct vmm_pcpu *p,
			  struct vmm_entity *e, enum vmm_put_why why, u64 now)
{
	bool leaves = why == VMM_PUT_MIGRATE || why == VMM_PUT_SWAP;

	credit_put(credit_queue_of(s, p), credit_ent_of(s, e), leaves, now);
}

static u64 credit_op_wakeup(struct vmm_sched *s, struct vmm_pcpu *p,
			    struct vmm_entity *curr, struct vmm_entity *woken, u64 now)
{
	return credit_wakeup(credit_queue_of(s, p), credit_ent_of(s, woken),
			     min(credit_ratelimit(s), credit_slice(s, curr)));
}

static u64 credit_op_adopt(struct vmm_sched *s, struct vmm_pcpu *p,
			   struct vmm_entity *e, u64 ran_ns, u64 now)
{
	u64 slice = credit_slice(s, e);

	credit_adopt(credit_queue_of(s, p), credit_ent_of(s, e), ran_ns, now);
	credit_wind_up(s, p, now);
	return slice > ran_ns ? slice - ran_ns : 0;
}

static void credit_op_give_history(struct vmm_sched *s, struct vmm_pcpu *p,
				   struct vmm_entity *e, struct vmm_history *h, u64 now)
{
	h->lag_ns = credit_lag(credit_ent_of(s, e), now);
}

static void credit_op_take_history(struct vmm_sched *s, struct vmm_pcpu *p,
				   struct vmm_entity *e, const struct vmm_history *h,
				   u64 now)
{
	credit_take_lag(credit_ent_of(s, e), h->lag_ns, credit_tslice(s), now);
}

static void credit_op_entity_params(struct vmm_sched *s, struct vmm_pcpu *p,
				    struct vmm_entity *e, u64 now)
{
	struct credit_tune t;

	credit_get_tune(e, &t);
	credit_retune(credit_queue_of(s, p), credit_ent_of(s, e), &t);
	credit_show_waiting(s, p);
}

/* The end of a round: is there room for somebody, or must who runs make way? */
static void credit_round_over(struct vmm_sched *s, struct vmm_pcpu *p, u64 now)
{
	struct credit_sched *cs = vmm_sched_priv(s);
	struct credit_queue *q = credit_queue_of(s, p);
	const struct credit_search w = {
		.bits = cs->crowded, .worst = CREDIT_OVER, .balance = true, .now = now,
	};
	struct credit_ent *c = q->curr;

	if (credit_roomy(q))
		credit_steal(s, p, &w);
	/* A pCPU that nobody holds is asked again anyway. */
	if (c && (c->parked || (q->unparked && credit_best(q) < c->pri)))
		vmm_pcpu_resched(p);
}

static void credit_op_deadline(struct vmm_sched *s, struct vmm_pcpu *p, u64 now)
{
	struct credit_sched *cs = vmm_sched_priv(s);
	struct credit_pcpu *cp = credit_pcpu_of(s, p);
	struct credit_queue *q = &cp->q;
	u64 tick = div_u64(credit_tslice(s), credit_ticks(s));
	bool more = !list_empty(&q->todo), round = more;

	if (now >= cp->tick_at) {
		credit_tick(q, now);
		cp->tick_at = max(cp->tick_at + tick, now + 1);
		if (++cp->ticks >= credit_ticks(s)) {
			cp->ticks = 0;
			q->period = credit_tslice(s);
			credit_round_begin(q, &cs->pool, now);
			round = true;
		}
	}
	if (round) {
		more = credit_round_go(q, &cs->pool, now, CREDIT_BATCH);
		credit_show_waiting(s, p);
		if (!more)
			credit_round_over(s, p, now);
	}
	if (!q->curr && !q->nr) {
		cp->tick_at = 0;
		credit_idle(q, &cs->pool);
		return;
	}
	vmm_pcpu_set_deadline(p, more ? min(cp->tick_at, now + CREDIT_GAP_NS) : cp->tick_at);
}

static void credit_op_prefer(struct vmm_sched *s, struct vmm_pcpu *p,
			     struct vmm_entity *e, u64 now)
{
	credit_prefer(credit_queue_of(s, p), credit_ent_of(s, e));
}

/* Over its cap: until it has earned what it had too much of. */
static bool credit_op_held(struct vmm_sched *s, struct vmm_pcpu *p,
			   struct vmm_entity *e, u64 now)
{
	return credit_ent_of(s, e)->parked;
}

static const struct vmm_sched_ops credit_ops = {
	.name		= "credit",
	.owner		= THIS_MODULE,
	.version	= VMM_SCHED_IFACE_VERSION,
	.size		= sizeof(struct vmm_sched_ops),
	.domain		= VMM_DOMAIN_PCPU,
	.sched_size	= sizeof(struct credit_sched),
	.pcpu_size	= sizeof(struct credit_pcpu),
	.group_size	= sizeof(struct credit_vm),
	.entity_size	= sizeof(struct credit_vcpu),
	/* A debt of two periods, of 1 s each at most, is long at a part of 1 % for each vCPU. */
	.hold_max_ns	= VMM_HOLD_MAX_NS,
	.params		= credit_params,
	.nr_params	= ARRAY_SIZE(credit_params),

	.init		= credit_op_init,
	.pcpu_init	= credit_op_pcpu_init,
	.attach		= credit_op_attach,
	.enqueue	= credit_op_enqueue,
	.dequeue	= credit_op_dequeue,
	.pick		= credit_op_pick,
	.charge		= credit_op_charge,
	.put		= credit_op_put,
	.wakeup		= credit_op_wakeup,
	.adopt		= credit_op_adopt,
	.give_history	= credit_op_give_history,
	.take_history	= credit_op_take_history,
	.entity_params	= credit_op_entity_params,
	.prefer		= credit_op_prefer,
	.pcpu_deadline	= credit_op_deadline,
	.pcpus_changed	= credit_op_pcpus_changed,
	.held		= credit_op_held,
};

static int __init credit_init(void)
{
	return vmm_sched_register(&credit_ops);
}
module_init(credit_init);

static void __exit credit_exit(void)
{
	vmm_sched_unregister(&credit_ops);
}
module_exit(credit_exit);

MODULE_DESCRIPTION("Credit scheduler for vCPUs: weights, caps, boost");
MODULE_ALIAS("vmm_sched-credit");
MODULE_LICENSE("GPL");
