// SPDX-License-Identifier: GPL-2.0
/*
 * The built-in default scheduler: plain FIFO.
 *
 * It takes over when nothing else is loaded and when another scheduler has to
 * be thrown out, so it may not fail: it allocates nothing and keeps no state
 * beyond the list of queued entities that the interface keeps for each pCPU
 * anyway, oldest first. A pCPU with an empty list looks for work at its peers.
 *
 * Locking: none of its own; all ops run under the domain lock.
 * Limits: it knows neither weights nor time-critical entities.
 */
#include <linux/bitmap.h>
#include "internal.h"

#define DEFAULT_SLICE_NS (10 * NSEC_PER_MSEC)
#define DEFAULT_PEERS	16	/* looked at for work */

static u64 default_slice(const struct vmm_entity *e)
{
	return vmm_entity_quantum(e) ?: DEFAULT_SLICE_NS;
}

static void default_enqueue(struct vmm_sched *s, struct vmm_pcpu *p,
			    struct vmm_entity *e, enum vmm_enqueue_why why, u64 now)
{
}

static void default_dequeue(struct vmm_sched *s, struct vmm_pcpu *p,
			    struct vmm_entity *e, u64 now)
{
}

static void default_charge(struct vmm_sched *s, struct vmm_pcpu *p,
			   struct vmm_entity *e, u64 ran_ns, u64 now)
{
}

static void default_put(struct vmm_sched *s, struct vmm_pcpu *p,
			struct vmm_entity *e, enum vmm_put_why why, u64 now)
{
}

/* The oldest entity that waits elsewhere and may run here. */
static void default_pull(struct vmm_pcpu *p)
{
	struct vmm_pool *pool = p->pool;
	unsigned int n, left = DEFAULT_PEERS;

	/* Begin with the next number, so that thieves spread out. */
	for_each_set_bit_wrap(n, pool->waiting, pool->nr_pcpus, p->id) {
		struct vmm_pcpu *peer;
		struct vmm_entity *e;
		bool found = false;

		if (!left--)
			return;
		peer = vmm_try_peer(p, n);
		if (!peer)
			continue;
		list_for_each_entry(e, &peer->queued, queued_node) {
			if (vmm_entity_allowed(e, p)) {
				found = !vmm_steal(p, peer, e);
				break;
			}
		}
		vmm_put_peer(p, peer);
		if (found)
			return;
	}
}

static u32 default_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now,
			u64 *slice_ns)
{
	struct vmm_entity *e;

	if (list_empty(&p->queued))
		default_pull(p);
	e = list_first_entry_or_null(&p->queued, struct vmm_entity, queued_node);
	if (!e)
		return VMM_ENTITY_NONE;
	*slice_ns = default_slice(e);
	return e->id;
}

static u64 default_take(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			enum vmm_enqueue_why why, u64 now)
{
	return default_slice(e);
}

static u64 default_adopt(struct vmm_sched *s, struct vmm_pcpu *p,
			 struct vmm_entity *e, u64 ran_ns, u64 now)
{
	u64 slice = default_slice(e);

	return slice > ran_ns ? slice - ran_ns : 0;
}

static void default_prefer(struct vmm_sched *s, struct vmm_pcpu *p,
			   struct vmm_entity *e, u64 now)
{
	list_move(&e->queued_node, &p->queued);
}

const struct vmm_sched_ops vmm_default_ops = {
	.name		= "default",
	.owner		= THIS_MODULE,
	.version	= VMM_SCHED_IFACE_VERSION,
	.size		= sizeof(struct vmm_sched_ops),
	.domain		= VMM_DOMAIN_PCPU,
	.enqueue	= default_enqueue,
	.dequeue	= default_dequeue,
	.pick		= default_pick,
	.charge		= default_charge,
	.put		= default_put,
	.adopt		= default_adopt,
	.prefer		= default_prefer,
	.take		= default_take,
};
