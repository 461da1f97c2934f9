// SPDX-License-Identifier: GPL-2.0
/*
 * sched_faulty: a scheduler with one fault, chosen at load, for the conformance
 * suite to find. Without a fault it passes: first come, first served.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/time64.h>
#include <vmm/sched.h>

static char *fault = "none";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "none, or which: see faulty.c");

struct faulty_pcpu {
	struct list_head waiting;
	u32 count;
};

struct faulty_vcpu {
	struct list_head node;
	struct vmm_entity *e;
};

static bool has(const char *name)
{
	return !strcmp(fault, name);
}

static int faulty_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	INIT_LIST_HEAD(&((struct faulty_pcpu *)vmm_pcpu_priv(s, p))->waiting);
	return 0;
}

static int faulty_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	struct faulty_vcpu *v = vmm_entity_priv(s, e);

	INIT_LIST_HEAD(&v->node);
	v->e = e;
	return has("positive") && vmm_entity_id(e) == 3 ? 1 : 0;
}

static void faulty_enqueue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			   enum vmm_enqueue_why why, u64 now)
{
	struct faulty_pcpu *fp = vmm_pcpu_priv(s, p);
	struct faulty_vcpu *v = vmm_entity_priv(s, e);

	if (has("forgets") && why == VMM_ENQ_YIELD && ++fp->count % 8 == 0)
		return;
	if (has("unfair") && vmm_entity_id(e) % 2)
		list_add(&v->node, &fp->waiting);
	else if (has("starves") && why == VMM_ENQ_SLICE)
		list_add(&v->node, &fp->waiting);
	else
		list_add_tail(&v->node, &fp->waiting);
}

static void faulty_dequeue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	list_del_init(&((struct faulty_vcpu *)vmm_entity_priv(s, e))->node);
}

static void faulty_look(struct vmm_sched *s, struct vmm_pcpu *p)
{
	u32 id;

	for (id = 0; id < 8; id++) {
		struct vmm_pcpu *peer = vmm_try_peer(p, id);
		struct faulty_pcpu *fp = peer ? vmm_pcpu_priv(s, peer) : NULL;
		struct faulty_vcpu *v;

		if (!peer)
			continue;
		list_for_each_entry(v, &fp->waiting, node)
			if (!vmm_steal(p, peer, v->e))
				break;
		if (!has("keeps"))
			vmm_put_peer(p, peer);
	}
}

static u32 faulty_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now, u64 *slice_ns)
{
	struct faulty_pcpu *fp = vmm_pcpu_priv(s, p);
	struct faulty_vcpu *v;

	if (has("irqs"))
		local_irq_enable();
	if (list_empty(&fp->waiting))
		faulty_look(s, p);
	v = list_first_entry_or_null(&fp->waiting, struct faulty_vcpu, node);
	if (!v)
		return VMM_ENTITY_NONE;
	list_del_init(&v->node);
	*slice_ns = has("endless") ? VMM_SLICE_INFINITE :
		    has("zero") ? 0 : has("long") ? -1000 : 10 * NSEC_PER_MSEC;
	return vmm_entity_id(v->e);
}

static void faulty_charge(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			  u64 ran_ns, u64 now)
{
}

static void faulty_put(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		       enum vmm_put_why why, u64 now)
{
}

static u64 faulty_adopt(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			u64 ran_ns, u64 now)
{
	return 10 * NSEC_PER_MSEC;
}

/* 0: the long way. */
static u64 faulty_take(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		       enum vmm_enqueue_why why, u64 now)
{
	return has("takes") ? -1000 : 0;
}

static void faulty_give_history(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
				struct vmm_history *h, u64 now)
{
	if (has("lag"))
		h->lag_ns = S64_MIN;
}

static const struct vmm_sched_ops faulty_ops = {
	.name		= "faulty",
	.owner		= THIS_MODULE,
	.version	= VMM_SCHED_IFACE_VERSION,
	.size		= sizeof(struct vmm_sched_ops),
	.domain		= VMM_DOMAIN_PCPU,
	.pcpu_size	= sizeof(struct faulty_pcpu),
	.entity_size	= sizeof(struct faulty_vcpu),
	.pcpu_init	= faulty_pcpu_init,
	.attach		= faulty_attach,
	.enqueue	= faulty_enqueue,
	.dequeue	= faulty_dequeue,
	.pick		= faulty_pick,
	.charge		= faulty_charge,
	.put		= faulty_put,
	.adopt		= faulty_adopt,
	.give_history	= faulty_give_history,
	.take		= faulty_take,
};

module_vmm_sched(faulty_ops);
VMM_SCHED_CLAIM(weights, "ignored");
MODULE_DESCRIPTION("A scheduler with a fault, for the conformance suite");
MODULE_LICENSE("GPL");
