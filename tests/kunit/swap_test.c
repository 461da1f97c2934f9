// SPDX-License-Identifier: GPL-2.0
/*
 * The live swap and the registry, with fake vCPUs: swap while waking, blocking
 * and exiting; every step that can fail does fail once; a scheduler that breaks
 * its contract is replaced.
 */
#include <linux/random.h>
#include <linux/slab.h>
#include "virtual_set.h"

#define MS NSEC_PER_MSEC

/* --- a scheduler to test with: last in, first out, and it counts ------------------ */

struct lifo_entity {
	struct list_head node;
	bool queued;
	bool running;
};

struct lifo_pcpu {
	struct list_head queue;
};

static struct {
	int attached, pcpus, inits;
	int calls;		/* of dispatch ops */
	int fail_init, fail_pcpu, fail_attach;	/* the n-th call refuses */
	bool nonsense;	/* ... with a number that is no errno */
	int bad_pick;		/* 1: unknown id; 2: not queued; 3: foreign */
	int lag_seen;
} lifo;

static int lifo_init(struct vmm_sched *s)
{
	if (lifo.fail_init && --lifo.fail_init == 0)
		return lifo.nonsense ? 1 : -EPROTO;
	lifo.inits++;
	return 0;
}

static void lifo_exit(struct vmm_sched *s)
{
	lifo.inits--;
}

static int lifo_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct lifo_pcpu *lp = vmm_pcpu_priv(s, p);

	if (lifo.fail_pcpu && --lifo.fail_pcpu == 0)
		return lifo.nonsense ? 1 : -EPROTO;
	INIT_LIST_HEAD(&lp->queue);
	lifo.pcpus++;
	return 0;
}

static void lifo_pcpu_exit(struct vmm_sched *s, struct vmm_pcpu *p)
{
	lifo.pcpus--;
}

static int lifo_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	if (lifo.fail_attach && --lifo.fail_attach == 0)
		return lifo.nonsense ? 1 : -EPROTO;
	lifo.attached++;
	return 0;
}

static void lifo_detach(struct vmm_sched *s, struct vmm_entity *e)
{
	lifo.attached--;
}

static void lifo_enqueue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			 enum vmm_enqueue_why why, u64 now)
{
	struct lifo_entity *le = vmm_entity_priv(s, e);
	struct lifo_pcpu *lp = vmm_pcpu_priv(s, p);

	WARN_ON(le->queued || le->running);
	list_add(&le->node, &lp->queue);
	le->queued = true;
	lifo.calls++;
}

static void lifo_dequeue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			 u64 now)
{
	struct lifo_entity *le = vmm_entity_priv(s, e);

	WARN_ON(!le->queued);
	list_del(&le->node);
	le->queued = false;
	lifo.calls++;
}

static u32 lifo_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now, u64 *slice_ns)
{
	struct lifo_pcpu *lp = vmm_pcpu_priv(s, p);
	struct vmm_entity *e;

	lifo.calls++;
	if (lifo.bad_pick == 1)
		return 123456;
	if (lifo.bad_pick == 2) {
		e = p->pool->pcpus[!p->id].curr;
		return e ? e->id : VMM_ENTITY_NONE;
	}
	if (lifo.bad_pick == 3) {
		struct vmm_pcpu *o = &p->pool->pcpus[!p->id];

		e = list_first_entry_or_null(&o->queued, struct vmm_entity, queued_node);
		return e ? e->id : VMM_ENTITY_NONE;
	}
	list_for_each_entry(e, &p->queued, queued_node) {
		struct lifo_entity *le = vmm_entity_priv(s, e);

		if (lp->queue.next != &le->node)
			continue;
		list_del(&le->node);
		le->queued = false;
		le->running = true;
		*slice_ns = 3 * MS;
		return e->id;
	}
	WARN_ON(!list_empty(&lp->queue));
	return VMM_ENTITY_NONE;
}

static void lifo_charge(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			u64 ran_ns, u64 now)
{
	struct lifo_entity *le = vmm_entity_priv(s, e);

	WARN_ON(!le->running);
	lifo.calls++;
}

static void lifo_put(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		     enum vmm_put_why why, u64 now)
{
	struct lifo_entity *le = vmm_entity_priv(s, e);

	WARN_ON(!le->running);
	le->running = false;
	lifo.calls++;
}

static u64 lifo_adopt(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		      u64 ran_ns, u64 now)
{
	struct lifo_entity *le = vmm_entity_priv(s, e);

	WARN_ON(le->queued || le->running);
	le->running = true;
	lifo.calls++;
	return 3 * MS;
}

static const struct vmm_sched_param lifo_params[] = {
	{ "depth", "a number", VMM_UNIT_NONE, VMM_SCOPE_SCHED, 1, 10, 5 },
	{ "boost", "a number", VMM_UNIT_NONE, VMM_SCOPE_GROUP, 0, 10, 2 },
};

#define LIFO_OPS						\
	.owner = THIS_MODULE,					\
	.version = VMM_SCHED_IFACE_VERSION,			\
	.size = sizeof(struct vmm_sched_ops),			\
	.pcpu_size = sizeof(struct lifo_pcpu),			\
	.entity_size = sizeof(struct lifo_entity),		\
	.group_size = 8,					\
	.params = lifo_params,					\
	.nr_params = ARRAY_SIZE(lifo_params),			\
	.init = lifo_init, .exit = lifo_exit,			\
	.pcpu_init = lifo_pcpu_init, .pcpu_exit = lifo_pcpu_exit, \
	.attach = lifo_attach, .detach = lifo_detach,		\
	.enqueue = lifo_enqueue, .dequeue = lifo_dequeue,	\
	.pick = lifo_pick, .charge = lifo_charge,		\
	.put = lifo_put, .adopt = lifo_adopt

static const struct vmm_sched_ops lifo_ops = { .name = "t_lifo", LIFO_OPS };
/* The same under one lock for the pool, and one for each LLC: the locks change with the swap. */
static const struct vmm_sched_ops lifo_pool_ops = {
	.name = "t_lifo_pool", LIFO_OPS, .domain = VMM_DOMAIN_POOL,
};
static const struct vmm_sched_ops lifo_llc_ops = {
	.name = "t_lifo_llc", LIFO_OPS, .domain = VMM_DOMAIN_LLC,
};

static int swap_init(struct kunit *test)
{
	memset(&lifo, 0, sizeof(lifo));
	KUNIT_ASSERT_EQ(test, vmm_sched_register(&lifo_ops), 0);
	KUNIT_ASSERT_EQ(test, vmm_sched_register(&lifo_pool_ops), 0);
	KUNIT_ASSERT_EQ(test, vmm_sched_register(&lifo_llc_ops), 0);
	return 0;
}

static void swap_exit(struct kunit *test)
{
	vmm_sched_unregister(&lifo_ops);
	vmm_sched_unregister(&lifo_pool_ops);
	vmm_sched_unregister(&lifo_llc_ops);
}

static const char *active(struct virt_room *r)
{
	return rcu_dereference_protected(r->pool->active, true)->ops->name;
}

/* --- tests ---------------------------------------------------------------------------- */

/* Back and forth at odd moments, over all three reaches of the lock. */
static void swap_many(struct kunit *test)
{
	static const char * const names[] = { "t_lifo", "default", "t_lifo_pool", "t_lifo_llc" };
	struct virt_room *r = virt_create(test, 4, 12);
	u64 begin, sum = 0;
	u32 i;

	make_busy(r);
	begin = r->now;
	for (i = 0; i < 400; i++) {
		virt_run(r, r->now + 700000 + i * 1237);
		KUNIT_ASSERT_EQ(test, virt_swap(r, names[i % 4]), 0);
		KUNIT_EXPECT_STREQ(test, active(r), names[i % 4]);
		virt_check(test, r);
	}
	/* time is conserved: nobody ran twice, no pCPU stood still */
	for (i = 0; i < r->nr_vcpus; i++)
		sum += virt_ran(r, i);
	KUNIT_EXPECT_LE(test, sum, 4 * (r->now - begin));
	KUNIT_EXPECT_GE(test, sum, 4 * (r->now - begin) * 99 / 100);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "default"), 0);
	KUNIT_EXPECT_EQ(test, lifo.attached, 0);
	KUNIT_EXPECT_EQ(test, lifo.pcpus, 0);
	KUNIT_EXPECT_EQ(test, lifo.inits, 0);
	virt_destroy(r);
}

/* In each state of the gate: queued, offered, owner, off, loaned, blocked, out. */
static void swap_in_every_state(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 4, 8);
	u32 i;

	for (i = 0; i < 6; i++)
		vmm_gate_claim(&r->vcpu[i].e, NULL);	/* 4 offered, 2 queued */
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_TRUE(test, vmm_gate_own(&r->vcpu[i].e));
		vmm_gate_on(&r->vcpu[i].e);
	}
	vmm_gate_off(&r->vcpu[1].e);
	vmm_gate_off(&r->vcpu[2].e);
	vmm_gate_exit(&r->vcpu[2].e, VMM_EXIT_LOAN);
	KUNIT_ASSERT_EQ(test, vmm_state(&r->vcpu[0].e), VMM_GATE_OWNER);
	KUNIT_ASSERT_EQ(test, vmm_state(&r->vcpu[1].e), VMM_GATE_OFF);
	KUNIT_ASSERT_EQ(test, vmm_state(&r->vcpu[3].e), VMM_GATE_OFFERED);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "t_lifo"), 0);
	virt_check(test, r);
	/* who ran goes on; the offer made by the old scheduler is good */
	KUNIT_EXPECT_EQ(test, vmm_state(&r->vcpu[0].e), VMM_GATE_OWNER);
	KUNIT_EXPECT_TRUE(test, vmm_gate_own(&r->vcpu[3].e));
	vmm_gate_on(&r->vcpu[3].e);
	vmm_gate_on(&r->vcpu[1].e);
	vmm_gate_off(&r->vcpu[0].e);
	KUNIT_EXPECT_TRUE(test, vmm_gate_try_block(&r->vcpu[0].e));
	KUNIT_ASSERT_EQ(test, virt_swap(r, "default"), 0);
	vmm_gate_wake(&r->vcpu[0].e);
	KUNIT_EXPECT_NE(test, vmm_state(&r->vcpu[0].e), VMM_GATE_BLOCKED);
	virt_check(test, r);
	KUNIT_EXPECT_EQ(test, r->pool->last_swap.forced_out, 0U);
	virt_destroy(r);
}

/* Parameters are the group's: they survive, those of a scheduler come back with it. */
static void swap_keeps_parameters(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 1);
	struct vmm_group *g = r->vcpu[0].group;
	const char *why;

	g->weight = 77;
	KUNIT_ASSERT_EQ(test, virt_swap(r, "t_lifo"), 0);
	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_param(g, "boost", 11, &why), -ERANGE);
	KUNIT_EXPECT_EQ(test, vmm_group_set_param(g, "nothing", 1, &why), -ENOENT);
	KUNIT_EXPECT_EQ(test, vmm_group_set_param(g, "boost", 9, &why), 0);
	mutex_unlock(&r->pool->mutex);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "default"), 0);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "t_lifo"), 0);
	KUNIT_EXPECT_EQ(test, vmm_entity_param(rcu_dereference_protected(r->pool->active, true),
					       &r->vcpu[0].e, 0), 9ULL);
	KUNIT_EXPECT_EQ(test, vmm_entity_weight(&r->vcpu[0].e), 77U);
	virt_swap(r, "default");
	virt_destroy(r);
}

static u64 depth_of(struct virt_room *r, const char *name)
{
	const struct vmm_sched_ops *ops = vmm_sched_get(name);
	const u64 *param;
	u64 val;

	mutex_lock(&r->pool->mutex);
	param = vmm_params_of(r->pool, ops);
	val = param ? param[0] : U64_MAX;
	mutex_unlock(&r->pool->mutex);
	vmm_sched_put(ops);
	return val;
}

/* A scheduler that comes back has the parameters that it had, until its module goes. */
static void swap_brings_parameters_back(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 1);
	struct vmm_param_set set = { "depth", 7 };
	struct vmm_swap_result res;
	const char *why;

	KUNIT_ASSERT_EQ(test, virt_swap(r, "t_lifo"), 0);
	KUNIT_ASSERT_EQ(test, vmm_sched_set_params(r->pool, &set, 1, &why), 0);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "t_lifo_pool"), 0);
	KUNIT_EXPECT_EQ(test, depth_of(r, "t_lifo"), 7ULL);
	KUNIT_EXPECT_EQ(test, depth_of(r, "t_lifo_pool"), lifo_params[0].def);
	/* The one after it goes. */
	vmm_swap_unregister(r->pool, &lifo_pool_ops);
	KUNIT_EXPECT_STREQ(test, active(r), "t_lifo");
	KUNIT_EXPECT_EQ(test, depth_of(r, "t_lifo"), 7ULL);
	KUNIT_EXPECT_EQ(test, depth_of(r, "t_lifo_pool"), U64_MAX);
	/* By request; what the request says counts more; what fails changes nothing. */
	KUNIT_ASSERT_EQ(test, virt_swap(r, "default"), 0);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "t_lifo"), 0);
	KUNIT_EXPECT_EQ(test, depth_of(r, "t_lifo"), 7ULL);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "default"), 0);
	set.val = 3;
	r->pool->fail_at = 1;
	KUNIT_EXPECT_NE(test, vmm_sched_activate(r->pool, &lifo_ops, &set, 1, &res, &why), 0);
	r->pool->fail_at = 0;
	KUNIT_EXPECT_EQ(test, depth_of(r, "t_lifo"), 7ULL);
	KUNIT_EXPECT_EQ(test, vmm_sched_activate(r->pool, &lifo_ops, &set, 1, &res, &why), 0);
	KUNIT_EXPECT_EQ(test, depth_of(r, "t_lifo"), 3ULL);
	vmm_swap_unregister(r->pool, &lifo_ops);
	KUNIT_EXPECT_EQ(test, depth_of(r, "t_lifo"), U64_MAX);
	virt_destroy(r);
}

/* Each step that can fail fails once: the old scheduler goes on as if nothing had been. */
static void swap_failure_keeps_old(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 6);
	u32 step, failures = 0;

	make_busy(r);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "t_lifo_pool"), 0);
	for (step = 1; step < 100; step++) {
		int ret;

		virt_run(r, r->now + 2 * MS);
		r->pool->fail_at = step;
		ret = virt_swap(r, "t_lifo");
		r->pool->fail_at = 0;
		virt_check(test, r);
		if (!ret)
			break;
		failures++;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_STREQ(test, active(r), "t_lifo_pool");
		KUNIT_EXPECT_EQ(test, lifo.attached, 6);
		KUNIT_EXPECT_EQ(test, lifo.pcpus, 2);
		KUNIT_EXPECT_EQ(test, lifo.inits, 1);
	}
	/* instance, its memory, two pCPUs, six VMs, six entities */
	KUNIT_EXPECT_EQ(test, failures, 16U);

	KUNIT_ASSERT_EQ(test, virt_swap(r, "default"), 0);
	for (step = 1; step <= 9; step++) {
		lifo.fail_init = step == 1;
		lifo.fail_pcpu = step > 1 && step <= 3 ? step - 1 : 0;
		lifo.fail_attach = step > 3 ? step - 3 : 0;
		KUNIT_EXPECT_EQ(test, virt_swap(r, "t_lifo"), -EPROTO);
		KUNIT_EXPECT_STREQ(test, active(r), "default");
		KUNIT_EXPECT_EQ(test, lifo.attached, 0);
		KUNIT_EXPECT_EQ(test, lifo.pcpus, 0);
		KUNIT_EXPECT_EQ(test, lifo.inits, 0);
		virt_run(r, r->now + 2 * MS);
		virt_check(test, r);
	}
	virt_destroy(r);
}

/* An op that answers with neither 0 nor an errno has refused: nothing changes. */
static void swap_nonsense_is_a_refusal(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 6);
	struct vmm_entity *e;
	u32 step;

	make_busy(r);
	lifo.nonsense = true;
	for (step = 1; step <= 9; step++) {
		lifo.fail_init = step == 1;
		lifo.fail_pcpu = step > 1 && step <= 3 ? step - 1 : 0;
		lifo.fail_attach = step > 3 ? step - 3 : 0;
		KUNIT_EXPECT_EQ(test, virt_swap(r, "t_lifo"), -EPROTO);
		KUNIT_EXPECT_STREQ(test, active(r), "default");
		KUNIT_EXPECT_EQ(test, lifo.attached, 0);
		virt_run(r, r->now + 2 * MS);
		virt_check(test, r);
	}
	/* A new vCPU too. */
	KUNIT_ASSERT_EQ(test, virt_swap(r, "t_lifo"), 0);
	e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, e);
	lifo.fail_attach = 1;
	KUNIT_EXPECT_EQ(test, vmm_entity_init(e, r->vcpu[0].group, 1), -EPROTO);
	KUNIT_EXPECT_EQ(test, virt_swap(r, "default"), 0);
	virt_destroy(r);
}

/* A parameter that does not exist or is out of range: nothing changes. */
static void swap_bad_parameters(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 1);
	struct vmm_param_set set = { "depth", 11 };
	struct vmm_swap_result res;
	const char *why = NULL;

	KUNIT_EXPECT_EQ(test, vmm_sched_activate(r->pool, &lifo_ops, &set, 1, &res, &why), -ERANGE);
	KUNIT_EXPECT_NOT_NULL(test, why);
	set.name = "deep";
	KUNIT_EXPECT_EQ(test, vmm_sched_activate(r->pool, &lifo_ops, &set, 1, &res, &why), -ENOENT);
	KUNIT_EXPECT_STREQ(test, active(r), "default");
	set.name = "depth";
	set.val = 10;
	KUNIT_EXPECT_EQ(test, vmm_sched_activate(r->pool, &lifo_ops, &set, 1, &res, &why), 0);
	KUNIT_EXPECT_EQ(test, vmm_sched_param(rcu_dereference_protected(r->pool->active, true), 0),
			10ULL);
	virt_swap(r, "default");
	virt_destroy(r);
}

/* Unloading the active scheduler brings back the one before it, in the end the default. */
static void swap_unregister_falls_back(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 4);

	make_busy(r);
	virt_swap(r, "t_lifo");
	virt_run(r, r->now + 5 * MS);
	virt_swap(r, "t_lifo_pool");
	virt_run(r, r->now + 5 * MS);
	vmm_swap_unregister(r->pool, &lifo_pool_ops);
	KUNIT_EXPECT_STREQ(test, active(r), "t_lifo");
	virt_run(r, r->now + 5 * MS);
	virt_check(test, r);
	vmm_swap_unregister(r->pool, &lifo_ops);
	KUNIT_EXPECT_STREQ(test, active(r), "default");
	lifo.calls = 0;
	virt_run(r, r->now + 50 * MS);
	virt_check(test, r);
	KUNIT_EXPECT_EQ(test, lifo.calls, 0);	/* never called again */
	virt_destroy(r);
}

static void expect_past(struct kunit *test, struct virt_room *r, u32 at, const char *name,
			u32 times, const char *cause, unsigned int rank)
{
	const struct vmm_past *p = &r->pool->past[at];

	KUNIT_ASSERT_LT(test, at, r->pool->nr_past);
	KUNIT_EXPECT_STREQ(test, p->name, name);
	KUNIT_EXPECT_EQ(test, p->times, times);
	KUNIT_EXPECT_STREQ(test, p->cause, cause);
	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_past_rank(r->pool, name), rank);
	mutex_unlock(&r->pool->mutex);
}

/* Who was active, how often, for how long, why it ended: over requests, a breach, an unload. */
static void swap_history(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 4);
	u64 t0 = r->now;
	int i;

	make_busy(r);
	KUNIT_EXPECT_EQ(test, r->pool->nr_past, 0U);
	for (i = 0; i < 3; i++) {
		virt_run(r, r->now + 5 * MS);
		virt_swap(r, "t_lifo");
		virt_run(r, r->now + 7 * MS);
		virt_swap(r, "t_lifo_pool");
	}
	expect_past(test, r, 0, "t_lifo", 3, "request", 1);
	expect_past(test, r, 1, "t_lifo_pool", 2, "request", 0);	/* it is active */
	expect_past(test, r, 2, "default", 1, "request", 2);
	KUNIT_EXPECT_EQ(test, r->pool->past[0].total_ns, 21ULL * MS);
	KUNIT_EXPECT_EQ(test, r->pool->past[0].until_ns - r->pool->past[0].from_ns, 7ULL * MS);
	KUNIT_EXPECT_EQ(test, r->pool->past[2].from_ns, t0);
	KUNIT_EXPECT_EQ(test, r->pool->past[2].total_ns, 5ULL * MS);

	lifo.bad_pick = 1;
	virt_run(r, r->now + 50 * MS);		/* both are thrown out, one after the other */
	lifo.bad_pick = 0;
	KUNIT_EXPECT_STREQ(test, active(r), "default");
	expect_past(test, r, 0, "t_lifo", 4, "breach", 0);
	expect_past(test, r, 1, "t_lifo_pool", 3, "breach", 0);
	KUNIT_EXPECT_STREQ(test, r->pool->past[0].reason, "picked an id that no entity has");

	virt_swap(r, "t_lifo");
	virt_run(r, r->now + 5 * MS);
	vmm_swap_unregister(r->pool, &lifo_ops);
	KUNIT_EXPECT_STREQ(test, active(r), "default");
	expect_past(test, r, 0, "t_lifo", 5, "unload", 0);
	KUNIT_EXPECT_STREQ(test, r->pool->past[0].reason, "");
	virt_destroy(r);
}

/* More names than there is room for: the oldest are forgotten, all else holds. */
static void history_is_bounded(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 0);
	struct vmm_sched_ops ops = lifo_ops;
	struct vmm_sched s = { .ops = &ops };
	char name[VMM_SCHED_NAME_LEN];
	int i;

	ops.name = name;
	ops.nr_params = 0;
	mutex_lock(&r->pool->mutex);
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "s%d", i % 40);
		s.activated_ns = i;
		vmm_past_note(r->pool, &s, "request", i + 1);
	}
	KUNIT_EXPECT_EQ(test, r->pool->nr_past, (u32)VMM_PAST_DEPTH);
	for (i = 0; i < VMM_PAST_DEPTH; i++) {
		snprintf(name, sizeof(name), "s%d", (99 - i) % 40);
		KUNIT_EXPECT_STREQ(test, r->pool->past[i].name, name);
		KUNIT_EXPECT_EQ(test, r->pool->past[i].times, 1U);
	}
	mutex_unlock(&r->pool->mutex);
	virt_destroy(r);
}

/* A pick that cannot be believed throws the scheduler out; the guests run on. */
static void swap_breach(struct kunit *test)
{
	int kind;

	for (kind = 1; kind <= 3; kind++) {
		struct virt_room *r = virt_create(test, 2, 6);
		u64 before;

		make_busy(r);
		virt_swap(r, "t_lifo");
		virt_run(r, r->now + 20 * MS);
		lifo.bad_pick = kind;
		before = virt_ran(r, 0) + virt_ran(r, 1);
		virt_run(r, r->now + 100 * MS);
		lifo.bad_pick = 0;
		KUNIT_EXPECT_STREQ(test, active(r), "default");
		KUNIT_EXPECT_TRUE(test, r->pool->last_exit.valid);
		KUNIT_EXPECT_STREQ(test, r->pool->last_exit.name, "t_lifo");
		KUNIT_EXPECT_GE(test, virt_ran(r, 0) + virt_ran(r, 1) - before, 50ULL * MS);
		virt_check(test, r);
		virt_destroy(r);
	}
}

/*
 * Thrown out on one pCPU, it is told nothing on the others either: an entity that
 * left its queue without a word would be linked into another of its queues.
 */
static void swap_breach_silences_all_pcpus(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 6);
	struct vmm_pcpu *p = &r->pool->pcpus[0];
	unsigned long only1 = BIT(1);
	struct vmm_entity *e;

	make_busy(r);
	virt_swap(r, "t_lifo");
	virt_run(r, r->now + 20 * MS);
	e = p->curr;
	KUNIT_ASSERT_NOT_NULL(test, e);
	lifo.bad_pick = 1;
	vmm_gate_off(e);
	vmm_gate_cancel(e);
	lifo.bad_pick = 0;
	KUNIT_ASSERT_TRUE(test, r->broken);	/* and not replaced yet */
	lifo.calls = 0;

	e = list_first_entry_or_null(&p->queued, struct vmm_entity, queued_node);
	KUNIT_ASSERT_NOT_NULL(test, e);
	mutex_lock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, vmm_group_set_affinity(e->group, &only1), 0);
	mutex_unlock(&r->pool->mutex);
	KUNIT_EXPECT_EQ(test, e->home->id, 1U);
	KUNIT_EXPECT_EQ(test, lifo.calls, 0);

	virt_run(r, r->now + 100 * MS);
	KUNIT_EXPECT_STREQ(test, active(r), "default");
	KUNIT_EXPECT_EQ(test, lifo.attached, 0);
	virt_check(test, r);
	virt_destroy(r);
}

/* The door: what is not a whole scheduler is refused, by name. */
static void registry_refusals(struct kunit *test)
{
	struct vmm_sched_ops ops = lifo_ops;
	struct vmm_sched_param bad[] = { lifo_params[0], lifo_params[0] };

	KUNIT_EXPECT_EQ(test, vmm_sched_register(&ops), -EEXIST);
	ops.name = "t_other";
	ops.version++;
	KUNIT_EXPECT_EQ(test, vmm_sched_register(&ops), -ENOEXEC);
	ops.version--;
	ops.size -= 8;
	KUNIT_EXPECT_EQ(test, vmm_sched_register(&ops), -ENOEXEC);
	ops.size += 8;

#define WITHOUT(op)							\
	do {								\
		typeof(ops.op) saved = ops.op;				\
									\
		ops.op = NULL;						\
		KUNIT_EXPECT_EQ_MSG(test, vmm_sched_register(&ops), -EINVAL, #op); \
		ops.op = saved;						\
	} while (0)
	WITHOUT(name);
	WITHOUT(enqueue);
	WITHOUT(dequeue);
	WITHOUT(pick);
	WITHOUT(charge);
	WITHOUT(put);
	WITHOUT(adopt);
	WITHOUT(params);
#undef WITHOUT

	ops.name = "Upper";
	KUNIT_EXPECT_EQ(test, vmm_sched_register(&ops), -EINVAL);
	ops.name = "a_name_too_long_x";
	KUNIT_EXPECT_EQ(test, vmm_sched_register(&ops), -EINVAL);
	ops.name = "t_other";
	ops.domain = VMM_DOMAIN_COUNT;
	KUNIT_EXPECT_EQ(test, vmm_sched_register(&ops), -EINVAL);
	ops.domain = VMM_DOMAIN_PCPU;
	ops.params = bad;		/* the same name twice */
	KUNIT_EXPECT_EQ(test, vmm_sched_register(&ops), -EINVAL);
	bad[1].name = "other";
	bad[1].def = 99;		/* out of its own range */
	KUNIT_EXPECT_EQ(test, vmm_sched_register(&ops), -EINVAL);
	KUNIT_EXPECT_NULL(test, vmm_sched_get("t_other"));
	KUNIT_EXPECT_NULL(test, vmm_sched_get("nobody"));
}

/* Percentiles of the latency histogram: never below the value, at most a quarter above. */
static void hist_percentiles(struct kunit *test)
{
	u32 *hist = kunit_kzalloc(test, VMM_HIST_BUCKETS * sizeof(u32), GFP_KERNEL);
	u64 ns;

	KUNIT_ASSERT_NOT_NULL(test, hist);
	KUNIT_EXPECT_EQ(test, vmm_hist_percentile(hist, 99), 0ULL);
	for (ns = 100; ns < 20 * NSEC_PER_SEC; ns += ns / 7 + 1) {
		u64 p;

		memset(hist, 0, VMM_HIST_BUCKETS * sizeof(u32));
		hist[vmm_hist_bucket(ns)] = 10;
		p = vmm_hist_percentile(hist, 50);
		KUNIT_EXPECT_GE(test, p, ns);
		KUNIT_EXPECT_LE(test, p, max_t(u64, 128, ns + ns / 4 + 1));
	}
	memset(hist, 0, VMM_HIST_BUCKETS * sizeof(u32));
	hist[vmm_hist_bucket(1000)] = 98;
	hist[vmm_hist_bucket(1000000)] = 2;
	KUNIT_EXPECT_LT(test, vmm_hist_percentile(hist, 50), 1300ULL);
	KUNIT_EXPECT_GE(test, vmm_hist_percentile(hist, 99), 1000000ULL);
}

static struct kunit_case swap_cases[] = {
	KUNIT_CASE(swap_many),
	KUNIT_CASE(swap_in_every_state),
	KUNIT_CASE(swap_keeps_parameters),
	KUNIT_CASE(swap_brings_parameters_back),
	KUNIT_CASE(swap_failure_keeps_old),
	KUNIT_CASE(swap_nonsense_is_a_refusal),
	KUNIT_CASE(swap_bad_parameters),
	KUNIT_CASE(swap_unregister_falls_back),
	KUNIT_CASE(swap_breach),
	KUNIT_CASE(swap_breach_silences_all_pcpus),
	KUNIT_CASE(swap_history),
	KUNIT_CASE(history_is_bounded),
	KUNIT_CASE(registry_refusals),
	KUNIT_CASE(hist_percentiles),
	{ }
};

static struct kunit_suite swap_suite = {
	.name = "vmm_swap",
	.init = swap_init,
	.exit = swap_exit,
	.test_cases = swap_cases,
};

kunit_test_suite(swap_suite);
