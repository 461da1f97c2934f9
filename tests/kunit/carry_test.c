// SPDX-License-Identifier: GPL-2.0
/*
 * Suite vmm_swap_carry: many are queued on the pCPU that a swap flips. They go over a few
 * at a time; meanwhile the gate goes on there, on another CPU. (Of edf there is one queue
 * for all pCPUs, which goes over whole; and it would refuse so many.) And either of the two
 * schedulers breaks its contract half-way.
 */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include "../../sched_iface/internal.h"
#include "rnd.h"

#define CARRIED	500
#define SWAPS	120

static const char * const scheds[] = { "rr", "bvt", "credit", "default" };

/* --- two schedulers that misbehave when they are told to ----------------------------------- */

/** struct seq - first come, first served; one of two */
struct seq {
	u32 pick_from;		/* nobody of a lower number is picked */
	u32 bad_enqueue;	/* at the n-th of them it breaks its contract; 0: never */
	u32 bad_dequeue;
	u32 enqueues;		/* ops called so far */
	u32 dequeues;
};

struct seq_entity {
	struct list_head node;
	bool queued;
};

static struct seq seq_a, seq_b;
static const struct vmm_sched_ops seq_a_ops, seq_b_ops;

static struct seq *seq_of(const struct vmm_sched *s)
{
	return s->ops == &seq_a_ops ? &seq_a : &seq_b;
}

static int seq_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	INIT_LIST_HEAD((struct list_head *)vmm_pcpu_priv(s, p));
	return 0;
}

/* What waits for the op that asks for it. */
static void misbehave(struct vmm_sched *s)
{
	const char *why;

	WARN_ON(vmm_sched_set_params(s->pool, NULL, 0, &why) != -EDEADLK);
}

static void seq_enqueue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			enum vmm_enqueue_why why, u64 now)
{
	struct seq_entity *se = vmm_entity_priv(s, e);

	WARN_ON(se->queued);
	se->queued = true;
	list_add_tail(&se->node, vmm_pcpu_priv(s, p));
	if (++seq_of(s)->enqueues == seq_of(s)->bad_enqueue)
		misbehave(s);
}

static void seq_dequeue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	struct seq_entity *se = vmm_entity_priv(s, e);

	WARN_ON(!se->queued);
	se->queued = false;
	list_del(&se->node);
	if (++seq_of(s)->dequeues == seq_of(s)->bad_dequeue)
		misbehave(s);
}

static u32 seq_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now, u64 *slice_ns)
{
	struct vmm_entity *e;

	list_for_each_entry(e, &p->queued, queued_node) {
		struct seq_entity *se = vmm_entity_priv(s, e);

		if (e->index < seq_of(s)->pick_from || !se->queued)
			continue;
		se->queued = false;
		list_del(&se->node);
		*slice_ns = NSEC_PER_MSEC;
		return e->id;
	}
	return VMM_ENTITY_NONE;
}

static void seq_charge(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 ran_ns,
		       u64 now)
{
}

static void seq_put(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		    enum vmm_put_why why, u64 now)
{
}

static u64 seq_adopt(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 ran_ns,
		     u64 now)
{
	return NSEC_PER_MSEC;
}

#define SEQ_OPS							\
	.owner = THIS_MODULE,					\
	.version = VMM_SCHED_IFACE_VERSION,			\
	.size = sizeof(struct vmm_sched_ops),			\
	.pcpu_size = sizeof(struct list_head),			\
	.entity_size = sizeof(struct seq_entity),		\
	.pcpu_init = seq_pcpu_init,				\
	.enqueue = seq_enqueue, .dequeue = seq_dequeue,		\
	.pick = seq_pick, .charge = seq_charge,			\
	.put = seq_put, .adopt = seq_adopt

static const struct vmm_sched_ops seq_a_ops = { .name = "t_seq_a", SEQ_OPS };
static const struct vmm_sched_ops seq_b_ops = { .name = "t_seq_b", SEQ_OPS };

static int carry_init(struct kunit *test)
{
	memset(&seq_a, 0, sizeof(seq_a));
	memset(&seq_b, 0, sizeof(seq_b));
	KUNIT_ASSERT_EQ(test, vmm_sched_register(&seq_a_ops), 0);
	KUNIT_ASSERT_EQ(test, vmm_sched_register(&seq_b_ops), 0);
	return 0;
}

static void carry_exit(struct kunit *test)
{
	vmm_sched_unregister(&seq_a_ops);
	vmm_sched_unregister(&seq_b_ops);
}

/* --- the room ------------------------------------------------------------------------------ */

/** struct carry_room - one pCPU with CARRIED vCPUs; wake-ups, kicks and timers do nothing */
struct carry_room {
	struct vmm_host_ops host;
	struct vmm_pool *pool;
	struct vmm_group *group;
	struct vmm_entity *e;
	u64 now;
	u64 turns;		/* by the busy thread */
	u64 given;		/* ... that went to the one that they were given to */
	bool broken;
};

static u64 carry_now(const struct vmm_pool *pool)
{
	return READ_ONCE(container_of(pool->host, struct carry_room, host)->now);
}

static void carry_wake(struct vmm_entity *e, struct task_struct *task)
{
}

static void carry_kick(struct vmm_pcpu *p)
{
}

static void carry_arm(struct vmm_pcpu *p, u64 when)
{
}

static void carry_arm_pool(struct vmm_sched *s, u64 when)
{
}

static void carry_broken(struct vmm_pool *pool)
{
	container_of(pool->host, struct carry_room, host)->broken = true;
}

static void carry_online(struct carry_room *r, bool online)
{
	struct vmm_pcpu *p = r->pool->pcpus;

	mutex_lock(&r->pool->mutex);
	local_irq_disable();
	vmm_pcpu_lock(p);
	p->online = online;
	vmm_pcpu_unlock(p);
	local_irq_enable();
	r->pool->nr_online = online;
	mutex_unlock(&r->pool->mutex);
}

static struct carry_room *carry_create(struct kunit *test)
{
	struct carry_room *r = kzalloc(sizeof(*r), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->now = NSEC_PER_SEC;
	r->host = (struct vmm_host_ops) {
		.now = carry_now, .wake = carry_wake, .kick = carry_kick, .arm = carry_arm,
		.arm_pool = carry_arm_pool, .broken = carry_broken,
	};
	r->e = kvcalloc(CARRIED, sizeof(*r->e), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r->e);
	r->pool = vmm_pool_create(1, NULL, &r->host);
	KUNIT_ASSERT_FALSE(test, IS_ERR(r->pool));
	carry_online(r, true);
	r->group = vmm_group_create_in(r->pool, "carry");
	KUNIT_ASSERT_FALSE(test, IS_ERR(r->group));
	r->group->guest_critical = true;
	for (i = 0; i < CARRIED; i++) {
		r->e[i].weight = 128u << i % 3;
		KUNIT_ASSERT_EQ(test, vmm_entity_init(&r->e[i], r->group, i), 0);
		vmm_gate_claim(&r->e[i], NULL);
	}
	return r;
}

static void carry_destroy(struct carry_room *r)
{
	u32 i;

	for (i = 0; i < CARRIED; i++)
		vmm_entity_destroy(&r->e[i]);
	carry_online(r, false);
	vmm_group_put(r->group);
	vmm_pool_destroy(r->pool);
	kvfree(r->e);
	kfree(r);
}

static void carry_swap(struct kunit *test, struct carry_room *r, const char *name,
		       struct vmm_swap_result *res)
{
	const struct vmm_sched_ops *ops = vmm_sched_get(name);
	const char *why = NULL;

	KUNIT_ASSERT_NOT_NULL(test, ops);
	KUNIT_ASSERT_EQ_MSG(test, vmm_sched_activate(r->pool, ops, NULL, 0, res, &why), 0,
			    "%s: %s", name, why);
	vmm_sched_put(ops);
}

/* Everybody who is queued is with the active scheduler. */
static void carry_check(struct kunit *test, struct carry_room *r)
{
	struct vmm_pcpu *p = r->pool->pcpus;
	struct vmm_sched *s = rcu_access_pointer(r->pool->active);
	u32 i, n = 0, strangers = 0;
	struct vmm_entity *e;

	KUNIT_EXPECT_PTR_EQ(test, p->from, NULL);
	KUNIT_EXPECT_TRUE(test, list_empty(&p->left));
	list_for_each_entry(e, &p->queued, queued_node) {
		strangers += e->with != s || vmm_is_left(p, e);
		n++;
	}
	KUNIT_EXPECT_EQ(test, strangers, 0);
	KUNIT_EXPECT_EQ(test, n, p->nr_queued);
	for (i = 0; i < CARRIED; i++)
		n -= vmm_state(&r->e[i]) == VMM_GATE_QUEUED;
	KUNIT_EXPECT_EQ(test, n, 0);
}

/* However many are queued, VMM_CARRY go over under one lock, and all arrive. */
static void carry_is_bounded(struct kunit *test)
{
	struct carry_room *r = carry_create(test);
	struct vmm_swap_result res;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(scheds); i++) {
		carry_swap(test, r, scheds[i], &res);
		KUNIT_EXPECT_EQ(test, res.queued + res.running, CARRIED);
		KUNIT_EXPECT_LE(test, res.at_once, VMM_CARRY);
		carry_check(test, r);
	}
	KUNIT_EXPECT_FALSE(test, r->broken);
	carry_destroy(r);
}

/* Nobody of those who go over with the flip is wanted: one of the last is picked all the same. */
static void carry_picks_who_comes_last(struct kunit *test)
{
	struct carry_room *r = carry_create(test);
	struct vmm_entity *e = r->pool->pcpus[0].curr;
	struct vmm_swap_result res;

	seq_a.pick_from = U32_MAX;
	seq_b.pick_from = CARRIED - 5;
	carry_swap(test, r, "t_seq_a", &res);
	vmm_gate_cancel(e);
	vmm_gate_claim(e, NULL);
	KUNIT_ASSERT_PTR_EQ(test, r->pool->pcpus[0].curr, NULL);
	carry_swap(test, r, "t_seq_b", &res);
	carry_check(test, r);
	e = r->pool->pcpus[0].curr;
	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_EXPECT_EQ(test, e->index, CARRIED - 5);
	KUNIT_EXPECT_FALSE(test, r->broken);
	carry_destroy(r);
}

/* The old one is blamed, not the one in charge, and not called again. */
static void carry_old_one_breaks(struct kunit *test)
{
	struct carry_room *r = carry_create(test);
	struct vmm_exit_record *rec = &r->pool->last_exit;
	struct vmm_swap_result res;

	carry_swap(test, r, "t_seq_a", &res);
	seq_a.bad_dequeue = 40;
	carry_swap(test, r, "t_seq_b", &res);
	KUNIT_EXPECT_TRUE(test, r->broken);
	KUNIT_EXPECT_EQ(test, seq_a.dequeues, 40);
	KUNIT_EXPECT_EQ(test, seq_b.enqueues, CARRIED - 1);
	KUNIT_EXPECT_FALSE(test, r->pool->pcpus[0].bypass);
	KUNIT_EXPECT_FALSE(test, rcu_access_pointer(r->pool->active)->broken);
	KUNIT_EXPECT_EQ(test, rec->kind, VMM_BREACH_REENTRY);
	KUNIT_EXPECT_STREQ(test, rec->name, "t_seq_a");
	KUNIT_EXPECT_STREQ(test, rec->next, "t_seq_b");
	carry_check(test, r);
	vmm_swap_broken(r->pool);
	KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(r->pool->active)->ops, &seq_b_ops);
	carry_destroy(r);
}

/* The new one is told of nobody else, and the one before takes all of them over again. */
static void carry_new_one_breaks(struct kunit *test)
{
	struct carry_room *r = carry_create(test);
	struct vmm_exit_record *rec = &r->pool->last_exit;
	struct vmm_swap_result res;

	carry_swap(test, r, "t_seq_a", &res);
	seq_b.bad_enqueue = 40;
	carry_swap(test, r, "t_seq_b", &res);
	KUNIT_EXPECT_TRUE(test, r->broken);
	KUNIT_EXPECT_EQ(test, seq_a.dequeues, CARRIED - 1);
	KUNIT_EXPECT_EQ(test, seq_b.enqueues, 40);
	KUNIT_EXPECT_STREQ(test, rec->name, "t_seq_b");
	carry_check(test, r);
	seq_a.enqueues = 0;
	vmm_swap_broken(r->pool);
	KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(r->pool->active)->ops, &seq_a_ops);
	KUNIT_EXPECT_EQ(test, seq_a.enqueues, CARRIED - 1);
	KUNIT_EXPECT_EQ(test, seq_b.enqueues, 40);
	KUNIT_EXPECT_EQ(test, seq_b.dequeues, 0);
	KUNIT_EXPECT_EQ(test, r->pool->last_swap.at_once, VMM_CARRY);
	KUNIT_EXPECT_STREQ(test, rec->next, "t_seq_a");
	carry_check(test, r);
	carry_destroy(r);
}

/* A turn of whoever holds the pCPU; one that waits leaves and comes back; somebody asks. */
static void one_step(struct carry_room *r, struct rnd *rnd)
{
	struct vmm_entity *e = READ_ONCE(r->pool->pcpus[0].curr);
	struct vmm_entity *other = &r->e[rnd_range(rnd, 0, CARRIED - 1)];
	u64 dice = rnd_range(rnd, 0, 31);

	/* Slow enough that nobody starves, however long the swaps take on a busy host. */
	WRITE_ONCE(r->now, r->now + 100 * NSEC_PER_USEC);
	if (e && vmm_gate_own(e)) {
		vmm_gate_on(e);
		r->turns++;
	} else if (e) {
		vmm_gate_off(e);
		if (dice % 4 == 3)
			r->given += vmm_gate_yield_to(e, other) == VMM_FB_DONE;
		else
			vmm_gate_resolve(e);
		vmm_gate_on(e);
	}
	vmm_entity_say_critical(other, dice & 1);
	if (!dice)
		vmm_watch_pool(r->pool);
	e = &r->e[rnd_range(rnd, 0, CARRIED - 1)];
	vmm_gate_off(e);
	vmm_gate_cancel(e);
	if (vmm_state(e) == VMM_GATE_OUT)
		vmm_gate_claim(e, NULL);
}

static int busy_gate(void *arg)
{
	struct carry_room *r = arg;
	struct rnd rnd = { .x = 42 };

	while (!kthread_should_stop()) {
		one_step(r, &rnd);
		cond_resched();
	}
	return 0;
}

static void carry_beside_a_busy_gate(struct kunit *test)
{
	struct carry_room *r = carry_create(test);
	struct task_struct *busy = kthread_run(busy_gate, r, "busy-gate");
	struct vmm_swap_result res;
	u32 i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(busy));
	for (i = 0; i < SWAPS; i++)
		carry_swap(test, r, scheds[i % ARRAY_SIZE(scheds)], &res);
	kthread_stop(busy);
	KUNIT_EXPECT_GT(test, r->turns, (u64)SWAPS);
	KUNIT_EXPECT_GT(test, r->given, 0ULL);
	KUNIT_EXPECT_FALSE(test, r->broken);
	/* ... and if so, why */
	KUNIT_EXPECT_STREQ(test, r->pool->last_exit.reason, "");
	carry_check(test, r);
	carry_destroy(r);
}

static struct kunit_case carry_cases[] = {
	KUNIT_CASE(carry_is_bounded),
	KUNIT_CASE(carry_picks_who_comes_last),
	KUNIT_CASE(carry_old_one_breaks),
	KUNIT_CASE(carry_new_one_breaks),
	KUNIT_CASE(carry_beside_a_busy_gate),
	{}
};

static struct kunit_suite carry_suite = {
	.name = "vmm_swap_carry",
	.init = carry_init,
	.exit = carry_exit,
	.test_cases = carry_cases,
};

kunit_test_suite(carry_suite);
