// SPDX-License-Identifier: GPL-2.0
/*
 * sched_bvt: Borrowed Virtual Time for vCPUs.
 *
 * Purpose: proportional shares by weight with low latency for those who need
 * it. An interactive VM borrows virtual time against its own future (warp): it
 * runs sooner, not more.
 *
 * Design: the rules are in bvt_policy.c, one struct bvt_queue per pCPU and one
 * struct bvt_ent per entity. This file ties them to the scheduler interface:
 * it translates reasons, reads parameters, and lets a pCPU with an empty queue
 * take an entity from another one, so that none is idle while an entity waits
 * that could run there. Which pCPUs have somebody waiting is in one bitmap:
 * looking for work touches only queues that have some.
 *
 * Locking: the interface calls queue operations with the lock of the pCPU's
 * dispatch domain (here: the pCPU) held, and locks the peer for stealing. The
 * bitmap is written with atomic bit operations by whoever holds the lock of the
 * pCPU of that bit, and read without; a stale bit costs one look into an empty
 * queue or one missed chance, which the next pick makes good. Parameters are
 * copied into the entity in attach() and entity_params().
 *
 * Limits: a thief looks at BVT_SCAN entities per queue that it visits, so it
 * may overlook one that could move behind so many that are pinned; they come
 * first sooner or later. With weights 1 : 65535 the lighter one waits for about
 * 65535 x C; that is what these weights ask for. pCPU numbers end at BVT_PCPUS.
 */

#include <linux/bitmap.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/time64.h>

#include <vmm/sched.h>

#include "bvt_policy.h"

#define BVT_PCPUS	8192u
#define BVT_SCAN	128
#define BVT_LEVEL_EVERY	4	/* picks between two looks at another pCPU */
#define BVT_LEVEL_SCAN	16	/* entities looked at for one to push there */

/* Parameters of the scheduler. */
enum {
	BVT_P_CTX_ALLOW,
	BVT_P_WAKE_AT_ONCE,
};

/* Parameters of a VM. */
enum {
	BVT_G_WARP,
	BVT_G_WARP_LIMIT,
	BVT_G_UNWARP,
};

/**
 * struct bvt_sched - one instance
 * @last_seq: the number given to the newest queue; under the pool's mutex
 * @nr_pcpus: one more than the greatest pCPU number so far; written under the
 *            pool's mutex, never falls
 * @front:    a virtual time that is about the furthest of all queues, whole units;
 *            written by whoever is further, a race loses a little of it
 * @waiting:  pCPUs with a non-empty queue; see Locking
 */
struct bvt_sched {
	u64 last_seq;
	unsigned int nr_pcpus;
	s64 front;
	DECLARE_BITMAP(waiting, BVT_PCPUS);
};

/**
 * struct bvt_pcpu - a pCPU
 * @q:     its queue
 * @picks: so far
 * @peer:  the pCPU that was looked at last
 */
struct bvt_pcpu {
	struct bvt_queue q;
	unsigned int picks;
	u32 peer;
};

static const struct vmm_sched_param bvt_params[] = {
	{
		.name = "ctx_allow",
		.help = "how far one may run ahead before a switch",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_SCHED,
		.min = 50 * NSEC_PER_USEC,
		.max = 100 * NSEC_PER_MSEC,
		.def = 5 * NSEC_PER_MSEC,
	}, {
		.name = "wake_at_once",
		.help = "one that wakes with an equal claim need not wait for ctx_allow",
		.unit = VMM_UNIT_BOOL,
		.scope = VMM_SCOPE_SCHED,
		.min = 0,
		.max = 1,
		.def = 1,
	}, {
		.name = "warp",
		.help = "virtual time it may borrow, ns of service at weight 256; 0: none",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_GROUP,
		.min = 0,
		.max = 10 * NSEC_PER_SEC,
		.def = 0,
	}, {
		.name = "warp_limit",
		.help = "longest run time of a vCPU in one warp; 0: no limit",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_GROUP,
		.min = 0,
		.max = 10 * NSEC_PER_SEC,
		.def = 2 * NSEC_PER_SEC,
	}, {
		.name = "unwarp",
		.help = "how long a vCPU then does without warp",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_GROUP,
		.min = NSEC_PER_MSEC,
		.max = 60 * NSEC_PER_SEC,
		.def = NSEC_PER_SEC,
	},
};

/**
 * struct bvt_vcpu - what an entity has here
 * @b: its state under the rules
 * @e: the way back
 */
struct bvt_vcpu {
	struct bvt_ent b;
	struct vmm_entity *e;
};

static struct bvt_queue *bvt_queue_of(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bvt_pcpu *bp = vmm_pcpu_priv(s, p);

	return &bp->q;
}

static struct bvt_ent *bvt_ent_of(struct vmm_sched *s, struct vmm_entity *e)
{
	struct bvt_vcpu *v = vmm_entity_priv(s, e);

	return &v->b;
}

static struct vmm_entity *bvt_entity(struct bvt_ent *b)
{
	return container_of(b, struct bvt_vcpu, b)->e;
}

static u64 bvt_allow(struct vmm_sched *s)
{
	return vmm_sched_param(s, BVT_P_CTX_ALLOW);
}

static void bvt_get_tune(struct vmm_sched *s, struct vmm_entity *e,
			 struct bvt_tune *t)
{
	t->weight = clamp(vmm_entity_weight(e), 1u, BVT_WEIGHT_MAX);
	t->warp = vmm_entity_param(s, e, BVT_G_WARP);
	t->warp_limit = vmm_entity_param(s, e, BVT_G_WARP_LIMIT);
	t->unwarp = vmm_entity_param(s, e, BVT_G_UNWARP);
}

/* Publish whether anybody waits on @p. */
static void bvt_show_waiting(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bvt_sched *bs = vmm_sched_priv(s);
	bool waiting = bvt_queue_of(s, p)->nr > 0;
	u32 id = vmm_pcpu_id(p);

	if (waiting == test_bit(id, bs->waiting))
		return;
	if (waiting)
		set_bit(id, bs->waiting);
	else
		clear_bit(id, bs->waiting);
}

static int bvt_op_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bvt_sched *bs = vmm_sched_priv(s);
	u32 id = vmm_pcpu_id(p);

	if (id >= BVT_PCPUS)
		return -ERANGE;
	if (id >= bs->nr_pcpus)
		WRITE_ONCE(bs->nr_pcpus, id + 1);
	bvt_queue_init(bvt_queue_of(s, p), ++bs->last_seq);
	return 0;
}

static void bvt_op_pcpu_exit(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bvt_sched *bs = vmm_sched_priv(s);

	clear_bit(vmm_pcpu_id(p), bs->waiting);
}

static int bvt_op_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	struct bvt_vcpu *v = vmm_entity_priv(s, e);
	struct bvt_tune t;

	bvt_get_tune(s, e, &t);
	bvt_ent_init(&v->b, &t);
	v->e = e;
	return 0;
}

static enum bvt_enter bvt_enter_of(enum vmm_enqueue_why why)
{
	switch (why) {
	case VMM_ENQ_SLICE:
	case VMM_ENQ_PREEMPT:
	case VMM_ENQ_SWAP:
		return BVT_ENTER_KEEP;
	case VMM_ENQ_YIELD:
		return BVT_ENTER_YIELD;
	case VMM_ENQ_MIGRATE:
		return BVT_ENTER_MOVE;
	case VMM_ENQ_NEW:
	case VMM_ENQ_WAKE:
		break;
	}
	return BVT_ENTER_WAKE;
}

static enum bvt_leave bvt_leave_of(enum vmm_put_why why)
{
	switch (why) {
	case VMM_PUT_SLICE:
	case VMM_PUT_PREEMPT:
	case VMM_PUT_YIELD:
	case VMM_PUT_MIGRATE:
		return BVT_LEAVE_TURN;
	case VMM_PUT_NOSHOW:
	case VMM_PUT_LOST:
		return BVT_LEAVE_ABSENT;
	case VMM_PUT_BLOCK:
	case VMM_PUT_LEAVE:
	case VMM_PUT_SWAP:
		break;
	}
	return BVT_LEAVE_SLEEP;
}

static void bvt_op_enqueue(struct vmm_sched *s, struct vmm_pcpu *p,
			   struct vmm_entity *e, enum vmm_enqueue_why why,
			   u64 now)
{
	struct bvt_sched *bs = vmm_sched_priv(s);
	struct bvt_queue *q = bvt_queue_of(s, p);
	struct bvt_ent *b = bvt_ent_of(s, e);

	/* What a swap hands over is measured already, against the time as it is. */
	if (why != VMM_ENQ_SWAP)
		bvt_catch_up(q, READ_ONCE(bs->front));
	b->level = why == VMM_ENQ_MIGRATE;
	bvt_enqueue(q, b, bvt_enter_of(why), now);
	bvt_show_waiting(s, p);
}

static void bvt_op_dequeue(struct vmm_sched *s, struct vmm_pcpu *p,
			   struct vmm_entity *e, u64 now)
{
	bvt_dequeue(bvt_queue_of(s, p), bvt_ent_of(s, e), now);
	bvt_show_waiting(s, p);
}

/* Take somebody from @id: whoever has the best claim among those allowed here. */
static bool bvt_steal_from(struct vmm_sched *s, struct vmm_pcpu *p, u32 id)
{
	struct vmm_pcpu *peer = vmm_try_peer(p, id);
	struct bvt_ent *b = NULL;
	bool found = false;
	int left = BVT_SCAN;

	if (!peer)
		return false;
	while (left-- && (b = bvt_scan(bvt_queue_of(s, peer), b))) {
		if (!vmm_entity_allowed(bvt_entity(b), p))
			continue;
		/* Refused: @b is still there, go on behind it. */
		if (!vmm_steal(p, peer, bvt_entity(b))) {
			found = true;
			break;
		}
	}
	vmm_put_peer(p, peer);
	return found;
}

static bool bvt_steal(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bvt_sched *bs = vmm_sched_priv(s);
	unsigned int nr = READ_ONCE(bs->nr_pcpus);
	unsigned int self = vmm_pcpu_id(p);
	unsigned int id;

	/* Begin with the next number, so that thieves spread out. */
	id = self;
	for_each_set_bit_from(id, bs->waiting, nr)
		if (id != self && bvt_steal_from(s, p, id))
			return true;
	for_each_set_bit(id, bs->waiting, min(self, nr))
		if (bvt_steal_from(s, p, id))
			return true;
	return false;
}

/*
 * Whom to push from @q to @o, on @peer: it must not leave the weights further apart
 * than they are. NULL: nobody.
 */
static struct bvt_ent *bvt_to_push(struct bvt_queue *q, struct bvt_queue *o,
				   struct vmm_pcpu *peer)
{
	s64 diff = q->load - o->load, left = diff + 1;
	struct bvt_ent *b = NULL, *best = NULL;
	int n = BVT_LEVEL_SCAN;

	while (n-- && (b = bvt_scan(q, b))) {
		s64 then = abs(diff - 2 * (s64)b->tune.weight);

		if (then >= left || !vmm_entity_allowed(bvt_entity(b), peer))
			continue;
		best = b;
		left = then;
	}
	return best;
}

/*
 * Shares are of the machine, but each queue knows its own entities only: where more
 * weight is, virtual time goes more slowly. So a queue that is behind another one gives it an
 * entity now and then, which brings its virtual time along, and is served there
 * before the others until it is level with them.
 */
static void bvt_level(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bvt_sched *bs = vmm_sched_priv(s);
	struct bvt_pcpu *bp = vmm_pcpu_priv(s, p);
	struct bvt_queue *q = &bp->q, *o;
	struct vmm_pcpu *peer;
	struct bvt_ent *b;
	s64 gap;

	if (q->svt.v > READ_ONCE(bs->front))
		WRITE_ONCE(bs->front, q->svt.v);
	if (q->nr < 2 || ++bp->picks % BVT_LEVEL_EVERY)
		return;
	bp->peer = bp->peer + 1 < READ_ONCE(bs->nr_pcpus) ? bp->peer + 1 : 0;
	peer = vmm_try_peer(p, bp->peer);
	if (!peer)
		return;
	o = bvt_queue_of(s, peer);
	if (o->load && o->load < q->load) {
		vmm_pcpu_charge(peer);
		gap = bvt_vtime(o) - bvt_vtime(q);
		/* A quarter of the allowance, at the usual weight. */
		b = gap > (s64)bvt_allow(s) / (4 * BVT_WEIGHT_DEF) ? bvt_to_push(q, o, peer) : NULL;
		if (b && !vmm_steal(peer, p, bvt_entity(b)))
			vmm_pcpu_resched(peer);
	}
	vmm_put_peer(p, peer);
}

static u32 bvt_op_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now,
		       u64 *slice_ns)
{
	struct bvt_queue *q = bvt_queue_of(s, p);
	struct bvt_ent *b;

	if (!q->nr && !bvt_steal(s, p))
		return VMM_ENTITY_NONE;

	bvt_level(s, p);
	b = bvt_pick(q, bvt_allow(s), now, slice_ns);
	bvt_show_waiting(s, p);
	return b ? vmm_entity_id(bvt_entity(b)) : VMM_ENTITY_NONE;
}

static void bvt_op_charge(struct vmm_sched *s, struct vmm_pcpu *p,
			  struct vmm_entity *e, u64 ran_ns, u64 now)
{
	bvt_charge(bvt_queue_of(s, p), bvt_ent_of(s, e), ran_ns, now);
}

static void bvt_op_put(struct vmm_sched *s, struct vmm_pcpu *p,
		       struct vmm_entity *e, enum vmm_put_why why, u64 now)
{
	bvt_put(bvt_queue_of(s, p), bvt_ent_of(s, e), bvt_leave_of(why), now);
}

static u64 bvt_op_wakeup(struct vmm_sched *s, struct vmm_pcpu *p,
			 struct vmm_entity *curr, struct vmm_entity *woken,
			 u64 now)
{
	return bvt_wakeup(bvt_queue_of(s, p), bvt_ent_of(s, woken),
			  bvt_allow(s), vmm_sched_param(s, BVT_P_WAKE_AT_ONCE),
			  now);
}

static u64 bvt_op_adopt(struct vmm_sched *s, struct vmm_pcpu *p,
			struct vmm_entity *e, u64 ran_ns, u64 now)
{
	return bvt_adopt(bvt_queue_of(s, p), bvt_ent_of(s, e), bvt_allow(s),
			 ran_ns, now);
}

static void bvt_op_give_history(struct vmm_sched *s, struct vmm_pcpu *p,
				struct vmm_entity *e, struct vmm_history *h,
				u64 now)
{
	h->lag_ns = bvt_lag(bvt_queue_of(s, p), bvt_ent_of(s, e));
}

static void bvt_op_take_history(struct vmm_sched *s, struct vmm_pcpu *p,
				struct vmm_entity *e,
				const struct vmm_history *h, u64 now)
{
	bvt_take_lag(bvt_queue_of(s, p), bvt_ent_of(s, e), h->lag_ns);
}

static void bvt_op_entity_params(struct vmm_sched *s, struct vmm_pcpu *p,
				 struct vmm_entity *e, u64 now)
{
	struct bvt_tune t;

	bvt_get_tune(s, e, &t);
	bvt_retune(p ? bvt_queue_of(s, p) : NULL, bvt_ent_of(s, e), &t);
}

static void bvt_op_prefer(struct vmm_sched *s, struct vmm_pcpu *p,
			  struct vmm_entity *e, u64 now)
{
	bvt_prefer(bvt_queue_of(s, p), bvt_ent_of(s, e), bvt_allow(s));
}

static const struct vmm_sched_ops bvt_ops = {
	.name		= "bvt",
	.owner		= THIS_MODULE,
	.version	= VMM_SCHED_IFACE_VERSION,
	.size		= sizeof(struct vmm_sched_ops),
	.domain		= VMM_DOMAIN_PCPU,
	.sched_size	= sizeof(struct bvt_sched),
	.pcpu_size	= sizeof(struct bvt_pcpu),
	.levels		= true,
	.entity_size	= sizeof(struct bvt_vcpu),
	/* Who is up to ctx_allow ahead waits for the others to catch up, also when that is less now. */
	.patience_ns	= 10ULL * NSEC_PER_SEC,
	.params		= bvt_params,
	.nr_params	= ARRAY_SIZE(bvt_params),

	.pcpu_init	= bvt_op_pcpu_init,
	.pcpu_exit	= bvt_op_pcpu_exit,
	.attach		= bvt_op_attach,
	.enqueue	= bvt_op_enqueue,
	.dequeue	= bvt_op_dequeue,
	.pick		= bvt_op_pick,
	.charge		= bvt_op_charge,
	.put		= bvt_op_put,
	.wakeup		= bvt_op_wakeup,
	.adopt		= bvt_op_adopt,
	.give_history	= bvt_op_give_history,
	.take_history	= bvt_op_take_history,
	.entity_params	= bvt_op_entity_params,
	.prefer		= bvt_op_prefer,
};

static int __init bvt_init(void)
{
	/* The two headers agree without including each other. */
	BUILD_BUG_ON(BVT_NO_END != VMM_SLICE_INFINITE);
	return vmm_sched_register(&bvt_ops);
}
module_init(bvt_init);

static void __exit bvt_exit(void)
{
	vmm_sched_unregister(&bvt_ops);
}
module_exit(bvt_exit);

MODULE_DESCRIPTION("Borrowed Virtual Time scheduler for vCPUs");
MODULE_ALIAS("vmm_sched-bvt");
MODULE_LICENSE("GPL");
