// SPDX-License-Identifier: GPL-2.0
/*
 * sched_lottery: an example. Each slice is raffled: whoever waits for a pCPU holds
 * as many tickets as its weight, one ticket is drawn, and its holder runs (Waldspurger
 * and Weihl, OSDI 1994). Shares follow the weights in the long run. Luck alone promises
 * nobody anything, so it has a limit: the watchdog would throw out who lets one wait for ever.
 *
 * Locking: none here. The interface holds the lock of the pCPU around each op [D].
 * Limits: a draw looks at all who wait; weights count within one pCPU.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/time64.h>
#include <vmm/sched.h>

/* Declared: the interface checks, shows and stores them. */
enum { P_QUANTUM, P_SEED };
static const struct vmm_sched_param lottery_params[] = {
	{ "quantum", "what one draw is for", VMM_UNIT_NS, VMM_SCOPE_SCHED,
	  NSEC_PER_MSEC, NSEC_PER_SEC, 10 * NSEC_PER_MSEC },
	{ "seed", "for tests; 0: another one each time", VMM_UNIT_NONE, VMM_SCOPE_SCHED, 0, U32_MAX, 0 },
};

/* What we keep with each object: allocated by the interface, zeroed, see the table of ops. */
struct lottery_sched { u32 nr_pcpus; };
struct lottery_pcpu { struct list_head waiting; u64 draws, random; };
struct lottery_vcpu { struct list_head node; struct vmm_entity *e; u64 since; };

static u64 quantum_of(struct vmm_sched *s, struct vmm_entity *e)
{
	return vmm_entity_quantum(e) ?: vmm_sched_param(s, P_QUANTUM);	/* its VM's, or ours */
}

static int lottery_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct lottery_sched *ls = vmm_sched_priv(s);
	struct lottery_pcpu *lp = vmm_pcpu_priv(s, p);

	INIT_LIST_HEAD(&lp->waiting);
	lp->random = (vmm_sched_param(s, P_SEED) ?: get_random_u64()) + vmm_pcpu_id(p);
	ls->nr_pcpus = max(ls->nr_pcpus, vmm_pcpu_id(p) + 1);
	return 0;
}

static int lottery_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	((struct lottery_vcpu *)vmm_entity_priv(s, e))->e = e;	/* the way back to the entity */
	return 0;
}

static void lottery_enqueue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			    enum vmm_enqueue_why why, u64 now)
{
	struct lottery_pcpu *lp = vmm_pcpu_priv(s, p);
	struct lottery_vcpu *v = vmm_entity_priv(s, e);

	v->since = lp->draws;
	list_add_tail(&v->node, &lp->waiting);
}

static void lottery_dequeue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	struct lottery_vcpu *v = vmm_entity_priv(s, e);

	list_del(&v->node);
}

/* Nobody waits here: take somebody from another pCPU. vmm_steal() calls dequeue() and enqueue(). */
static bool lottery_steal(struct vmm_sched *s, struct vmm_pcpu *p)
{
	u32 nr = ((struct lottery_sched *)vmm_sched_priv(s))->nr_pcpus, id = vmm_pcpu_id(p), i;

	for (i = 1; i < nr; i++) {
		struct vmm_pcpu *peer = vmm_try_peer(p, (id + i) % nr);	/* locked; NULL: not now */
		struct lottery_pcpu *lp = peer ? vmm_pcpu_priv(s, peer) : NULL;
		struct lottery_vcpu *v;

		if (!peer)
			continue;
		list_for_each_entry(v, &lp->waiting, node)
			if (vmm_entity_allowed(v->e, p) && !vmm_steal(p, peer, v->e))
				break;	/* @v is on another list now: ours */
		vmm_put_peer(p, peer);
		if (!list_empty(&((struct lottery_pcpu *)vmm_pcpu_priv(s, p))->waiting))
			return true;
	}
	return false;
}

static u32 lottery_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now, u64 *slice_ns)
{
	struct lottery_pcpu *lp = vmm_pcpu_priv(s, p);
	struct lottery_vcpu *v;
	u64 ticket, all = 0;

	if (list_empty(&lp->waiting) && !lottery_steal(s, p))
		return VMM_ENTITY_NONE;		/* asked again when somebody is queued here */
	lp->draws++;
	list_for_each_entry(v, &lp->waiting, node)	/* each time: weights change while vCPUs wait */
		all += vmm_entity_weight(v->e);
	list_for_each_entry(v, &lp->waiting, node)
		if ((lp->draws - v->since) * vmm_entity_weight(v->e) > 3 * all)
			goto won;	/* lost thrice as often as is fair */
	lp->random = lp->random * 6364136223846793005ULL + 1442695040888963407ULL;
	ticket = (lp->random >> 16) % all;
	list_for_each_entry(v, &lp->waiting, node) {
		if (ticket < vmm_entity_weight(v->e))
			break;
		ticket -= vmm_entity_weight(v->e);
	}
won:
	lottery_dequeue(s, p, v->e, now);	/* who is picked is not queued any more */
	*slice_ns = quantum_of(s, v->e);
	return vmm_entity_id(v->e);		/* checked before it is believed */
}

static void lottery_charge(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			   u64 ran_ns, u64 now)
{
}	/* a draw is for a turn, however much of it is used */

static void lottery_put(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			enum vmm_put_why why, u64 now)
{
}	/* enqueue() follows, if it can go on */

/* It runs already, picked by the scheduler before us: for how long may it go on? */
static u64 lottery_adopt(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			 u64 ran_ns, u64 now)
{
	return quantum_of(s, e) - min(quantum_of(s, e), ran_ns);
}

static const struct vmm_sched_ops lottery_ops = {
	.name = "lottery", .owner = THIS_MODULE, .domain = VMM_DOMAIN_PCPU,
	.version = VMM_SCHED_IFACE_VERSION, .size = sizeof(struct vmm_sched_ops),
	.sched_size = sizeof(struct lottery_sched), .pcpu_size = sizeof(struct lottery_pcpu),
	.entity_size = sizeof(struct lottery_vcpu),
	.params = lottery_params, .nr_params = ARRAY_SIZE(lottery_params),
	.pcpu_init = lottery_pcpu_init, .attach = lottery_attach,
	.enqueue = lottery_enqueue, .dequeue = lottery_dequeue, .pick = lottery_pick,
	.charge = lottery_charge, .put = lottery_put, .adopt = lottery_adopt,
};
module_vmm_sched(lottery_ops);
VMM_SCHED_CLAIM(share_error, "15");	/* luck: what the conformance suite is to allow */
VMM_SCHED_CLAIM(set, "seed=1");		/* ... and the same luck in each of its runs */
MODULE_DESCRIPTION("Lottery scheduler for vCPUs: an example");
MODULE_LICENSE("GPL");
