// SPDX-License-Identifier: GPL-2.0
/*
 * What entities may use changes under them: their affinity, or the pCPUs that are online.
 *
 * Design: whoever stands where it may not is taken out, if its thread is away, or told to come
 * to the gate, and claims anew. The steps carry the names of the model: gate_requeue,
 * gate_evacuate, gate_return.
 *
 * Locking: the pool's mutex, and the domain lock of each entity's home in turn.
 */
#include <linux/bitmap.h>
#include <linux/sched/task.h>
#include "internal.h"

/**
 * vmm_gate_requeue() - what an entity may use changed: see that it stands right
 * @e: the entity
 *
 * Context: process; pool mutex held.
 */
void vmm_gate_requeue(struct vmm_entity *e)
{
	struct vmm_post post = { };
	struct task_struct *task = NULL;
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
	u64 now = vmm_pool_now(e->pool);
	bool again = false;

	/* That no allowed pCPU was online counts no more: an owner would stay by it. */
	WRITE_ONCE(e->anywhere, 0);
	if (!vmm_entity_allowed_strict(e, p)) {
		switch (vmm_state(e)) {
		case VMM_GATE_QUEUED:
			vmm_dequeue(p, e, now);
			e->next_why = VMM_ENQ_MIGRATE;
			again = true;
			break;
		case VMM_GATE_OFFERED:
			e->next_why = VMM_ENQ_MIGRATE;
			vmm_put_curr(p, VMM_PUT_MIGRATE, now);
			vmm_pick(p, now, &post);
			again = true;
			break;
		case VMM_GATE_LOANED:
		case VMM_GATE_OFF:
			if (vmm_take_back(p, now, false)) {
				e->next_why = VMM_ENQ_MIGRATE;
				vmm_pick(p, now, &post);
				break;
			}
			fallthrough;
		case VMM_GATE_OWNER:
			p->resched = true;
			WRITE_ONCE(p->kick, true);
			p->pool->host->kick(p);
			break;
		default:
			break;
		}
		if (again && e->task)
			task = get_task_struct(e->task);
	}
	vmm_entity_unlock(p, flags);
	vmm_post_run(&post);
	if (again)
		vmm_gate_claim(e, task);
	if (task)
		put_task_struct(task);
}
EXPORT_SYMBOL_GPL(vmm_gate_requeue);

/**
 * vmm_gate_evacuate() - a pCPU goes offline: everything there goes elsewhere
 * @p: the pCPU
 *
 * Context: process; pool mutex held.
 */
void vmm_gate_evacuate(struct vmm_pcpu *p)
{
	struct vmm_pool *pool = p->pool;
	struct vmm_group *g;
	struct vmm_entity *e;
	unsigned long flags;

	lockdep_assert_held(&pool->mutex);
	local_irq_save(flags);
	vmm_pcpu_lock(p);
	p->online = false;
	clear_bit(p->id, pool->idle);
	vmm_pcpu_unlock(p);
	local_irq_restore(flags);

	list_for_each_entry(g, &pool->groups, node)
		list_for_each_entry(e, &g->entities, group_node)
			if (READ_ONCE(e->home) == p)
				vmm_gate_requeue(e);
}
EXPORT_SYMBOL_GPL(vmm_gate_evacuate);

/**
 * vmm_gate_return() - a pCPU is online again: whom its absence drove away comes back
 * @p: the pCPU
 *
 * Whoever still has no allowed pCPU claims anew, and runs anywhere again.
 * Context: process; pool mutex held.
 */
void vmm_gate_return(struct vmm_pcpu *p)
{
	struct vmm_pool *pool = p->pool;
	struct vmm_group *g;
	struct vmm_entity *e;

	lockdep_assert_held(&pool->mutex);
	list_for_each_entry(g, &pool->groups, node)
		list_for_each_entry(e, &g->entities, group_node)
			if (READ_ONCE(e->anywhere) || !READ_ONCE(e->home->online))
				vmm_gate_requeue(e);
}
EXPORT_SYMBOL_GPL(vmm_gate_return);
