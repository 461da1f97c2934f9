// SPDX-License-Identifier: GPL-2.0
/*
 * sched_skel: a scheduler for vCPUs.
 *
 * Purpose: first come, first served, for a quantum each. This is what the file
 * began as; say here what yours is for.
 *
 * Design: a list of those who wait for each pCPU. A pCPU with nobody waiting takes
 * from the others. "Yours to decide" marks the places where disciplines differ.
 *
 * Locking: none of its own. The interface holds the lock of the pCPU (see .domain)
 * around every op marked [D] in <vmm/sched.h>, and that of the peer between
 * vmm_try_peer() and vmm_put_peer().
 *
 * Limits: no weights, no preemption at a wake-up, no history handed over.
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/time64.h>

#include <vmm/sched.h>

/* Index of each parameter among those of its scope. */
enum {
	SKEL_P_QUANTUM,
};

/* Yours to decide: what the operator may tune, and within which range. */
static const struct vmm_sched_param skel_params[] = {
	{
		.name = "quantum",
		.help = "how long a vCPU may run while others wait",
		.unit = VMM_UNIT_NS,
		.scope = VMM_SCOPE_SCHED,
		.min = 100 * NSEC_PER_USEC,
		.max = NSEC_PER_SEC,
		.def = 10 * NSEC_PER_MSEC,
	},
};

/**
 * struct skel_sched - one instance
 * @nr_pcpus: one more than the greatest pCPU number so far
 */
struct skel_sched {
	u32 nr_pcpus;
};

/**
 * struct skel_pcpu - what a pCPU has here
 * @waiting: those queued on it, in the order in which they are to run
 */
struct skel_pcpu {
	struct list_head waiting;
};

/**
 * struct skel_vcpu - what an entity has here
 * @node: in the list of its pCPU, while it waits
 * @e:    the way back
 */
struct skel_vcpu {
	struct list_head node;
	struct vmm_entity *e;
};

static struct skel_pcpu *skel_pcpu_of(struct vmm_sched *s, struct vmm_pcpu *p)
{
	return vmm_pcpu_priv(s, p);
}

static struct skel_vcpu *skel_vcpu_of(struct vmm_sched *s, struct vmm_entity *e)
{
	return vmm_entity_priv(s, e);
}

/* The VM's own quantum, or else the scheduler's. Read anew each time: both may change. */
static u64 skel_quantum(struct vmm_sched *s, struct vmm_entity *e)
{
	return vmm_entity_quantum(e) ?: vmm_sched_param(s, SKEL_P_QUANTUM);
}

/* --- process context: may sleep, allocate and fail ----------------------------- */

static int skel_op_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct skel_sched *ss = vmm_sched_priv(s);

	INIT_LIST_HEAD(&skel_pcpu_of(s, p)->waiting);
	if (vmm_pcpu_id(p) >= ss->nr_pcpus)
		WRITE_ONCE(ss->nr_pcpus, vmm_pcpu_id(p) + 1);
	return 0;
}

/*
 * Yours to decide: whom to refuse. Say why with vmm_sched_refuse(), then return a
 * negative errno. What you allocate here is freed in a detach().
 */
static int skel_op_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	struct skel_vcpu *v = skel_vcpu_of(s, e);

	INIT_LIST_HEAD(&v->node);
	v->e = e;
	return 0;
}

/* --- under the lock, interrupts off: no sleeping, no locks, no GFP_KERNEL --------- */

/*
 * Yours to decide: where in the order it comes. @why tells a wake-up from the end
 * of a slice, from a yield, from a move.
 */
static void skel_op_enqueue(struct vmm_sched *s, struct vmm_pcpu *p,
			    struct vmm_entity *e, enum vmm_enqueue_why why, u64 now)
{
	list_add_tail(&skel_vcpu_of(s, e)->node, &skel_pcpu_of(s, p)->waiting);
}

static void skel_op_dequeue(struct vmm_sched *s, struct vmm_pcpu *p,
			    struct vmm_entity *e, u64 now)
{
	list_del_init(&skel_vcpu_of(s, e)->node);
}

/* Take from @id the first one that may run on @p. */
static bool skel_steal_from(struct vmm_sched *s, struct vmm_pcpu *p, u32 id)
{
	struct vmm_pcpu *peer = vmm_try_peer(p, id);
	struct skel_vcpu *v;
	bool found = false;

	if (!peer)
		return false;
	list_for_each_entry(v, &skel_pcpu_of(s, peer)->waiting, node) {
		/* It calls dequeue() there and enqueue() here, so go no further. */
		if (vmm_entity_allowed(v->e, p) && !vmm_steal(p, peer, v->e)) {
			found = true;
			break;
		}
	}
	vmm_put_peer(p, peer);
	return found;
}

/*
 * Yours to decide: from whom to take, how many to look at, and whether to. Without
 * it a pCPU stands idle until somebody's slice ends elsewhere.
 */
static bool skel_steal(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct skel_sched *ss = vmm_sched_priv(s);
	u32 nr = READ_ONCE(ss->nr_pcpus), i;

	for (i = 1; i < nr; i++)
		if (skel_steal_from(s, p, (vmm_pcpu_id(p) + i) % nr))
			return true;
	return false;
}

/*
 * Yours to decide: who is next, and for how long. It must be queued on @p, and is
 * taken off the queue here. VMM_ENTITY_NONE leaves the pCPU free.
 */
static u32 skel_op_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now,
			u64 *slice_ns)
{
	struct list_head *waiting = &skel_pcpu_of(s, p)->waiting;
	struct skel_vcpu *v;

	if (list_empty(waiting) && !skel_steal(s, p))
		return VMM_ENTITY_NONE;
	v = list_first_entry(waiting, struct skel_vcpu, node);
	list_del_init(&v->node);
	*slice_ns = skel_quantum(s, v->e);
	return vmm_entity_id(v->e);
}

/*
 * Yours to decide: what running costs. Time comes in pieces; a slice may end early
 * or late, and who is alone runs on past its end.
 */
static void skel_op_charge(struct vmm_sched *s, struct vmm_pcpu *p,
			   struct vmm_entity *e, u64 ran_ns, u64 now)
{
}

/*
 * It runs no longer. If it can go on, enqueue() follows at once: what it does not
 * need to know belongs there.
 */
static void skel_op_put(struct vmm_sched *s, struct vmm_pcpu *p,
			struct vmm_entity *e, enum vmm_put_why why, u64 now)
{
}

/*
 * It runs already: the scheduler before this one picked it. Count it as running and
 * say for how long it may go on; it is not enqueued, and put() comes as usual.
 */
static u64 skel_op_adopt(struct vmm_sched *s, struct vmm_pcpu *p,
			 struct vmm_entity *e, u64 ran_ns, u64 now)
{
	u64 quantum = skel_quantum(s, e);

	return quantum - min(quantum, ran_ns);
}

static const struct vmm_sched_ops skel_ops = {
	.name		= "skel",
	.owner		= THIS_MODULE,
	.version	= VMM_SCHED_IFACE_VERSION,
	.size		= sizeof(struct vmm_sched_ops),
	/* Yours to decide: one lock and queue for each pCPU, for each LLC, or for the pool. */
	.domain		= VMM_DOMAIN_PCPU,
	.sched_size	= sizeof(struct skel_sched),
	.pcpu_size	= sizeof(struct skel_pcpu),
	.entity_size	= sizeof(struct skel_vcpu),
	.params		= skel_params,
	.nr_params	= ARRAY_SIZE(skel_params),

	.pcpu_init	= skel_op_pcpu_init,
	.attach		= skel_op_attach,
	.enqueue	= skel_op_enqueue,
	.dequeue	= skel_op_dequeue,
	.pick		= skel_op_pick,
	.charge		= skel_op_charge,
	.put		= skel_op_put,
	.adopt		= skel_op_adopt,
	/*
	 * More ops that may be of use: wakeup (preemption), give_history and
	 * take_history, entity_params, sched_params, pcpu_deadline, pool_deadline,
	 * check_group, check_sched, pcpus_changed. See <vmm/sched.h>.
	 */
};

module_vmm_sched(skel_ops);

/* What the conformance suite is to hold it to; see writing-a-scheduler.rst there. */
VMM_SCHED_CLAIM(weights, "ignored");

MODULE_DESCRIPTION("A scheduler for vCPUs: skel");
MODULE_LICENSE("GPL");
