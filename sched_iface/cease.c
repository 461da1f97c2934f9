// SPDX-License-Identifier: GPL-2.0
/*
 * Ceasing: every vCPU of a pool is brought out of its guest and kept out, for a
 * change of scheduler that is to find nobody at work.
 *
 * Design: the mark (pool->ceased) stands in the way of every resume: no pick is
 * made while it is set, so an entity that comes to the gate is queued and its
 * thread sleeps. Owners are kicked, offers are withdrawn, loans and the pCPUs of
 * halted guests are taken back. A vCPU is ceased when it owns nothing and its
 * thread is neither in the guest nor in the handler of an exit (e->inside). What
 * the guest has asked of user space lies in the run area and is its parked state:
 * the thread that serves it goes on, and waits at the gate when it comes back.
 * An exit's signals to devices (ioeventfd) are delivered by its handler, so they are
 * out before the vCPU counts as ceased; what else is under way is flushed by
 * whoever has vCPUs (vmm_gate_set_flush()).
 *
 * Locking: the pool's mutex for the whole; each pCPU's domain lock in turn.
 */
#include "internal.h"
#include <linux/math64.h>
#include <asm/tsc.h>
#include "trace.h"

static DEFINE_MUTEX(flush_mutex);
static void (*device_flush)(void);	/* flush_mutex: of the real pools; set at the load of vmm_core */

void vmm_gate_set_flush(void (*flush)(void))
{
	mutex_lock(&flush_mutex);
	device_flush = flush;
	mutex_unlock(&flush_mutex);
}
EXPORT_SYMBOL_GPL(vmm_gate_set_flush);

/* cease_take of the model: whoever has the pCPU loses it, now or as soon as it comes out. */
static bool cease_pcpu(struct vmm_pcpu *p, struct vmm_swap_result *res)
{
	struct vmm_entity *e;
	bool busy;
	u64 now;

	local_irq_disable();
	vmm_pcpu_lock(p);
	now = vmm_pool_now(p->pool);
	e = p->curr;
	if (e) {
		switch (vmm_state(e)) {
		case VMM_GATE_OFFERED:
			vmm_put_curr(p, VMM_PUT_PREEMPT, now);
			vmm_enqueue(p, e, VMM_ENQ_PREEMPT, now);
			break;
		case VMM_GATE_LOANED:
			vmm_take_back(p, now, false);
			break;
		case VMM_GATE_OFF:
			if (READ_ONCE(e->off_slept) && vmm_take_back(p, now, false))
				break;
			fallthrough;
		default:
			if (!p->kick) {
				res->forced_out++;
				e->stats.forced_out++;
			}
			p->preempt = true;
			vmm_kick_curr(p);
			break;
		}
	}
	busy = p->curr;
	vmm_pcpu_unlock(p);
	local_irq_enable();
	return busy;
}

static bool anybody_inside(struct vmm_pool *pool)
{
	struct vmm_group *g;
	struct vmm_entity *e;

	list_for_each_entry(g, &pool->groups, node)
		list_for_each_entry(e, &g->entities, group_node)
			if (READ_ONCE(e->inside))
				return true;
	return false;
}

/**
 * vmm_cease() - bring every vCPU of a pool out of its guest, and keep it out
 * @pool:       the pool
 * @timeout_ns: how long to wait for them
 * @res:        counts those that had to be made to leave
 *
 * A failure lets everybody go on.
 * Context: process; pool mutex held; sleeps.
 * Return: 0; -ETIMEDOUT; -EINTR: the caller is being killed.
 */
int vmm_cease(struct vmm_pool *pool, u64 timeout_ns, struct vmm_swap_result *res)
{
	u64 begin = vmm_pool_now(pool);
	bool busy;
	int ret;
	u32 i;

	lockdep_assert_held(&pool->mutex);
	trace_vmm_swap_cease(true);
	WRITE_ONCE(pool->ceased, true);
	smp_mb();	/* pairs with vmm_gate_enter(): the mark, then who is inside */
	pool->ceased_at = begin;
	for (;;) {
		busy = false;
		for (i = 0; i < pool->nr_pcpus; i++)
			busy |= cease_pcpu(&pool->pcpus[i], res);
		if (!busy && !anybody_inside(pool))
			break;
		ret = fatal_signal_pending(current) ? -EINTR : -ETIMEDOUT;
		if (ret == -EINTR || vmm_pool_now(pool) - begin > timeout_ns) {
			vmm_resume(pool, NULL);
			return ret;
		}
		pool->host->relax(pool);
	}
	if (vmm_pool_is_real(pool)) {
		mutex_lock(&flush_mutex);
		if (device_flush)
			device_flush();
		mutex_unlock(&flush_mutex);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_cease);

static u64 ticks(const struct vmm_pool *pool, u64 ns)
{
	return pool->host == &vmm_real_host ? mul_u64_u32_div(ns, tsc_khz, USEC_PER_SEC) : 0;
}

/* How long it was kept from going on, by us: not what it waited before. */
static void count_pause(struct vmm_pool *pool, struct vmm_swap_result *res, u64 now)
{
	struct vmm_group *g;
	struct vmm_entity *e;
	u64 pause;

	list_for_each_entry(g, &pool->groups, node) {
		list_for_each_entry(e, &g->entities, group_node) {
			if (vmm_state(e) != VMM_GATE_QUEUED)
				continue;
			pause = now - max(READ_ONCE(e->since), pool->ceased_at);
			res->vcpu_pause_total_ns += pause;
			res->vcpu_pause_max_ns = max(res->vcpu_pause_max_ns, pause);
		}
	}
	res->vcpu_pause_max_ticks = ticks(pool, res->vcpu_pause_max_ns);
	res->vcpu_pause_total_ticks = ticks(pool, res->vcpu_pause_total_ns);
}

/**
 * vmm_resume() - undo vmm_cease()
 * @pool: the pool
 * @res:  takes how long its vCPUs were kept out; or NULL
 *
 * pCPU by pCPU, and on each in the order of the scheduler's picks.
 * Context: process; pool mutex held.
 */
void vmm_resume(struct vmm_pool *pool, struct vmm_swap_result *res)
{
	u32 i;

	lockdep_assert_held(&pool->mutex);
	if (res)
		count_pause(pool, res, vmm_pool_now(pool));
	trace_vmm_swap_cease(false);
	WRITE_ONCE(pool->ceased, false);
	for (i = 0; i < pool->nr_pcpus; i++) {
		struct vmm_pcpu *p = &pool->pcpus[i];
		struct vmm_post post = { };

		local_irq_disable();
		vmm_pcpu_lock(p);
		vmm_watch_restart(p, vmm_pool_now(pool));
		vmm_check_curr(p, vmm_pool_now(pool), &post);
		vmm_pcpu_unlock(p);
		local_irq_enable();
		vmm_post_run(&post);
	}
}
EXPORT_SYMBOL_GPL(vmm_resume);
