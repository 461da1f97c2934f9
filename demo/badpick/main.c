// SPDX-License-Identifier: GPL-2.0
/*
 * sched_badpick: a scheduler that goes wrong, for the demo.
 *
 * First come, first served, until it has decided a hundred times on one pCPU.
 * Then it answers with the vCPU that it chose the time before, which is not queued
 * there any more: what a scheduler does that forgets to take someone off its list. The
 * interface believes no such answer and throws it out.
 *
 * Locking: everything belongs to one pCPU, whose domain lock the interface holds.
 */
#include <linux/list.h>
#include <vmm/sched.h>

#define GOOD_PICKS	100

struct bad_pcpu {
	struct list_head queue;
	u32 picks;
	u32 last;
};

struct bad_entity {
	struct list_head node;
	u32 id;
};

static int bad_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bad_pcpu *b = vmm_pcpu_priv(s, p);

	INIT_LIST_HEAD(&b->queue);
	return 0;
}

static void bad_enqueue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			enum vmm_enqueue_why why, u64 now)
{
	struct bad_pcpu *b = vmm_pcpu_priv(s, p);
	struct bad_entity *be = vmm_entity_priv(s, e);

	be->id = vmm_entity_id(e);
	list_add_tail(&be->node, &b->queue);
}

static void bad_dequeue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	struct bad_entity *be = vmm_entity_priv(s, e);

	list_del(&be->node);
}

static u32 bad_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now, u64 *slice_ns)
{
	struct bad_pcpu *b = vmm_pcpu_priv(s, p);
	struct bad_entity *be = list_first_entry_or_null(&b->queue, struct bad_entity, node);

	if (!be)
		return VMM_ENTITY_NONE;
	if (++b->picks > GOOD_PICKS && b->last && b->last != be->id)
		return b->last;
	list_del(&be->node);
	b->last = be->id;
	*slice_ns = 2 * NSEC_PER_MSEC;
	return be->id;
}

static void bad_charge(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 ran_ns,
		       u64 now)
{
}

static void bad_put(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		    enum vmm_put_why why, u64 now)
{
}

static u64 bad_adopt(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 ran_ns,
		     u64 now)
{
	return 2 * NSEC_PER_MSEC;
}

static const struct vmm_sched_ops bad_ops = {
	.name = "badpick",
	.owner = THIS_MODULE,
	.version = VMM_SCHED_IFACE_VERSION,
	.size = sizeof(struct vmm_sched_ops),
	.domain = VMM_DOMAIN_PCPU,
	.pcpu_size = sizeof(struct bad_pcpu),
	.entity_size = sizeof(struct bad_entity),
	.pcpu_init = bad_pcpu_init,
	.enqueue = bad_enqueue,
	.dequeue = bad_dequeue,
	.pick = bad_pick,
	.charge = bad_charge,
	.put = bad_put,
	.adopt = bad_adopt,
};

static int __init bad_load(void)
{
	return vmm_sched_register(&bad_ops);
}
module_init(bad_load);

static void __exit bad_unload(void)
{
	vmm_sched_unregister(&bad_ops);
}
module_exit(bad_unload);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("vmm: a scheduler that breaks its contract, for the demo");
