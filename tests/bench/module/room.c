// SPDX-License-Identifier: GPL-2.0
/*
 * Schedulers in a pool of one pCPU that does not exist.
 *
 * Gate, dispatch, swap and schedulers are the real ones and are called as the
 * thread of a vCPU calls them; the clock is a number that is set, timers and
 * wake-ups do nothing. So a figure holds the decision and not what surrounds it
 * on a real pCPU: reading the clock, arming the timer, waking the thread.
 * The figure of threads.c has those in it.
 *
 * Interrupts are off while a decision is timed: the longest time measured is one
 * of the scheduler's own.
 */
#include <linux/slab.h>
#include <asm/msr.h>
#include "../../../sched_iface/internal.h"
#include "bench.h"

#define SWAPS		60
#define ODD_SLICE_NS	(10 * NSEC_PER_MSEC)

/**
 * struct room - the pool and who is in it
 * @host:  the machine that is not there
 * @pool:  one pCPU
 * @group: one VM
 * @e:     its vCPUs, all runnable, of weights 128, 256 and 512
 * @nr:    how many
 * @now:   the time, ns
 */
struct room {
	struct vmm_host_ops host;
	struct vmm_pool *pool;
	struct vmm_group *group;
	struct vmm_entity *e;
	u32 nr;
	u64 now;
};

static u64 room_now(const struct vmm_pool *pool)
{
	return container_of(pool->host, struct room, host)->now;
}

static void room_wake(struct vmm_entity *e, struct task_struct *task)
{
}

static void room_kick(struct vmm_pcpu *p)
{
}

static void room_arm(struct vmm_pcpu *p, u64 when)
{
}

static void room_arm_pool(struct vmm_sched *s, u64 when)
{
}

/* Nobody replaces the scheduler: room_use() and take_pcpu() notice. */
static void room_broken(struct vmm_pool *pool)
{
}

static void room_online(struct room *r, bool online)
{
	struct vmm_pcpu *p = r->pool->pcpus;

	mutex_lock(&r->pool->mutex);
	if (online) {
		local_irq_disable();
		vmm_pcpu_lock(p);
		p->online = true;
		r->pool->nr_online = 1;
		set_bit(0, r->pool->idle);
		vmm_pcpu_unlock(p);
		local_irq_enable();
	} else {
		vmm_gate_evacuate(p);
		r->pool->nr_online = 0;
	}
	mutex_unlock(&r->pool->mutex);
}

static void room_destroy(struct room *r)
{
	while (r->nr--)
		vmm_entity_destroy(&r->e[r->nr]);
	if (!IS_ERR_OR_NULL(r->group))
		vmm_group_put(r->group);
	if (!IS_ERR_OR_NULL(r->pool)) {
		vmm_dispatch_serve(NULL);
		room_online(r, false);
		vmm_pool_destroy(r->pool);
	}
	kvfree(r->e);
	kfree(r);
}

/* @nr vCPUs that are known to the pool and claim nothing yet. */
static struct room *room_create(u32 nr)
{
	struct room *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int ret = -ENOMEM;

	if (!r)
		return ERR_PTR(-ENOMEM);
	r->now = NSEC_PER_SEC;
	r->host = (struct vmm_host_ops) {
		.now = room_now,
		.wake = room_wake,
		.kick = room_kick,
		.arm = room_arm,
		.arm_pool = room_arm_pool,
		.broken = room_broken,
	};
	r->e = kvcalloc(nr, sizeof(*r->e), GFP_KERNEL);
	if (!r->e)
		goto err;
	r->pool = vmm_pool_create(1, NULL, &r->host);
	ret = PTR_ERR_OR_ZERO(r->pool);
	if (ret)
		goto err;
	room_online(r, true);
	vmm_dispatch_serve(r->pool);
	r->group = vmm_group_create_in(r->pool, "bench");
	ret = PTR_ERR_OR_ZERO(r->group);
	if (ret)
		goto err;
	for (; r->nr < nr; r->nr++) {
		r->e[r->nr].weight = 128u << r->nr % 3;
		ret = vmm_entity_init(&r->e[r->nr], r->group, r->nr);
		if (ret)
			goto err;
	}
	return r;
err:
	room_destroy(r);
	return ERR_PTR(ret);
}

static int room_use(struct room *r, const char *name, struct vmm_swap_result *res)
{
	const struct vmm_sched_ops *ops = vmm_sched_get(name);
	/* edf: budgets that all fit, and whoever has spent his goes on. */
	const struct vmm_param_set set[] = {
		{ "period", NSEC_PER_SEC },
		{ "budget", (NSEC_PER_SEC - NSEC_PER_SEC / 10) / r->nr },
	};
	bool edf = !strcmp(name, "edf");
	const char *why;
	int ret;

	if (!ops)
		return -ENOENT;
	ret = vmm_sched_activate(r->pool, ops, set, edf ? ARRAY_SIZE(set) : 0, res, &why);
	vmm_sched_put(ops);
	if (!ret && edf) {
		mutex_lock(&r->pool->mutex);
		ret = vmm_group_set_param(r->group, "extratime", 1, &why);
		mutex_unlock(&r->pool->mutex);
	}
	return ret;
}

/* Who was offered the pCPU goes to the guest there. */
static int take_pcpu(struct room *r)
{
	struct vmm_pcpu *p = r->pool->pcpus;
	struct vmm_entity *e = p->curr;

	if (!e || p->bypass)
		return -EPROTO;		/* nobody was picked, or the pick was refused */
	if (!vmm_gate_own(e))
		return -ESTALE;
	vmm_gate_on(e);
	return 0;
}

static int room_fill(struct room *r)
{
	u32 i;

	for (i = 0; i < r->nr; i++)
		vmm_gate_claim(&r->e[i], NULL);
	return take_pcpu(r);
}

/* The owner's slice is over: it comes to the gate, and somebody is next. */
static int one_turn(struct room *r, u64 *ticks)
{
	struct vmm_pcpu *p = r->pool->pcpus;
	struct vmm_entity *e = p->curr;
	unsigned long flags;
	u64 t0;
	bool stays;

	r->now = p->slice_end == VMM_SLICE_INFINITE ?
		r->now + ODD_SLICE_NS : max(p->slice_end, r->now + 1);
	vmm_gate_off(e);
	local_irq_save(flags);
	t0 = rdtsc_ordered();
	stays = vmm_gate_resolve(e);
	*ticks = rdtsc_ordered() - t0;
	local_irq_restore(flags);
	/* With others waiting it may be picked again, but not go on unasked. */
	return stays ? -EPROTO : take_pcpu(r);
}

/* What reading the counter twice costs: the least of many. */
static u64 overhead(void)
{
	u64 least = U64_MAX, t0;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		t0 = rdtsc_ordered();
		least = min(least, rdtsc_ordered() - t0);
	}
	return least;
}

/**
 * room_dispatch() - what a decision costs
 * @sched: name of the scheduler
 * @nr:    runnable entities, one of them the owner; at least 2
 * @s:     takes the values until it is full
 *
 * The first 2 * @nr decisions, while the order settles, do not count.
 * Return: 0, -ENOENT: no such scheduler, -EPROTO: it did not decide, -ENOMEM.
 */
int room_dispatch(const char *sched, u32 nr, struct series *s)
{
	struct vmm_swap_result res;
	u64 less = overhead(), ticks;
	struct room *r = room_create(nr);
	u32 i;
	int ret;

	if (IS_ERR(r))
		return PTR_ERR(r);
	ret = room_use(r, sched, &res);
	if (!ret)
		ret = room_fill(r);
	for (i = 0; !ret && i < 2 * nr; i++)
		ret = one_turn(r, &ticks);
	while (!ret && s->nr < s->room) {
		ret = one_turn(r, &ticks);
		series_add(s, ticks - min(ticks, less));
		cond_resched();
	}
	room_destroy(r);
	return ret;
}

/**
 * room_swaps() - how long a swap holds the lock of a pCPU
 * @nr: runnable entities there
 * @s:  takes a value for each of SWAPS swaps, around all three schedulers
 *
 * Return: 0; -EPROTO when a swap lost an entity; or as room_dispatch().
 */
int room_swaps(u32 nr, struct series *s)
{
	static const char * const names[] = { "rr", "bvt", "default" };
	struct room *r = room_create(nr);
	struct vmm_swap_result res;
	u64 ticks;
	u32 i, j;
	int ret;

	if (IS_ERR(r))
		return PTR_ERR(r);
	ret = room_fill(r);
	for (i = 0; !ret && i < SWAPS; i++) {
		for (j = 0; !ret && j < 3; j++)
			ret = one_turn(r, &ticks);
		if (ret)
			break;
		ret = room_use(r, names[i % ARRAY_SIZE(names)], &res);
		if (!ret && res.queued + res.running != nr)
			ret = -EPROTO;
		series_add(s, res.pause_max_ticks);
	}
	room_destroy(r);
	return ret;
}
