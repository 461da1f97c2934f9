// SPDX-License-Identifier: GPL-2.0
/*
 * sched_rr: round robin for vCPUs, with a quantum per VM.
 *
 * Purpose: the simplest discipline that is fair: everybody in turn.
 *
 * Design: the rules are in rr_policy.c, one struct rr_queue per pCPU and one
 * struct rr_ent per entity. This file ties them to the scheduler interface. A
 * pCPU whose queue is empty takes an entity from another one, so that none is
 * idle while an entity waits that could run there; which pCPUs have somebody
 * waiting is in one bitmap, so that looking for work touches only those. There
 * is no wakeup(): who wakes up waits for its turn.
 *
 * Locking: the interface calls queue operations with the lock of the pCPU's
 * dispatch domain (here: the pCPU) held, and locks the peer for stealing. The
 * bitmap is written with atomic bit operations by whoever holds the lock of the
 * pCPU of that bit, and read without; a stale bit costs one look into an empty
 * queue or one missed chance, which the next pick makes good.
 *
 * Limits: no weights, and no history is handed over: a queue remembers nothing
 * that would mean something to another discipline. A thief looks at RR_SCAN
 * entities per queue that it visits, so it may overlook one that could move
 * behind so many that are pinned; the order rotates. pCPU numbers end at
 * RR_PCPUS.
 */

#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/time64.h>

#include <vmm/sched.h>

#include "rr_policy.h"

#define RR_PCPUS	8192u
#define RR_SCAN		128

/* Parameters of the scheduler. */
enum {
	RR_P_QUANTUM,
};

static const struct vmm_sched_param rr_params[] = {
	{
		.name = "quantum",
		.help = "length of a turn of a VM that has no quantum of its own",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_SCHED,
		.min = 100 * NSEC_PER_USEC,
		.max = NSEC_PER_SEC,
		.def = 10 * NSEC_PER_MSEC,
	},
};

/**
 * struct rr_sched - one instance
 * @nr_pcpus: one more than the greatest pCPU number so far; written under the
 *            pool's mutex, never falls
 * @waiting:  pCPUs with a non-empty queue; see Locking
 */
struct rr_sched {
	unsigned int nr_pcpus;
	DECLARE_BITMAP(waiting, RR_PCPUS);
};

/**
 * struct rr_vcpu - what an entity has here
 * @r: its state under the rules
 * @e: the way back
 */
struct rr_vcpu {
	struct rr_ent r;
	struct vmm_entity *e;
};

static struct rr_queue *rr_queue_of(struct vmm_sched *s, struct vmm_pcpu *p)
{
	return vmm_pcpu_priv(s, p);
}

static struct rr_ent *rr_ent_of(struct vmm_sched *s, struct vmm_entity *e)
{
	struct rr_vcpu *v = vmm_entity_priv(s, e);

	return &v->r;
}

static struct vmm_entity *rr_entity(struct rr_ent *r)
{
	return container_of(r, struct rr_vcpu, r)->e;
}

static u64 rr_quantum(struct vmm_sched *s, struct vmm_entity *e)
{
	return vmm_entity_quantum(e) ?: vmm_sched_param(s, RR_P_QUANTUM);
}

/* Publish whether anybody waits on @p. */
static void rr_show_waiting(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct rr_sched *rs = vmm_sched_priv(s);
	bool waiting = rr_queue_of(s, p)->nr > 0;
	u32 id = vmm_pcpu_id(p);

	if (waiting == test_bit(id, rs->waiting))
		return;
	if (waiting)
		set_bit(id, rs->waiting);
	else
		clear_bit(id, rs->waiting);
}

static int rr_op_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct rr_sched *rs = vmm_sched_priv(s);
	u32 id = vmm_pcpu_id(p);

	if (id >= RR_PCPUS)
		return -ERANGE;
	if (id >= rs->nr_pcpus)
		WRITE_ONCE(rs->nr_pcpus, id + 1);
	rr_queue_init(rr_queue_of(s, p));
	return 0;
}

static void rr_op_pcpu_exit(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct rr_sched *rs = vmm_sched_priv(s);

	clear_bit(vmm_pcpu_id(p), rs->waiting);
}

static int rr_op_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	struct rr_vcpu *v = vmm_entity_priv(s, e);

	rr_ent_init(&v->r, rr_quantum(s, e));
	v->e = e;
	return 0;
}

static void rr_join(struct vmm_sched *s, struct rr_queue *q, struct vmm_entity *e,
		    enum vmm_enqueue_why why)
{
	rr_enqueue(q, rr_ent_of(s, e), why == VMM_ENQ_PREEMPT ? RR_ENTER_BACK : RR_ENTER_TAIL,
		   rr_quantum(s, e));
}

static void rr_op_enqueue(struct vmm_sched *s, struct vmm_pcpu *p,
			  struct vmm_entity *e, enum vmm_enqueue_why why,
			  u64 now)
{
	rr_join(s, rr_queue_of(s, p), e, why);
	rr_show_waiting(s, p);
}

/* In and out again: no thief ever sees it. */
static u64 rr_op_take(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		      enum vmm_enqueue_why why, u64 now)
{
	struct rr_queue *q = rr_queue_of(s, p);
	u64 slice = 0;

	if (!q->nr) {
		rr_join(s, q, e, why);
		rr_pick(q, &slice);
	}
	return slice;
}

static void rr_op_dequeue(struct vmm_sched *s, struct vmm_pcpu *p,
			  struct vmm_entity *e, u64 now)
{
	rr_dequeue(rr_queue_of(s, p), rr_ent_of(s, e));
	rr_show_waiting(s, p);
}

/* Take from @id whoever has the next turn there among those allowed here. */
static bool rr_steal_from(struct vmm_sched *s, struct vmm_pcpu *p, u32 id)
{
	struct vmm_pcpu *peer = vmm_try_peer(p, id);
	struct rr_ent *r = NULL;
	bool found = false;
	int left = RR_SCAN;

	if (!peer)
		return false;
	while (left-- && (r = rr_scan(rr_queue_of(s, peer), r))) {
		if (!vmm_entity_allowed(rr_entity(r), p))
			continue;
		/* Refused: @r is still there, go on behind it. */
		if (!vmm_steal(p, peer, rr_entity(r))) {
			found = true;
			break;
		}
	}
	vmm_put_peer(p, peer);
	return found;
}

static bool rr_steal(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct rr_sched *rs = vmm_sched_priv(s);
	unsigned int nr = READ_ONCE(rs->nr_pcpus);
	unsigned int self = vmm_pcpu_id(p);
	unsigned int id;

	/* Begin with the next number, so that thieves spread out. */
	id = self;
	for_each_set_bit_from(id, rs->waiting, nr)
		if (id != self && rr_steal_from(s, p, id))
			return true;
	for_each_set_bit(id, rs->waiting, min(self, nr))
		if (rr_steal_from(s, p, id))
			return true;
	return false;
}

static u32 rr_op_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now,
		      u64 *slice_ns)
{
	struct rr_queue *q = rr_queue_of(s, p);
	struct rr_ent *r;

	if (!q->nr && !rr_steal(s, p))
		return VMM_ENTITY_NONE;

	r = rr_pick(q, slice_ns);
	rr_show_waiting(s, p);
	return r ? vmm_entity_id(rr_entity(r)) : VMM_ENTITY_NONE;
}

static void rr_op_charge(struct vmm_sched *s, struct vmm_pcpu *p,
			 struct vmm_entity *e, u64 ran_ns, u64 now)
{
	rr_charge(rr_ent_of(s, e), ran_ns);
}

/* Why it stops matters only to the enqueue() that may follow. */
static void rr_op_put(struct vmm_sched *s, struct vmm_pcpu *p,
		      struct vmm_entity *e, enum vmm_put_why why, u64 now)
{
}

static u64 rr_op_adopt(struct vmm_sched *s, struct vmm_pcpu *p,
		       struct vmm_entity *e, u64 ran_ns, u64 now)
{
	return rr_adopt(rr_ent_of(s, e), ran_ns);
}

static void rr_op_entity_params(struct vmm_sched *s, struct vmm_pcpu *p,
				struct vmm_entity *e, u64 now)
{
	rr_retune(rr_ent_of(s, e), rr_quantum(s, e));
}

static void rr_op_prefer(struct vmm_sched *s, struct vmm_pcpu *p,
			 struct vmm_entity *e, u64 now)
{
	rr_prefer(rr_queue_of(s, p), rr_ent_of(s, e));
}

static const struct vmm_sched_ops rr_ops = {
	.name		= "rr",
	.owner		= THIS_MODULE,
	.version	= VMM_SCHED_IFACE_VERSION,
	.size		= sizeof(struct vmm_sched_ops),
	.domain		= VMM_DOMAIN_PCPU,
	.sched_size	= sizeof(struct rr_sched),
	.pcpu_size	= sizeof(struct rr_queue),
	.entity_size	= sizeof(struct rr_vcpu),
	.params		= rr_params,
	.nr_params	= ARRAY_SIZE(rr_params),

	.pcpu_init	= rr_op_pcpu_init,
	.pcpu_exit	= rr_op_pcpu_exit,
	.attach		= rr_op_attach,
	.enqueue	= rr_op_enqueue,
	.dequeue	= rr_op_dequeue,
	.pick		= rr_op_pick,
	.charge		= rr_op_charge,
	.put		= rr_op_put,
	.adopt		= rr_op_adopt,
	.entity_params	= rr_op_entity_params,
	.prefer		= rr_op_prefer,
	.take		= rr_op_take,
};

static int __init rr_init(void)
{
	return vmm_sched_register(&rr_ops);
}
module_init(rr_init);

static void __exit rr_exit(void)
{
	vmm_sched_unregister(&rr_ops);
}
module_exit(rr_exit);

VMM_SCHED_CLAIM(weights, "ignored");
MODULE_DESCRIPTION("Round robin scheduler for vCPUs");
MODULE_ALIAS("vmm_sched-rr");
MODULE_LICENSE("GPL");
