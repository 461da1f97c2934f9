// SPDX-License-Identifier: GPL-2.0
/*
 * A VM goes to another pool while it runs.
 *
 * Design: as in a swap, all that can fail comes first: under the mutexes of both
 * pools the VM and its entities are attached to the scheduler of the new pool,
 * inert there (the slots of two pools' instances are never the same). Its refusal,
 * of admission for one, leaves everything as it was. Then each entity goes over on
 * its own, in one step under the lock of its old home: it leaves the old scheduler,
 * with its history, and gets its new pool and home. Who waits is queued in the new
 * pool at once; who is in user space, or blocked, finds itself there; an owner is
 * kicked and goes over by its own thread, at the gate. Nobody waits for another.
 * After a grace period the old scheduler lets go.
 *
 * An owner that does not come to the gate is in the guest or in the handler of an
 * exit, on its CPU: asleep or preempted it would be OFF. So the wait for it is as
 * long as a grace period's at most, and has no limit of its own.
 *
 * Parameters are the VM's and stay; those that a scheduler declares are kept by
 * its name, so in a pool under the same scheduler they hold again.
 *
 * Locking: machine->mutex, both pools' mutexes; one domain lock at a time.
 */
#include <linux/sched/task.h>
#include "internal.h"
#include "trace.h"

/* Where an entity stands until its first claim in a pool. */
static struct vmm_pcpu *first_home(struct vmm_pool *pool)
{
	u32 i;

	for (i = 0; i < pool->nr_pcpus; i++)
		if (READ_ONCE(pool->pcpus[i].online))
			return &pool->pcpus[i];
	return &pool->pcpus[0];
}

/* The old home's lock is held; @e is OUT or BLOCKED, and no scheduler's. */
static void go_over(struct vmm_entity *e)
{
	struct vmm_pool *to = e->to;

	e->to = NULL;
	WRITE_ONCE(e->anywhere, 0);
	e->stats.migrations++;
	WRITE_ONCE(e->pool, to);
	/* From here the lock of the new home is the one. */
	smp_store_release(&e->home, first_home(to));
}

static void take_history(struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	WARN_ON_ONCE(p->from);	/* no swap is under way: we have the pool's mutex */
	vmm_charge(p, now);	/* a lag is relative to the others: all accounts first */
	vmm_history_take(vmm_pcpu_sched(p), p, e, vmm_trusted(p), now);
}

/**
 * vmm_move_owner() - an owner that is to go to another pool has come to the gate
 * @p:    its home; domain lock held
 * @e:    the entity, p->curr, OFF, with e->to set; its own thread calls
 * @now:  ns
 * @post: receives wake-ups
 *
 * It is OUT then, and claims in the new pool.
 */
void vmm_move_owner(struct vmm_pcpu *p, struct vmm_entity *e, u64 now, struct vmm_post *post)
{
	take_history(p, e, now);
	vmm_put_curr(p, VMM_PUT_MIGRATE, now);
	e->next_why = VMM_ENQ_SWAP;
	go_over(e);
	vmm_pick(p, now, post);
}

/**
 * vmm_move_arrived() - an entity is about to be queued for the first time in its new pool
 * @p:   its home there; domain lock held
 * @e:   the entity, OUT
 * @now: ns
 */
void vmm_move_arrived(struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	if (e->move_at)
		e->move_ns = now - e->move_at;
	e->move_at = 0;
	vmm_charge(p, now);
	if (vmm_trusted(p))
		vmm_history_give(vmm_pcpu_sched(p), p, e, now);
}

/* Its thread is away, or was in this moment: false when it came back. */
static bool take_from_away(struct vmm_pcpu *p, struct vmm_entity *e, u64 now,
			   struct vmm_post *post)
{
	take_history(p, e, now);
	if (!vmm_take_back(p, now, false)) {
		vmm_kick_curr(p);
		return false;
	}
	if (e->next_why != VMM_ENQ_WAKE)
		e->next_why = VMM_ENQ_SWAP;
	e->move_at = 0;		/* what keeps it out now is not the move */
	go_over(e);
	vmm_pick(p, now, post);
	return true;
}

static void kick_owner(struct vmm_pcpu *p, struct vmm_entity *e, struct vmm_pool *to, u64 now,
		       struct vmm_swap_result *res)
{
	if (!e->move_at) {
		e->move_at = now;
		e->stats.forced_out++;
		res->forced_out++;
		res->running++;
	}
	vmm_kick_curr(p);
}

/* One entity, wherever it stands: true when it has gone over, now or before. */
static bool move_entity(struct vmm_entity *e, struct vmm_pool *to, struct vmm_swap_result *res)
{
	struct vmm_post post = { };
	struct task_struct *task = NULL;
	bool gone = true, again = false;
	unsigned long flags;
	struct vmm_pcpu *p;
	u64 now;

	/* Between the two queues it is nobody's: the host is not to keep us there. */
	preempt_disable();
	p = vmm_entity_lock(e, &flags);
	now = vmm_pool_now(to);
	if (e->pool == to)
		goto out;
	e->to = to;
	switch (vmm_state(e)) {
	case VMM_GATE_QUEUED:
		take_history(p, e, now);
		vmm_dequeue(p, e, now);
		again = true;
		break;
	case VMM_GATE_OFFERED:
		take_history(p, e, now);
		vmm_put_curr(p, VMM_PUT_MIGRATE, now);
		again = true;
		break;
	case VMM_GATE_LOANED:
	case VMM_GATE_OFF:
		gone = take_from_away(p, e, now, &post);
		break;
	case VMM_GATE_OWNER:
		kick_owner(p, e, to, now, res);
		gone = false;
		break;
	default:	/* OUT, BLOCKED: no scheduler has it */
		go_over(e);
		break;
	}
	if (again) {
		res->queued++;
		e->move_at = now;
		e->next_why = VMM_ENQ_SWAP;
		task = e->task ? get_task_struct(e->task) : NULL;
		go_over(e);
		if (!p->curr)
			vmm_pick(p, now, &post);
	}
out:
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
	/* Nobody but its thread, which sleeps or does the same, can queue it meanwhile. */
	if (again)
		vmm_gate_claim(e, task);
	preempt_enable();
	if (task)
		put_task_struct(task);
	return gone;
}

static void move_all(struct vmm_group *g, struct vmm_pool *to, struct vmm_swap_result *res)
{
	struct vmm_entity *e;
	bool all;

	list_for_each_entry(e, &g->entities, group_node) {
		e->move_at = 0;
		e->move_ns = 0;
	}
	for (;;) {
		all = true;
		list_for_each_entry(e, &g->entities, group_node)
			all &= move_entity(e, to, res);
		if (all)
			break;
		to->host->relax(to);
	}
}

static void detach_until(struct vmm_sched *b, struct vmm_group *g, const struct vmm_entity *until)
{
	struct vmm_entity *e;

	list_for_each_entry(e, &g->entities, group_node) {
		if (e == until)
			return;
		vmm_sched_detach_entity(b, e);
		xa_erase(&b->pool->entities, e->id);
	}
}

/* All that can fail; inert. */
static int attach(struct vmm_sched *b, struct vmm_group *g, const char **why)
{
	struct vmm_entity *e;
	int ret;

	*why = "out of memory";
	ret = vmm_sched_attach_group(b, g);
	if (ret)
		return ret;
	vmm_group_load_params(g, b);
	list_for_each_entry(e, &g->entities, group_node) {
		*why = "out of memory";
		ret = vmm_fail_point(b->pool) ?:
			xa_insert(&b->pool->entities, e->id, e, GFP_KERNEL_ACCOUNT);
		if (ret)
			goto err;
		ret = vmm_sched_attach_entity(b, e);
		if (ret) {
			xa_erase(&b->pool->entities, e->id);
			*why = vmm_sched_why(b, ret == -ENOMEM ? "out of memory" :
					     "the scheduler of that pool could not take a vCPU");
			goto err;
		}
	}
	return 0;
err:
	detach_until(b, g, e);
	vmm_sched_detach_group(b, g);
	return ret;
}

/* Lists are by id: dumps rely on it. */
static void change_list(struct vmm_group *g, struct vmm_pool *to)
{
	struct vmm_group *o;

	list_del(&g->node);
	list_for_each_entry_reverse(o, &to->groups, node)
		if (o->id < g->id)
			break;
	list_add(&g->node, &o->node);
	WRITE_ONCE(g->pool, to);
}

static const char *affinity_warning(const struct vmm_group *g)
{
	const struct vmm_pool *pool = g->pool;
	const struct vmm_entity *e;
	u32 i;

	list_for_each_entry(e, &g->entities, group_node) {
		for (i = 0; i < pool->nr_pcpus; i++)
			if (vmm_entity_allowed_strict(e, &pool->pcpus[i]))
				break;
		if (i == pool->nr_pcpus)
			return "none of the CPUs it may use is in its pool: it runs anywhere there until one comes";
	}
	return NULL;
}

static void count_pause(const struct vmm_group *g, struct vmm_swap_result *res)
{
	const struct vmm_entity *e;

	list_for_each_entry(e, &g->entities, group_node) {
		u64 pause = READ_ONCE(e->move_ns);

		res->vcpu_pause_total_ns += pause;
		res->vcpu_pause_max_ns = max(res->vcpu_pause_max_ns, pause);
	}
}

/**
 * vmm_group_move() - take a VM over from its pool into another one
 * @g:   the VM
 * @to:  the pool
 * @res: what was done; the pauses are of single vCPUs: out of every queue because of the move
 * @why: set to the reason of a failure
 *
 * Context: process, sleeps; machine mutex and the mutexes of both pools held.
 * Return: 0; -EBUSY (no pCPU there, or a scheduler being thrown out), -ENOMEM, or what
 * the scheduler's attach() says: nothing has changed.
 */
int vmm_group_move(struct vmm_group *g, struct vmm_pool *to, struct vmm_swap_result *res,
		   const char **why)
{
	struct vmm_pool *from = g->pool;
	struct vmm_sched *a, *b;
	u64 begin = vmm_pool_now(to);
	struct vmm_entity *e;
	int ret;

	lockdep_assert_held(&from->machine->mutex);
	lockdep_assert_held(&from->mutex);
	lockdep_assert_held(&to->mutex);
	a = rcu_dereference_protected(from->active, true);
	b = rcu_dereference_protected(to->active, true);
	memset(res, 0, sizeof(*res));
	strscpy(res->from, a->ops->name, sizeof(res->from));
	strscpy(res->to, b->ops->name, sizeof(res->to));
	if (from == to)
		return 0;
	if (!to->nr_online) {
		*why = "that pool has no CPU that is online: give it one first ('vmmctl pool set')";
		return -EBUSY;
	}
	if (READ_ONCE(b->broken)) {
		*why = "the scheduler of that pool is being thrown out: try again";
		return -EBUSY;
	}
	ret = attach(b, g, why);
	if (ret)
		return ret;

	/* The point of no return: nothing below can fail. */
	move_all(g, to, res);
	/* While they are on its list: one that was thrown out has not been told that they left. */
	vmm_swap_settle(from);
	a = rcu_dereference_protected(from->active, true);
	vmm_watchdog_wake(to);
	change_list(g, to);
	list_for_each_entry(e, &g->entities, group_node)
		xa_erase(&from->entities, e->id);
	/* Who has found one of them by its id, or reads its old home, is done. */
	synchronize_rcu();
	list_for_each_entry(e, &g->entities, group_node)
		vmm_sched_detach_entity(a, e);
	vmm_sched_detach_group(a, g);
	res->entities = g->nr_entities;
	count_pause(g, res);
	res->total_ns = vmm_pool_now(to) - begin;
	if (vmm_pool_is_real(to))
		vmm_event_moved(g, res, affinity_warning(g));
	return 0;
}
